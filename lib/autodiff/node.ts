/**
 * The graph's data: what a node, a tensor and a graph are. Types only.
 *
 * A tensor is a node: an op name, input nodes, attributes, and the type that the op's shape rule
 * inferred. Nodes are immutable and belong to the builder that appended them, so user functions need
 * no global state: they find the builder through their operands. A constant is made without a
 * builder and copied into the graph of the tensors it meets.
 */

import type { Shape } from "./shape.ts";

/** Element types: float32 for numbers, integers for indices only. */
export type DType = "float32" | "int32" | "int64";

/** What a constant can hold; Float64Array keeps exact values for a float64 interpretation. */
export type ConstantArray = Float32Array | Float64Array | Int32Array | BigInt64Array;

/** Shape and element type of a tensor. */
export interface TensorType {
  /** Sizes of the axes, fixed or symbolic. */
  readonly shape: Shape;
  /** Type of every element. */
  readonly dtype: DType;
}

/** The attributes of an op that has none. */
export type None = Readonly<Record<string, never>>;

/** Every op with its attributes. When you add an op, the compiler asks for the rest. */
export interface Attributes {
  /** A named input of the graph. */
  input: { readonly name: string; readonly type: TensorType };
  /** Row-major numbers of a fixed shape. */
  constant: { readonly data: ConstantArray; readonly type: TensorType };
  /** The product of sizes as a float32 scalar, for means over symbolic dimensions. */
  count: { readonly dims: Shape };
  /** a + b, broadcast. */
  add: None;
  /** a - b, broadcast. */
  sub: None;
  /** a * b, element by element, broadcast. */
  mul: None;
  /** a / b, element by element, broadcast. */
  div: None;
  /** The lesser of a and b, element by element, broadcast. */
  minimum: None;
  /** The greater of a and b, element by element, broadcast. */
  maximum: None;
  /** -x. */
  neg: None;
  /** x * x, element by element. */
  square: None;
  /** The square root of each element. */
  sqrt: None;
  /** e to the power of each element. */
  exp: None;
  /** The sine of each element, in radians. */
  sin: None;
  /** The cosine of each element, in radians. */
  cos: None;
  /** The hyperbolic tangent of each element. */
  tanh: None;
  /** max(x, 0). */
  relu: None;
  /** x where positive, else slope * x. */
  leakyRelu: { readonly slope: number };
  /** exp(x) over its sum along an axis, without overflow. */
  softmax: { readonly axis: number };
  /** 1 where positive, else 0: the mask of the gradients of `relu` and its relatives. */
  heaviside: None;
  /** Two matrices and an optional third input, added with broadcasting. */
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean };
  /** Stacks of matrices, the axes before the last two broadcast; each matrix transposed if so asked. */
  batchMatmul: { readonly transposeA: boolean; readonly transposeB: boolean };
  /** Sums along axes, which then go or stay with size 1. */
  sum: { readonly axes: readonly number[]; readonly keepDims: boolean };
  /** The same elements in row-major order under another shape. */
  reshape: { readonly shape: Shape };
  /** Joins the inputs along an axis of fixed sizes. */
  concat: { readonly axis: number };
  /** The indices start to end - 1 of one axis. */
  slice: { readonly axis: number; readonly start: number; readonly end: number };
  /** Zeros before and after along one axis: the gradient of `slice`. */
  pad: { readonly axis: number; readonly before: number; readonly after: number };
  /** Repeats an input to a shape that it broadcasts to. */
  broadcastTo: { readonly shape: Shape };
  /** The index of the first largest element, int64. */
  argMax: { readonly axis: number };
  /** Rows of the first input, chosen by the second, an integer vector. */
  gather: None;
  /** Zeros with `rows` rows, the first input's rows added where the second input says. */
  scatterAdd: { readonly rows: Shape[number] };
}

/** The name of an op. */
export type OpName = keyof Attributes;

/** One value of a graph, and the node that computes it. */
export interface Tensor<N extends OpName = OpName> extends TensorType {
  /** The op that computes this value. */
  readonly op: N;
  /** The operands, in order. */
  readonly inputs: readonly Tensor[];
  /** What the op needs besides its operands. */
  readonly attributes: Attributes[N];
  /** Appends nodes to the graph of this tensor; null for a constant that no graph holds yet. */
  readonly builder: Builder | null;
}

/** A graph under construction. */
export interface Builder {
  /** The nodes so far; every node stands after its inputs. */
  readonly nodes: readonly Tensor[];
  /**
   * Checks the operands, infers the type, and appends a node.
   * @throws {TypeError} when an operand is of another graph or its type does not fit the op.
   */
  append<N extends OpName>(
    op: N,
    inputs: readonly Tensor[],
    attributes: Attributes[N],
  ): Tensor<N>;
  /** Gives the tensor itself, or for a free constant its copy in this graph. */
  adopt(tensor: Tensor): Tensor;
}

/** A finished graph. */
export interface Graph {
  /** The named inputs, in order, used or not. */
  readonly inputs: readonly Tensor<"input">[];
  /** All nodes, every node after its inputs. */
  readonly nodes: readonly Tensor[];
  /** The named results, in order. */
  readonly outputs: Readonly<Record<string, Tensor>>;
}
