/** The weights that adapted noise moves, and how far: where they stand in generator order, and their natural sizes. */

import type { GeneratorModel, PolicyShape } from "../model.ts";
import { seeingLayers } from "../policy_space.ts";

/**
 * Lists the parts of a policy that noise moves in turn, by the places of their weights, [P] or less each. Noise in
 * the last layer alone moves what a policy does in as many directions as its hidden units tell apart; in all of a
 * deep policy's thousands of weights, hundreds of episodes say little. Where a linear policy stands beside the hidden
 * layers, each is a part: some siblings differ in one, some in the other, and who is better decides which leads
 * further. A second attempt, where a linear policy leads nowhere, moves all together, which is faster then.
 */
export function exploredPlaces(
  { order }: Pick<GeneratorModel, "order">,
  shape: PolicyShape,
  { isSecond = false }: { readonly isSecond?: boolean } = {},
): Int32Array[] {
  const places = Int32Array.from(order.keys());
  if (isSecond) return [places];
  if (shape.skip === "none") {
    const [inputs, outputs] = shape.sizes.slice(-2);
    const last = shape.parameterCount - (inputs + 1) * outputs;
    return [places.filter((place) => order[place] >= last)];
  }
  const [, { weights, biases }] = seeingLayers(shape);
  const linear = new Set([...weights, ...biases]);
  const isLinear = (place: number) => linear.has(order[place]);
  return [places.filter(isLinear), places.filter((place) => !isLinear(place))];
}

/** Gives 1 / sqrt(fan-in + 1) for each weight, in generator order, [P]: the bias is an input, too. */
export function naturalSizes(
  { order }: Pick<GeneratorModel, "order">,
  { scale }: PolicyShape,
): Float32Array {
  return Float32Array.from(order, (place) => 1 / Math.sqrt(1 / scale[place] ** 2 + 1));
}
