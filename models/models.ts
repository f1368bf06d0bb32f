/** The table of networks that the program hands to `lib/`. */

import { countWeights } from "../lib/learner/generation_pass.ts";
import { MAX_GENERATOR_WEIGHTS } from "../lib/generator/policy_size.ts";
import type { GeneratorModel, ModelTable } from "../lib/model.ts";
import { createCvaeGenerator } from "./cvae_generator.ts";
import { createTiledGenerator } from "./generator.ts";
import { createPolicy, policyShape, traceActions, traceNormalised, tracePolicy } from "./policy.ts";

/** All networks of this program. */
export const models: ModelTable = {
  policyShape,
  createPolicy,
  tracePolicy,
  traceNormalised,
  traceActions,
  createGenerator(config, shape) {
    const { generator, update: { loss }, rollout: { noise } } = config;
    const startsAtZero = noise === "adapted" && shape.sizes.length === 2;
    return checkSize(
      generator.kind === "cvae"
        ? createCvaeGenerator({ config, shape })
        : createTiledGenerator({ config: generator, shape, latentSize: 0, loss, startsAtZero }),
    );
  },
};

function checkSize(generator: GeneratorModel): GeneratorModel {
  const count = countWeights(generator.weights);
  if (count <= MAX_GENERATOR_WEIGHTS) return generator;
  throw new RangeError(
    `Cannot create generator: it must have at most ${MAX_GENERATOR_WEIGHTS} weights, got ${count}: ` +
      `make generator.hiddenSizes, generator.embeddingSize or policy.hiddenSizes smaller`,
  );
}
