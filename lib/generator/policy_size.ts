/**
 * How large a network that a file describes may be. A few bytes of a file can ask for widths whose
 * product no memory holds, so this is checked before anything of that size is made.
 */

import { actionSize, type EnvSpec, observationSize } from "../env.ts";
import { countParameters } from "../kernels/policy_kernel.ts";

/** The largest policy: 16.8 million parameters, 230 times the published method's (256, 256). */
export const MAX_POLICY_PARAMETERS = 2 ** 24;

/** The most layers of any network in a file. */
export const MAX_LAYERS = 64;

/**
 * Counts the parameters of a policy, P, without making it.
 * @throws {RangeError} when it has more layers or parameters than a file may ask for.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { countPolicyParameters } from "./policy_size.ts";
 * const space = { kind: "box", low: new Float64Array(3), high: new Float64Array(3), dtype: "float32" } as const;
 * const spec = { id: "x", observationSpace: space, actionSpace: { kind: "discrete", n: 2 } } as const;
 * // (3 + 1) * 8 + (8 + 1) * 2
 * assert.equal(countPolicyParameters(spec, [8]), 50);
 * ```
 */
export function countPolicyParameters(
  spec: Pick<EnvSpec, "observationSpace" | "actionSpace">,
  hiddenSizes: readonly number[],
): number {
  assertLayers(hiddenSizes, "policy");
  const sizes = [observationSize(spec as EnvSpec), ...hiddenSizes, actionSize(spec as EnvSpec)];
  const count = countParameters(sizes);
  if (count > MAX_POLICY_PARAMETERS) {
    throw new RangeError(
      `Cannot make policy: it must have at most ${MAX_POLICY_PARAMETERS} parameters, got ${count}`,
    );
  }
  return count;
}

/**
 * Checks the number of a network's layers.
 * @throws {RangeError} when there are more than a file may ask for.
 */
export function assertLayers(widths: readonly number[], network: string): void {
  if (widths.length <= MAX_LAYERS) return;
  throw new RangeError(
    `Cannot make ${network}: it must have at most ${MAX_LAYERS} hidden layers, got ${widths.length}`,
  );
}
