/**
 * Works out how large the values of a graph become, before ONNX Runtime takes the memory: two vectors of
 * a few kilobytes each multiply to a matrix of gigabytes.
 */

import type { OnnxNode, OnnxSummary } from "./reader.ts";
import { FileError } from "../system/errors.ts";

/** Sizes of the axes of a value. */
export type ValueShape = readonly number[];

/**
 * Gives the shape of an operator's first output, or undefined where its inputs do not fit it; ONNX
 * Runtime then says why.
 */
export type ShapeRule = (
  inputs: readonly ValueShape[],
  attributes: OnnxNode["attributes"],
) => ValueShape | undefined;

/** Gives the shape of what operators make that compute each element from those in its place. */
export function elementwise(inputs: readonly ValueShape[]): ValueShape {
  const rank = Math.max(...inputs.map((shape) => shape.length));
  const sizes: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const given = inputs.map((shape) => shape[axis - rank + shape.length] ?? 1);
    sizes.push(given.find((size) => size !== 1) ?? 1);
  }
  return sizes;
}

/** Gives the shape of what Gemm makes: a product of two matrices, each transposed first where it says so. */
export function matrixProduct(
  [a, b]: readonly ValueShape[],
  { transA = 0, transB = 0 }: OnnxNode["attributes"],
): ValueShape | undefined {
  if (a?.length !== 2 || b?.length !== 2) return undefined;
  return [a[transA === 0 ? 0 : 1], b[transB === 0 ? 1 : 0]];
}

/** Gives the shape of what ArgMax makes: one axis goes, or stays with size 1. */
export function withoutAxis(
  [x]: readonly ValueShape[],
  { axis = 0, keepdims = 1 }: OnnxNode["attributes"],
): ValueShape | undefined {
  if (x === undefined) return undefined;
  const at = axis < 0 ? axis + x.length : axis;
  return x.flatMap((size, i) => i !== at ? [size] : keepdims === 0 ? [] : [1]);
}

/** A policy with as many layers as there may be has fewer than 200. */
const MAX_NODES = 1000;
/** Elements of one value: a layer of a policy has as many as it is wide. */
const MAX_ELEMENTS = 2 ** 20;
/** Elements of all values, the constants apart. */
const MAX_ELEMENTS_IN_ALL = 2 ** 22;
/** Products of numbers: the largest policy has as many as parameters. */
const MAX_PRODUCTS = 2 ** 25;

/**
 * Checks that no value of a graph becomes too large, for inputs of given shapes.
 * @throws {FileError} naming the first node whose result does, or cannot be known.
 */
export function assertBoundedSizes(
  { name, nodes, initializers }: Pick<OnnxSummary, "name" | "nodes" | "initializers">,
  { inputs, rules }: {
    readonly inputs: Readonly<Record<string, ValueShape>>;
    readonly rules: Readonly<Record<string, ShapeRule>>;
  },
): void {
  if (nodes.length > MAX_NODES) {
    throw new FileError(
      `Cannot use ONNX model ${JSON.stringify(name)}: it must have at most ${MAX_NODES} nodes, ` +
        `got ${nodes.length}`,
    );
  }
  const shapes = new Map<string, ValueShape>([
    ...initializers.map(({ name, shape }) => [name, shape] as const),
    ...Object.entries(inputs),
  ]);
  let [elements, products] = [0, 0];
  for (const [i, { opType, inputs: names, outputs, attributes }] of nodes.entries()) {
    const fail = (rule: string): never => {
      throw new FileError(
        `Cannot use ONNX model ${JSON.stringify(name)}: ${rule} of node ${i} (${opType})`,
      );
    };
    const known = names.map((each) => shapes.get(each) ?? fail("inputs must be known"));
    const shape = rules[opType]?.(known, attributes) ?? fail("inputs must fit it, got other ones");
    const size = shape.reduce((product, each) => product * each, 1);
    if (!(size <= MAX_ELEMENTS)) fail(`at most ${MAX_ELEMENTS} numbers must be the result`);
    elements += size;
    products += opType === "Gemm" ? size * Math.max(...known[0], 1) : size;
    if (!(elements <= MAX_ELEMENTS_IN_ALL && products <= MAX_PRODUCTS)) {
      fail("less must be computed up to the result");
    }
    for (const output of outputs) shapes.set(output, shape);
  }
}
