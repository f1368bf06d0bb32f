/** Several attempts in one run: how many there are, when they change, which one goes on. */

import assert from "node:assert/strict";
import { isLastAttempt, spentSteps } from "../../../lib/algorithm/budget.ts";
import { changeAttemptWhenDue } from "../../../lib/algorithm/attempts.ts";
import { streamFor } from "../../../lib/numbers/streams.ts";
import type { TrainingRun } from "../../../lib/algorithm/run.ts";
import { follow, recordsOf, tinyRun } from "../../support/tiny_run.ts";

/** Two attempts of 150 steps, then the better one with what is left of 600. */
const TWO = { attempts: { roundShare: 0.25 } };
/** Four attempts of 60 steps, two of them with 60 more, then one. */
const FOUR = { steps: 1000, attempts: { roundShare: 0.06 } };

/** Trains until a cycle or a warm-up episode has ended where `isThere`. */
async function trainUntil(run: TrainingRun, isThere: (run: TrainingRun) => boolean) {
  await follow(run, () => isThere(run));
  return run;
}

/** What `changeAttemptWhenDue` tells. */
async function changeOf(run: TrainingRun): Promise<object[]> {
  return await Array.fromAsync(changeAttemptWhenDue(run));
}

Deno.test("changeAttemptWhenDue() begins anew with a generator, a buffer and a normaliser of its own", async () => {
  const run = tinyRun(TWO);
  const first = run.attempt;
  await trainUntil(run, ({ tally }) => tally.attempts === 2);
  assert.deepEqual(run.resting.map(({ attempt, steps }) => [attempt, steps]), [[first, 150]]);
  assert.deepEqual([first.number, first.rounds, first.startStep], [0, 1, 0]);
  // 150 steps and the measurement of one goal in five episodes of ten; then the first warm-up episode.
  assert.deepEqual([run.attempt.number, run.attempt.startStep], [1, 150 + 50]);
  assert.equal(spentSteps(run), 150 + 50 + 10);
  assert.equal(run.tally.steps.noiseFree, 50);
  assert.deepEqual([run.attempt.episodes, run.attempt.buffer.size], [1, 1]);
  assert.equal(run.attempt.moments.count, 10);
  assert.equal(run.attempt.buffer.best, run.attempt.startReturn);
  const weights = run.tools.model.initialise(streamFor(run.task.config.seed, "initialisation", 1));
  assert.deepEqual(run.tools.learner.state.weights, weights);
  assert.equal(run.tools.learner.updates, 0);
  assert.ok(run.tools.learner.state.momentum.every((value) => value === 0));
  const [entry] = run.attempt.buffer.entries();
  assert.equal(entry.order, first.buffer.arrivals, "no two policies have the same number");
  await run.tools.learner.close();
});

Deno.test("changeAttemptWhenDue() goes on with the attempt whose best command returned more", async () => {
  for (const better of [0, 1]) {
    const run = await trainUntil(tinyRun(TWO), ({ tally }) => tally.attempts === 2);
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
    if (better === 0) assert.equal(run.tools.learner.updates, updates + 4);
    await run.tools.learner.close();
  }
});

Deno.test("changeAttemptWhenDue() gives up the worse half after every round", async () => {
  const run = tinyRun(FOUR);
  const fields: number[][] = [];
  let numbers: number[] = [];
  const records = await follow(run, () => {
    const now = [run.attempt, ...run.resting.map((each) => each.attempt)]
      .map(({ number }) => number);
    if (now.length < numbers.length) fields.push(now.toSorted());
    numbers = now;
    return false;
  });
  const told = recordsOf(records, "attempt");
  assert.deepEqual(told.map(({ attempt }) => attempt).slice(0, 4), [0, 1, 2, 3]);
  assert.deepEqual(told.map(({ round }) => round), [1, 1, 1, 1, 2, 2]);
  const bestOf = (records: typeof told, count: number) =>
    records.toSorted((a, b) => Number(b.mean) - Number(a.mean)).slice(0, count)
      .map(({ attempt }) => attempt).toSorted();
  assert.deepEqual(fields, [bestOf(told.slice(0, 4), 2), bestOf(told.slice(4), 1)]);
  assert.ok(spentSteps(run) <= 1000);
  assert.equal(run.tally.steps.training, 10 * run.tally.episodes);
  assert.ok(run.attempt.episodes < run.tally.episodes, "the others' are not counted");
});

Deno.test("changeAttemptWhenDue() measures the goals on the same episodes without noise", async () => {
  const run = tinyRun({ steps: 1200, attempts: { roundShare: 0.125 }, command: { top: 3 } });
  await trainUntil(run, () => spentSteps(run) >= 150);
  const told = await changeOf(run);
  assert.equal(run.tally.noiseFreeEpisodes, 3 * 5);
  const [{ score }] = run.resting;
  assert.ok(score > 0 && score < 10);
  assert.deepEqual(told, [{ kind: "attempt", attempt: 0, round: 1, mean: score }]);
  assert.deepEqual(await changeOf(run), [], "the next round has just begun");
  await run.tools.learner.close();
});

Deno.test("train() goes on with a larger budget without further attempts: rounds are shares of it", async () => {
  const run = tinyRun(TWO);
  await follow(run, "spent");
  const best = run.attempt;
  const config = { ...run.task.config, steps: 2000 };
  const longer = { ...run, task: { ...run.task, config } };
  await follow(longer, "spent");
  assert.deepEqual([longer.attempt, longer.tally.attempts], [best, 2]);
  assert.ok(spentSteps(longer) > 1800);
  await run.tools.learner.close();
});
