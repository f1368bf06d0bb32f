/**
 * The lowering of every op to ONNX nodes, exhaustive by type like the op table it mirrors.
 *
 * A lowering emits nodes and gives the name of the value that holds the result. Sizes of symbolic
 * dimensions are never baked in: a reshape leaves one size to ONNX (-1), and where a size is needed
 * as a number the emitter reads it from the shape of a graph input.
 *
 * Speed notes for ONNX Runtime's CPU provider: transposes are flags of Gemm, which costs nothing, but
 * not of MatMul, where they copy, as Slice, Concat and Pad do; Reshape does not. There is no Loop, whose
 * body is run from the host.
 */

import { type Dim, makeDim, parseDim, type Shape } from "../autodiff/shape.ts";
import type { ConstantArray, OpName, Tensor } from "../autodiff/node.ts";
import type { OnnxAttribute } from "./writer.ts";

/** What lowerings write with. */
export interface Emitter {
  /** Adds a node with one output and gives the output's name. */
  node(
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, OnnxAttribute>>,
  ): string;
  /** Adds a constant, float arrays as float32. */
  constant(data: ConstantArray, shape: readonly number[]): string;
  /** Gives the sizes of a dimension's letter as an int64 vector of one element. */
  symbolSize(symbol: string): string;
}

type Lowering<N extends OpName> = (
  emit: Emitter,
  inputs: readonly string[],
  node: Tensor<N>,
) => string;

function ints(emit: Emitter, values: readonly number[]): string {
  return emit.constant(BigInt64Array.from(values, BigInt), [values.length]);
}

function scalar(emit: Emitter, value: number): string {
  return emit.constant(Float32Array.of(value), []);
}

/** Gives a shape as an int64 vector, computed where it has letters. */
function shapeVector(emit: Emitter, shape: Shape): string {
  if (shape.every((dim) => typeof dim === "number")) return ints(emit, shape.map(Number));
  const size = (dim: Dim): string => {
    const { factor, symbol } = parseDim(dim);
    if (symbol === null) return ints(emit, [factor]);
    const value = emit.symbolSize(symbol);
    return factor === 1 ? value : emit.node("Mul", [value, ints(emit, [factor])]);
  };
  if (shape.length === 1) return size(shape[0]);
  return emit.node("Concat", shape.map(size), { axis: 0 });
}

/** Gives the target of a reshape, with 0 (as before) and one -1 (the rest) in place of letters. */
function reshapeTarget(emit: Emitter, from: Shape, to: Shape): string {
  const known: Dim[] = to.map((dim, axis) =>
    typeof dim === "string" && dim === from[axis] ? 0 : dim
  );
  const open = known.filter((dim) => typeof dim === "string").length;
  if (open > 1) return shapeVector(emit, to);
  return ints(emit, known.map((dim) => typeof dim === "string" ? -1 : dim));
}

/** Swaps the last two axes. */
function transposeLast(emit: Emitter, x: string, rank: number): string {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return emit.node("Transpose", [x], { perm: [...axes.slice(0, -2), rank - 1, rank - 2] });
}

const direct = (opType: string): Lowering<OpName> => (emit, inputs) => emit.node(opType, inputs);

const LOWERINGS: { readonly [N in OpName]: Lowering<N> } = {
  input: (_emit, _inputs, node) => node.attributes.name,
  constant: (emit, _inputs, node) => emit.constant(node.attributes.data, node.shape.map(Number)),
  count(emit, _inputs, node) {
    const sizes = shapeVector(emit, node.attributes.dims);
    const product = emit.node("ReduceProd", [sizes, ints(emit, [0])], { keepdims: 0 });
    return emit.node("Cast", [product], { to: 1 }); // to float32
  },
  add: direct("Add"),
  sub: direct("Sub"),
  mul: direct("Mul"),
  div: direct("Div"),
  minimum: direct("Min"),
  maximum: direct("Max"),
  neg: direct("Neg"),
  square: (emit, [x]) => emit.node("Mul", [x, x]),
  sqrt: direct("Sqrt"),
  exp: direct("Exp"),
  sin: direct("Sin"),
  cos: direct("Cos"),
  tanh: direct("Tanh"),
  relu: direct("Relu"),
  leakyRelu: (emit, inputs, node) =>
    emit.node("LeakyRelu", inputs, { alpha: { float: node.attributes.slope } }),
  // max(0, min(1, alpha x)) with alpha near float32's greatest number is the step, and ONNX Runtime
  // has a vectorised kernel for it: 0.28 ns an element, where Sign takes 1.7 (CPU, 1.30).
  heaviside: (emit, inputs) =>
    emit.node("HardSigmoid", inputs, { alpha: { float: 3.4e38 }, beta: { float: 0 } }),
  matmul(emit, inputs, { attributes: { transposeA, transposeB } }) {
    if (inputs.length === 2 && !transposeA && !transposeB) return emit.node("MatMul", inputs);
    return emit.node("Gemm", inputs, { transA: Number(transposeA), transB: Number(transposeB) });
  },
  batchMatmul(emit, [a, b], { inputs: [left, right], attributes: { transposeA, transposeB } }) {
    return emit.node("MatMul", [
      transposeA ? transposeLast(emit, a, left.shape.length) : a,
      transposeB ? transposeLast(emit, b, right.shape.length) : b,
    ]);
  },
  softmax: (emit, inputs, { attributes: { axis } }) => emit.node("Softmax", inputs, { axis }),
  sum(emit, [x], { attributes: { axes, keepDims } }) {
    if (axes.length === 0) return emit.node("Identity", [x]); // ONNX takes no axes for all axes
    return emit.node("ReduceSum", [x, ints(emit, axes)], { keepdims: Number(keepDims) });
  },
  reshape: (emit, [x], node) =>
    emit.node("Reshape", [x, reshapeTarget(emit, node.inputs[0].shape, node.shape)]),
  concat: (emit, inputs, node) => emit.node("Concat", inputs, { axis: node.attributes.axis }),
  slice: (emit, [x], { attributes: { axis, start, end } }) =>
    emit.node("Slice", [x, ints(emit, [start]), ints(emit, [end]), ints(emit, [axis])]),
  pad(emit, [x], { shape, attributes: { axis, before, after } }) {
    const amounts = [before, after].flatMap((amount) =>
      shape.map((_, each) => each === axis ? amount : 0)
    );
    return emit.node("Pad", [x, ints(emit, amounts)]);
  },
  broadcastTo: (emit, [x], { shape }) => emit.node("Expand", [x, shapeVector(emit, shape)]),
  argMax: (emit, [x], { attributes: { axis } }) => emit.node("ArgMax", [x], { axis, keepdims: 0 }),
  gather: (emit, inputs) => emit.node("Gather", inputs, { axis: 0 }),
  scatterAdd(emit, [x, indices], node) {
    const zeros = emit.node("Expand", [scalar(emit, 0), shapeVector(emit, node.shape)]);
    const wide = emit.node("Cast", [indices], { to: 7 }); // to int64
    const column = emit.node("Unsqueeze", [wide, ints(emit, [1])]);
    return emit.node("ScatterND", [zeros, column, x], { reduction: "add" });
  },
};

/** Emits the nodes of one op and gives the name of its result. */
export function lower<N extends OpName>(
  node: Tensor<N>,
  inputs: readonly string[],
  emit: Emitter,
): string {
  return LOWERINGS[node.op](emit, inputs, node);
}

/** Splits a letter's dimension as an input states it: `B*8` gives B by division by 8. */
export function symbolSource(
  inputs: readonly Tensor<"input">[],
  symbol: string,
): { input: string; axis: number; factor: number } {
  for (const { shape, attributes: { name } } of inputs) {
    for (const [axis, dim] of shape.entries()) {
      const part = parseDim(dim);
      if (part.symbol === symbol) return { input: name, axis, factor: part.factor };
    }
  }
  const letter = makeDim(1, symbol);
  throw new TypeError(
    `Cannot export graph: every letter must be in an input's shape, got ${letter}`,
  );
}
