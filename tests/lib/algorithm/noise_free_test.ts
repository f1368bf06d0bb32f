/** The generator's own policies: when they are measured, what is stored of them. */

import assert from "node:assert/strict";
import type { PartialConfig } from "../../../lib/config/config.ts";
import { measureGoals, measureGoalWhenDue } from "../../../lib/algorithm/noise_free.ts";
import { goalsOf } from "../../../lib/algorithm/goals.ts";
import { generateRows } from "../../../lib/algorithm/probe.ts";
import { train } from "../../../lib/algorithm/trainer.ts";
import { spentSteps, type TrainingRun } from "../../../lib/algorithm/run.ts";
import { assertAllClose, assertClose } from "../../support/close.ts";
import { recorder, tinyRun } from "../../support/tiny_run.ts";

/** A run after some episodes. */
async function trained(changes: PartialConfig = {}): Promise<TrainingRun> {
  const run = tinyRun({ buffer: { kind: "fifo" }, ...changes });
  await train(run, { record() {}, betweenCycles: () => run.counters.episodes < 15 });
  return run;
}

Deno.test("measureGoals() stores the generator's policies under the mean of five episodes", async () => {
  const run = await trained({ normaliser: { kind: "off" }, returns: { survivalBonus: "remove" } });
  const known = new Set(run.attempt.buffer.entries());
  const goals = goalsOf(run);
  const [expected] = await generateRows(run, [goals[0].scaledReturn]);
  const row = expected.slice();
  const before = run.counters.steps.noiseFree;
  const [mean] = await measureGoals(run, goals);
  assert.equal(run.counters.steps.noiseFree - before, 5 * 10);
  assert.equal(run.counters.noiseFreeEpisodes, 5);
  const [entry] = [...run.attempt.buffer.entries()].filter((each) => !known.has(each));
  assert.equal(entry.episodes, 5);
  assertAllClose(run.attempt.buffer.row(entry.slot), row, { tolerance: 1e-6 });
  // A quarter of every reward is the survival bonus, left out of the stored return.
  assertClose(entry.scaledReturn + entry.survival, run.scale.scale(mean), 1e-9);
  assert.ok(entry.survival > 0);
  await run.learner.close();
});

Deno.test("measureGoalWhenDue() spends the configured share of the budget, and nothing without one", async () => {
  for (const noiseFreeShare of [0, 0.3]) {
    const run = tinyRun({
      rollout: { noiseFreeShare },
      selection: { budgetShare: 0 },
      buffer: { kind: "fifo" },
    });
    await train(run, { ...recorder(), beforeFinish: () => Promise.resolve(false) });
    const share = run.counters.steps.noiseFree / spentSteps(run);
    assert.ok(share >= noiseFreeShare - 50 / 600 && share <= noiseFreeShare + 50 / 600, `${share}`);
    assert.ok(spentSteps(run) <= 600);
    const measured = [...run.attempt.buffer.entries()].filter(({ episodes }) => episodes === 5);
    assert.equal(measured.length > 0, noiseFreeShare > 0);
    await run.learner.close();
  }
});

Deno.test("measureGoalWhenDue() leaves the selection its share", async () => {
  const run = await trained({ rollout: { noiseFreeShare: 0.9 }, selection: { budgetShare: 0.1 } });
  run.counters.steps.training = 600 - 60 - run.counters.steps.noiseFree - 49;
  const before = run.counters.steps.noiseFree;
  await measureGoalWhenDue(run);
  assert.equal(run.counters.steps.noiseFree, before);
  run.counters.steps.training--;
  await measureGoalWhenDue(run);
  assert.equal(run.counters.steps.noiseFree, before + 50);
  await run.learner.close();
});
