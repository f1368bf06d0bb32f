/** Measured curves and their summary by hand. */

import assert from "node:assert/strict";
import { measureCurve, summariseCurve } from "../../../lib/generator/curve.ts";
import { assertClose } from "../../support/close.ts";
import { fakeGenerator, fakeRunner } from "../../support/fake_generator.ts";

Deno.test("summariseCurve() gives error, rank correlation and coverage as by hand", () => {
  const points = [[0, 1], [25, 20], [50, 90], [75, 60], [100, 100]]
    .map(([requested, mean]) => ({ requested, mean }));
  const { mae, spearman, coverage } = summariseCurve(points, 100);
  // Misses 1, 5, 40, 15, 0: mean 12.2; those of 1, 5 and 0 are within a tenth of the range.
  assertClose(mae, 12.2);
  assertClose(coverage, 0.6);
  // Ranks 1 2 4 3 5: two differences of 1, 1 - 6 * 2 / (5 * 24) = 0.9.
  assertClose(spearman, 0.9);
});

Deno.test("summariseCurve() counts a miss of exactly a tenth of the range as met", () => {
  assert.equal(summariseCurve([{ requested: 0, mean: 10 }], 100).coverage, 1);
  assert.equal(summariseCurve([{ requested: 0, mean: 10.001 }], 100).coverage, 0);
});

Deno.test("measureCurve() requests evenly, answers by the calibration and marks what was seen", async () => {
  // The calibration maps 0..100 to 0..1. Training saw 12 and 99: half a spacing is 12.5.
  const generator = fakeGenerator([[0, 0], [1, 100]], { seenReturns: [12, 99] });
  const runner = fakeRunner((command) => 100 * command + 5);
  const told: number[] = [];
  const curve = await measureCurve(generator, {
    points: 5,
    from: 0,
    to: 100,
    episodes: 4,
    seed: 1,
    runner,
    onPoint: ({ requested }) => told.push(requested),
  });
  // From all over the range at any time, so that the time left can be told.
  assert.deepEqual(told.toSorted((a, b) => a - b), [0, 25, 50, 75, 100]);
  assert.ok(Math.abs(told[0] - told[1]) > 25 && told[1] > told[0]);
  assert.deepEqual(curve.points.map(({ command }) => command), [0, 0.25, 0.5, 0.75, 1]);
  assert.deepEqual(curve.points.map(({ mean }) => mean), [5, 30, 55, 80, 105]);
  assert.deepEqual(curve.points.map(({ seen }) => seen), [true, false, false, false, true]);
  assert.deepEqual(curve.points.map(({ n }) => n), [4, 4, 4, 4, 4]);
  assert.deepEqual([curve.mae, curve.spearman, curve.coverage], [5, 1, 1]);
  assert.equal(curve.env, "Tiny-v0");
  assert.equal(runner.episodes, 20);
});

Deno.test("measureCurve() runs every point on seeds of its own", async () => {
  const generator = fakeGenerator([[0, 0], [1, 100]]);
  const runner = fakeRunner(() => 0, { deviation: 1 });
  const options = { points: 3, from: 0, to: 100, episodes: 2, seed: 1, runner };
  const { points } = await measureCurve(generator, options);
  assert.equal(new Set(points.map(({ mean }) => mean)).size, 3);
  assert.deepEqual((await measureCurve(generator, options)).points, points);
});

Deno.test("measureCurve() asks for the top alone when one point is wanted", async () => {
  const generator = fakeGenerator([[0, 0], [1, 100]]);
  const runner = fakeRunner((command) => 100 * command);
  const options = { points: 1, from: 0, to: 80, episodes: 1, seed: 1, runner };
  const { points } = await measureCurve(generator, options);
  assert.deepEqual(points.map(({ requested }) => requested), [80]);
});

Deno.test("summariseCurve() says nothing of order or hits over a range without width", () => {
  const points = Array.from({ length: 7 }, () => ({ requested: 0.1, mean: 0.1 }));
  const { mae, spearman, coverage } = summariseCurve(points, 0);
  assert.deepEqual([mae, spearman, coverage], [0, NaN, NaN]);
});
