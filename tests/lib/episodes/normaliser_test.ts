/** Running moments by hand, against two passes, and merged in any grouping. */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addObservation,
  createMoments,
  findBlurred,
  foresee,
  mergeMoments,
  type Moments,
  normaliserOf,
} from "../../../lib/episodes/normaliser.ts";
import { assertAllClose } from "../../support/close.ts";

function momentsOf(observations: readonly (readonly number[])[], size: number): Moments {
  const moments = createMoments(size);
  for (const observation of observations) addObservation(moments, observation);
  return moments;
}

Deno.test("addObservation() gives mean and population variance as by hand", () => {
  // 1, 2, 6: mean 3, squared deviations 4 + 1 + 9 = 14. -2, -2, -2: mean -2, 0.
  const moments = momentsOf([[1, -2], [2, -2], [6, -2]], 2);
  assert.equal(moments.count, 3);
  assertAllClose(moments.mean, [3, -2]);
  assertAllClose(moments.squares, [14, 0]);
  const { mean, deviation } = normaliserOf(moments);
  assertAllClose(mean, [3, -2]);
  assertAllClose(deviation, [Math.sqrt(14 / 3) + 1e-8, 1], { tolerance: 1e-15 });
});

Deno.test("normaliserOf() sees deviations of any size, but not rounding errors", () => {
  const of = (values: number[], fixedEpsilon = false) =>
    normaliserOf(momentsOf(values.map((value) => [value]), 1), { fixedEpsilon }).deviation[0];
  // Mean 0, deviation 1e-9: a fixed epsilon of 1e-8 makes it 11 times as large.
  assertAllClose([of([-1e-9, 1e-9])], [1e-9 * (1 + 1e-4)], { tolerance: 1e-15 });
  assertAllClose([of([-1e-9, 1e-9], true)], [1.1e-8], { tolerance: 1e-15 });
  assert.equal(of([0.5, 1.5]), 0.5 + 1e-8); // as with the fixed one
  assert.equal(of([0.5, 1.5], true), 0.5 + 1e-8);
  assert.equal(of([1e6, 1e6 + 2 ** -33]), 1); // the last bit of a float64
  assert.equal(of([0, 1e-17]), 1);
});

Deno.test("findBlurred() names what float32 cannot tell apart", () => {
  // At 1.7e9 numbers of float32 are 128 apart, at 1e6 0.0625; a constant is none to be told apart.
  const rows = [-1, 1].map((x) => [1.7e9 + x, 1e6 + x, x, 1.7e9, 1e9 + 1000 * x]);
  assert.deepEqual(findBlurred(momentsOf(rows, 5)), [0]);
  assert.deepEqual(findBlurred(createMoments(2)), []);
});

Deno.test("foresee() prepares for large first observations, and leaves ordinary ones alone", () => {
  const normaliser = normaliserOf(createMoments(4));
  foresee(normaliser, [100, -2e6, 0, 1e9]);
  assert.deepEqual([...normaliser.mean], [0, -2e6, 0, 1e9]);
  assert.deepEqual([...normaliser.deviation], [1, 2e6, 1, 1e9]);
});

Deno.test("normaliserOf() is the identity before the first observation and copies", () => {
  const moments = createMoments(2);
  const before = normaliserOf(moments);
  assert.deepEqual([...before.mean, ...before.deviation], [0, 0, 1, 1]);
  addObservation(moments, [5, 5]);
  assert.deepEqual([...before.mean], [0, 0]);
  assert.deepEqual([...normaliserOf(moments).deviation], [1, 1], "one observation has no scale");
});

Deno.test("mergeMoments() equals adding all observations one by one", () => {
  const observation = fc.tuple(
    fc.double({ min: -1e3, max: 1e3, noNaN: true }),
    fc.double({ min: 1e3, max: 1e3 + 1, noNaN: true }),
  );
  const episodes = fc.array(fc.array(observation, { maxLength: 8 }), { maxLength: 6 });
  fc.assert(
    fc.property(episodes, (groups) => {
      const merged = createMoments(2);
      for (const group of groups) mergeMoments(merged, momentsOf(group, 2));
      const all = groups.flat();
      assert.equal(merged.count, all.length);
      if (all.length === 0) return;
      // Two passes: the mean first, then the squares around it.
      const mean = [0, 1].map((i) => all.reduce((sum, each) => sum + each[i], 0) / all.length);
      const squares = [0, 1].map((i) =>
        all.reduce((sum, each) => sum + (each[i] - mean[i]) ** 2, 0)
      );
      assertAllClose(merged.mean, mean, { tolerance: 1e-9 });
      assertAllClose(merged.squares, squares, { tolerance: 1e-5 });
    }),
    { seed: 1 },
  );
});

Deno.test("addObservation() keeps its digits where the mean is large", () => {
  const moments = momentsOf([[1e9 + 1], [1e9 + 2], [1e9 + 3]], 1);
  assertAllClose(moments.squares, [2], { tolerance: 1e-6 });
});
