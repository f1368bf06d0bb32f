/**
 * Several attempts at a task within one run; the best one goes on.
 *
 * The first gait that does not fall often decides what a long run comes to: the run walks it ever more
 * surely, and no noise leads from it to a better one. So the first part of a long budget goes to several
 * attempts, each with a generator, a buffer and a normaliser of its own. After a round all of them have had
 * the same number of steps: their best commands are measured without noise, and the worse half is given up
 * (successive halving). The last attempt has the rest of the budget.
 */

import { streamFor } from "../numbers/streams.ts";
import type { LearnerState } from "../learner/learner.ts";
import { isLastAttempt, isRoundOver, plannedRounds, spentSteps } from "./budget.ts";
import type { AttemptEvent, Events } from "./events.ts";
import { goalsOf } from "./goals.ts";
import { measureGoals } from "./measure.ts";
import { createAttempt, type RestingAttempt, type TrainingRun } from "./run.ts";

/** Changes to another attempt, or begins one, when the present attempt has had the steps of its round. */
export async function* changeAttemptWhenDue(run: TrainingRun): Events<AttemptEvent> {
  if (!isRoundOver(run)) return;
  const { task, attempt, tally } = run;
  const rested = await rest(run);
  yield {
    kind: "attempt",
    attempt: attempt.number,
    round: attempt.rounds,
    mean: rested.score,
  };
  run.resting.push(rested);
  const { arrivals } = attempt.buffer;
  const [planned] = plannedRounds(task);
  if (tally.attempts < planned) beginAnew(run);
  else takeUp(run, chooseNext(run));
  // No two policies of a run have the same number.
  run.attempt.buffer.numberFrom(arrivals);
}

/** Measures an attempt without noise and copies what its generator has learnt. */
async function rest(run: TrainingRun): Promise<RestingAttempt> {
  const { tools: { learner }, attempt } = run;
  const steps = spentSteps(run) - attempt.startStep;
  const score = Math.max(...await measureGoals(run, goalsOf(run)));
  await learner.download();
  attempt.rounds++;
  return { attempt, steps, score, learner: copyState(learner.state) };
}

/** Begins an attempt with untrained weights. */
function beginAnew(run: TrainingRun): void {
  const { task: { config, shape }, tools: { model, learner }, tally } = run;
  const number = tally.attempts++;
  const weights = model.initialise(streamFor(config.seed, "initialisation", number));
  const zeros = new Float32Array(weights.length);
  learner.restore({ weights, momentum: zeros, variance: zeros, updates: 0 });
  run.attempt = createAttempt(config, shape);
  run.attempt.number = number;
  run.attempt.startStep = spentSteps(run);
}

/** Gives up the worse half after a round; then chooses the first attempt that has had the fewest rounds. */
function chooseNext(run: TrainingRun): RestingAttempt {
  const roundsOf = ({ attempt }: RestingAttempt) => attempt.rounds;
  const least = Math.min(...run.resting.map(roundsOf));
  if (run.resting.every((each) => roundsOf(each) === least)) {
    const left = plannedRounds(run.task)[least] ?? 1;
    run.resting = run.resting.sort((a, b) => b.score - a.score).slice(0, left);
  }
  return run.resting.find((each) => roundsOf(each) === least)!;
}

/** Goes on with an attempt where it was left. */
function takeUp(run: TrainingRun, next: RestingAttempt): void {
  run.resting = run.resting.filter((each) => each !== next);
  run.attempt = next.attempt;
  run.tools.learner.restore(next.learner);
  // The last attempt begins its noise anew: it fades over the rest of the budget.
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
