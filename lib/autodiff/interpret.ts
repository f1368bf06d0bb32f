/**
 * The reference interpreter: runs a graph node by node with the plain kernels of the op table.
 *
 * It is the yardstick for gradients (in float64) and for ONNX Runtime (in float32), and it runs small
 * graphs where loading ONNX Runtime does not pay. Values are freed after their last use.
 */

import { bindShape, resolveShape, sizeOf } from "./shape.ts";
import { isOp, liveNodes } from "./graph.ts";
import type { FloatArray, NDArray } from "./kernels.ts";
import type { DType, Graph, OpName, Tensor } from "./node.ts";
import { OPS } from "./ops.ts";

/** An input array: row-major numbers and their concrete shape. */
export interface InputArray {
  /** Row-major elements. */
  readonly data: ArrayLike<number> | ArrayLike<bigint>;
  /** Sizes of the axes; empty for a scalar. */
  readonly shape: readonly number[];
}

/** An output array: float32 results as floats of the chosen precision, integers as such. */
export interface OutputArray {
  /** Row-major elements. */
  readonly data: FloatArray | Int32Array | BigInt64Array;
  /** Sizes of the axes; empty for a scalar. */
  readonly shape: readonly number[];
}

function compute<N extends OpName>(
  node: Tensor<N>,
  values: ReadonlyMap<Tensor, NDArray>,
  { bindings, Floats }: {
    bindings: ReadonlyMap<string, number>;
    Floats: Float32ArrayConstructor | Float64ArrayConstructor;
  },
): NDArray {
  const shape = resolveShape(node.shape, bindings);
  const data = node.dtype === "float32"
    ? new Floats(sizeOf(shape))
    : new Float64Array(sizeOf(shape));
  const y = { data, shape };
  const inputs = node.inputs.map((input) => values.get(input)!);
  OPS[node.op].forward(inputs, y, { attributes: node.attributes, bindings });
  return y;
}

function toOutput({ data, shape }: NDArray, dtype: DType): OutputArray {
  if (dtype === "int32") return { data: Int32Array.from(data), shape };
  if (dtype === "int64") return { data: BigInt64Array.from(Array.from(data, BigInt)), shape };
  return { data: data.slice(), shape };
}

/**
 * Computes the outputs of a graph from its named inputs. The inputs are copied.
 * @throws {TypeError} when an input is missing or its shape does not match.
 */
export function interpret(
  graph: Graph,
  inputs: Readonly<Record<string, InputArray>>,
  { dtype = "float32" }: { readonly dtype?: "float32" | "float64" } = {},
): Record<string, OutputArray> {
  const Floats = dtype === "float32" ? Float32Array : Float64Array;
  const bindings = new Map<string, number>();
  const values = new Map<Tensor, NDArray>();
  for (const input of graph.inputs) {
    const { name } = input.attributes;
    if (!Object.hasOwn(inputs, name)) {
      throw new TypeError(
        `Cannot interpret graph: every input must be given, got none for "${name}"`,
      );
    }
    const { data, shape } = inputs[name];
    bindShape({ name, shape: input.shape, actual: shape }, bindings);
    if (data.length !== sizeOf(shape)) {
      throw new TypeError(
        `Cannot bind "${name}": it must hold ${sizeOf(shape)} numbers, got ${data.length}`,
      );
    }
    const floats = input.dtype === "float32"
      ? new Floats(data.length)
      : new Float64Array(data.length);
    for (let i = 0; i < data.length; i++) floats[i] = Number(data[i]);
    values.set(input, { data: floats, shape });
  }
  const outputs = new Set(Object.values(graph.outputs));
  const nodes = liveNodes(graph);
  const lastUse = new Map<Tensor, number>();
  nodes.forEach((node, index) => node.inputs.forEach((input) => lastUse.set(input, index)));
  nodes.forEach((node, index) => {
    if (!isOp(node, "input")) values.set(node, compute(node, values, { bindings, Floats }));
    for (const input of node.inputs) {
      if (lastUse.get(input) === index && !outputs.has(input)) values.delete(input);
    }
  });
  return Object.fromEntries(
    Object.entries(graph.outputs).map(([name, tensor]) =>
      [name, toOutput(values.get(tensor)!, tensor.dtype)] as const
    ),
  );
}
