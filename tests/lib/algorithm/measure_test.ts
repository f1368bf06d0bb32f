/** What running a policy, or running it again, counts, stores and changes. */

import assert from "node:assert/strict";
import type { PartialConfig } from "../../../lib/config/config.ts";
import { DivergedError } from "../../../lib/system/errors.ts";
import { plannedRounds, spentSteps } from "../../../lib/algorithm/budget.ts";
import { goalsOf } from "../../../lib/algorithm/goals.ts";
import {
  generate,
  isRefreshDue,
  measureGoals,
  refreshBest,
  runAndStore,
} from "../../../lib/algorithm/measure.ts";
import { currentNormaliser, recall, type TrainingRun } from "../../../lib/algorithm/run.ts";
import type { GeneratedPolicy } from "../../../lib/policy_space.ts";
import { assertAllClose, assertClose } from "../../support/close.ts";
import { TINY_SURVIVAL_REWARD } from "../../support/tiny_env.ts";
import { follow, tinyRun } from "../../support/tiny_run.ts";

/** A policy of zeros: it always acts 0, and earns 10 (1 - |start - 0.5|). */
function zeros(run: TrainingRun): GeneratedPolicy {
  return new Float32Array(run.tools.model.parameterCount) as GeneratedPolicy;
}

Deno.test("runAndStore() counts, scales and stores an episode", async () => {
  const run = tinyRun();
  const told = await runAndStore(run, zeros(run));
  const [entry] = run.attempt.buffer.entries();
  assert.deepEqual([told.length, told.stored], [10, true]);
  // The range of returns is -10..10.
  assertClose(entry.scaledReturn, (told.return + 10) / 20);
  assert.equal(entry.scaledReturn, told.scaledReturn);
  assert.equal(entry.measuredAt, 10);
  assert.deepEqual([run.tally.episodes, run.tally.steps.training], [1, 10]);
  assert.deepEqual(run.history.returns, [told.return]);
  assert.equal(run.history.bestReturn, told.return);
  assert.equal(run.attempt.moments.count, 10);
});

Deno.test("runAndStore() stores without the survival reward and reports with it", async () => {
  const run = tinyRun({ returns: { survivalBonus: "remove" } });
  const told = await runAndStore(run, zeros(run));
  const [entry] = run.attempt.buffer.entries();
  assertClose(entry.scaledReturn, (told.return - 10 * TINY_SURVIVAL_REWARD + 10) / 20);
  assertClose(entry.survival, 10 * TINY_SURVIVAL_REWARD / 20);
  assert.equal(run.history.returns[0], told.return);
});

Deno.test("runAndStore() stores the policy as it acted, in the frame of raw observations", async () => {
  const run = tinyRun();
  await runAndStore(run, zeros(run));
  const normaliser = currentNormaliser(run);
  const row = zeros(run).map((_, i) => Math.sin(i + 1)) as GeneratedPolicy;
  await runAndStore(run, row);
  const entries = [...run.attempt.buffer.entries()];
  const stored = run.attempt.buffer.row(entries[entries.length - 1].slot);
  assert.throws(() => assertAllClose(stored, row, { tolerance: 1e-2 }), "the frames differ");
  assertAllClose(run.task.frame.toNormalised(stored, normaliser), row, { tolerance: 1e-5 });
});

Deno.test("runAndStore() rejects a policy that is not finite and stores nothing", async () => {
  const run = tinyRun();
  const row = zeros(run);
  row[3] = NaN;
  await assert.rejects(runAndStore(run, row), (error: Error) => {
    assert.ok(error instanceof DivergedError);
    assert.equal(
      error.message,
      "Cannot continue training: every number of the policy must be finite, got NaN at index 3, " +
        "step 0, episode 0",
    );
    return true;
  });
  assert.deepEqual([run.attempt.buffer.size, run.tally.episodes], [0, 0]);
});

Deno.test("refreshBest() averages a stored policy's return over its episodes", async () => {
  const run = tinyRun();
  await runAndStore(run, zeros(run));
  const [first] = run.history.returns;
  await refreshBest(run);
  const [entry] = run.attempt.buffer.entries();
  const [, second] = run.history.returns;
  assert.notEqual(first, second, "another seed");
  assert.equal(entry.episodes, 2);
  assertClose(entry.scaledReturn, ((first + second) / 2 + 10) / 20);
  assert.equal(entry.measuredAt, 20);
  assert.deepEqual([run.tally.episodes, run.tally.steps.training, run.attempt.buffer.size], [
    2,
    20,
    1,
  ]);
});

/** The episodes among the first twelve in which a stored policy runs again, at a step. */
function refreshesAt(run: TrainingRun, step: number): number[] {
  run.tally.steps.training = step;
  return Array.from({ length: 12 }, (_, episode) => episode).filter((episode) => {
    run.tally.episodes = episode;
    return isRefreshDue(run);
  });
}

Deno.test("isRefreshDue() has a rule of its own late in a run", () => {
  const run = tinyRun({ rollout: { refreshEvery: 5, lateRefreshEvery: 3, lateFrom: 0.5 } });
  assert.deepEqual(refreshesAt(run, 299), [0, 5, 10]);
  assert.deepEqual(refreshesAt(run, 300), [0, 3, 6, 9]);
  const never = tinyRun({ rollout: { refreshEvery: 5, lateRefreshEvery: 0, lateFrom: 0.5 } });
  assert.deepEqual(refreshesAt(never, 300), []);
});

Deno.test("isRefreshDue() is not late while another attempt is to have its turn", () => {
  const run = tinyRun({
    attempts: { roundShare: 1 / 6 },
    rollout: { refreshEvery: 0, lateRefreshEvery: 3, lateFrom: 1 / 12 },
  });
  assert.deepEqual(refreshesAt(run, 60), []);
  run.attempt.rounds = plannedRounds(run.task).length;
  assert.deepEqual(refreshesAt(run, 60), [0, 3, 6, 9]);
});

/** A run after some episodes. */
async function trained(changes: PartialConfig = {}): Promise<TrainingRun> {
  const run = tinyRun({ buffer: { kind: "fifo" }, ...changes });
  await follow(run, () => run.tally.episodes >= 15);
  return run;
}

Deno.test("measureGoals() stores the generator's policies under the mean of five episodes", async () => {
  const run = await trained({ returns: { survivalBonus: "remove" } });
  const known = new Set(run.attempt.buffer.entries());
  const goals = goalsOf(run);
  const [row] = await generate(run, [goals[0].scaledReturn]);
  const before = run.tally.steps.noiseFree;
  const [mean] = await measureGoals(run, goals);
  assert.equal(run.tally.steps.noiseFree - before, 5 * 10);
  assert.equal(run.tally.noiseFreeEpisodes, 5);
  const [entry] = [...run.attempt.buffer.entries()].filter((each) => !known.has(each));
  assert.equal(entry.episodes, 5);
  assertAllClose(recall(run, entry), row, { tolerance: 1e-5 });
  // A quarter of every reward is the survival bonus, left out of the stored return.
  assertClose(entry.scaledReturn + entry.survival, run.task.scale.scale(mean), 1e-9);
  assert.ok(entry.survival > 0);
  await run.tools.learner.close();
});

Deno.test("train() measures goals in the configured share of the budget, and nothing without one", async () => {
  for (const noiseFreeShare of [0, 0.3]) {
    const run = tinyRun({
      rollout: { noiseFreeShare },
      selection: { budgetShare: 0 },
      buffer: { kind: "fifo" },
    });
    await follow(run, "spent");
    const share = run.tally.steps.noiseFree / spentSteps(run);
    assert.ok(share >= noiseFreeShare - 50 / 600 && share <= noiseFreeShare + 50 / 600, `${share}`);
    assert.ok(spentSteps(run) <= 600);
    const measured = [...run.attempt.buffer.entries()].filter(({ episodes }) => episodes === 5);
    assert.equal(measured.length > 0, noiseFreeShare > 0);
    await run.tools.learner.close();
  }
});
