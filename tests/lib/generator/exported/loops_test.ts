/** Graphs as loops, run as JavaScript, against the interpreter; 8 bits against their own rounding. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { foldConstants } from "../../../../lib/autodiff/fold_constants.ts";
import { trace } from "../../../../lib/autodiff/graph.ts";
import { interpret } from "../../../../lib/autodiff/interpret.ts";
import type { Graph } from "../../../../lib/autodiff/node.ts";
import * as t from "../../../../lib/autodiff/tensor.ts";
import {
  type Dialect,
  prepareLoops,
  writeLoops,
} from "../../../../lib/generator/exported/loops.ts";
import {
  countBytes,
  quantise,
  roundMatrices,
} from "../../../../lib/generator/exported/quantise.ts";
import { JS_DIALECT } from "../../../../lib/generator/exported/js_generator.ts";
import { Rng } from "../../../../lib/numbers/rng.ts";
import { assertAllClose } from "../../../support/close.ts";

/** All digits, so that nothing but the loops differs. */
const DIALECT: Dialect = { ...JS_DIALECT, literal: String };

function runLoops(graph: Graph, inputs: Readonly<Record<string, Float32Array>>, size: number) {
  const { constants, lines } = writeLoops(graph, DIALECT);
  const names = [...Object.keys(inputs), ...constants.map(({ name }) => name), "y"];
  const y = new Float32Array(size);
  new Function(...names, lines.join("\n"))(
    ...Object.values(inputs),
    ...constants.map(({ data }) => data),
    y,
  );
  return y;
}

function draw(rng: Rng, size: number): Float32Array {
  return Float32Array.from({ length: size }, () => rng.standardNormal());
}

const RNG = Rng.fromSeed(2);
const WEIGHTS = draw(RNG, 12);

/** A graph for each way that a loop is written, of x [2, 3]. */
const GRAPHS: Readonly<Record<string, (x: t.Operand & object) => t.Operand & object>> = {
  "elementwise with broadcasting": (x) =>
    t.add(t.mul(x, t.constant([1, -2, 0.5], [1, 3])), t.constant([3, 4], [2, 1])),
  "functions": (x) =>
    t.tanh(t.add(t.sin(x), t.mul(t.cos(x), t.sqrt(t.exp(t.minimum(t.maximum(x, -1), 1)))))),
  "signs": (x) => t.sub(t.relu(x), t.div(t.square(t.neg(t.heaviside(x))), 3)),
  "a product with its transposed operand and a bias": (x) =>
    t.linear(x, t.constant(WEIGHTS, [4, 3]), t.constant([1, 2, 3, 4])),
  "a plain product": (x) => t.matmul(x, t.constant(WEIGHTS, [3, 4])),
  "a transposed first operand": (x) =>
    t.matmul(x, t.constant(WEIGHTS, [2, 6]), { transposeA: true }),
  "sums and means": (x) => t.add(t.sum(x, { axes: [0] }), t.mean(x, { axes: [0] })),
  "cuts and joins": (x) => t.concat([t.slice(x, { axis: 1, start: 1, end: 3 }), t.square(x), x], 1),
  "a reshape between others": (x) => t.relu(t.reshape(t.square(x), [3, 2])),
  "a reshape as the result": (x) => t.reshape(t.square(x), [6]),
  "rows by the largest element": (x) =>
    t.gather(t.constant(WEIGHTS, [4, 3]), t.argMax(t.square(x), 1)),
  "repetition": (x) => t.broadcastTo(t.sum(x, { axes: [1], keepDims: true }), [2, 4]),
  "arrays that are used again": (x) => {
    const [a, b] = [t.square(x), t.exp(x)];
    return t.add(t.mul(t.add(a, b), t.add(t.sin(a), b)), a);
  },
};

for (const [title, build] of Object.entries(GRAPHS)) {
  Deno.test(`writeLoops() computes what the interpreter does: ${title}`, () => {
    const traced = trace({ x: [2, 3] }, ({ x }) => ({ y: build(x) as never }));
    const x = draw(Rng.fromSeed(7), 6);
    const inputs = { x: { data: x, shape: [2, 3] } };
    const { y } = interpret(traced, inputs);
    const prepared = prepareLoops(traced);
    assertAllClose(runLoops(prepared, { x }, y.data.length), y.data as Float32Array, {
      tolerance: 1e-6,
    });
    // The comparison notices another input.
    const other = runLoops(prepared, { x: x.map((value) => -value - 1) }, y.data.length);
    assert.notDeepEqual(Array.from(other, Math.fround), Array.from(y.data as Float32Array));
  });
}

Deno.test("writeLoops() rejects sizes that are not fixed, and ops without a loop", () => {
  const open = trace({ x: ["N"] }, ({ x }) => ({ y: t.square(x) }));
  assert.throws(() => writeLoops(open, DIALECT), {
    name: "TypeError",
    message: "Cannot write loops: sizes must be fixed, got N",
  });
  const soft = trace({ x: [2, 2] }, ({ x }) => ({ y: t.softmax(x, 1) }));
  assert.throws(() => writeLoops(soft, DIALECT), {
    name: "TypeError",
    message: "Cannot write loops: an op must have one, got softmax",
  });
});

Deno.test("foldConstants() keeps what a graph computes, and leaves no node of constants alone", () => {
  const graph = trace({ x: [2, 2] }, ({ x }) => {
    const table = t.constantBeside(x, { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] });
    const product = t.matmul(table, table); // [[7, 10], [15, 22]]
    const rows = t.gather(product, t.argMax(table, 1)); // both rows are [15, 22]
    return { y: t.add(x, rows), z: t.square(table) };
  });
  const folded = foldConstants(graph);
  const ops = folded.nodes.map(({ op }) => op);
  assert.deepEqual(ops.toSorted(), ["add", "constant", "constant", "input"]);
  const inputs = { x: { data: [0, 1, 0, 1], shape: [2, 2] } };
  const { y, z } = interpret(folded, inputs);
  assert.deepEqual([...y.data], [15, 23, 15, 23]);
  assert.deepEqual([...z.data], [1, 4, 9, 16]);
});

Deno.test("quantise() is within half a step of every element, and exact in the greatest of a row", () =>
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 7 }),
      fc.integer(),
      (rows, columns, seed) => {
        const matrix = draw(Rng.fromSeed(Math.abs(seed)), rows * columns);
        const { values, scales } = quantise(matrix, columns);
        matrix.forEach((x, i) => {
          const scale = scales[Math.floor(i / columns)];
          assert.ok(Math.abs(values[i] * scale - x) <= scale * 0.5001);
        });
        scales.forEach((scale, row) => {
          const numbers = [...matrix.subarray(row * columns, (row + 1) * columns)];
          const greatest = Math.max(...numbers.map(Math.abs));
          assert.ok(Math.abs(scale * 127 - greatest) <= 1e-6 * greatest);
        });
      },
    ),
    { numRuns: 40 },
  ));

Deno.test("roundMatrices() rounds what products read as weights, and nothing else", () => {
  const graph = prepareLoops(trace({ x: [1, 3] }, ({ x }) => ({
    y: t.linear(x, t.constant([127, 0.4, 0.6, 254, 0.9, 1.1], [2, 3]), t.constant([0.3, 0.7])),
  })));
  const { y } = interpret(roundMatrices(graph), { x: { data: [1, 1, 1], shape: [1, 3] } });
  // Scales 1 and 2: 127 + 0 + 1 + 0.3, and 254 + 0 + 2 + 0.7.
  assertAllClose(y.data as Float32Array, [128.3, 256.7], { tolerance: 1e-4 });
  // Six weights and two biases; then six bytes, two scales, two biases.
  assert.deepEqual(countBytes(graph), { float: 32, int8: 22 });
});
