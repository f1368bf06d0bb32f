/** From wanted returns to commands on small curves worked by hand. */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  answersFor,
  type Calibration,
  commandFor,
  reachableRange,
} from "../../../lib/generator/calibration.ts";
import { assertAllClose, assertClose } from "../../support/close.ts";

/** A curve through (command, mean, deviation) triples. */
function calibrationOf(
  points: readonly (readonly [command: number, mean: number, std?: number])[],
  best: Partial<Calibration> = {},
): Calibration {
  return {
    points: points.map(([command, mean, std = 0]) => ({ command, mean, std, n: 5 })),
    bestCommand: 1,
    bestReturn: 100,
    ...best,
  };
}

const RISING = calibrationOf([[0, 10], [0.5, 30], [1, 90]]);

Deno.test("commandFor() interpolates between the measured commands", () => {
  // 60 is halfway from 30 to 90, so the command is halfway from 0.5 to 1.
  assert.deepEqual(commandFor(RISING, 60), { command: 0.75, expected: 60, within: true });
  // 15 is a quarter of the way from 10 to 30.
  assert.deepEqual(commandFor(RISING, 15), { command: 0.125, expected: 15, within: true });
});

Deno.test("commandFor() meets the measured points themselves", () => {
  assert.equal(commandFor(RISING, 10).command, 0);
  assert.equal(commandFor(RISING, 30).command, 0.5);
  assert.equal(commandFor(RISING, 90).command, 1);
});

Deno.test("commandFor() follows a falling piece as well", () => {
  const falling = calibrationOf([[0, 50], [1, 0]], { bestReturn: 50, bestCommand: 0 });
  assertClose(commandFor(falling, 20).command, 0.6);
});

Deno.test("commandFor() prefers the piece whose ends vary least", () => {
  // 50 lies on both pieces; the deviation is 40 at the end of the second one.
  const curve = calibrationOf([[0, 0, 1], [0.4, 100, 1], [1, 0, 40]]);
  assertClose(commandFor(curve, 50).command, 0.2);
  const reversed = calibrationOf([[0, 0, 40], [0.6, 100, 1], [1, 0, 1]]);
  assertClose(commandFor(reversed, 50).command, 0.8);
});

Deno.test("answersFor() lists every measured command and every bracketing piece, the closest first", () => {
  // Errors: the piece from 30 to 90 at 1/6: 60 * 5/36 / 2 = 4.2; 30: 10; 10: 30; 90: 50.
  const commands = answersFor(RISING, 40).map(({ command }) => command);
  assertAllClose(commands, [0.5 + 0.5 / 6, 0.5, 0, 1], { tolerance: 1e-12 });
});

Deno.test("commandFor() prefers a measured command to the middle of a cliff", () => {
  // Off the cliff's middle by up to 90 / 8 = 11, off the measured 52 by 2.
  const curve = calibrationOf([[0, 5], [0.3, 95], [0.6, 52], [1, 95]]);
  assert.deepEqual(commandFor(curve, 50), { command: 0.6, expected: 52, within: true });
});

Deno.test("commandFor() mistrusts a steady command between unsteady ones until it was measured more", () => {
  // Deviation of 0.3 with 5 episodes: sqrt((4 * 0 + 2 * 40^2) / 6 * (1/5 + 1/5)) = 14.6; 10 at 0.8.
  const lone = calibrationOf([[0, 0, 40], [0.3, 50, 0], [0.4, 100, 40], [0.7, 99], [0.8, 60], [
    1,
    99,
  ]]);
  assert.equal(commandFor(lone, 50).command, 0.8);
  // With 50 episodes: sqrt(2 * 40^2 / 51 * (1/50 + 1/5)) = 3.7.
  const points = lone.points.map((point) => point.command === 0.3 ? { ...point, n: 50 } : point);
  assert.equal(commandFor({ ...lone, points }, 50).command, 0.3);
});

Deno.test("commandFor() gives the nearest return for one that is out of reach, and says so", () => {
  assert.deepEqual(commandFor(RISING, -5), { command: 0, expected: 10, within: false });
  assert.deepEqual(commandFor(RISING, 1e6), { command: 1, expected: 100, within: false });
});

Deno.test("commandFor() answers from the best return upwards with the best command", () => {
  // A point of the curve says 90 at command 1; the best command was measured more often: 80.
  const curve = calibrationOf([[0, 10], [1, 90]], { bestCommand: 0.7, bestReturn: 80 });
  assert.deepEqual(commandFor(curve, 80), { command: 0.7, expected: 80, within: true });
  assert.deepEqual(commandFor(curve, 85), { command: 0.7, expected: 80, within: false });
});

Deno.test("commandFor() answers from the best command where nothing was measured", () => {
  const empty = calibrationOf([], { bestCommand: 0.9, bestReturn: 42 });
  assert.deepEqual(commandFor(empty, 10), { command: 0.9, expected: 42, within: false });
});

Deno.test("reachableRange() spans the curve and the best return", () => {
  assert.deepEqual(reachableRange(RISING), { min: 10, max: 100 });
});

Deno.test("commandFor() answers closer than the nearest measured command where it says it is within", () => {
  const eighths = (bound: number) =>
    fc.integer({ min: -8 * bound, max: 8 * bound }).map((n) => n / 8);
  const means = fc.array(eighths(100), { minLength: 2, maxLength: 8 });
  fc.assert(
    fc.property(means, eighths(120), (values, wanted) => {
      const curve = calibrationOf(
        values.map((mean, i) => [i / (values.length - 1), mean]),
        { bestReturn: 1000 },
      );
      const { command, within } = commandFor(curve, wanted);
      const [low, high] = [Math.min(...values), Math.max(...values)];
      assert.equal(within, wanted >= low && wanted <= high);
      if (!within) return;
      const at = Math.min(command * (values.length - 1), values.length - 1);
      const left = Math.min(Math.floor(at), values.length - 2);
      // A rounded command next to a measured one may lie on the neighbouring piece, at its end.
      const reached = values[left] + (at - left) * (values[left + 1] - values[left]);
      const nearest = Math.min(...values.map((value) => Math.abs(value - wanted)));
      assert.ok(Math.abs(reached - wanted) <= nearest + 1e-9, `${reached} for ${wanted}`);
    }),
    { seed: 2, numRuns: 500 },
  );
});
