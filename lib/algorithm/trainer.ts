/**
 * The trainer: Upside Down Reinforcement Learning with Policy Generators (arXiv 2501.16288).
 *
 *     repeat until the budget of simulated steps is spent
 *       warm up  run the first policies and store them; then, in every cycle:
 *       update   K times: draw a batch of (return, theta) from the buffer, minimise
 *                mean over the batch of mean((G(return) - theta)^2)
 *       rollout  command = best return; theta = G(command) + noise;
 *                run one episode with theta, store (its return, theta)
 *     finish: choose the best policy by measurement, fit the whole buffer evenly,
 *             measure which command earns which return
 *
 * The trainer yields what happens (lib/algorithm/events.ts) and calls nobody: lib/run/ writes it down and
 * decides where to save and where to stop.
 *
 * Differences from the paper and its reference code:
 *  1. A batch is its distinct policies with the number of their draws as weights: same gradient, less than half
 *     of the arithmetic at the reference's weighting.
 *  2. The observation normaliser changes between episodes, not within them (lib/episodes/normaliser.ts). Stored
 *     policies keep the meaning they were measured with when it moves (lib/policy_space.ts): no stale labels.
 *  3. Every episode starts from a seed of its own (lib/numbers/streams.ts), so resuming needs no stream.
 *  4. Steps are counted by purpose, and no episode starts that might not fit the budget. The reference runs a
 *     noise-free episode before each rollout; here policies run again only where returns vary, and what they
 *     return is stored (lib/algorithm/measure.ts).
 *  5. Noise comes at many scales, fades over the budget, and adapts to how often it breaks what the policy could
 *     do; it may be kept from making weights ever larger, and late in a run most of it explores finely
 *     (lib/algorithm/exploration.ts). Rollouts aim at one of the best returns that proved to be within reach
 *     (lib/algorithm/goals.ts). The policies that reached them may have a share of every batch: what the
 *     generator makes of the draws alone is a blend of the best, which may be worse than any of them.
 *  6. A long budget holds several attempts, of which the best has the rest of it (lib/algorithm/attempts.ts).
 *  7. At the end fresh episodes choose the best policy (lib/algorithm/selection.ts), the whole buffer is fitted
 *     evenly, or its steadiest policies where returns vary (lib/algorithm/consolidation.ts), and requests are
 *     answered through a measured curve (lib/generator/calibration.ts), not by the raw scale.
 *
 *  8. The loss may compare what policies do on observations of late in place of their weights, or beside them
 *     (models/policy_actions.ts, lib/episodes/recent_states.ts): weights of deep policies do not average.
 *
 *  The preset `paper` turns off 5, 6, 8 and, but for the measured curve, 7.
 */

import { measureReturn } from "../episodes/evaluate.ts";
import { streamFor } from "../numbers/streams.ts";
import { changeAttemptWhenDue } from "./attempts.ts";
import { choosing, hasBudget, isGoalMeasurementDue, isWarm, learningRate } from "./budget.ts";
import { calibrate } from "./calibrate.ts";
import { consolidate, survey } from "./consolidation.ts";
import type { EpisodeEvent, Events, UpdateEvent } from "./events.ts";
import { adaptNoise, addNoise } from "./exploration.ts";
import { creditGoal, drawGoal, goalPolicies, goalsOf } from "./goals.ts";
import {
  generate,
  isRefreshDue,
  measureCommands,
  measureGoals,
  refreshBest,
  runAndStore,
} from "./measure.ts";
import { report } from "./reports.ts";
import { drawBatch, type TrainingRun } from "./run.ts";
import { selectBest, type Winner } from "./selection.ts";

/**
 * Trains a run, from wherever it is, to the end of its budget. A run whose last event was "cycle" or "spent"
 * may be left there: training it again goes on from exactly there.
 * @throws {DivergedError} when a loss, a policy or a return is not finite.
 */
export async function* train(run: TrainingRun): Events {
  while (hasBudget(run)) {
    yield* changeAttemptWhenDue(run);
    if (isWarm(run)) {
      yield* update(run);
      yield* rollout(run);
      yield* report(run);
      run.tally.cycles++;
    } else yield* warmUp(run);
    yield { kind: "cycle" };
  }
  yield { kind: "spent" };
  yield* finish(run);
}

/** Runs and stores one of the first policies: the untrained generator's, with noise. */
async function* warmUp(run: TrainingRun): Events<EpisodeEvent> {
  const { task: { config }, attempt, tally } = run;
  const rng = streamFor(config.seed, "warmup", tally.episodes);
  const [policy] = await generate(run, [1]);
  for (let i = 0; i < policy.length; i++) policy[i] += config.warmup.noise * rng.standardNormal();
  const episode = await runAndStore(run, policy);
  attempt.startReturn += (episode.scaledReturn - attempt.startReturn) / attempt.episodes;
  yield episode;
}

/** Draws K batches and fits the generator to them. */
async function* update(run: TrainingRun): Events<UpdateEvent> {
  const { task: { config }, tools: { learner }, tally, history } = run;
  const { perCycle, batchSize: size, goalShare } = config.update;
  const rng = streamFor(config.seed, "batch", tally.cycles);
  const favoured = { entries: goalShare > 0 ? goalPolicies(run) : [], share: goalShare };
  const batches = Array.from({ length: perCycle }, () => drawBatch(run, rng, { size, favoured }));
  const losses = await learner.update(batches, { rng, learningRate: () => learningRate(run) });
  history.lastLoss = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  yield { kind: "update", updates: learner.updates, loss: history.lastLoss };
}

/** Asks for a good return, explores around the policy for it, stores what was reached. */
async function* rollout(run: TrainingRun): Events<EpisodeEvent> {
  if (isGoalMeasurementDue(run)) await measureGoals(run, [drawGoal(run, goalsOf(run))]);
  if (!hasBudget(run)) return;
  if (isRefreshDue(run)) {
    yield await refreshBest(run);
    return;
  }
  const goals = goalsOf(run);
  const goal = drawGoal(run, goals);
  const [policy] = await generate(run, [goal.scaledReturn]);
  const kind = addNoise(run, policy);
  const episode = await runAndStore(run, policy);
  creditGoal(goal, episode.scaledReturn);
  adaptNoise(run, { kind, scaledReturn: episode.scaledReturn, goals });
  yield episode;
}

/** Episodes of the last evaluation: a mean to within a fifth of its deviation. */
export const FINAL_EPISODES = 20;

/**
 * Chooses the best policy, fits the buffer evenly, and measures the curve that requests are answered through.
 * The budget pays for the survey and the choice. The curve changes nothing but the command that a request leads
 * to; the last evaluation changes nothing at all.
 */
async function* finish(run: TrainingRun): Events {
  yield choosing(run);
  const steady = yield* survey(run);
  const winner = yield* selectBest(run);
  yield* consolidate(run, { winner, steady });
  const command = bestCommand(run, winner);
  yield { kind: "phase", phase: "measuring", done: 0, total: 1 };
  const [episodes] = await measureCommands(run, [command], {
    episodes: FINAL_EPISODES,
    purpose: "verification",
    firstEpisode: 0,
    account: "evaluation",
  });
  const finalReturn = measureReturn(episodes);
  const { mean, std, n } = finalReturn;
  const { calibration, asked } = yield* calibrate(run, { command, mean, std, n });
  yield { kind: "curve", final: true, points: calibration.points, asked };
  yield { kind: "evaluation", final: true, command, ...finalReturn };
  yield { kind: "end", outcome: { calibration, finalReturn } };
}

/** Gives the winner's command; without the last updates, which teach it to the generator, the first goal's. */
function bestCommand(run: TrainingRun, winner: Winner | undefined): number {
  const hasLearntIt = run.task.config.consolidation.updates > 0;
  return (hasLearntIt ? winner?.command : undefined) ?? goalsOf(run)[0].scaledReturn;
}
