/** The table of networks that the program hands to `lib/`. */

import { countWeights } from "../lib/learner/generation_pass.ts";
import { MAX_GENERATOR_WEIGHTS } from "../lib/generator/policy_size.ts";
import type { Config } from "../lib/config/config.ts";
import type { GeneratorModel, ModelTable, PolicyShape } from "../lib/model.ts";
import { createConditionedPolicy } from "./conditioned_policy.ts";
import { createCvaeGenerator } from "./cvae_generator.ts";
import { createTiledGenerator } from "./generator.ts";
import { createPolicy, policyShape, traceActions, traceNormalised, tracePolicy } from "./policy.ts";
import { createSinglePolicy } from "./single_policy.ts";

/** All networks of this program. */
export const models: ModelTable = {
  policyShape,
  createPolicy,
  tracePolicy,
  traceNormalised,
  traceActions,
  createGenerator: (config, shape) => checkSize(GENERATORS[config.algorithm](config, shape)),
};

/** The generator of GoGePo's public code (IDSIA/GoGePo). */
const GOGEPO = {
  config: {
    kind: "tiled",
    tileSize: 16,
    hiddenSizes: [256, 256],
    commandEncoding: "scalar",
  },
  embeddingSize: 8,
  outputScale: 2,
} as const;

/** What each algorithm trains. */
const GENERATORS: {
  readonly [A in Config["algorithm"]]: (config: Config, shape: PolicyShape) => GeneratorModel;
} = {
  udrlpg(config, shape) {
    const { generator, update: { loss }, rollout: { noise } } = config;
    const startsStill = noise === "adapted";
    return generator.kind === "cvae"
      ? createCvaeGenerator({ config, shape })
      : createTiledGenerator({ config: generator, shape, latentSize: 0, loss, startsStill });
  },
  // Deep policies of zeros would all act alike along most directions.
  ddpg: createActor,
  td3: createActor,
  udrl: (_, shape) => createConditionedPolicy(shape),
  gogepo: (_, shape) => createTiledGenerator({ ...GOGEPO, shape, latentSize: 0 }),
  ars: (_, shape) => createSinglePolicy(shape, { startsAtZero: shape.sizes.length === 2 }),
};

function createActor({ algorithm }: Config, shape: PolicyShape): GeneratorModel {
  if (shape.actions === "box") return createSinglePolicy(shape, { startsAtZero: false });
  const choices = shape.sizes[shape.sizes.length - 1];
  throw new RangeError(
    `Cannot train by ${algorithm}: actions must be continuous, got one of ${choices} choices`,
  );
}

function checkSize(generator: GeneratorModel): GeneratorModel {
  const count = countWeights(generator.weights);
  if (count <= MAX_GENERATOR_WEIGHTS) return generator;
  throw new RangeError(
    `Cannot create generator: it must have at most ${MAX_GENERATOR_WEIGHTS} weights, got ${count}: ` +
      `make generator.hiddenSizes, generator.embeddingSize or policy.hiddenSizes smaller`,
  );
}
