/**
 * The trainer: Upside Down Reinforcement Learning with Policy Generators (arXiv 2501.16288).
 *
 *     repeat until the budget of simulated steps is spent
 *       warm up  run the first policies and store them; then, in every cycle:
 *       update   K times: draw a batch of (return, theta) from the buffer, minimise
 *                mean over the batch of mean((G(return) - theta)^2)
 *       rollout  command = best return; theta = G(command) + noise;
 *                run one episode with theta, store (its return, theta)
 *     finish: select the best policy by measurement, fit the whole buffer evenly,
 *             measure which command earns which return
 *
 * Differences from the paper and its reference code:
 *  1. A batch is its distinct policies with the number of their draws as weights: same gradient, less
 *     than half of the arithmetic at the reference's weighting.
 *  2. The observation normaliser changes between episodes, not within them (lib/episodes/normaliser.ts), and
 *     stored policies keep the meaning they were measured with when it moves
 *     (lib/policy_space.ts): no stale labels.
 *  3. Every episode starts from a seed of its own (lib/episodes/rollout.ts), so resuming needs no stream.
 *  4. Steps are counted by purpose, the reference's noise-free episode before each rollout is not run
 *     (where returns vary, a share of the budget measures the generator's own policies and stores them:
 *     lib/algorithm/noise_free.ts, or the best stored policies run again), and no episode starts that might not fit
 *     the budget.
 *  5. Noise comes at many scales, fades over the budget, and adapts to how often it breaks what the
 *     policy could do, and may be kept from making weights ever larger; late in a run most of it
 *     explores finely (lib/algorithm/exploration.ts). Rollouts aim at one of the best returns that proved to be
 *     within reach (lib/algorithm/goals.ts), and the policies that reached them may have a share of every batch,
 *     whatever is drawn: what the generator makes of the draws alone is a blend of the best, which may be
 *     worse than any of them.
 *  6. A long budget holds several attempts, of which the best has the rest of it (lib/algorithm/attempts.ts).
 *  7. What is handed out as the best is chosen by fresh episodes (lib/algorithm/selection.ts), the whole buffer
 *     is fitted evenly at the end (lib/algorithm/consolidation.ts), or what proves steady of it where returns vary
 *     (lib/algorithm/survey.ts), and requests are answered through a measured curve (lib/generator/calibration.ts), not by
 *     the raw scale.
 *
 *  The preset `paper` turns off 5, 6 and, but for the measured curve, 7.
 */

import { changeAttemptWhenDue } from "./attempts.ts";
import {
  adaptNoise,
  addNoise,
  isRefreshDue,
  refreshBest,
  runAndStore,
  type StoredEpisode,
} from "./exploration.ts";
import { finish } from "./finish.ts";
import { creditGoal, drawGoal, goalPolicies, goalsOf } from "./goals.ts";
import { measureGoalWhenDue } from "./noise_free.ts";
import { generateRows } from "./probe.ts";
import { evaluateWhenDue, sweepWhenDue } from "./reports.ts";
import { streamFor } from "../episodes/rollout.ts";
import { fallingCosine } from "../numbers/schedule.ts";
import type { TrainingObserver, TrainingOutcome } from "./observer.ts";
import { drawBatch, reservedSteps, spentSteps, type TrainingRun } from "./run.ts";
import { toGeneratorOrder } from "../policy_space.ts";

/**
 * Trains a run, from wherever it is, to the end of its budget.
 * @returns undefined when the observer stopped it.
 * @throws {DivergedError} when a loss, a policy or a return is not finite.
 */
export async function train(
  run: TrainingRun,
  observer: TrainingObserver,
): Promise<TrainingOutcome | undefined> {
  while (hasBudget(run)) {
    await changeAttemptWhenDue(run, observer);
    if (isWarm(run)) {
      await update(run, observer);
      await rollout(run, observer);
      await evaluateWhenDue(run, observer);
      await sweepWhenDue(run, observer);
      run.counters.cycles++;
    } else await warmUp(run, observer);
    if (!(await observer.betweenCycles(run))) return undefined;
  }
  if ((await observer.beforeFinish?.(run)) === false) return undefined;
  return await finish(run, observer);
}

/** Tells whether an attempt has stored enough to learn from. */
function isWarm({ config, learner, attempt, counters }: TrainingRun): boolean {
  const { episodes, budgetShare } = config.warmup;
  const steps = spentSteps({ counters }) - attempt.startStep;
  // Once updates have begun it is over, also for a run that goes on with a larger budget.
  return learner.updates > 0 ||
    (attempt.episodes >= episodes && steps >= budgetShare * config.steps);
}

/** Runs and stores one of the first policies: the untrained generator's, or a freshly initialised one. */
async function warmUp(run: TrainingRun, observer: TrainingObserver): Promise<void> {
  const { config, model, models, shape, attempt, counters } = run;
  const rng = streamFor(config.seed, "warmup", counters.episodes);
  const row = config.warmup.source === "xavier"
    ? toGeneratorOrder(model, models.initialisePolicy(shape, rng))
    : (await generateRows(run, [1]))[0];
  for (let i = 0; i < row.length; i++) row[i] += config.warmup.noise * rng.standardNormal();
  const updateNormaliser = config.normaliser.kind !== "off";
  const episode = await runAndStore(run, row, { updateNormaliser });
  attempt.startReturn += (episode.scaledReturn - attempt.startReturn) / attempt.episodes;
  recordEpisode(run, observer, episode);
}

/** Draws K batches and fits the generator to them. */
async function update(run: TrainingRun, observer: TrainingObserver): Promise<void> {
  const { config, learner, counters, history } = run;
  const { perCycle, batchSize: size, goalShare } = config.update;
  const rng = streamFor(config.seed, "batch", counters.cycles);
  const favoured = { entries: goalShare > 0 ? goalPolicies(run) : [], share: goalShare };
  const batches = Array.from({ length: perCycle }, () => drawBatch(run, rng, { size, favoured }));
  const losses = await learner.update(batches, { rng, learningRate: (k) => learningRate(run, k) });
  history.lastLoss = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  observer.record("update", { updates: learner.updates, loss: history.lastLoss });
}

/** Asks for a good return, explores around the policy for it, stores what was reached. */
async function rollout(run: TrainingRun, observer: TrainingObserver): Promise<void> {
  const { config } = run;
  const updateNormaliser = config.normaliser.kind === "running";
  await measureGoalWhenDue(run);
  for (let i = 0; i < config.rollout.perCycle && hasBudget(run); i++) {
    if (isRefreshDue(run)) {
      recordEpisode(run, observer, await refreshBest(run, { updateNormaliser }));
      continue;
    }
    const goals = goalsOf(run);
    const goal = drawGoal(run, goals);
    const [row] = await generateRows(run, [goal.scaledReturn + config.command.margin]);
    const kind = addNoise(run, row);
    const episode = await runAndStore(run, row, { updateNormaliser });
    creditGoal(goal, episode.scaledReturn);
    if (kind) adaptNoise(run, { kind, scaledReturn: episode.scaledReturn, goals });
    recordEpisode(run, observer, episode);
  }
}

/** Gives the step size of an update: linear warm-up, then a cosine over the budget. */
function learningRate(run: TrainingRun, update: number): number {
  const { learningRate, finalLearningRate, warmupUpdates } = run.config.update;
  const warm = warmupUpdates > 0 ? Math.min(1, (update + 1) / warmupUpdates) : 1;
  return warm *
    (finalLearningRate +
      (learningRate - finalLearningRate) * fallingCosine(spentSteps(run) / run.config.steps));
}

/** Tells whether another episode of any length fits before the steps that the selection needs. */
function hasBudget(run: TrainingRun): boolean {
  const { config, spec } = run;
  return spentSteps(run) + spec.maxEpisodeSteps <= config.steps - reservedSteps(run);
}

function recordEpisode(run: TrainingRun, observer: TrainingObserver, episode: StoredEpisode): void {
  observer.record("episode", { episode: run.counters.episodes, ...episode });
}
