/**
 * At least one use of every op, with every kind of broadcasting, for the tests that enumerate the op
 * table: gradients in float64, and the interpreter against ONNX Runtime.
 */

import { Rng } from "../../../lib/numbers/rng.ts";
import { resolveShape, type Shape, sizeOf } from "../../../lib/autodiff/shape.ts";
import type { OpName, Tensor, TensorType } from "../../../lib/autodiff/node.ts";
import * as t from "../../../lib/autodiff/tensor.ts";

/** One use of an op: inputs a, b, c in order, and what is computed from them. */
export interface OpCase {
  readonly inputs: readonly (Shape | TensorType)[];
  readonly compute: (...inputs: Tensor[]) => Tensor;
  /** Where float inputs are drawn from; the default avoids the kinks at 0. */
  readonly range?: readonly [low: number, high: number];
}

const POSITIVE = [0.5, 2] as const;

/** Shapes that broadcast with each other in every way: alike, by a row, a column, a scalar, both. */
const PAIRS: readonly (readonly [Shape, Shape])[] = [
  [["B", 4], ["B", 4]],
  [["B", 4], [4]],
  [["B", 1], ["B", 4]],
  [[], ["B", 4]],
  [[3, 1, 2], ["B", 1]],
  [["B", 1, 4], [3, 4]],
];

function unary(compute: (x: Tensor) => Tensor, range?: readonly [number, number]): OpCase[] {
  return [{ inputs: [["B", 3]], compute, ...(range && { range }) }];
}

function binary(compute: (a: Tensor, b: Tensor) => Tensor): OpCase[] {
  return PAIRS.map((inputs) => ({ inputs, compute, range: POSITIVE }));
}

/** All four ways to transpose operands of [B, 3] @ [3, 4], without and with a bias. */
const MATMULS: OpCase[] = [false, true].flatMap((transposeA) =>
  [false, true].flatMap((transposeB) => {
    const a: Shape = transposeA ? [3, "B"] : ["B", 3];
    const b: Shape = transposeB ? [4, 3] : [3, 4];
    return [
      { inputs: [a, b], compute: (x, y) => t.matmul(x, y, { transposeA, transposeB }) } as OpCase,
    ];
  })
);

/** Both operands in both orientations: alike, one shared by all, and broadcast against each other. */
const BATCH_MATMULS: OpCase[] = [false, true].flatMap((transposeA) =>
  [false, true].flatMap((transposeB) => {
    const a: Shape = transposeA ? [3, 2] : [2, 3];
    const b: Shape = transposeB ? [4, 3] : [3, 4];
    const stacks: readonly (readonly [Shape, Shape])[] = [
      [["B"], ["B"]],
      [[], ["B"]],
      [["B"], []],
      [["B", 1], ["B", 2]],
      [["B", 2], [2]],
    ];
    return stacks.map(([left, right]): OpCase => ({
      inputs: [[...left, ...a], [...right, ...b]],
      compute: (x, y) => t.batchMatmul(x, y, { transposeA, transposeB }),
      range: POSITIVE, // sums over a stack must not cancel: the tests compare single precision
    }));
  })
);

const INDICES: TensorType = { shape: ["B"], dtype: "int32" };

/** Every op's cases. */
export const OP_CASES: { readonly [N in OpName]: readonly OpCase[] } = {
  input: [{ inputs: [["B", 3]], compute: (x) => x }],
  constant: [
    { inputs: [[2, 3]], compute: (x) => t.mul(x, t.constant([1, 2, 3, 4, 5, 6], [2, 3])) },
    { inputs: [["B"]], compute: (x) => t.mul(x, t.constant(new Float32Array(1).fill(0.1))) },
  ],
  count: [
    { inputs: [["B", 3]], compute: (x) => t.mean(x) },
    { inputs: [[2, "B", 3]], compute: (x) => t.mean(x, { axes: [1] }) },
    { inputs: [["B*2", 3]], compute: (x) => t.mean(x, { axes: [-2], keepDims: true }) },
  ],
  add: binary(t.add),
  sub: binary(t.sub),
  minimum: binary(t.minimum),
  maximum: binary(t.maximum),
  mul: [...binary(t.mul), { inputs: [["B"]], compute: (x) => t.mul(x, x) }],
  div: binary(t.div),
  neg: unary(t.neg),
  square: unary(t.square),
  sqrt: unary(t.sqrt, POSITIVE),
  exp: unary(t.exp),
  sin: unary(t.sin),
  cos: unary(t.cos),
  tanh: unary(t.tanh),
  relu: unary(t.relu),
  leakyRelu: [...unary(t.leakyRelu), ...unary((x) => t.leakyRelu(x, 0.3))],
  heaviside: [
    ...unary(t.heaviside),
    { inputs: [["B"]], compute: (x) => t.heaviside(t.relu(t.mul(x, 1e-30))) },
    { inputs: [["B"]], compute: (x) => t.heaviside(t.mul(x, 1e30)) },
  ],
  matmul: [
    ...MATMULS,
    { inputs: [["B", 3], [4, 3], [4]], compute: t.linear },
    { inputs: [["B", 3], [4, 3], ["B", 1]], compute: t.linear },
  ],
  batchMatmul: [
    ...BATCH_MATMULS,
    { inputs: [["B", 3], [3, 4]], compute: (x, y) => t.batchMatmul(x, y) },
  ],
  softmax: [
    { inputs: [["B", 3]], compute: (x) => t.softmax(x, -1) },
    { inputs: [["B", 3, 2]], compute: (x) => t.softmax(x, 1) },
    { inputs: [["B", 3]], compute: (x) => t.softmax(t.mul(x, 100), 1) },
  ],
  sum: [
    { inputs: [["B", 3]], compute: (x) => t.sum(x) },
    { inputs: [["B", 3]], compute: (x) => t.sum(x, { axes: [0] }) },
    { inputs: [[2, "B", 3]], compute: (x) => t.sum(x, { axes: [-1, 0], keepDims: true }) },
    { inputs: [["B", 3]], compute: (x) => t.sum(x, { axes: [] }) },
  ],
  reshape: [
    { inputs: [["B", 4, 3]], compute: (x) => t.reshape(x, [-1, 3]) },
    { inputs: [["B*4", 3]], compute: (x) => t.reshape(x, ["B", 2, 2, -1]) },
    { inputs: [["B", "K"]], compute: (x) => t.reshape(x, ["K", "B"]) },
    { inputs: [["B", "K", 4]], compute: (x) => t.reshape(x, ["B", 2, "K*2"]) },
  ],
  concat: [
    { inputs: [["B", 1], ["B", 3], ["B", 2]], compute: (...xs) => t.concat(xs, 1) },
    { inputs: [[2, 3], [1, 3]], compute: (...xs) => t.concat(xs, -2) },
  ],
  slice: [
    { inputs: [["B", 5]], compute: (x) => t.slice(x, { axis: -1, start: 1, end: 3 }) },
    { inputs: [[4, "B", 2]], compute: (x) => t.slice(x, { axis: 0, start: 0, end: 4 }) },
  ],
  pad: [{ inputs: [["B", 3]], compute: (x) => t.pad(x, { axis: 1, before: 2, after: 1 }) }],
  broadcastTo: [
    { inputs: [["B", 1]], compute: (x) => t.broadcastTo(x, ["B", 4]) },
    { inputs: [[3], ["B*2"]], compute: (x) => t.broadcastTo(x, ["B", 2, 3]) },
    { inputs: [[], ["B", 2]], compute: (x, like) => t.broadcastTo(x, like.shape) },
  ],
  argMax: [
    { inputs: [["B", 5]], compute: (x) => t.argMax(x, -1) },
    { inputs: [["B", 4, 3]], compute: (x) => t.argMax(x, 1) },
  ],
  gather: [
    { inputs: [[4, 2, 3], INDICES], compute: (x, at) => t.gather(x, at) },
    {
      inputs: [["K", 3], { shape: ["B"], dtype: "int64" }],
      compute: (x, at) => t.gather(x, at),
    },
  ],
  scatterAdd: [
    {
      inputs: [["B", 3], INDICES],
      compute: (x, indices) => t.scatterAdd(x, { indices, rows: 4 }),
    },
  ],
};

/** The sizes of the letters in cases; indices lie in [0, K) and K is at most every row count. */
export const CASE_BINDINGS: readonly ReadonlyMap<string, number>[] = [
  new Map([["B", 5], ["K", 3]]),
  new Map([["B", 2], ["K", 4]]),
];

const INDEX_COUNT = 3;

/** Draws an array for one input: floats from the range on either side of 0, or indices. */
export function drawInput(
  { input, range, bindings }: {
    input: Shape | TensorType;
    range: OpCase["range"];
    bindings: ReadonlyMap<string, number>;
  },
  rng: Rng,
): { data: Float64Array; shape: number[] } {
  const { shape: symbolic, dtype } = "dtype" in input ? input : { shape: input, dtype: "float32" };
  const shape = resolveShape(symbolic, bindings);
  const data = new Float64Array(sizeOf(shape));
  const [low, high] = range ?? [0.1, 2];
  for (let i = 0; i < data.length; i++) {
    const magnitude = rng.uniform(low, high);
    const negative = range === undefined && rng.random() < 0.5;
    data[i] = dtype !== "float32" ? rng.integer(INDEX_COUNT) : negative ? -magnitude : magnitude;
  }
  return { data, shape };
}

/** Names the inputs of a case: a, b, c, ... */
export function nameInputs<T>(inputs: readonly T[]): Record<string, T> {
  return Object.fromEntries(inputs.map((input, i) => [String.fromCharCode(97 + i), input]));
}
