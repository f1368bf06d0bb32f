/**
 * Neurons in one order: hidden neurons of a perceptron can change places, and of tanh layers their signs,
 * without a change of what it does. Two policies that do the same may so lie far apart, and what lies
 * between them does something else. Here one policy's neurons are put where another one's are that are
 * most like them, layer by layer: the most alike pair first.
 */

import { type Activation, fanIns, type Skip } from "../kernels/policy_kernel.ts";

/** The network that both policies are of. */
export interface MatchedNetwork {
  /** Widths from the observation to the action, [S, H1, ..., A]. */
  readonly sizes: readonly number[];
  /** What follows each hidden layer. */
  readonly activation: Activation;
  /** What the last layer sees besides the last hidden layer. */
  readonly skip: Skip;
}

/**
 * Puts a policy's neurons in the order of a reference: it does what it did.
 * @param policy in policy order, [P], for observations of about one scale
 * @returns a new array
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { matchNeurons } from "./match_neurons.ts";
 * // One input, two tanh neurons, one output: W1, b1, W2, b2.
 * const policy = Float32Array.of(1, 5, 0, 2, 3, 4, 0.5);
 * const other = Float32Array.of(-5, 1, -2, 0, -4, 3, 0.5); // swapped, one with another sign
 * const network = { sizes: [1, 2, 1], activation: "tanh", skip: "none" } as const;
 * assert.deepEqual([...matchNeurons(other, policy, network)].map((x) => x + 0), [...policy]);
 * ```
 */
export function matchNeurons(
  policy: Float32Array,
  reference: Float32Array,
  { sizes, activation, skip }: MatchedNetwork,
): Float32Array {
  const matched = policy.slice();
  const columns = fanIns(sizes, skip);
  let start = 0;
  for (let layer = 1; layer < sizes.length - 1; layer++) {
    const [inputs, width, outputs] = sizes.slice(layer - 1, layer + 2);
    const biases = start + inputs * width;
    const next = biases + width;
    const rowOf = (numbers: Float32Array, neuron: number) => [
      ...numbers.subarray(start + neuron * inputs, start + (neuron + 1) * inputs),
      numbers[biases + neuron],
      ...Array.from({ length: outputs }, (_, out) => numbers[next + out * columns[layer] + neuron]),
    ];
    // Neurons of a later layer are in no order yet: what goes to them says nothing.
    const compared = layer === sizes.length - 2 ? inputs + 1 + outputs : inputs + 1;
    const own = Array.from({ length: width }, (_, neuron) => rowOf(matched, neuron));
    const theirs = Array.from({ length: width }, (_, neuron) => rowOf(reference, neuron));
    for (
      const { from, to, sign } of pairs(
        own.map((row) => row.slice(0, compared)),
        theirs.map((row) => row.slice(0, compared)),
        activation === "tanh",
      )
    ) {
      const row = own[from].map((value) => sign * value);
      matched.set(row.slice(0, inputs), start + to * inputs);
      matched[biases + to] = row[inputs];
      row.slice(inputs + 1).forEach((value, out) =>
        matched[next + out * columns[layer] + to] = value
      );
    }
    start = next;
  }
  return matched;
}

interface Pair {
  readonly from: number;
  readonly to: number;
  readonly sign: number;
}

/** Pairs rows, the greatest product first; of tanh neurons the sign does not count. */
function pairs(
  own: readonly (readonly number[])[],
  theirs: readonly (readonly number[])[],
  hasSigns: boolean,
): Pair[] {
  const all = own.flatMap((a, from) =>
    theirs.map((b, to) => {
      const product = a.reduce((sum, x, i) => sum + x * b[i], 0);
      const sign = hasSigns && product < 0 ? -1 : 1;
      // Minus half the squared distance.
      return { from, to, sign, likeness: sign * product - (lengthOf(a) + lengthOf(b)) / 2 };
    })
  ).sort((a, b) => b.likeness - a.likeness);
  const [taken, given] = [new Set<number>(), new Set<number>()];
  return all.filter(({ from, to }) => {
    if (taken.has(from) || given.has(to)) return false;
    taken.add(from);
    given.add(to);
    return true;
  });
}

/** The squared length. */
function lengthOf(row: readonly number[]): number {
  return row.reduce((sum, x) => sum + x * x, 0);
}
