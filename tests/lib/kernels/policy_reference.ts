/**
 * The policy forward in plain loops: the specification of `policy_kernel.ts`, which the tests hold
 * it against. Every number is rounded to float32 where the kernel rounds, and sums run in the same
 * order, so that the two agree bit for bit but for tanh.
 */

import type { Activation, Skip } from "../../../lib/kernels/policy_kernel.ts";

/** What a forward needs to know of a policy: its layer sizes and its parameters. */
export interface PolicyParameters {
  /** Layer sizes [S, H1, ..., A]. */
  readonly sizes: readonly number[];
  /** W1, b1, W2, b2, ...: W row-major [out, in], [P]. */
  readonly parameters: Float32Array;
  /** What follows every layer but the last; tanh when absent. */
  readonly activation?: Activation;
  /** Whether the last layer sees the observation behind the last hidden layer; "none" when absent. */
  readonly skip?: Skip;
}

/**
 * Computes the outputs of a multilayer perceptron for one observation, [S] -> [A]:
 * x = float32(o), then x = tanh(b + W x) or max(b + W x, 0) for every layer but the last, which is
 * linear. A sum starts at the bias and adds one float32 product at a time, first input first; tanh is
 * `Math.tanh` rounded to float32.
 */
export function forwardReference(
  policy: PolicyParameters,
  observation: Float64Array,
): Float64Array {
  const { sizes, parameters, activation = "tanh", skip = "none" } = policy;
  const activate = activation === "tanh" ? Math.tanh : (x: number) => Math.max(x, 0);
  let x = Float32Array.from(observation);
  let at = 0;
  for (let layer = 1; layer < sizes.length; layer++) {
    const isLast = layer === sizes.length - 1;
    if (isLast && layer > 1 && skip === "linear") x = Float32Array.of(...x, ...observation);
    const inputs = x.length;
    const outputs = sizes[layer];
    const biases = at + outputs * inputs;
    const y = new Float32Array(outputs);
    for (let row = 0; row < outputs; row++) {
      let sum = parameters[biases + row];
      for (let column = 0; column < inputs; column++) {
        const product = Math.fround(parameters[at + row * inputs + column] * x[column]);
        sum = Math.fround(sum + product);
      }
      y[row] = isLast ? sum : activate(sum);
    }
    at = biases + outputs;
    x = y;
  }
  return Float64Array.from(x);
}
