/**
 * Multilayer perceptrons as traced functions of named weights: `NAME.0.weight` [out, in], `NAME.0.bias` [out],
 * `NAME.1.weight`, ... As one flat vector these stand in policy order (lib/policy_space.ts).
 */

import type { Activation } from "../kernels/policy_kernel.ts";
import type { Rng } from "../numbers/rng.ts";
import type { Tensor } from "./node.ts";
import { linear, relu, tanh } from "./tensor.ts";

/** A perceptron without weights. */
export interface Perceptron {
  /** Begins the names of its weights. */
  readonly name: string;
  /** Widths from the input to the output. */
  readonly sizes: readonly number[];
  /** What follows each hidden layer; the output is linear. */
  readonly activation: Activation;
}

const ACTIVATE: { readonly [A in Activation]: (x: Tensor) => Tensor } = { tanh, relu };

/** Lists the weights of a perceptron with their shapes. */
export function perceptronWeights(
  { name, sizes }: Perceptron,
): { readonly name: string; readonly shape: readonly number[] }[] {
  return sizes.slice(1).flatMap((out, i) => [
    { name: `${name}.${i}.weight`, shape: [out, sizes[i]] },
    { name: `${name}.${i}.bias`, shape: [out] },
  ]);
}

/** Draws the weights as PyTorch's linear layers do, uniform within +-1 / sqrt(fan-in): one flat vector. */
export function initialisePerceptron({ sizes }: Perceptron, rng: Rng): Float32Array {
  const layers = sizes.slice(1).map((out, i) => ({ fanIn: sizes[i], count: (sizes[i] + 1) * out }));
  const flat = new Float32Array(layers.reduce((sum, { count }) => sum + count, 0));
  let at = 0;
  for (const { fanIn, count } of layers) {
    const bound = 1 / Math.sqrt(fanIn);
    rng.fillUniform(flat.subarray(at, at += count), -bound, bound);
  }
  return flat;
}

/**
 * Traces a perceptron on many inputs, [N, in] -> [N, out].
 * @param weights tensors of which those with its name are used
 */
export function applyPerceptron(
  { name, sizes, activation }: Perceptron,
  weights: Readonly<Record<string, Tensor>>,
  x: Tensor,
): Tensor {
  const last = sizes.length - 2;
  for (let i = 0; i <= last; i++) {
    const y = linear(x, weights[`${name}.${i}.weight`], weights[`${name}.${i}.bias`]); // [N, out]
    x = i === last ? y : ACTIVATE[activation](y);
  }
  return x;
}
