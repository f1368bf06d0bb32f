import assert from "node:assert/strict";
import {
  bootstrapInterval,
  probabilityOfImprovement,
  type Strata,
} from "../../../lib/numbers/bootstrap.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { interquartileMean, summarise } from "../../../lib/numbers/statistics.ts";

const meanOf = (strata: Strata) => summarise(strata.flat()).mean;

Deno.test("bootstrapInterval() of two values reaches both: their means are 0, a half and 1", () => {
  // A quarter of the samples is (0, 0), a quarter (1, 1): the interval ends in both.
  const rng = Rng.fromSeed(1);
  assert.deepEqual(bootstrapInterval([[0, 1]], meanOf, { rng }), [0, 1]);
});

Deno.test("bootstrapInterval() resamples every stratum apart", () => {
  // A plain bootstrap of 0, 0, 100, 100 would often have means of 0 and of 100.
  const rng = Rng.fromSeed(1);
  assert.deepEqual(bootstrapInterval([[0, 0], [100, 100]], meanOf, { rng }), [50, 50]);
});

Deno.test("bootstrapInterval() holds the mean of a normal sample about 95 times of 100", () => {
  const rng = Rng.fromSeed(2);
  let held = 0;
  const trials = 100;
  for (let i = 0; i < trials; i++) {
    const sample = Array.from({ length: 20 }, () => 3 + rng.standardNormal());
    const [low, high] = bootstrapInterval([sample], meanOf, { rng, samples: 200 });
    if (low <= 3 && high >= 3) held++;
  }
  // The deviation of the share is 2 %; percentile intervals of 20 values hold a little less than 95 %.
  assert.ok(held / trials > 0.85 && held < trials, `${held} of ${trials}`);
});

Deno.test("bootstrapInterval() repeats with its stream, and refuses nothing", () => {
  const values = [[1, 5, 2, 8, 3]];
  const iqm = (strata: Strata) => interquartileMean(strata.flat());
  const of = (seed: number) => bootstrapInterval(values, iqm, { rng: Rng.fromSeed(seed) });
  assert.deepEqual(of(3), of(3));
  assert.throws(() => bootstrapInterval([[1], []], meanOf, { rng: Rng.fromSeed(1) }), {
    name: "RangeError",
    message: "Cannot resample values: every stratum must have at least 1, got 0",
  });
});

Deno.test("probabilityOfImprovement() counts pairs, ties as halves", () => {
  // 3 beats 1 and 2; 2 beats 1 and ties with 2: (2 + 1.5) of 4 pairs.
  assert.equal(probabilityOfImprovement([3, 2], [1, 2]), 3.5 / 4);
  assert.equal(probabilityOfImprovement([1, 2], [3, 2]), 0.5 / 4);
  assert.throws(() => probabilityOfImprovement([], [1]), RangeError);
});
