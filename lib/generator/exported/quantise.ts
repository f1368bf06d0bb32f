/**
 * Weights of 8 bits: each row of a matrix becomes whole numbers from -127 to 127 and one scale, which a
 * product multiplies with once per row. Everything else stays float32. A generator takes a quarter of
 * its size so; what that does to returns is measured, not promised.
 */

import { isOp, liveNodes } from "../../autodiff/graph.ts";
import type { Graph, Tensor } from "../../autodiff/node.ts";
import { isWeightMatrix } from "./loops.ts";

/** The greatest whole number of a row. */
const GREATEST = 127;

/** A matrix in 8 bits: element [i, j] stands for values[i, j] * scales[i]. */
export interface QuantisedMatrix {
  /** Row-major. */
  readonly values: Int8Array;
  /** One for each row. */
  readonly scales: Float32Array;
}

/**
 * Rounds a matrix, row by row, so that the greatest number of each row is exact.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { quantise } from "./quantise.ts";
 * const { values, scales } = quantise(Float32Array.of(127, -2.4, 0, 0), 2);
 * assert.deepEqual([[...values], [...scales]], [[127, -2, 0, 0], [1, 1]]);
 * ```
 */
export function quantise(matrix: Float32Array, columns: number): QuantisedMatrix {
  const values = new Int8Array(matrix.length);
  const scales = new Float32Array(matrix.length / columns);
  scales.forEach((_, row) => {
    const numbers = matrix.subarray(row * columns, (row + 1) * columns);
    const greatest = numbers.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    scales[row] = greatest === 0 ? 1 : greatest / GREATEST;
    numbers.forEach((x, i) => values[row * columns + i] = Math.round(x / scales[row]));
  });
  return { values, scales };
}

/** Gives a prepared graph (`prepareLoops`) with its matrices as 8 bits leave them. */
export function roundMatrices(graph: Graph): Graph {
  const images = new Map<Tensor, Tensor>();
  const imageOf = (node: Tensor) => images.get(node)!;
  const nodes = graph.nodes.map((node): Tensor => {
    const image = { ...node, inputs: node.inputs.map(imageOf), attributes: node.attributes };
    if (isOp(node, "constant") && isWeightMatrix(node, graph)) {
      const columns = Number(node.shape[1]);
      const data = Float32Array.from(node.attributes.data, Number);
      const { values, scales } = quantise(data, columns);
      const rounded = data.map((_, i) => values[i] * scales[Math.floor(i / columns)]);
      Object.assign(image, { attributes: { ...node.attributes, data: rounded } });
    }
    images.set(node, image);
    return image;
  });
  const outputs = Object.entries(graph.outputs).map(([name, node]) =>
    [name, imageOf(node)] as const
  );
  const inputs = graph.inputs.map((input) => imageOf(input) as Tensor<"input">);
  return { inputs, nodes, outputs: Object.fromEntries(outputs) };
}

/** Counts the bytes of a prepared graph's constants as float32 numbers and with matrices of 8 bits. */
export function countBytes(graph: Graph): { readonly float: number; readonly int8: number } {
  let [float, int8] = [0, 0];
  for (const node of liveNodes(graph)) {
    if (!isOp(node, "constant")) continue;
    const size = node.attributes.data.length;
    float += 4 * size;
    int8 += isWeightMatrix(node, graph) ? size + 4 * Number(node.shape[0]) : 4 * size;
  }
  return { float, int8 };
}
