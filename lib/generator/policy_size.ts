/**
 * How large networks may be. A few characters of an option or a file can ask for widths whose product
 * no memory holds, so this is checked before anything of that size is made. Training and reading have
 * the same limits: what was trained can be read.
 */

import { actionSize, type EnvSpec, observationSize } from "../env.ts";
import { countParameters, type Skip } from "../kernels/policy_kernel.ts";
import type { PolicyNetwork } from "../model.ts";

/** The largest policy: 8.4 million parameters, 115 times the published method's (256, 256). */
export const MAX_POLICY_PARAMETERS = 2 ** 23;

/** The largest generator: 16.8 million weights, 64 MiB. */
export const MAX_GENERATOR_WEIGHTS = 2 ** 24;

/** The most layers of any network. */
export const MAX_LAYERS = 64;

/** What the last layer of a network sees besides: nothing where it is the first, which sees the observation anyway. */
export function skipOf({ hiddenSizes, skip }: Pick<PolicyNetwork, "hiddenSizes" | "skip">): Skip {
  return hiddenSizes.length === 0 ? "none" : skip;
}

/**
 * Counts the parameters of a policy, P, without making it.
 * @throws {RangeError} when it has too many layers or parameters.
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
  skip: Skip = "none",
): number {
  assertLayers(hiddenSizes, "policy");
  const sizes = [observationSize(spec as EnvSpec), ...hiddenSizes, actionSize(spec as EnvSpec)];
  const count = countParameters(sizes, skip);
  if (count > MAX_POLICY_PARAMETERS) {
    throw new RangeError(
      `Cannot make policy: policy.hiddenSizes must give at most ${MAX_POLICY_PARAMETERS} ` +
        `parameters, got ${count}`,
    );
  }
  return count;
}

/**
 * Checks the number of a network's layers.
 * @throws {RangeError} when there are too many.
 */
export function assertLayers(widths: readonly number[], network: string): void {
  if (widths.length <= MAX_LAYERS) return;
  throw new RangeError(
    `Cannot make ${network}: it must have at most ${MAX_LAYERS} hidden layers, got ${widths.length}`,
  );
}
