/**
 * The op table: for every op its shape rule, its reference kernel and its gradient.
 *
 * The table is exhaustive by type, and so is the lowering to ONNX (lib/onnx/lower.ts): an op without
 * one of them does not compile. A gradient (vector-Jacobian product) is written in the same traced
 * functions as a network, so the backward pass is more graph, and gradients have gradients.
 *
 * When you add an op: its attributes in node.ts, its function in tensor.ts, its row here, its
 * lowering, and one case in tests/lib/autodiff/op_cases.ts, which the gradient and parity tests enumerate.
 *
 * Longer than other files because the table is one thing.
 */

import {
  type Bindings,
  broadcastShapes,
  countElements,
  type Dim,
  formatShape,
  parseDim,
  reshapeTo,
  resolveShape,
  sameShape,
  type Shape,
} from "../shape.ts";
import * as kernels from "./kernels.ts";
import type { NDArray } from "./kernels.ts";
import type { Attributes, OpName, Tensor, TensorType } from "./node.ts";
import {
  add,
  broadcastTo,
  div,
  gather,
  heaviside,
  matmul,
  mul,
  neg,
  pad,
  reshape,
  scatterAdd,
  sigmoid,
  slice,
  square,
  sub,
  sumTo,
  transpose,
} from "./tensor.ts";

/** What one op is. */
export interface Rule<N extends OpName> {
  /** The least and the greatest number of inputs. */
  readonly arity: readonly [min: number, max: number];
  /** Whether output element i depends on the inputs' elements i alone, broadcasting aside. */
  readonly elementwise?: true;
  /** Infers the result's type. @throws {TypeError} when the operands do not fit. */
  infer(inputs: readonly TensorType[], attributes: Attributes[N]): TensorType;
  /** Computes into `y`, which is filled with zeros and has the inferred shape. */
  forward(
    inputs: readonly NDArray[],
    y: NDArray,
    context: { readonly attributes: Attributes[N]; readonly bindings: Bindings },
  ): void;
  /**
   * Gives the cotangent of one input from the node's own: `J^T v`. Null where nothing can flow: no
   * float input, or a derivative that is zero wherever it exists.
   */
  readonly vjp: ((node: Tensor<N>, cotangent: Tensor, input: number) => Tensor) | null;
}

function checkFloat(inputs: readonly TensorType[]): void {
  for (const { dtype } of inputs) {
    if (dtype !== "float32") throw new TypeError(`operands must be float32, got ${dtype}`);
  }
}

function checkIndices({ shape, dtype }: TensorType): void {
  if (dtype === "float32" || shape.length !== 1) {
    throw new TypeError(`indices must be an integer vector, got ${dtype}${formatShape(shape)}`);
  }
}

/** Gives the size of an axis that must be fixed to be cut or joined. */
function fixedSize({ shape }: TensorType, axis: number): number {
  const size = shape[axis];
  if (typeof size !== "number") {
    throw new TypeError(`axis ${axis} must have a fixed size, got ${formatShape(shape)}`);
  }
  return size;
}

function withSize(shape: Shape, axis: number, size: Dim): Shape {
  return shape.map((dim, i) => i === axis ? size : dim);
}

function unary(
  compute: (x: number) => number,
  vjp: ((x: Tensor, y: Tensor, cotangent: Tensor) => Tensor) | null,
): Rule<OpName> {
  return {
    arity: [1, 1],
    elementwise: true,
    infer: (inputs) => (checkFloat(inputs), { shape: inputs[0].shape, dtype: "float32" }),
    forward: ([x], y) => kernels.map(x, y, compute),
    vjp: vjp && ((node, cotangent) => vjp(node.inputs[0], node, cotangent)),
  };
}

function binary(
  compute: (a: number, b: number) => number,
  vjp: (node: Tensor, cotangent: Tensor, input: number) => Tensor,
): Rule<OpName> {
  return {
    arity: [2, 2],
    elementwise: true,
    infer(inputs) {
      checkFloat(inputs);
      return { shape: broadcastShapes(inputs[0].shape, inputs[1].shape), dtype: "float32" };
    },
    forward: ([a, b], y) => kernels.zip({ a, b, y }, compute),
    vjp: (node, cotangent, input) => sumTo(vjp(node, cotangent, input), node.inputs[input].shape),
  };
}

/** Copies x as a block of y (or y as a block of x) that starts at `start` along an axis. */
function copyBlock(
  { whole, block, axis, start }: { whole: NDArray; block: NDArray; axis: number; start: number },
  direction: "cut" | "paste",
): void {
  const strides = kernels.rowMajorStrides(whole.shape);
  const inside = { data: whole.data, offset: start * strides[axis], strides };
  const own = { data: block.data, offset: 0, strides: kernels.rowMajorStrides(block.shape) };
  const [from, to] = direction === "cut" ? [inside, own] : [own, inside];
  kernels.copy({ shape: block.shape, from, to });
}

/** Every op of the language. */
export const OPS: { readonly [N in OpName]: Rule<N> } = {
  input: {
    arity: [0, 0],
    infer: (_, { type }) => type,
    forward() {
      throw new Error("Internal error: an input has no kernel");
    },
    vjp: null,
  },
  constant: {
    arity: [0, 0],
    infer: (_, { type }) => type,
    forward(_, y, { attributes: { data } }) {
      for (let i = 0; i < data.length; i++) y.data[i] = Number(data[i]);
    },
    vjp: null,
  },
  count: {
    arity: [0, 0],
    infer: (_, { dims }) => (countElements(dims), { shape: [], dtype: "float32" }),
    forward(_, y, { attributes: { dims }, bindings }) {
      y.data[0] = resolveShape(dims, bindings).reduce((product, size) => product * size, 1);
    },
    vjp: null,
  },
  add: binary((a, b) => a + b, (_, cotangent) => cotangent),
  sub: binary((a, b) => a - b, (_, cotangent, input) => input === 0 ? cotangent : neg(cotangent)),
  mul: binary((a, b) => a * b, (node, cotangent, input) => mul(cotangent, node.inputs[1 - input])),
  div: binary((a, b) => a / b, (node, cotangent, input) => {
    const share = div(cotangent, node.inputs[1]);
    return input === 0 ? share : neg(mul(share, node)); // d(a/b)/db = -(a/b)/b
  }),
  neg: unary((x) => -x, (_x, _y, cotangent) => neg(cotangent)),
  square: unary((x) => x * x, (x, _, cotangent) => mul(mul(cotangent, 2), x)),
  sqrt: unary(Math.sqrt, (_, y, cotangent) => div(mul(cotangent, 0.5), y)),
  exp: unary(Math.exp, (_, y, cotangent) => mul(cotangent, y)),
  log: unary(Math.log, (x, _, cotangent) => div(cotangent, x)),
  tanh: unary(Math.tanh, (_, y, cotangent) => mul(cotangent, sub(1, square(y)))),
  sigmoid: unary(
    (x) => 1 / (1 + Math.exp(-x)),
    (_, y, cotangent) => mul(cotangent, mul(y, sub(1, y))),
  ),
  // The mask is taken from the output, so that the input need not be kept for it.
  relu: unary((x) => Math.max(x, 0), (_, y, cotangent) => mul(cotangent, heaviside(y))),
  leakyRelu: {
    ...unary((x) => x, null),
    forward: ([x], y, { attributes: { slope } }) =>
      kernels.map(x, y, (value) => value > 0 ? value : slope * value),
    vjp(node, cotangent) {
      const { slope } = node.attributes;
      const factor = add(mul(heaviside(node.inputs[0]), 1 - slope), slope);
      return mul(cotangent, factor);
    },
  },
  softplus: unary(
    (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    (x, _, cotangent) => mul(cotangent, sigmoid(x)),
  ),
  sign: unary(Math.sign, null),
  heaviside: unary((x) => x > 0 ? 1 : 0, null),
  clip: {
    ...unary((x) => x, null),
    forward: ([x], y, { attributes: { min, max } }) =>
      kernels.map(x, y, (value) => Math.min(Math.max(value, min), max)),
    vjp(node, cotangent) {
      const [x] = node.inputs;
      const { min, max } = node.attributes;
      const inside = mul(heaviside(sub(x, min)), heaviside(sub(max, x)));
      return mul(cotangent, inside);
    },
  },
  matmul: {
    arity: [2, 3],
    infer(inputs, { transposeA, transposeB }) {
      checkFloat(inputs);
      const [a, b, bias] = inputs.map((input) => input.shape);
      if (a.length !== 2 || b.length !== 2) {
        throw new TypeError(`operands must be matrices, got ${formatShape(a)}, ${formatShape(b)}`);
      }
      const [rows, innerA] = transposeA ? [a[1], a[0]] : a;
      const [innerB, columns] = transposeB ? [b[1], b[0]] : b;
      if (innerA !== innerB) {
        throw new TypeError(
          `inner sizes must be equal, got ${formatShape([rows, innerA])} @ ${
            formatShape([innerB, columns])
          }`,
        );
      }
      const shape = [rows, columns];
      if (bias !== undefined && !sameShape(broadcastShapes(bias, shape), shape)) {
        throw new TypeError(
          `bias must broadcast to ${formatShape(shape)}, got ${formatShape(bias)}`,
        );
      }
      return { shape, dtype: "float32" };
    },
    forward: ([a, b, bias], y, { attributes }) => kernels.matmul({ a, b, bias, y }, attributes),
    vjp(node, cotangent, input) {
      const [a, b, bias] = node.inputs;
      const { transposeA, transposeB } = node.attributes;
      if (input === 2) return sumTo(cotangent, bias.shape);
      if (input === 0) {
        return transposeA
          ? matmul(b, cotangent, { transposeA: transposeB, transposeB: true })
          : matmul(cotangent, b, { transposeB: !transposeB });
      }
      return transposeB
        ? matmul(cotangent, a, { transposeA: true, transposeB: transposeA })
        : matmul(a, cotangent, { transposeA: !transposeA });
    },
  },
  sum: {
    arity: [1, 1],
    infer(inputs, { axes, keepDims }) {
      checkFloat(inputs);
      const { shape } = inputs[0];
      const kept = shape.flatMap((dim, axis) => !axes.includes(axis) ? [dim] : keepDims ? [1] : []);
      return { shape: kept, dtype: "float32" };
    },
    forward([x], y, { attributes: { axes } }) {
      const kept = x.shape.map((size, axis) => axes.includes(axis) ? 1 : size);
      const view = kernels.broadcastView({ data: y.data, shape: kept }, kept.length);
      kernels.reduceSum(x, view);
    },
    vjp(node, cotangent) {
      const { shape } = node.inputs[0];
      const kept = shape.map((dim, axis) => node.attributes.axes.includes(axis) ? 1 : dim);
      return broadcastTo(reshape(cotangent, kept), shape);
    },
  },
  reshape: {
    arity: [1, 1],
    infer: ([x], { shape }) => ({ shape: reshapeTo(x.shape, shape), dtype: x.dtype }),
    forward: ([x], y) => y.data.set(x.data),
    vjp: (node, cotangent) => reshape(cotangent, node.inputs[0].shape),
  },
  transpose: {
    arity: [1, 1],
    infer([x], { permutation }) {
      const sorted = [...permutation].sort((a, b) => a - b);
      if (permutation.length !== x.shape.length || sorted.some((axis, i) => axis !== i)) {
        throw new TypeError(
          `permutation must hold each axis of ${formatShape(x.shape)} once, got ${
            formatShape(permutation)
          }`,
        );
      }
      return { shape: permutation.map((axis) => x.shape[axis]), dtype: x.dtype };
    },
    forward([x], y, { attributes: { permutation } }) {
      const strides = kernels.rowMajorStrides(x.shape);
      kernels.copy({
        shape: y.shape,
        from: { data: x.data, offset: 0, strides: permutation.map((axis) => strides[axis]) },
        to: { data: y.data, offset: 0, strides: kernels.rowMajorStrides(y.shape) },
      });
    },
    vjp(node, cotangent) {
      const { permutation } = node.attributes;
      return transpose(cotangent, permutation.map((_, axis) => permutation.indexOf(axis)));
    },
  },
  concat: {
    arity: [1, Infinity],
    infer(inputs, { axis }) {
      const [{ shape, dtype }] = inputs;
      let size = 0;
      for (const input of inputs) {
        size += fixedSize(input, axis);
        if (!sameShape(withSize(input.shape, axis, 1), withSize(shape, axis, 1))) {
          throw new TypeError(
            `shapes must agree off axis ${axis}, got ${formatShape(shape)}, ${
              formatShape(input.shape)
            }`,
          );
        }
        if (input.dtype !== dtype) {
          throw new TypeError(`types must be equal, got ${dtype} and ${input.dtype}`);
        }
      }
      return { shape: withSize(shape, axis, size), dtype };
    },
    forward(inputs, y, { attributes: { axis } }) {
      let start = 0;
      for (const block of inputs) {
        copyBlock({ whole: y, block, axis, start }, "paste");
        start += block.shape[axis];
      }
    },
    vjp(node, cotangent, input) {
      const { axis } = node.attributes;
      const sizes = node.inputs.map((each) => fixedSize(each, axis));
      const start = sizes.slice(0, input).reduce((total, size) => total + size, 0);
      return slice(cotangent, { axis, start, end: start + sizes[input] });
    },
  },
  slice: {
    arity: [1, 1],
    infer([x], { axis, start, end }) {
      const size = fixedSize(x, axis);
      if (!(Number.isInteger(start) && Number.isInteger(end) && start >= 0 && end > start)) {
        throw new TypeError(
          `start and end must be integers with 0 <= start < end, got ${start}, ${end}`,
        );
      }
      if (end > size) throw new TypeError(`end must be at most ${size}, got ${end}`);
      return { shape: withSize(x.shape, axis, end - start), dtype: x.dtype };
    },
    forward: ([x], y, { attributes: { axis, start } }) =>
      copyBlock({ whole: x, block: y, axis, start }, "cut"),
    vjp(node, cotangent) {
      const { axis, start, end } = node.attributes;
      return pad(cotangent, { axis, before: start, after: fixedSize(node.inputs[0], axis) - end });
    },
  },
  pad: {
    arity: [1, 1],
    infer(inputs, { axis, before, after }) {
      checkFloat(inputs);
      if (!(Number.isInteger(before) && Number.isInteger(after) && before >= 0 && after >= 0)) {
        throw new TypeError(`padding must be integers of at least 0, got ${before}, ${after}`);
      }
      const size = fixedSize(inputs[0], axis) + before + after;
      return { shape: withSize(inputs[0].shape, axis, size), dtype: "float32" };
    },
    forward: ([x], y, { attributes: { axis, before } }) =>
      copyBlock({ whole: y, block: x, axis, start: before }, "paste"),
    vjp(node, cotangent) {
      const { axis, before } = node.attributes;
      return slice(cotangent, {
        axis,
        start: before,
        end: before + fixedSize(node.inputs[0], axis),
      });
    },
  },
  broadcastTo: {
    arity: [1, 1],
    infer([x], { shape }) {
      if (!sameShape(broadcastShapes(x.shape, shape), shape)) {
        throw new TypeError(
          `shape must broadcast to ${formatShape(shape)}, got ${formatShape(x.shape)}`,
        );
      }
      return { shape, dtype: x.dtype };
    },
    forward([x], y) {
      kernels.copy({
        shape: y.shape,
        from: kernels.broadcastView(x, y.shape.length),
        to: { data: y.data, offset: 0, strides: kernels.rowMajorStrides(y.shape) },
      });
    },
    vjp: (node, cotangent) => sumTo(cotangent, node.inputs[0].shape),
  },
  argMax: {
    arity: [1, 1],
    infer(inputs, { axis }) {
      checkFloat(inputs);
      return { shape: inputs[0].shape.filter((_, i) => i !== axis), dtype: "int64" };
    },
    forward: ([x], y, { attributes: { axis } }) => kernels.argMax(x, { axis, y }),
    vjp: null,
  },
  gather: {
    arity: [2, 2],
    infer([x, indices]) {
      checkIndices(indices);
      if (x.shape.length === 0) throw new TypeError("the first operand must have rows, got []");
      return { shape: [indices.shape[0], ...x.shape.slice(1)], dtype: x.dtype };
    },
    forward: ([x, indices], y) =>
      kernels.addRows({ x, y, count: indices.data.length }, (i) => ({
        from: kernels.checkRow(indices.data[i], x.shape[0]),
        to: i,
      })),
    vjp: (node, cotangent) =>
      scatterAdd(cotangent, { indices: node.inputs[1], rows: node.inputs[0].shape[0] }),
  },
  scatterAdd: {
    arity: [2, 2],
    infer([x, indices], { rows }) {
      checkFloat([x]);
      checkIndices(indices);
      parseDim(rows);
      if (x.shape[0] !== indices.shape[0]) {
        throw new TypeError(
          `there must be one index per row, got ${formatShape(x.shape)} by ${
            formatShape(indices.shape)
          }`,
        );
      }
      return { shape: [rows, ...x.shape.slice(1)], dtype: "float32" };
    },
    forward: ([x, indices], y) =>
      kernels.addRows({ x, y, count: indices.data.length }, (i) => ({
        from: i,
        to: kernels.checkRow(indices.data[i], y.shape[0]),
      })),
    vjp: (node, cotangent) => gather(cotangent, node.inputs[1]),
  },
};
