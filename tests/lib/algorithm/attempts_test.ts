/** Several attempts in one run: how many there are, when they change, which one goes on. */

import assert from "node:assert/strict";
import {
  attemptProgress,
  isLastAttempt,
  plannedRounds,
} from "../../../lib/algorithm/attempt_plan.ts";
import { changeAttemptWhenDue } from "../../../lib/algorithm/attempts.ts";
import { streamFor } from "../../../lib/episodes/rollout.ts";
import { train } from "../../../lib/algorithm/trainer.ts";
import { spentSteps, type TrainingRun } from "../../../lib/algorithm/run.ts";
import { assertClose } from "../../support/close.ts";
import { TINY_ENV_SPEC } from "../../support/tiny_env.ts";
import { recorder, tinyConfig, tinyRun } from "../../support/tiny_run.ts";

/** Two attempts of 150 steps, then the better one with what is left of 600. */
const TWO = { attempts: { steps: 150, budgetShare: 0.8 } };
/** Four attempts of 50 steps, two of them with 50 more, then one. */
const FOUR = { steps: 1200, attempts: { steps: 50, budgetShare: 0.6 } };

Deno.test("plannedRounds() halves as many attempts as the budget holds until one is left", () => {
  const planned = (budgetShare: number, steps = 50) => {
    const attempts = { steps, budgetShare };
    const config = tinyConfig({ attempts, steps: 1000, selection: { budgetShare: 0 } });
    return plannedRounds({ config, spec: TINY_ENV_SPEC });
  };
  // 50 steps and one goal in five episodes of ten make 100 of 1000.
  const sizes = [0, 0.19, 0.2, 0.3, 0.59, 0.6, 0.7, 0.9].map((share) => planned(share));
  assert.deepEqual(sizes, [[], [], [2], [3], [3], [4, 2], [5, 2], [6, 3]]);
  assert.deepEqual(planned(0.9, 0), []);
});

/** Trains until a cycle or a warm-up episode has ended where `isThere`. */
async function trainUntil(run: TrainingRun, isThere: (run: TrainingRun) => boolean) {
  await train(run, { record() {}, betweenCycles: () => !isThere(run) });
  return run;
}

Deno.test("changeAttemptWhenDue() begins anew with a generator, a buffer and a normaliser of its own", async () => {
  const run = tinyRun(TWO);
  const first = run.attempt;
  await trainUntil(run, ({ counters }) => counters.attempts === 2);
  assert.deepEqual(run.resting.map(({ attempt, steps }) => [attempt, steps]), [[first, 150]]);
  assert.deepEqual([first.number, first.rounds, first.startStep], [0, 1, 0]);
  // 150 steps and the measurement of one goal in five episodes of ten; then the first warm-up episode.
  assert.deepEqual([run.attempt.number, run.attempt.startStep], [1, 150 + 50]);
  assert.equal(spentSteps(run), 150 + 50 + 10);
  assert.equal(run.counters.steps.noiseFree, 50);
  assert.deepEqual([run.attempt.episodes, run.attempt.buffer.size], [1, 1]);
  assert.equal(run.attempt.moments.count, 10);
  assert.equal(run.attempt.buffer.best, run.attempt.startReturn);
  const weights = run.model.initialise(streamFor(run.config.seed, "initialisation", 1));
  assert.deepEqual(run.learner.state.weights, weights);
  assert.equal(run.learner.updates, 0);
  assert.ok(run.learner.state.momentum.every((value) => value === 0));
  const [entry] = run.attempt.buffer.entries();
  assert.equal(entry.order, first.buffer.arrivals, "no two policies have the same number");
  await run.learner.close();
});

Deno.test("changeAttemptWhenDue() goes on with the attempt whose best command returned more", async () => {
  for (const better of [0, 1]) {
    const run = await trainUntil(tinyRun(TWO), ({ counters }) => counters.attempts === 2);
    const [first] = run.resting;
    const attempts = [first.attempt, run.attempt];
    // Whatever the second one reaches is more than -11 and less than 11.
    run.resting = [{ ...first, score: better === 0 ? 11 : -11 }];
    const { updates } = first.learner;
    await trainUntil(run, isLastAttempt);
    assert.equal(run.attempt, attempts[better]);
    assert.deepEqual(run.resting, []);
    assert.ok(run.attempt.buffer.arrivals >= attempts[1].buffer.arrivals, "numbers go on");
    // One cycle of four updates was made since it was taken up again.
    if (better === 0) assert.equal(run.learner.updates, updates + 4);
    await run.learner.close();
  }
});

Deno.test("changeAttemptWhenDue() gives up the worse half after every round", async () => {
  const run = tinyRun(FOUR);
  const observer = recorder();
  const fields: number[][] = [];
  let numbers: number[] = [];
  await train(run, {
    ...observer,
    betweenCycles({ attempt, resting }) {
      const now = [attempt, ...resting.map((each) => each.attempt)].map(({ number }) => number);
      if (now.length < numbers.length) fields.push(now.toSorted());
      numbers = now;
      return true;
    },
  });
  const told = observer.records.filter(({ kind }) => kind === "attempt").map(({ values }) =>
    values
  );
  assert.deepEqual(told.map(({ attempt }) => attempt).slice(0, 4), [0, 1, 2, 3]);
  assert.deepEqual(told.map(({ round }) => round), [1, 1, 1, 1, 2, 2]);
  const bestOf = (records: typeof told, count: number) =>
    records.toSorted((a, b) => Number(b.mean) - Number(a.mean)).slice(0, count)
      .map(({ attempt }) => attempt).toSorted();
  assert.deepEqual(fields, [bestOf(told.slice(0, 4), 2), bestOf(told.slice(4), 1)]);
  assert.ok(spentSteps(run) <= 1200);
  assert.equal(run.counters.steps.training, 10 * run.counters.episodes);
  assert.ok(run.attempt.episodes < run.counters.episodes, "the others' are not counted");
});

Deno.test("changeAttemptWhenDue() measures the goals on the same episodes without noise", async () => {
  const run = tinyRun({ ...TWO, steps: 1200, command: { top: 3 } });
  await trainUntil(run, () => spentSteps(run) >= 150);
  const observer = recorder();
  await changeAttemptWhenDue(run, observer);
  assert.equal(run.counters.noiseFreeEpisodes, 3 * 5);
  const [{ score }] = run.resting;
  assert.ok(score > 0 && score < 10);
  const values = { attempt: 0, round: 1, mean: score };
  assert.deepEqual(observer.records, [{ kind: "attempt", values }]);
  await changeAttemptWhenDue(run, observer);
  assert.equal(observer.records.length, 1, "the next round has just begun");
  await run.learner.close();
});

Deno.test("attemptProgress() goes on over an attempt's rounds and starts anew for the rest", () => {
  const run = tinyRun(FOUR);
  const at = (rounds: number, startStep: number, step: number) => {
    run.attempt.rounds = rounds;
    run.attempt.startStep = startStep;
    run.counters.steps.training = step;
    return attemptProgress(run);
  };
  assert.equal(at(0, 0, 0), 0);
  assertClose(at(0, 0, 50), 0.5);
  assertClose(at(1, 0, 50), 0.5);
  assert.equal(at(1, 0, 105), 1);
  assertClose(at(0, 120, 145), 0.25);
  assertClose(at(2, 400, 600), 0.25);
  assert.equal(at(2, 400, 1200), 1);
  assertClose(attemptProgress(tinyRun()), 0);
});

Deno.test("train() goes on with a larger budget by further attempts", async () => {
  const run = tinyRun(TWO);
  await train(run, { ...recorder(), beforeFinish: () => Promise.resolve(false) });
  const best = run.attempt;
  const longer = { ...run, config: { ...run.config, steps: 2000 } };
  await trainUntil(longer, ({ counters }) => counters.attempts === 3);
  assert.equal(longer.resting[0].attempt, best, "what the first budget came to is one of them");
  assert.notEqual(longer.attempt, best);
  await run.learner.close();
});
