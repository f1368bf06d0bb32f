/**
 * Several attempts at a task within one run, of which the best goes on.
 *
 * What a long run comes to is often decided early: the first gait that does not fall is walked ever
 * more surely, and no noise leads from it to a better one. So a first part of a budget that is long
 * enough is spent on attempts, each with a generator, a buffer and a normaliser of its own. After a
 * round, in which all have had the same number of steps, their best commands are measured without noise
 * and the worse half is given up (successive halving); the last one has the rest of the budget.
 */

import { isLastAttempt, plannedRounds } from "./attempt_plan.ts";
import { goalsOf } from "./goals.ts";
import type { LearnerState } from "../learner/learner.ts";
import { measureGoals } from "./noise_free.ts";
import { streamFor } from "../episodes/rollout.ts";
import type { TrainingObserver } from "./observer.ts";
import { createAttempt, type RestingAttempt, spentSteps, type TrainingRun } from "./run.ts";

/** Lets another attempt go on, or begin, when the present one has had the steps of its round. */
export async function changeAttemptWhenDue(
  run: TrainingRun,
  observer: Pick<TrainingObserver, "record">,
): Promise<void> {
  const { config, counters, attempt } = run;
  const roundEnd = attempt.startStep + config.attempts.steps * (attempt.rounds + 1);
  if (isLastAttempt(run) || spentSteps(run) < roundEnd) return;
  run.resting.push(await rest(run, observer));
  const { arrivals } = attempt.buffer;
  const [planned] = plannedRounds(run);
  if (counters.attempts < planned) beginAnew(run);
  else takeUp(run, chooseNext(run));
  // No two policies of a run have the same number.
  run.attempt.buffer.numberFrom(arrivals);
}

/** Measures an attempt without noise and copies what its generator has learnt. */
async function rest(
  run: TrainingRun,
  observer: Pick<TrainingObserver, "record">,
): Promise<RestingAttempt> {
  const { learner, attempt } = run;
  const steps = spentSteps(run) - attempt.startStep;
  const score = Math.max(...await measureGoals(run, goalsOf(run)));
  await learner.download();
  attempt.rounds++;
  observer.record("attempt", { attempt: attempt.number, round: attempt.rounds, mean: score });
  return { attempt, steps, score, learner: copyState(learner.state) };
}

/** Begins an attempt with untrained weights. */
function beginAnew(run: TrainingRun): void {
  const { config, model, learner, counters } = run;
  const number = counters.attempts++;
  const weights = model.initialise(streamFor(config.seed, "initialisation", number));
  const zeros = new Float32Array(weights.length);
  learner.restore({ weights, momentum: zeros, variance: zeros, updates: 0 });
  run.attempt = createAttempt(config, run.shape);
  run.attempt.number = number;
  run.attempt.startStep = spentSteps(run);
}

/** Gives up the worse half when a round is over; then the first that has had the fewest rounds is next. */
function chooseNext(run: TrainingRun): RestingAttempt {
  const roundsOf = ({ attempt }: RestingAttempt) => attempt.rounds;
  const least = Math.min(...run.resting.map(roundsOf));
  if (run.resting.every((each) => roundsOf(each) === least)) {
    const left = plannedRounds(run)[least] ?? 1;
    run.resting = run.resting.sort((a, b) => b.score - a.score).slice(0, left);
  }
  return run.resting.find((each) => roundsOf(each) === least)!;
}

/** Lets an attempt go on where it was left. */
function takeUp(run: TrainingRun, next: RestingAttempt): void {
  run.resting = run.resting.filter((each) => each !== next);
  run.attempt = next.attempt;
  run.learner.restore(next.learner);
  // The rest of the budget is a new start of the noise.
  run.attempt.startStep = spentSteps(run) - (isLastAttempt(run) ? 0 : next.steps);
}

function copyState({ weights, momentum, variance, updates }: LearnerState): LearnerState {
  return {
    weights: weights.slice(),
    momentum: momentum.slice(),
    variance: variance.slice(),
    updates,
  };
}
