/** What `train --from` begins with: policies and runs that the user names, or what a run's folder has kept of them. */

import { dirname } from "node:path";
import { MOST_POLICIES } from "../../../algorithm/given.ts";
import { type Config, type ConfigLayer, flattenConfig } from "../../../config/config.ts";
import type { ConfigFile } from "../../../config/config_file.ts";
import type { EnvSpec } from "../../../env.ts";
import { type SealedStart, sealStart, startIn } from "../../../run/start_file.ts";
import { FileError, UsageError } from "../../../system/errors.ts";
import { networkOptions, readGivenPolicies } from "../../given_policies.ts";
import type { CommandContext } from "../../program.ts";

/** What a run begins with, and what follows from it for the configuration. */
export interface Beginning {
  /** The policies. */
  readonly sealed: SealedStart;
  /** Their network: what stands in a preset or a file gives way to it, what is typed does not. */
  readonly network: ConfigLayer;
}

/**
 * Reads what paths name.
 * @throws {FileError} when a file is not good.
 */
export async function readBeginning(
  paths: readonly string[],
  { spec, context: { program, output } }: { readonly spec: EnvSpec; context: CommandContext },
): Promise<Beginning> {
  const models = await program.models();
  const { policies, network } = await readGivenPolicies(paths, {
    spec,
    models,
    does: "train from",
    output,
  });
  if (policies.length > MOST_POLICIES) {
    throw new UsageError(
      `Cannot train: --from must name at most ${MOST_POLICIES} policies, got ${policies.length}`,
    );
  }
  const sealed = sealStart(
    { policies, use: "training", order: "byReturn" },
    { environment: spec.id },
  );
  return {
    sealed,
    network: { source: "--from", values: flattenConfig(networkOptions(network)) },
  };
}

/**
 * Reads what the folder of a configuration has kept of what its run began with, if it began with something.
 * @throws {FileError} when that is not there any more.
 */
export function savedBeginning(path: string, { options }: ConfigFile): SealedStart | undefined {
  const start = options.get("start") as string | undefined ?? "";
  return startIn(dirname(path), { start });
}

/**
 * Checks that the configuration is for the policies that its run begins with.
 * @throws {UsageError | FileError} when it is for another network or environment.
 */
export function assertFits(
  { env, policy }: Config,
  { sealed: { start, environment }, size }: { sealed: SealedStart; size: number },
): void {
  if (environment !== env) {
    throw new FileError(
      `Cannot train: what the run begins with must be for ${JSON.stringify(env)}, got ${
        JSON.stringify(environment)
      }`,
    );
  }
  const [{ parameters }] = start.policies;
  if (parameters.length === size) return;
  throw new UsageError(
    `Cannot train: policies must be of the network of those that the run begins with, which have ` +
      `${parameters.length} parameters, got policy.hiddenSizes [${policy.hiddenSizes}] with ${size}`,
  );
}
