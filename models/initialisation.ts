/**
 * How the generator's weights start.
 *
 * `reference`: every linear layer uniform within +-1/sqrt(fan-in), embeddings N(0, 1): the public
 * reference configuration. Generated weights then have a deviation near 0.1 whatever the layer.
 *
 * `bias` (Bias-HyperInit): head weights are zero and head biases are drawn as the policy layer itself
 * would be, uniform within +-1/sqrt(its fan-in). All tiles of a kind start equal, and so do all
 * commands; tiles part as soon as exploration noise is learnt.
 *
 * `variance` (after arXiv 2312.08399): trunks keep the mean square of their input (He), heads are
 * scaled so that a generated weight has the variance of the policy layer's own initialisation,
 * 1 / (3 fan-in), and generated biases start at zero.
 */

import type { Config } from "../lib/config/config.ts";
import type { WeightSpec } from "../lib/model.ts";
import type { Rng } from "../lib/numbers/rng.ts";
import type { TileKind } from "./tiling.ts";

/** What an initialisation needs to know of a generator. */
export interface InitialisationOptions {
  /** The tiles of the policy: they tell the fan-in of what is generated. */
  readonly kinds: readonly TileKind[];
  /** The generator's weights, named as models/generator.ts does. */
  readonly weights: readonly WeightSpec[];
  /** Says which initialisation. */
  readonly config: Config["generator"];
}

/** Draws the generator's weights as one flat vector in the order of `weights`. */
export function initialiseGenerator(rng: Rng, options: InitialisationOptions): Float32Array {
  const { kinds, weights, config } = options;
  const sizes = weights.map(({ shape }) => shape.reduce((product, size) => product * size, 1));
  const flat = new Float32Array(sizes.reduce((sum, size) => sum + size, 0));
  // Both parts of a first layer share the fan-in of the concatenated input.
  const conditionSize = weights.find(({ name }) => name.endsWith(".0.command"))!.shape[1];
  const firstFanIn = config.embeddingSize + conditionSize;
  let offset = 0;
  let fanIn = firstFanIn;
  weights.forEach(({ name, shape }, index) => {
    const view = flat.subarray(offset, offset += sizes[index]);
    const [kindName, head, layer, part] = name.split(".");
    if (head === "embedding") return rng.fillStandardNormal(view);
    if (layer === "0") fanIn = firstFanIn;
    else if (part === "weight") fanIn = shape[1];
    const policyFanIn = kinds.find((kind) => kind.name === kindName)!.layers[0].fanIn;
    const bound = uniformBound(config.initialisation, {
      isHead: layer === "head",
      isBias: part === "bias",
      generatesBias: head === "bias",
      fanIn,
      policyFanIn,
    });
    rng.fillUniform(view, -bound, bound);
  });
  return flat;
}

interface LayerTraits {
  readonly isHead: boolean;
  readonly isBias: boolean;
  readonly generatesBias: boolean;
  readonly fanIn: number;
  readonly policyFanIn: number;
}

/** The b of a uniform draw within +-b. A uniform draw has the variance b^2 / 3. */
function uniformBound(kind: Config["generator"]["initialisation"], traits: LayerTraits): number {
  const { isHead, isBias, generatesBias, fanIn, policyFanIn } = traits;
  const plain = 1 / Math.sqrt(fanIn);
  switch (kind) {
    case "reference":
      return plain;
    case "bias":
      if (!isHead) return plain;
      return isBias ? 1 / Math.sqrt(policyFanIn) : 0;
    case "variance":
      if (isBias) return 0;
      // He: variance 2 / fan-in, b = sqrt(6 / fan-in).
      if (!isHead) return Math.sqrt(6 / fanIn);
      // variance 1 / (3 policyFanIn) spread over fan-in inputs of mean square 1.
      return generatesBias ? 0 : Math.sqrt(1 / (fanIn * policyFanIn));
  }
}
