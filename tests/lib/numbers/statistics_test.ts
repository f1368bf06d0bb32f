/** Summaries by hand, Student's quantiles against printed tables, rank correlation with ties. */

import assert from "node:assert/strict";
import {
  confidence95,
  interquartileMean,
  joinSummaries,
  spearman,
  studentQuantile975,
  summarise,
} from "../../../lib/numbers/statistics.ts";
import { assertAllClose, assertClose } from "../../support/close.ts";

Deno.test("summarise() gives mean and sample deviation as by hand", () => {
  // 2, 4, 9: mean 5, squared deviations 9 + 1 + 16 = 26, deviation sqrt(26 / 2) = sqrt(13).
  const { mean, std, n } = summarise([2, 4, 9]);
  assertClose(mean, 5);
  assertClose(std, Math.sqrt(13));
  assert.equal(n, 3);
  assert.deepEqual(summarise([7]), { mean: 7, std: 0, n: 1 });
});

Deno.test("summarise() and joinSummaries() know no return too large or too small", () => {
  for (const scale of [2 ** 900, 2 ** -900, 2 ** -1010, 1]) {
    const { mean, std } = summarise([2, 4, 9].map((value) => value * scale));
    assert.deepEqual([mean / scale, std / scale], [5, Math.sqrt(13)]);
    const one = { mean: 2 * scale, std: 0, n: 1 };
    const two = summarise([4, 9].map((value) => value * scale));
    assertClose(joinSummaries(one, two).std / scale, Math.sqrt(13));
  }
});

Deno.test("summarise() rejects an empty list", () => {
  assert.throws(() => summarise([]), {
    name: "RangeError",
    message: "Cannot summarise values: there must be at least 1, got 0",
  });
});

Deno.test("studentQuantile975() gives the values of printed tables", () => {
  // Degrees of freedom and t(0.975), as any statistics book prints them.
  const table: [freedom: number, quantile: number][] = [
    [1, 12.7062],
    [2, 4.3027],
    [3, 3.1824],
    [4, 2.7764],
    [5, 2.5706],
    [9, 2.2622],
    [10, 2.2281],
    [11, 2.20099],
    [12, 2.1788],
    [15, 2.1314],
    [19, 2.0930],
    [20, 2.0860],
    [29, 2.0452],
    [30, 2.0423],
    [40, 2.0211],
    [60, 2.0003],
    [120, 1.9799],
  ];
  for (const [freedom, quantile] of table) {
    assertClose(studentQuantile975(freedom), quantile, 6e-5);
  }
  assertClose(studentQuantile975(1e9), 1.959963985, 1e-6);
});

Deno.test("confidence95() is the mean +- t std / sqrt(n)", () => {
  // n = 5: t(4) = 2.77645; std 2, so half of the width is 2.77645 * 2 / sqrt(5) = 2.483333.
  assertAllClose(confidence95({ mean: 10, std: 2, n: 5 }), [7.516667, 12.483333], {
    tolerance: 1e-5,
  });
  assert.deepEqual(confidence95({ mean: 10, std: 0, n: 1 }), [-Infinity, Infinity]);
});

Deno.test("confidence95() holds the true mean in 95 % of samples of the shape that it assumes", () => {
  // Exhaustively, without chance: for n = 2 the interval misses 0 when |mean| > t |x - y| / 2, so for
  // the unit circle's directions (a normal pair is isotropic) in 5 % of the angles.
  const steps = 100_000;
  let held = 0;
  for (let i = 0; i < steps; i++) {
    const angle = 2 * Math.PI * (i + 0.5) / steps;
    const [low, high] = confidence95(summarise([Math.cos(angle), Math.sin(angle)]));
    if (low <= 0 && high >= 0) held++;
  }
  assertClose(held / steps, 0.95, 1e-4);
});

Deno.test("spearman() shares ranks among ties as by hand", () => {
  // x ranks 1, 2, 3, 4; y = 1, 2, 2, 5 has ranks 1, 2.5, 2.5, 4. Deviations from 2.5:
  // x -1.5, -0.5, 0.5, 1.5; y -1.5, 0, 0, 1.5. Sum of products 4.5; 4.5 / sqrt(5 * 4.5).
  assertClose(spearman([10, 20, 30, 40], [1, 2, 2, 5]), 4.5 / Math.sqrt(22.5));
  assertClose(spearman([1, 2, 3], [1, 8, 27]), 1);
  assertClose(spearman([1, 2, 3], [5, 4, -3]), -1);
  // Ranks 1, 2, 3 against 2, 1, 3: 1 - 6 * (1 + 1 + 0) / (3 * 8) = 0.5.
  assertClose(spearman([1, 2, 3], [20, 10, 30]), 0.5);
  assert.ok(Number.isNaN(spearman([1, 2], [3, 3])), "a constant has no rank order");
});

Deno.test("interquartileMean() leaves the lowest and the highest quarter out, rounded down", () => {
  // Of 8 values 2 go at each end: (3 + 4 + 5 + 6) / 4. Of 7 values 1: (2 + ... + 6) / 5.
  assert.equal(interquartileMean([900, 4, 1, 3, 6, 5, -50, 7]), 4.5);
  assert.equal(interquartileMean([7, 6, 5, 4, 3, 2, 1]), 4);
  assert.equal(interquartileMean([1, 2, 9]), 4);
  assert.throws(() => interquartileMean([]), /must be at least 1, got 0/);
});

Deno.test("joinSummaries() equals the summary of all values", () => {
  const values = [3, -1, 4, 1, -5, 9, 2, 6];
  for (let cut = 1; cut < values.length; cut++) {
    const joined = joinSummaries(summarise(values.slice(0, cut)), summarise(values.slice(cut)));
    const whole = summarise(values);
    assertClose(joined.mean, whole.mean);
    assertClose(joined.std, whole.std);
    assert.equal(joined.n, whole.n);
  }
});

Deno.test("spearman() knows no order of what does not vary, however often it is there", () => {
  const rising = Array.from({ length: 60 }, (_, i) => i);
  for (let n = 2; n < 60; n++) {
    // The mean of n equal numbers need not be that number.
    const constant = new Array<number>(n).fill(0.1);
    assert.ok(Number.isNaN(spearman(rising.slice(0, n), constant)), `${n}`);
    assert.ok(Number.isNaN(spearman(constant, rising.slice(0, n))), `${n}`);
  }
  assert.equal(spearman(rising, rising), 1);
});

Deno.test("summarise() gives equal values as they are", () => {
  // A sixth of 500 six times is 499.99999999999994.
  assert.deepEqual(summarise(new Array(6).fill(500)), { mean: 500, std: 0, n: 6 });
  assert.deepEqual(summarise([-0.1, -0.1, -0.1]), { mean: -0.1, std: 0, n: 3 });
});
