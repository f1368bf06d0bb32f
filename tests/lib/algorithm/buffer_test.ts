/** The buffer by hand: buckets, weightings, what gives way, draws against their probabilities. */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type BufferOptions,
  type BufferState,
  type DrawOptions,
  PolicyBuffer,
  rankWeights,
  spacingWeights,
} from "../../../lib/algorithm/buffer.ts";
import type { StoredPolicy } from "../../../lib/policy_space.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { tinyConfig } from "../../support/tiny_run.ts";

/** A buffer of rows of two numbers: [value, -value]. */
function createBuffer(changes: Partial<BufferOptions> = {}): PolicyBuffer {
  return new PolicyBuffer({ ...tinyConfig().buffer, bucketCount: 10, capacity: 20, ...changes }, 2);
}

function add(buffer: PolicyBuffer, scaledReturn: number, value = scaledReturn) {
  return buffer.add(Float32Array.of(value, -value) as StoredPolicy, scaledReturn);
}

/** What a checkpoint holds besides the rows. */
function stateOf(buffer: PolicyBuffer): BufferState {
  const entries = Array.from(buffer.entries(), (entry) => ({ ...entry }));
  return { entries, arrivals: buffer.arrivals, best: buffer.best };
}

/** How often each return is drawn, by return: shares of 40,000 draws. */
function sharesOf(
  buffer: PolicyBuffer,
  options: Partial<DrawOptions> = {},
): Map<number, number> {
  const { entries, shares } = buffer.draw(Rng.fromSeed(1), { size: 40_000, ...options });
  const drawn = new Map<number, number>();
  entries.forEach(({ scaledReturn }, i) =>
    drawn.set(scaledReturn, (drawn.get(scaledReturn) ?? 0) + shares[i])
  );
  return drawn;
}

/** Asserts how often each return is drawn, to four deviations of a binomial share. */
function assertDrawn(
  buffer: PolicyBuffer,
  expected: readonly (readonly [number, number])[],
  options: Partial<DrawOptions> = {},
) {
  const drawn = sharesOf(buffer, options);
  for (const [scaledReturn, chance] of expected) {
    const bound = 4 * Math.sqrt(chance * (1 - chance) / 40_000);
    const share = drawn.get(scaledReturn) ?? 0;
    assert.ok(Math.abs(share - chance) <= bound + 1e-7, `${scaledReturn}: ${share}, ${chance}`);
  }
}

function returnsOf(buffer: PolicyBuffer): number[] {
  return [...buffer.entries()].map(({ scaledReturn }) => scaledReturn);
}

function assertClose(actual: Iterable<number>, expected: readonly number[], tolerance = 1e-12) {
  const values = [...actual];
  assert.equal(values.length, expected.length);
  values.forEach((value, i) =>
    assert.ok(Math.abs(value - expected[i]) <= tolerance, `${values} is not ${expected}`)
  );
}

Deno.test("PolicyBuffer.add() files a limit's return in the bucket below it", () => {
  // Ten buckets over 0..1: (0.2, 0.3] is the third. 0.3 belongs to it, the next number above does not.
  const buffer = createBuffer();
  assert.ok(add(buffer, 0.3));
  assert.equal(add(buffer, 0.21), undefined, "same bucket, capacity 1");
  assert.equal(add(buffer, 0.3), undefined);
  assert.ok(add(buffer, 0.30000001));
  assert.ok(add(buffer, 0.2), "0.2 is in (0.1, 0.2]");
  assert.equal(buffer.bucketCount, 3);
});

Deno.test("PolicyBuffer.add() keeps to the limits i / K whatever the rounding", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 1, max: 2000 }),
      (count, i) => {
        const buffer = createBuffer({ bucketCount: count });
        const limit = i / count;
        const above = limit * (1 + Number.EPSILON);
        add(buffer, limit);
        assert.equal(add(buffer, (i - 0.5) / count), undefined, "below the limit: same bucket");
        assert.notEqual(add(buffer, above), undefined, "above the limit: the next bucket");
        assert.equal(add(buffer, (i + 0.5) / count), undefined);
      },
    ),
    { seed: 1, numRuns: 1000 },
  );
  // 35 of 0..500 over a hundred buckets: 0.07 * 100 = 7.000000000000001.
  const buffer = createBuffer({ bucketCount: 100 });
  add(buffer, 35 / 500);
  assert.equal(add(buffer, 0.065), undefined);
});

Deno.test("PolicyBuffer.add() puts returns of 0 and below into the first bucket", () => {
  const buffer = createBuffer();
  add(buffer, 0);
  assert.equal(add(buffer, -5), undefined);
  assert.equal(add(buffer, 0.1), undefined);
  assert.equal(buffer.bucketCount, 1);
});

Deno.test("PolicyBuffer.add() goes on with buckets of the same width above 1", () => {
  const buffer = createBuffer();
  add(buffer, 1);
  assert.ok(add(buffer, 1.05), "(1, 1.1]");
  assert.equal(add(buffer, 1.1), undefined);
  assert.ok(add(buffer, 7.31));
  assert.equal(buffer.bucketCount, 3);
  assert.deepEqual(returnsOf(buffer), [1, 1.05, 7.31]);
});

Deno.test('PolicyBuffer.add() with "drop" keeps the first policies of a bucket', () => {
  const buffer = createBuffer({ bucketCapacity: 2 });
  assert.deepEqual([0.51, 0.52, 0.53].map((value) => add(buffer, value) !== undefined), [
    true,
    true,
    false,
  ]);
  assert.deepEqual(returnsOf(buffer), [0.51, 0.52]);
  assert.equal(buffer.arrivals, 3);
  assert.equal(buffer.best, 0.53, "the best return seen counts, stored or not");
});

Deno.test('PolicyBuffer.add() with "oldest" replaces the policy that came first', () => {
  const buffer = createBuffer({ bucketCapacity: 2, whenFull: "oldest" });
  for (const value of [0.51, 0.52, 0.53]) add(buffer, value);
  assert.deepEqual(returnsOf(buffer), [0.52, 0.53]);
});

Deno.test("PolicyBuffer.add() removes the oldest policy of all when the buffer is full", () => {
  const buffer = createBuffer({ capacity: 3 });
  for (const value of [0.95, 0.15, 0.35, 0.55]) add(buffer, value);
  assert.deepEqual(returnsOf(buffer), [0.15, 0.35, 0.55]);
  assert.equal(buffer.best, 0.95, "the best return stays");
  assert.equal(buffer.bucketCount, 3);
});

Deno.test("PolicyBuffer.add() copies the row and reuses freed slots", () => {
  const buffer = createBuffer({ capacity: 2 });
  const row = Float32Array.of(1, 2) as StoredPolicy;
  const first = buffer.add(row, 0.1)!;
  row.fill(9);
  assert.deepEqual([...buffer.row(first.slot)], [1, 2]);
  add(buffer, 0.2);
  const third = add(buffer, 0.5)!;
  assert.equal(third.slot, first.slot);
  assert.deepEqual([...buffer.row(third.slot)], [0.5, -0.5]);
});

Deno.test("PolicyBuffer with fifo keeps equal returns apart and forgets the oldest", () => {
  const buffer = createBuffer({ kind: "fifo", capacity: 3, weightingScale: 0 });
  for (let i = 0; i < 5; i++) add(buffer, 0.5, i);
  assert.deepEqual([...buffer.entries()].map(({ slot }) => buffer.row(slot)[0]), [2, 3, 4]);
  const { shares } = buffer.draw(Rng.fromSeed(1), { size: 40_000 });
  assertClose(shares, [1 / 3, 1 / 3, 1 / 3], 0.01);
});

Deno.test("rankWeights() weighs four buckets as by hand", () => {
  // exp(0.5 (k - 4)): exp(-1.5), exp(-1), exp(-0.5), 1.
  const expected = [0.22313016014842982, 0.36787944117144233, 0.6065306597126334, 1];
  assertClose(rankWeights(0.5, 4), expected);
  assertClose(rankWeights(0, 3), [1, 1, 1]);
});

Deno.test("PolicyBuffer.draw() draws buckets as often as their weights say", () => {
  for (const weightingScale of [0, 0.5]) {
    const buffer = createBuffer({ weightingScale, bucketCapacity: 2 });
    // Two policies in the lowest bucket: its chance stays that of one bucket, shared by halves.
    for (const value of [0.85, 0.15, 0.55, 0.35, 0.12]) add(buffer, value);
    const weights = rankWeights(weightingScale, 4);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const probabilities = weights.map((weight) => weight / total);
    assertDrawn(buffer, [
      [0.15, probabilities[0] / 2],
      [0.12, probabilities[0] / 2],
      [0.35, probabilities[1]],
      [0.55, probabilities[2]],
      [0.85, probabilities[3]],
    ]);
  }
});

Deno.test("spacingWeights() weighs values by the distance of their neighbours", () => {
  // (1 - 0) / 2, (3 - 0) / 2, (10 - 1) / 2, (10 - 3) / 2.
  assertClose(spacingWeights([0, 1, 3, 10]), [0.5, 1.5, 4.5, 3.5]);
  assert.deepEqual(spacingWeights([2, 2]), [1, 1]);
  assert.deepEqual(spacingWeights([2]), [1]);
});

Deno.test("PolicyBuffer.draw() draws crowded returns less often when it is even", () => {
  const buffer = createBuffer({ bucketCount: 100 });
  for (const value of [0.05, 0.15, 0.35, 1.05]) add(buffer, value);
  // Distances as above, tenfold smaller: 0.5, 1.5, 4.5 and 3.5 of 10.
  assertDrawn(buffer, [[0.05, 0.05], [0.15, 0.15], [0.35, 0.45], [1.05, 0.35]], { isEven: true });
});

Deno.test("PolicyBuffer.draw() draws raw returns of a queue evenly, whatever they are measured in", () => {
  for (const [scale, offset] of [[1, 0], [1e-7, 0], [1e9, 0], [1, -1e4]]) {
    const buffer = createBuffer({ kind: "fifo" });
    const at = (value: number) => scale * value + offset;
    for (const value of [15, -15, -5, 85]) add(buffer, at(value));
    // Half the distances of neighbours: 5, 15, 45 and 35 of 100.
    const expected = [[-15, 0.05], [-5, 0.15], [15, 0.45], [85, 0.35]] as const;
    assertDrawn(buffer, expected.map(([value, chance]) => [at(value), chance]), { isEven: true });
  }
});

Deno.test("rankWeights() keep the reference's proportions: 26 % for the best, 95 % for ten", () => {
  const weights = rankWeights(0.3, 800);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const best = weights.slice(-10).reduce((sum, weight) => sum + weight, 0);
  // The geometric series: 1 - exp(-0.3) = 0.2592 and 1 - exp(-3) = 0.9502.
  assert.equal((weights[799] / total).toFixed(4), "0.2592");
  assert.equal((best / total).toFixed(4), "0.9502");
});

Deno.test("PolicyBuffer.draw() gives shares that count repeated draws and sum to 1", () => {
  const buffer = createBuffer();
  for (let i = 0; i < 8; i++) add(buffer, i / 10 + 0.05);
  const { entries, shares } = buffer.draw(Rng.fromSeed(1), { size: 24 });
  assert.equal(new Set(entries).size, entries.length);
  const counts = [...shares].map((share) => share * 24);
  counts.forEach((count) => assert.ok(Math.abs(count - Math.round(count)) < 1e-5 && count > 0.9));
  assert.ok(Math.abs(counts.reduce((sum, count) => sum + count, 0) - 24) < 1e-5);
  const again = buffer.draw(Rng.fromSeed(1), { size: 24 });
  assert.deepEqual(again, { entries, shares });
});

Deno.test("PolicyBuffer.drawable() leaves out the excluded band, in order of arrival", () => {
  const buffer = createBuffer({ exclude: [0.4, 0.6] });
  for (const value of [0.95, 0.55, 0.15, 0.45]) add(buffer, value);
  assert.deepEqual(buffer.drawable().map(({ scaledReturn }) => scaledReturn), [0.95, 0.15]);
});

Deno.test("PolicyBuffer.draw() never draws from the excluded band", () => {
  const buffer = createBuffer({ exclude: [0.4, 0.6], weightingScale: 0 });
  for (let i = 0; i < 10; i++) add(buffer, i / 10 + 0.05);
  const { entries } = buffer.draw(Rng.fromSeed(1), { size: 1000 });
  assert.deepEqual(
    entries.map(({ scaledReturn }) => Math.floor(10 * scaledReturn)).sort(),
    [0, 1, 2, 3, 6, 7, 8, 9],
  );
  assert.equal(buffer.size, 10, "the band is stored");
});

Deno.test("PolicyBuffer.draw() rejects an empty buffer", () => {
  assert.throws(() => createBuffer().draw(Rng.fromSeed(1), { size: 1 }), {
    name: "RangeError",
    message:
      "Cannot draw a batch: the buffer must hold a policy outside the excluded band, got none",
  });
});

Deno.test("PolicyBuffer.restore() makes a buffer that goes on as the saved one", () => {
  const config = { bucketCapacity: 3, whenFull: "oldest", capacity: 9, weightingScale: 0 } as const;
  const rng = Rng.fromSeed(5);
  const original = createBuffer(config);
  for (let i = 0; i < 40; i++) add(original, rng.random() * 0.5);
  const state = stateOf(original);
  const copy = createBuffer(config);
  copy.restore(state);
  for (const { slot } of state.entries) copy.row(slot).set(original.row(slot));
  const describe = (buffer: PolicyBuffer) => ({
    entries: [...buffer.entries()].map(({ slot, ...entry }) => ({
      ...entry,
      row: [...buffer.row(slot)],
    })),
    best: buffer.best,
    arrivals: buffer.arrivals,
  });
  assert.deepEqual(describe(copy), describe(original));
  for (let i = 0; i < 40; i++) {
    const value = rng.random() * 0.7;
    assert.equal(add(copy, value)?.order, add(original, value)?.order);
  }
  assert.deepEqual(describe(copy), describe(original));
  const drawn = (buffer: PolicyBuffer) =>
    buffer.draw(Rng.fromSeed(6), { size: 50 }).entries.map(({ order }) => order);
  assert.deepEqual(drawn(copy), drawn(original));
});
