/** The table of networks that the program hands to `lib/`. */

import type { ModelTable } from "../lib/model.ts";
import { createCvaeGenerator } from "./cvae_generator.ts";
import { createTiledGenerator } from "./generator.ts";
import { createPolicy, initialisePolicy, policyShape, tracePolicy } from "./policy.ts";

/** All networks of this program. */
export const models: ModelTable = {
  policyShape,
  createPolicy,
  initialisePolicy,
  tracePolicy,
  createGenerator: (config, shape) =>
    config.generator.kind === "cvae"
      ? createCvaeGenerator({ config, shape })
      : createTiledGenerator({ config: config.generator, shape, latentSize: 0 }),
};
