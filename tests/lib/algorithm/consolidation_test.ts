/** Which policies the even phase at the end leaves out, by hand. */

import assert from "node:assert/strict";
import { consolidate, farFromLine } from "../../../lib/algorithm/consolidation.ts";
import type { Batch } from "../../../lib/learner/staging.ts";
import { currentNormaliser } from "../../../lib/algorithm/run.ts";
import { assertAllClose } from "../../support/close.ts";
import { recorder, tinyRun } from "../../support/tiny_run.ts";

/** A run whose random policies have command 0.4 and whole return 0.5, both scaled. */
function runWithBonus() {
  const run = tinyRun({ returns: { survivalBonus: "remove" }, warmup: { episodes: 2 } });
  run.history.returns.push(-1, 1, 7); // the range is -10..10; the third was no warm-up
  run.attempt.startReturn = 0.4;
  return run;
}

/** Command 0.8, whole return 0.9: the line rises by 0.4, as commands do. */
const WINNER = { command: 0.8, meanReturn: 8 };

Deno.test("farFromLine() tells policies whose whole return is more than a quarter of the rise off", () => {
  const isFar = farFromLine(runWithBonus(), WINNER);
  assert.equal(isFar({ scaledReturn: 0.4, survival: 0.19 }), false);
  assert.equal(isFar({ scaledReturn: 0.4, survival: 0.21 }), true, "it stands for long");
  assert.equal(isFar({ scaledReturn: 0.6, survival: 0.01 }), false, "0.09 below the line");
  assert.equal(isFar({ scaledReturn: 0.8, survival: 0.3 }), true);
  assert.equal(isFar({ scaledReturn: 0, survival: 0 }), false, "nothing was left out of it");
});

Deno.test("farFromLine() leaves all where the winner is no better than random policies", () => {
  for (const winner of [{ command: 0.8, meanReturn: -1 }, { command: 0.3, meanReturn: 8 }]) {
    const isFar = farFromLine(runWithBonus(), winner);
    assert.equal(isFar({ scaledReturn: 0.4, survival: 0.5 }), false);
  }
});

Deno.test("consolidate() learns from all where all are far", async () => {
  const run = runWithBonus();
  const row = new Float32Array(run.model.parameterCount);
  run.attempt.buffer.add(row, { scaledReturn: 0.45, survival: 0.5, step: 0 });
  await consolidate(run, { winner: { ...WINNER, row }, observer: recorder() });
  assert.equal(run.learner.updates, run.config.consolidation.updates);
  await run.learner.close();
});

Deno.test("consolidate() learns nothing from them and stores them all the same", async () => {
  const run = runWithBonus();
  const row = new Float32Array(run.model.parameterCount);
  for (const [scaledReturn, survival] of [[0.4, 0.1], [0.45, 0.5], [0.7, 0.1]]) {
    run.attempt.buffer.add(row, { scaledReturn, survival, step: 0 });
  }
  const drawn: number[] = [];
  const draw = run.attempt.buffer.draw.bind(run.attempt.buffer);
  run.attempt.buffer.draw = (rng, options) => {
    const result = draw(rng, options);
    drawn.push(...result.entries.map(({ scaledReturn }) => scaledReturn));
    return result;
  };
  await consolidate(run, { winner: { ...WINNER, row }, observer: recorder() });
  await run.learner.close();
  assert.deepEqual(new Set(drawn), new Set([0.4, 0.7]));
  assert.equal(run.attempt.buffer.bucketCount, 3);
});

Deno.test("consolidate() holds both ends: the winner and a policy that returns what random ones do", async () => {
  const run = tinyRun({
    returns: { survivalBonus: "remove" },
    warmup: { episodes: 2 },
    consolidation: { floorShare: 0.2, winnerShare: 0.3, updates: 1 },
    update: { perCycle: 1 },
  });
  run.history.returns.push(-1, 1);
  run.attempt.startReturn = 0.4;
  const rowOf = (value: number) => new Float32Array(run.model.parameterCount).fill(value);
  // Whole returns 0.51 and 0.4: the first is closer to 0.5. The third is beside it, the fourth is not.
  for (const [command, survival] of [[0.41, 0.1], [0.3, 0.1], [0.425, 0.12], [0.6, 0.1]]) {
    run.attempt.buffer.add(rowOf(command), { scaledReturn: command, survival, step: 0 });
  }
  const batches: Batch[] = [];
  const update = run.learner.update.bind(run.learner);
  run.learner.update = (given, options) => {
    batches.push(...given);
    return update(given, options);
  };
  await consolidate(run, { winner: { ...WINNER, row: rowOf(9) }, observer: recorder() });
  await run.learner.close();
  const [{ commands, shares, writeTarget }] = batches;
  assert.deepEqual(commands, [0.6, 0.8, 0.41]);
  assertAllClose(shares, [0.7 * 0.8, 0.3 * 0.8, 0.2], { tolerance: 1e-7 });
  assert.equal(run.attempt.buffer.size, 4);
  const row = new Float32Array(run.model.parameterCount);
  writeTarget(2, row);
  const expected = rowOf(0.41);
  run.frame.toNormalised(expected, currentNormaliser(run));
  assert.deepEqual(row, expected);
});
