/** Policies that no generator made. */

import type { PolicyShape } from "../../lib/model.ts";
import type { Rng } from "../../lib/numbers/rng.ts";
import type { PolicyParameters } from "../../lib/policy_space.ts";

/** Draws parameters as Glorot and Bengio do: W uniform within +-sqrt(6 / (in + out)), b = 0; [P]. */
export function drawPolicy(shape: PolicyShape, rng: Rng): PolicyParameters {
  const parameters = new Float32Array(shape.parameterCount);
  let offset = 0;
  for (let layer = 1; layer < shape.sizes.length; layer++) {
    const [fanIn, fanOut] = [shape.sizes[layer - 1], shape.sizes[layer]];
    const bound = Math.sqrt(6 / (fanIn + fanOut));
    rng.fillUniform(parameters.subarray(offset, offset + fanIn * fanOut), -bound, bound);
    offset += (fanIn + 1) * fanOut;
  }
  return parameters as PolicyParameters;
}
