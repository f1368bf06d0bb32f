/** The interpreter on arithmetic done by hand. */

import assert from "node:assert/strict";
import { trace } from "../../../lib/autodiff/graph.ts";
import { interpret } from "../../../lib/autodiff/interpret.ts";
import type { Tensor } from "../../../lib/autodiff/node.ts";
import * as t from "../../../lib/autodiff/tensor.ts";

/** Evaluates a function of x. */
function run(data: number[], shape: number[], compute: (x: Tensor) => Tensor) {
  const graph = trace({ x: shape }, ({ x }) => ({ y: compute(x) }));
  const { y } = interpret(graph, { x: { data, shape } }, { dtype: "float64" });
  return { data: [...y.data], shape: [...y.shape] };
}

const X = [1, 2, 3, 4, 5, 6];

Deno.test("interpret() gives elementwise results worked by hand", () => {
  const data = [-2, 0, 0.5];
  const cases: [(x: Tensor) => Tensor, number[]][] = [
    [(x) => t.add(x, 1), [-1, 1, 1.5]],
    [(x) => t.sub(1, x), [3, 1, 0.5]],
    [(x) => t.mul(2, x), [-4, 0, 1]],
    [(x) => t.div(x, 2), [-1, 0, 0.25]],
    [t.square, [4, 0, 0.25]],
    [t.relu, [0, 0, 0.5]],
    [(x) => t.leakyRelu(x, 0.1), [-0.2, 0, 0.5]],
    [t.heaviside, [0, 0, 1]],
    [(x) => t.sqrt(t.square(x)), [2, 0, 0.5]],
    [t.exp, data.map(Math.exp)],
    [t.tanh, data.map(Math.tanh)],
  ];
  for (const [compute, expected] of cases) {
    const { data: y } = run(data, [3], compute);
    y.forEach((value, i) =>
      assert.ok(Math.abs(Number(value) - expected[i]) < 1e-14, `${compute} ${y}`)
    );
  }
});

Deno.test("interpret() multiplies stacks of matrices as NumPy does", () => {
  // [1 1] times [[1, 2], [3, 4]] is [4 6], times [[5, 6], [7, 8]] is [12 14].
  const stack = [1, 2, 3, 4, 5, 6, 7, 8];
  const ones = t.constant([1, 1], [1, 2]);
  assert.deepEqual(run(stack, [2, 2, 2], (x) => t.batchMatmul(ones, x)), {
    data: [4, 6, 12, 14],
    shape: [2, 1, 2],
  });
  // The rows' sums in place of the columns'.
  const sums = run(stack, [2, 2, 2], (x) => t.batchMatmul(x, ones, { transposeB: true }));
  assert.deepEqual(sums, { data: [3, 7, 11, 15], shape: [2, 2, 1] });
  const byTransposed = run(
    stack,
    [2, 2, 2],
    (x) => t.batchMatmul(x, t.constant([1, 1], [2, 1]), { transposeA: true }),
  );
  assert.deepEqual(byTransposed, { data: [4, 6, 12, 14], shape: [2, 2, 1] });
});

Deno.test("interpret() gives softmax along an axis, of numbers of any size", () => {
  const [third, rest] = [1 / 3, 2 / 3];
  const close = (actual: unknown[], expected: number[]) =>
    expected.forEach((value, i) => assert.ok(Math.abs(Number(actual[i]) - value) < 1e-12));
  // exp(log 2) is twice exp(0).
  const rows = run([0, Math.log(2), 1000, 1000 + Math.log(2)], [2, 2], (x) => t.softmax(x, 1));
  close(rows.data, [third, rest, third, rest]);
  const columns = run([0, -1e30, Math.log(2), 0], [2, 2], (x) => t.softmax(x, 0));
  close(columns.data, [third, 0, rest, 1]);
});

Deno.test("interpret() moves elements as NumPy does", () => {
  // x = [[1, 2, 3], [4, 5, 6]]
  assert.deepEqual(run(X, [2, 3], (x) => t.reshape(x, [3, -1])), { data: X, shape: [3, 2] });
  assert.deepEqual(run(X, [2, 3], (x) => t.slice(x, { axis: 1, start: 1, end: 3 })), {
    data: [2, 3, 5, 6],
    shape: [2, 2],
  });
  assert.deepEqual(run(X, [2, 3], (x) => t.pad(x, { axis: 0, before: 1, after: 0 })), {
    data: [0, 0, 0, ...X],
    shape: [3, 3],
  });
  assert.deepEqual(run(X, [2, 3], (x) => t.concat([x, t.constant([7, 8], [2, 1])], 1)), {
    data: [1, 2, 3, 7, 4, 5, 6, 8],
    shape: [2, 4],
  });
  assert.deepEqual(run([1, 2], [2, 1], (x) => t.broadcastTo(x, [2, 2, 3])), {
    data: [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2],
    shape: [2, 2, 3],
  });
});

Deno.test("interpret() reduces and multiplies as worked by hand", () => {
  assert.deepEqual(run(X, [2, 3], (x) => t.sum(x)), { data: [21], shape: [] });
  assert.deepEqual(run(X, [2, 3], (x) => t.sum(x, { axes: [0] })), { data: [5, 7, 9], shape: [3] });
  assert.deepEqual(run(X, [2, 3], (x) => t.mean(x, { axes: [-1], keepDims: true })), {
    data: [2, 5],
    shape: [2, 1],
  });
  // [[1, 2, 3], [4, 5, 6]] @ its transpose = [[14, 32], [32, 77]]
  assert.deepEqual(run(X, [2, 3], (x) => t.matmul(x, x, { transposeB: true })), {
    data: [14, 32, 32, 77],
    shape: [2, 2],
  });
  const weight = t.constant([1, 0, -1], [1, 3]);
  assert.deepEqual(run(X, [2, 3], (x) => t.linear(x, weight, t.constant([10]))), {
    data: [8, 8],
    shape: [2, 1],
  });
});

Deno.test("interpret() finds and picks rows", () => {
  assert.deepEqual(run([1, 3, 3, 5, 4, 0], [2, 3], (x) => t.argMax(x, 1)), {
    data: [1n, 0n],
    shape: [2],
  });
  const rows = t.constant(Int32Array.of(1, 1, 0));
  assert.deepEqual(run(X, [2, 3], (x) => t.gather(x, rows)), {
    data: [4, 5, 6, 4, 5, 6, 1, 2, 3],
    shape: [3, 3],
  });
  const two = t.constant(BigInt64Array.of(2n, 2n));
  assert.deepEqual(run(X, [2, 3], (x) => t.scatterAdd(x, { indices: two, rows: 3 })), {
    data: [0, 0, 0, 0, 0, 0, 5, 7, 9],
    shape: [3, 3],
  });
});

Deno.test("interpret() rounds to float32 only when asked for float32", () => {
  const graph = trace({ x: [] }, ({ x }) => ({ y: t.add(x, 0.1) }));
  const inputs = { x: { data: [0.2], shape: [] } };
  assert.equal(interpret(graph, inputs, { dtype: "float64" }).y.data[0], 0.2 + 0.1);
  assert.equal(
    interpret(graph, inputs).y.data[0],
    Math.fround(Math.fround(0.2) + Math.fround(0.1)),
  );
});

Deno.test("interpret() returns arrays that share nothing with its inputs", () => {
  const graph = trace({ x: [2] }, ({ x }) => ({ y: x, z: x }));
  const x = { data: new Float32Array([1, 2]), shape: [2] };
  const { y, z } = interpret(graph, { x });
  (y.data as Float32Array)[0] = 9;
  assert.deepEqual([x.data[0], z.data[0]], [1, 1]);
});

Deno.test("interpret() rejects missing, misshapen and short inputs, and rows that are not there", () => {
  const graph = trace({ x: ["B", 2], y: ["B"] }, ({ x }) => ({ z: t.neg(x) }));
  const x = { data: [1, 2], shape: [1, 2] };
  const y = { data: [1], shape: [1] };
  assert.throws(() => interpret(graph, { x }), {
    name: "TypeError",
    message: 'Cannot interpret graph: every input must be given, got none for "y"',
  });
  assert.throws(() => interpret(graph, { x, y: { data: [1, 2], shape: [2] } }), {
    name: "TypeError",
    message: 'Cannot bind "y": its shape must be [B] with B = 1, got [2]',
  });
  assert.throws(() => interpret(graph, { x: { data: [1], shape: [1, 2] }, y }), {
    name: "TypeError",
    message: 'Cannot bind "x": it must hold 2 numbers, got 1',
  });
  assert.throws(() => run(X, [2, 3], (z) => t.gather(z, t.constant(Int32Array.of(2)))), {
    name: "RangeError",
    message: "Cannot gather: indices must lie in [0, 2), got 2",
  });
});
