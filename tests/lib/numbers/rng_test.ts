/** The generator against NumPy's own draws, and its save and restore. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { Rng, type RngState } from "../../../lib/numbers/rng.ts";
import { seedSequence } from "../../../lib/numbers/seed_sequence.ts";

interface Case {
  seed: number | number[];
  start: RngState;
  words: number[];
  uniform: number[];
  normal: number[];
  random: number[];
  integers: number[];
  uint32: number[];
  end: RngState;
}

const golden: {
  cases: Case[];
  longRun: {
    seed: number;
    count: number;
    tail: [number, number][];
    everyThousandth: number[];
    end: RngState;
  };
} = JSON.parse(Deno.readTextFileSync(new URL("../../golden/rng.json", import.meta.url)));

Deno.test("seedSequence() gives NumPy's words", () => {
  for (const { seed, words } of golden.cases) {
    assert.deepEqual([...seedSequence(seed, 8)], words, `seed ${seed}`);
  }
});

Deno.test("Rng draws NumPy's numbers bit for bit", () => {
  for (const expected of golden.cases) {
    const rng = Rng.fromSeed(expected.seed);
    assert.deepEqual(rng.save(), expected.start);
    assert.deepEqual(expected.uniform.map(() => rng.uniform(-0.05, 0.05)), expected.uniform);
    assert.deepEqual(expected.normal.map(() => rng.standardNormal()), expected.normal);
    assert.deepEqual(expected.random.map(() => rng.random()), expected.random);
    const bounds = [2, 3, 7, 1000, 2 ** 31 + 1, 2 ** 32, 1, 5];
    assert.deepEqual(bounds.map((n) => rng.integer(n)), expected.integers);
    assert.deepEqual(expected.uint32.map(() => rng.nextUint32()), expected.uint32);
    assert.deepEqual(rng.save(), expected.end);
  }
});

Deno.test("Rng.standardNormal() agrees with NumPy over a million draws, tail included", () => {
  const { seed, count, tail, everyThousandth, end } = golden.longRun;
  const rng = Rng.fromSeed(seed);
  const draws = new Float64Array(count);
  rng.fillStandardNormal(draws);
  const thousandth = everyThousandth.map((_, i) => draws[1000 * i]);
  assert.deepEqual(thousandth, everyThousandth);
  const drawnTail: [number, number][] = [];
  draws.forEach((x, i) => {
    if (Math.abs(x) > 3.6541528853610088) drawnTail.push([i, x]);
  });
  assert.deepEqual(drawnTail, tail);
  assert.deepEqual(rng.save(), end);
});

Deno.test("Rng.fillUniform() draws what single draws give", () => {
  const filled = new Float64Array(50);
  Rng.fromSeed(3).fillUniform(filled, -2, 5);
  const rng = Rng.fromSeed(3);
  assert.deepEqual([...filled], Array.from(filled, () => rng.uniform(-2, 5)));
});

Deno.test("Rng.restore() goes on where save() stood, from any point and through JSON", () => {
  fc.assert(fc.property(
    fc.array(fc.maxSafeNat(), { minLength: 1, maxLength: 6 }),
    fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 20 }),
    (seed, draws) => {
      const rng = Rng.fromSeed(seed);
      const draw = (from: Rng, kind: number) =>
        kind === 0 ? from.random() : kind === 1 ? from.nextUint32() : from.standardNormal();
      for (const kind of draws) draw(rng, kind);
      const copy = Rng.restore(JSON.parse(JSON.stringify(rng.save())));
      for (const kind of [1, 0, 2, ...draws]) assert.equal(draw(copy, kind), draw(rng, kind));
    },
  ));
});

Deno.test("Rng.integer() stays below its bound and reaches every value", () => {
  const rng = Rng.fromSeed(1);
  const counts = [0, 0, 0, 0, 0];
  for (let i = 0; i < 5000; i++) counts[rng.integer(5)]++;
  for (const count of counts) assert.ok(count > 850 && count < 1150, `counts ${counts}`); // 5 sd
});

Deno.test("Rng refuses malformed seeds, states and bounds", () => {
  for (const seed of [-1, 0.5, NaN, 2 ** 53, [1, -2], []]) {
    assert.throws(() => Rng.fromSeed(seed), {
      name: "RangeError",
      message: /^Cannot seed generator: /,
    });
  }
  const good = Rng.fromSeed(1).save();
  const bad: unknown[] = [
    undefined,
    { ...good, algorithm: "MT19937" },
    { ...good, state: "12" },
    { ...good, state: good.state.toUpperCase() + "G" },
    { ...good, increment: good.increment.slice(0, 31) + "2" },
    { ...good, buffered: -1 },
    { ...good, buffered: "7" },
  ];
  for (const state of bad) {
    assert.throws(() => Rng.restore(state as RngState), {
      name: "RangeError",
      message: /^Cannot restore generator: /,
    });
  }
  for (const n of [0, -1, 1.5, 2 ** 32 + 1, NaN]) {
    assert.throws(() => Rng.fromSeed(1).integer(n), { message: /^Cannot draw integer: / });
  }
});
