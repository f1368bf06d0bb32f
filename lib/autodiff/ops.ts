/**
 * The op table: for every op its shape rule, its reference kernel and its gradient.
 *
 * The table is exhaustive by type, and so is the lowering to ONNX (lib/onnx/lower.ts): an op without
 * one of them does not compile. A gradient (vector-Jacobian product) is written in the same traced
 * functions as a network, so the backward pass is more graph, and gradients have gradients. Ops that
 * only move elements have their rows in movement_ops.ts, matrix products in product_ops.ts; an op with a
 * row in two of them does not compile.
 *
 * When you add an op: its attributes in node.ts, its function in tensor.ts, its row here or there,
 * its lowering, and one case in tests/lib/autodiff/op_cases.ts, which the gradient and parity tests
 * enumerate.
 */

import { broadcastShapes, countElements, resolveShape } from "./shape.ts";
import * as kernels from "./kernels.ts";
import { MOVEMENT_OPS } from "./movement_ops.ts";
import type { OpName, Tensor } from "./node.ts";
import { PRODUCT_OPS } from "./product_ops.ts";
import { checkFloat, type Rule } from "./rule.ts";
import {
  add,
  broadcastTo,
  cos,
  div,
  heaviside,
  mul,
  neg,
  reshape,
  sin,
  square,
  sub,
  sum,
  sumTo,
} from "./tensor.ts";

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
  minimum: binary(
    Math.min,
    ({ inputs }, cotangent, input) =>
      mul(cotangent, heaviside(sub(inputs[1 - input], inputs[input]))),
  ),
  maximum: binary(
    Math.max,
    ({ inputs }, cotangent, input) =>
      mul(cotangent, heaviside(sub(inputs[input], inputs[1 - input]))),
  ),
  neg: unary((x) => -x, (_x, _y, cotangent) => neg(cotangent)),
  square: unary((x) => x * x, (x, _, cotangent) => mul(mul(cotangent, 2), x)),
  sqrt: unary(Math.sqrt, (_, y, cotangent) => div(mul(cotangent, 0.5), y)),
  exp: unary(Math.exp, (_, y, cotangent) => mul(cotangent, y)),
  sin: unary(Math.sin, (x, _, cotangent) => mul(cotangent, cos(x))),
  cos: unary(Math.cos, (x, _, cotangent) => neg(mul(cotangent, sin(x)))),
  tanh: unary(Math.tanh, (_, y, cotangent) => mul(cotangent, sub(1, square(y)))),
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
  heaviside: unary((x) => x > 0 ? 1 : 0, null),
  softmax: {
    arity: [1, 1],
    infer: (inputs) => (checkFloat(inputs), { shape: inputs[0].shape, dtype: "float32" }),
    forward: ([x], y, { attributes: { axis } }) => kernels.softmax(x, { axis, y }),
    vjp(node, cotangent) {
      const weighted = mul(cotangent, node); // dy/dx = diag(y) - y y'
      const total = sum(weighted, { axes: [node.attributes.axis], keepDims: true });
      return sub(weighted, mul(node, total));
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
  argMax: {
    arity: [1, 1],
    infer(inputs, { axis }) {
      checkFloat(inputs);
      return { shape: inputs[0].shape.filter((_, i) => i !== axis), dtype: "int64" };
    },
    forward: ([x], y, { attributes: { axis } }) => kernels.argMax(x, { axis, y }),
    vjp: null,
  },
  ...MOVEMENT_OPS,
  ...PRODUCT_OPS,
};
