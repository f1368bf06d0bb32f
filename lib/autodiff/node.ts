/**
 * The graph's data: what a node, a tensor and a graph are. Types only.
 *
 * A tensor is a node: an op name, input nodes, attributes, and the type that the op's shape rule
 * inferred. Nodes are immutable and belong to the builder that appended them, so user functions need
 * no global state: they find the builder through their operands. A constant is made without a
 * builder and copied into the graph of the tensors it meets.
 */

import type { Shape } from "../shape.ts";

/** Element types: float32 for numbers, integers for indices only. */
export type DType = "float32" | "int32" | "int64";

/** What a constant can hold; Float64Array keeps exact values for a float64 interpretation. */
export type ConstantArray = Float32Array | Float64Array | Int32Array | BigInt64Array;

/** Shape and element type of a tensor. */
export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

type None = Readonly<Record<string, never>>;

/** Every op with its attributes. When you add an op, the compiler asks for the rest. */
export interface Attributes {
  /** A named input of the graph. */
  input: { readonly name: string; readonly type: TensorType };
  constant: { readonly data: ConstantArray; readonly type: TensorType };
  /** The product of sizes as a float32 scalar, for means over symbolic dimensions. */
  count: { readonly dims: Shape };
  add: None;
  sub: None;
  mul: None;
  div: None;
  neg: None;
  square: None;
  sqrt: None;
  exp: None;
  log: None;
  tanh: None;
  sigmoid: None;
  relu: None;
  leakyRelu: { readonly slope: number };
  softplus: None;
  /** -1, 0 or 1. */
  sign: None;
  /** 1 where positive, else 0: the mask of the gradients of `relu` and its relatives. */
  heaviside: None;
  clip: { readonly min: number; readonly max: number };
  /** Two matrices and an optional third input, added with broadcasting. */
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean };
  sum: { readonly axes: readonly number[]; readonly keepDims: boolean };
  reshape: { readonly shape: Shape };
  transpose: { readonly permutation: readonly number[] };
  concat: { readonly axis: number };
  slice: { readonly axis: number; readonly start: number; readonly end: number };
  /** Zeros before and after along one axis: the gradient of `slice`. */
  pad: { readonly axis: number; readonly before: number; readonly after: number };
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
  readonly op: N;
  readonly inputs: readonly Tensor[];
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
