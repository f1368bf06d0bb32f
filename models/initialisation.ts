/**
 * How the generator's weights start: every linear layer uniform within +-1/sqrt(fan-in), embeddings N(0, 1),
 * as in the public reference configuration. Generated weights then have a deviation near 0.1 whatever the
 * layer. A generator whose noise adapts starts with policies that do nothing, so that the first rollouts are what
 * their noise makes of them: the heads of the last layer are zero, and those below make weights of their natural
 * size, 1 / sqrt(fan-in + 1), so that hidden units tell observations apart.
 */

import { sizeOf } from "../lib/autodiff/shape.ts";
import type { WeightSpec } from "../lib/model.ts";
import type { Rng } from "../lib/numbers/rng.ts";

/**
 * Draws the generator's weights as one flat vector, [W].
 * @param weights named as models/generator.ts does; a layer's biases follow its weights
 * @param options.headGains what the weights of heads are multiplied with, by kind of tile; 1 where absent
 */
export function initialiseGenerator(
  rng: Rng,
  weights: readonly WeightSpec[],
  { headGains = {} }: { headGains?: Readonly<Partial<Record<string, number>>> } = {},
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
    const [kind, head, layer, part] = name.split(".");
    if (head === "embedding") return rng.fillStandardNormal(view);
    if (layer === "0") fanIn = firstFanIn;
    else if (part === "weight") fanIn = shape[1];
    const bound = 1 / Math.sqrt(fanIn);
    rng.fillUniform(view, -bound, bound);
    const gain = layer === "head" ? headGains[kind] ?? 1 : 1;
    if (gain === 0) view.fill(0);
    else if (gain !== 1) { for (let i = 0; i < view.length; i++) view[i] *= gain; }
  });
  return flat;
}
