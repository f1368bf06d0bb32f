/**
 * Several attempts at a task within one run, of which the best goes on.
 *
 * What a long run comes to is often decided early: the first gait that does not fall is walked ever
 * more surely, and no noise leads from it to a better one. So a first part of a budget that is long
 * enough is divided into attempts of equal length. Each begins anew, with a generator, a buffer and a
 * normaliser of its own; at its end its best commands are measured without noise. The best attempt is
 * taken up again where it ended, and has the rest of the budget.
 */

import type { Config } from "./config.ts";
import { measureReturn } from "./evaluate.ts";
import { goalsOf } from "./goals.ts";
import type { LearnerState } from "./learner.ts";
import { measureCommands } from "./probe.ts";
import { streamFor } from "./rollout.ts";
import type { TrainingObserver } from "./training_observer.ts";
import { createAttempt, type EndedAttempt, spentSteps, type TrainingRun } from "./training_run.ts";

/** Episodes of each goal at the end of an attempt. */
const EPISODES = 4;
/** Seeds of these episodes are numbered from here, apart from the selection's and the calibration's. */
const FIRST_EPISODE = 0x2000_0000;

/** Counts the attempts that a budget is to hold: one where there is no room for several. */
export function plannedAttempts({ attempts, steps }: Pick<Config, "attempts" | "steps">): number {
  if (attempts.steps === 0) return 1;
  return Math.max(1, Math.floor(attempts.budgetShare * steps / attempts.steps));
}

/** Tells whether the present attempt is the one that has the rest of the budget. */
export function isLastAttempt({ config, counters }: TrainingRun): boolean {
  const planned = plannedAttempts(config);
  return planned === 1 || counters.attempts >= planned;
}

/** Gives how much of the present attempt's steps is spent, from 0 to 1. */
export function attemptProgress(run: TrainingRun): number {
  const { config, attempt: { startStep } } = run;
  const length = isLastAttempt(run) ? config.steps - startStep : config.attempts.steps;
  return Math.min(1, (spentSteps(run) - startStep) / length);
}

/**
 * Ends an attempt that has spent its steps: measures it, keeps the better of it and the best one before,
 * and begins the next, or goes on with the best one after the last.
 */
export async function changeAttemptWhenDue(
  run: TrainingRun,
  observer: Pick<TrainingObserver, "record">,
): Promise<void> {
  if (isLastAttempt(run) || attemptProgress(run) < 1) return;
  const { config, counters, learner } = run;
  const ended = await measureAttempt(run);
  const best = run.bestAttempt && run.bestAttempt.score >= ended.score ? run.bestAttempt : ended;
  const { arrivals } = run.attempt.buffer;
  counters.attempts++;
  observer.record("attempt", { attempt: counters.attempts, mean: ended.score });
  if (isLastAttempt(run)) {
    run.attempt = best.attempt;
    run.bestAttempt = undefined;
    learner.restore(best.learner);
  } else {
    run.attempt = createAttempt(config, run.shape);
    run.bestAttempt = best;
    learner.restore(untrained(run));
  }
  // No two policies of a run have the same number.
  run.attempt.buffer.numberFrom(arrivals);
  run.attempt.startStep = spentSteps(run);
}

/** Measures the best commands of an attempt without noise and copies what it has learnt. */
async function measureAttempt(run: TrainingRun): Promise<EndedAttempt> {
  const { counters, learner, attempt } = run;
  const commands = goalsOf(run).map(({ scaledReturn }) => scaledReturn);
  const results = await measureCommands(run, {
    commands,
    episodes: EPISODES,
    purpose: "calibration",
    firstEpisode: FIRST_EPISODE + counters.noiseFreeEpisodes,
    account: "noiseFree",
    paired: true,
  });
  counters.noiseFreeEpisodes += commands.length * EPISODES;
  await learner.download();
  return {
    attempt,
    score: Math.max(...results.map((episodes) => measureReturn(episodes).mean)),
    learner: copyState(learner.state),
  };
}

/** The state of a learner that has seen nothing, with weights of this attempt's own. */
function untrained({ config, counters, model }: TrainingRun): LearnerState {
  const weights = model.initialise(streamFor(config.seed, "initialisation", counters.attempts));
  const zeros = new Float32Array(weights.length);
  return { weights, momentum: zeros, variance: zeros, updates: 0 };
}

function copyState({ weights, momentum, variance, updates }: LearnerState): LearnerState {
  return {
    weights: weights.slice(),
    momentum: momentum.slice(),
    variance: variance.slice(),
    updates,
  };
}
