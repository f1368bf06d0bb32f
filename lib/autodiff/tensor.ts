/**
 * The functions that networks, losses and optimizers are written in.
 *
 * Each takes tensors of a graph that is being traced (see `trace`) and appends one node, or a few, to
 * it. Elementwise functions broadcast as NumPy does and take plain numbers as operands. Nothing is
 * computed here: a graph is run by `interpret`, or by ONNX Runtime after `exportOnnx`.
 */

import {
  type Dim,
  formatShape,
  parseDim,
  reshapeTo,
  resolveAxis,
  sameShape,
  type Shape,
} from "./shape.ts";
import type { Attributes, ConstantArray, OpName, Tensor } from "./node.ts";

/** What elementwise functions take: a tensor, or a number that stands for a constant scalar. */
export type Operand = Tensor | number;

/**
 * Makes a constant of any graph. Numbers and float arrays give float32, Int32Array and BigInt64Array
 * integers. The array is kept, not copied: do not change it afterwards.
 * @throws {TypeError} when the shape does not hold as many elements as the array.
 */
export function constant(
  values: ConstantArray | readonly number[] | number,
  shape?: readonly number[],
): Tensor {
  const data = typeof values === "number"
    ? Float64Array.of(values)
    : Array.isArray(values)
    ? Float64Array.from(values)
    : values as ConstantArray;
  const resolved = shape ?? (typeof values === "number" ? [] : [data.length]);
  const size = resolved.reduce((product, dim) => product * dim, 1);
  if (size !== data.length) {
    throw new TypeError(
      `Cannot make constant: shape ${formatShape(resolved)} must hold ${size} numbers, ` +
        `got ${data.length}`,
    );
  }
  const dtype = data instanceof Int32Array
    ? "int32"
    : data instanceof BigInt64Array
    ? "int64"
    : "float32";
  const type = { shape: resolved, dtype } as const;
  return {
    ...type,
    op: "constant",
    inputs: [],
    attributes: { data, type },
    builder: null,
  };
}

/**
 * Makes a float32 constant that belongs to the graph of a traced tensor, so that functions may be applied to
 * constants alone. The array is kept, not copied.
 */
export function constantBeside(
  traced: Tensor,
  { data, shape }: { readonly data: Float32Array; readonly shape: readonly number[] },
): Tensor {
  const { attributes } = constant(data, shape) as Tensor<"constant">;
  if (traced.builder === null) throw new TypeError("Cannot make constant: a graph must be traced");
  return traced.builder.append("constant", [], attributes);
}

function apply<N extends OpName>(
  op: N,
  operands: readonly Operand[],
  attributes: Attributes[N],
): Tensor<N> {
  const tensors = operands.map((each) => typeof each === "number" ? constant(each) : each);
  const builder = tensors.find((tensor) => tensor.builder !== null)?.builder;
  if (!builder) {
    throw new TypeError(
      `Cannot apply ${op}: one operand must belong to a traced graph, got constants only`,
    );
  }
  return builder.append(op, tensors, attributes);
}

/** Adds, elementwise with broadcasting. */
export function add(a: Operand, b: Operand): Tensor {
  return apply("add", [a, b], {});
}

/** Subtracts, elementwise with broadcasting. */
export function sub(a: Operand, b: Operand): Tensor {
  return apply("sub", [a, b], {});
}

/** Multiplies, elementwise with broadcasting. */
export function mul(a: Operand, b: Operand): Tensor {
  return apply("mul", [a, b], {});
}

/** Divides, elementwise with broadcasting. */
export function div(a: Operand, b: Operand): Tensor {
  return apply("div", [a, b], {});
}

/** Takes the lesser, elementwise with broadcasting. */
export function minimum(a: Operand, b: Operand): Tensor {
  return apply("minimum", [a, b], {});
}

/** Takes the greater, elementwise with broadcasting. */
export function maximum(a: Operand, b: Operand): Tensor {
  return apply("maximum", [a, b], {});
}

/** Negates. */
export function neg(x: Tensor): Tensor {
  return apply("neg", [x], {});
}

/** Squares each element. */
export function square(x: Tensor): Tensor {
  return apply("square", [x], {});
}

/** Takes square roots; the gradient at 0 is infinite. */
export function sqrt(x: Tensor): Tensor {
  return apply("sqrt", [x], {});
}

/** Raises e to each element. */
export function exp(x: Tensor): Tensor {
  return apply("exp", [x], {});
}

/** Sine of each element, in radians. */
export function sin(x: Tensor): Tensor {
  return apply("sin", [x], {});
}

/** Cosine of each element, in radians. */
export function cos(x: Tensor): Tensor {
  return apply("cos", [x], {});
}

/** Takes hyperbolic tangents. */
export function tanh(x: Tensor): Tensor {
  return apply("tanh", [x], {});
}

/** Computes max(x, 0); the gradient at 0 is 0. */
export function relu(x: Tensor): Tensor {
  return apply("relu", [x], {});
}

/** Computes x where x > 0 and slope * x elsewhere. The default slope is PyTorch's. */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return apply("leakyRelu", [x], { slope });
}

/** Divides exp(x) by its sum along an axis, without overflow. */
export function softmax(x: Tensor, axis: number): Tensor {
  return apply("softmax", [x], { axis: resolveAxis(axis, x.shape.length) });
}

/** Gives 1 where x > 0 and 0 elsewhere; its gradient is 0. */
export function heaviside(x: Tensor): Tensor {
  return apply("heaviside", [x], {});
}

/** Multiplies matrices: [M, K] @ [K, N] -> [M, N], each operand transposed first if so asked. */
export function matmul(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false } = {},
): Tensor {
  return apply("matmul", [a, b], { transposeA, transposeB });
}

/**
 * Multiplies stacks of matrices: [..., M, K] @ [..., K, N] -> [..., M, N], each matrix transposed first
 * if so asked. The axes before the last two broadcast: a matrix that all of a stack share is not copied.
 */
export function batchMatmul(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false } = {},
): Tensor {
  return apply("batchMatmul", [a, b], { transposeA, transposeB });
}

/** Applies a linear layer: [B, in] @ [out, in]^T + [out] -> [B, out]. */
export function linear(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  return apply("matmul", [x, weight, bias], { transposeA: false, transposeB: true });
}

/** Says which axes to reduce, all when absent, and whether they stay with size 1. */
export interface ReduceOptions {
  /** Axes to reduce, from 0. */
  readonly axes?: readonly number[];
  /** Keeps reduced axes with size 1; off when absent. */
  readonly keepDims?: boolean;
}

/** Sums over axes. */
export function sum(x: Tensor, { axes, keepDims = false }: ReduceOptions = {}): Tensor {
  return apply("sum", [x], { axes: reducedAxes(x, axes), keepDims });
}

/** Averages over axes, symbolic ones included. */
export function mean(x: Tensor, { axes, keepDims = false }: ReduceOptions = {}): Tensor {
  const reduced = reducedAxes(x, axes);
  const total = sum(x, { axes: reduced, keepDims });
  return div(total, count(x, reduced.map((axis) => x.shape[axis])));
}

function reducedAxes(x: Tensor, axes: readonly number[] | undefined): readonly number[] {
  if (axes === undefined) return x.shape.map((_, axis) => axis);
  return axes.map((axis) => resolveAxis(axis, x.shape.length)).sort((a, b) => a - b);
}

/** Gives the product of sizes as a number where all are fixed, else as a scalar of x's graph. */
function count(x: Tensor, dims: Shape): Operand {
  if (dims.every((dim) => typeof dim === "number")) {
    return dims.reduce<number>((product, dim) => product * Number(dim), 1);
  }
  return x.builder === null ? 1 : x.builder.append("count", [], { dims });
}

/** Gives the same elements another shape; one size may be -1. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const target = reshapeTo(x.shape, shape);
  return sameShape(x.shape, target) ? x : apply("reshape", [x], { shape: target });
}

/** Joins tensors along an axis, whose sizes must be fixed. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  return apply("concat", tensors, { axis: resolveAxis(axis, tensors[0]?.shape.length ?? 0) });
}

/** Takes the elements start to end - 1 along an axis of fixed size. It copies. */
export function slice(
  x: Tensor,
  { axis, start, end }: { axis: number; start: number; end: number },
): Tensor {
  return apply("slice", [x], { axis: resolveAxis(axis, x.shape.length), start, end });
}

/** Puts zeros before and after x along an axis of fixed size. */
export function pad(
  x: Tensor,
  { axis, before, after }: { axis: number; before: number; after: number },
): Tensor {
  return apply("pad", [x], { axis: resolveAxis(axis, x.shape.length), before, after });
}

/** Repeats x along axes of size 1 and new leading axes, as broadcasting does. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : apply("broadcastTo", [x], { shape });
}

/** Undoes a broadcast: sums over the axes that broadcasting `shape` to x's shape repeated. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.shape.length - shape.length;
  const axes = x.shape.flatMap((dim, axis) =>
    axis < lead || (shape[axis - lead] === 1 && dim !== 1) ? [axis] : []
  );
  return reshape(sum(x, { axes, keepDims: lead === 0 }), shape);
}

/** Finds the index of the first largest element along an axis, int64, without that axis. */
export function argMax(x: Tensor, axis: number): Tensor {
  return apply("argMax", [x], { axis: resolveAxis(axis, x.shape.length) });
}

/** Takes rows: [N, ...] by integer indices [B] -> [B, ...]. Indices must lie in [0, N). */
export function gather(x: Tensor, indices: Tensor): Tensor {
  return apply("gather", [x, indices], {});
}

/** Adds rows [B, ...] into zeros [rows, ...] where indices [B] say: the gradient of `gather`. */
export function scatterAdd(
  x: Tensor,
  { indices, rows }: { indices: Tensor; rows: Dim },
): Tensor {
  parseDim(rows);
  return apply("scatterAdd", [x, indices], { rows });
}
