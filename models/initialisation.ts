/**
 * How the generator's weights start: every linear layer uniform within +-1/sqrt(fan-in), embeddings N(0, 1),
 * as in the public reference configuration. Generated weights then have a deviation near 0.1 whatever the
 * layer. A generator of linear policies whose noise adapts starts with zero heads instead: its policy does
 * nothing for any command, so that the first rollouts are what their noise makes of them. (A deep policy of
 * zeros would have no gradient.)
 */

import { sizeOf } from "../lib/autodiff/shape.ts";
import type { WeightSpec } from "../lib/model.ts";
import type { Rng } from "../lib/numbers/rng.ts";

/**
 * Draws the generator's weights as one flat vector, [W].
 * @param weights named as models/generator.ts does; a layer's biases follow its weights
 * @param options.startsAtZero whether generated policies are zero at first; draws the same numbers
 */
export function initialiseGenerator(
  rng: Rng,
  weights: readonly WeightSpec[],
  { startsAtZero = false } = {},
): Float32Array {
  const sizes = weights.map(({ shape }) => sizeOf(shape));
  const flat = new Float32Array(sizes.reduce((sum, size) => sum + size, 0));
  // Both parts of a first layer share the fan-in of the concatenated input.
  const widthOf = (ending: string) => weights.find(({ name }) => name.endsWith(ending))!.shape[1];
  const firstFanIn = widthOf(".embedding") + widthOf(".0.command");
  let offset = 0;
  let fanIn = firstFanIn;
  weights.forEach(({ name, shape }, index) => {
    const view = flat.subarray(offset, offset += sizes[index]);
    const [, head, layer, part] = name.split(".");
    if (head === "embedding") return rng.fillStandardNormal(view);
    if (layer === "0") fanIn = firstFanIn;
    else if (part === "weight") fanIn = shape[1];
    const bound = 1 / Math.sqrt(fanIn);
    rng.fillUniform(view, -bound, bound);
    if (startsAtZero && layer === "head") view.fill(0);
  });
  return flat;
}
