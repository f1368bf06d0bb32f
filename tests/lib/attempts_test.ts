/** Several attempts in one run: how many there are, when they change, which one goes on. */

import assert from "node:assert/strict";
import { attemptProgress, changeAttemptWhenDue, plannedAttempts } from "../../lib/attempts.ts";
import { streamFor } from "../../lib/rollout.ts";
import { train } from "../../lib/trainer.ts";
import { spentSteps, type TrainingRun } from "../../lib/training_run.ts";
import { assertClose } from "../support/close.ts";
import { recorder, tinyConfig, tinyRun } from "../support/tiny_run.ts";

/** Two attempts of 150 steps, then the better one with what is left of 600. */
const TWO = { attempts: { steps: 150, budgetShare: 0.5 } };

Deno.test("plannedAttempts() counts the attempts that fit, and one where there is no room for two", () => {
  const planned = (steps: number, budgetShare: number) =>
    plannedAttempts(tinyConfig({ attempts: { steps, budgetShare } }));
  assert.equal(planned(0, 0.6), 1);
  assert.equal(planned(100, 0.6), 3);
  assert.equal(planned(180, 0.6), 2);
  assert.equal(planned(181, 0.6), 1);
  assert.equal(planned(1000, 0.6), 1);
  assert.equal(planned(100, 0), 1);
});

/** Trains until a number of attempts has ended; the run is in the next one then. */
async function trainUntil(attempts: number, run: TrainingRun): Promise<TrainingRun> {
  await train(run, { record() {}, betweenCycles: () => run.counters.attempts < attempts });
  return run;
}

Deno.test("changeAttemptWhenDue() begins anew with a generator, a buffer and a normaliser of its own", async () => {
  const run = tinyRun(TWO);
  const first = run.attempt;
  await trainUntil(1, run);
  assert.equal(run.bestAttempt?.attempt, first);
  assert.equal(first.startStep, 0);
  // 150 steps and the measurement of one goal in four episodes of ten; then the first warm-up episode.
  assert.equal(run.attempt.startStep, 150 + 40);
  assert.equal(spentSteps(run), 150 + 40 + 10);
  assert.equal(run.counters.steps.noiseFree, 40);
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
    const run = await trainUntil(1, tinyRun(TWO));
    const attempts = [run.bestAttempt!.attempt, run.attempt];
    const learnt = [run.bestAttempt!.learner, undefined];
    // Whatever the second one reaches is more than -11 and less than 11.
    run.bestAttempt = { ...run.bestAttempt!, score: better === 0 ? 11 : -11 };
    await trainUntil(2, run);
    assert.equal(run.attempt, attempts[better]);
    assert.equal(run.bestAttempt, undefined);
    const { arrivals } = attempts[1].buffer;
    assert.ok(run.attempt.buffer.arrivals >= arrivals, "its next policies have new numbers");
    if (learnt[better]) {
      // One cycle of four updates was made since it was taken up again.
      assert.equal(run.learner.updates, learnt[better].updates + 4);
    }
    await run.learner.close();
  }
});

Deno.test("changeAttemptWhenDue() measures the goals on the same episodes without noise", async () => {
  const run = tinyRun({ ...TWO, command: { top: 3 } });
  const first = run.attempt;
  await train(run, { record() {}, betweenCycles: () => attemptProgress(run) < 1 });
  const observer = recorder();
  await changeAttemptWhenDue(run, observer);
  assert.equal(run.counters.noiseFreeEpisodes, 3 * 4);
  assert.equal(run.bestAttempt?.attempt, first);
  const { score } = run.bestAttempt;
  assert.ok(score > 0 && score < 10);
  assert.deepEqual(observer.records, [{ kind: "attempt", values: { attempt: 1, mean: score } }]);
  await run.learner.close();
});

Deno.test("attemptProgress() goes from 0 to 1 in every attempt, the last of which has the rest", () => {
  const run = tinyRun({ attempts: { steps: 100, budgetShare: 0.5 } });
  const at = (attempts: number, startStep: number, step: number) => {
    run.counters.attempts = attempts;
    run.attempt.startStep = startStep;
    run.counters.steps.training = step;
    return attemptProgress(run);
  };
  assert.equal(at(0, 0, 0), 0);
  assertClose(at(0, 0, 50), 0.5);
  assert.equal(at(0, 0, 105), 1);
  assertClose(at(1, 120, 145), 0.25);
  assertClose(at(3, 360, 420), 0.25);
  assert.equal(at(3, 360, 600), 1);
});

Deno.test("train() with several attempts ends within its budget with the best one's policies", async () => {
  const run = tinyRun(TWO);
  const observer = recorder();
  await train(run, observer);
  assert.equal(run.counters.attempts, 2);
  assert.ok(spentSteps(run) <= 600);
  assert.equal(run.counters.steps.training, 10 * run.counters.episodes);
  assert.equal(
    observer.records.filter(({ kind }) => kind === "episode").length,
    run.counters.episodes,
  );
  assert.ok(run.attempt.episodes < run.counters.episodes, "the other attempt's are not counted");
  await run.learner.close();
});

Deno.test("train() goes on with a larger budget by further attempts", async () => {
  const run = tinyRun(TWO);
  await train(run, { ...recorder(), beforeFinish: () => Promise.resolve(false) });
  assert.equal(run.counters.attempts, 2);
  const best = run.attempt;
  const longer = { ...run, config: { ...run.config, steps: 1500 } };
  await trainUntil(3, longer);
  assert.equal(longer.bestAttempt?.attempt, best, "what the first budget came to is one of them");
  assert.notEqual(longer.attempt, best);
  await run.learner.close();
});
