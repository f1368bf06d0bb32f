/** Small configurations and generators, so that tests of training take milliseconds. */

import {
  type Config,
  flattenConfig,
  type PartialConfig,
  resolveConfig,
} from "../../lib/config/config.ts";
import type { Env, EnvSpec } from "../../lib/env.ts";
import type { PolicyShape } from "../../lib/model.ts";
import { isRecord, type RecordEvent, type TrainingOutcome } from "../../lib/algorithm/events.ts";
import { createRun, type TrainingRun } from "../../lib/algorithm/run.ts";
import { train } from "../../lib/rivals/algorithms.ts";
import { models } from "../../models/models.ts";
import { tanhNetwork } from "./tanh_network.ts";
import type { Skip } from "../../lib/kernels/policy_kernel.ts";
import { TINY_ENV_SPEC, TinyEnv } from "./tiny_env.ts";

/** A small configuration. It sets every option, so that no test depends on the defaults. */
export const TINY: PartialConfig = {
  env: TINY_ENV_SPEC.id,
  algorithm: "udrlpg",
  seed: 1,
  steps: 600,
  policy: { hiddenSizes: [4], activation: "tanh", skip: "none" },
  generator: { kind: "tiled", tileSize: 4, hiddenSizes: [16, 16], commandEncoding: "scalar" },
  cvae: { latentSize: 3 },
  update: { loss: "weights", perCycle: 4, batchSize: 8, learningRate: 1e-3 },
  rollout: { noise: "fixed", noiseScale: 0.1 },
  returns: { range: [], survivalBonus: "keep" },
  buffer: {
    kind: "bucket",
    bucketCapacity: 1,
    whenFull: "drop",
    weightingScale: 0.3,
    exclude: [],
  },
  critic: { discount: 0.99 },
  reports: { evaluations: 3, sweeps: 2 },
  consolidation: { updates: 8 },
  calibration: { budgetShare: 0.1 },
};

/** What makes the small configuration's noise adapt; its cycles have eight rollouts in place of one. */
export const ADAPTED: PartialConfig = {
  rollout: { noise: "adapted" },
  update: { perCycle: 64 },
};

/** Resolves the small configuration with changes on top, section by section. */
export function tinyConfig(changes: PartialConfig = {}): Config {
  return resolveConfig([
    { source: "test", values: flattenConfig(TINY), isWhole: true },
    { source: "test", values: flattenConfig(changes) },
  ]).config;
}

/** Creates a small run; close its learner once it has loaded a graph. */
export function tinyRun(changes: PartialConfig = {}, env: Env = new TinyEnv()): TrainingRun {
  return createRun(tinyConfig(changes), { env, models, session: { threads: 1 } });
}

/** What a run told. */
export interface Told {
  /** Its records, in order. */
  readonly records: readonly RecordEvent[];
  /** How it ended; undefined when it was left before. */
  readonly outcome: TrainingOutcome | undefined;
}

/**
 * Trains a run and keeps what it tells.
 * @param until leaves the run after the first cycle where it is true, or at the end of the budget
 */
export async function follow(run: TrainingRun, until?: (() => boolean) | "spent"): Promise<Told> {
  const records: RecordEvent[] = [];
  for await (const event of train(run)) {
    if (isRecord(event)) records.push(event);
    else if (event.kind === "end") return { records, outcome: event.outcome };
    else if (event.kind === "spent" && until === "spent") break;
    else if (event.kind === "cycle" && typeof until === "function" && until()) break;
  }
  return { records, outcome: undefined };
}

/** The records of one kind. */
export function recordsOf<K extends RecordEvent["kind"]>(
  { records }: Pick<Told, "records">,
  kind: K,
): Extract<RecordEvent, { kind: K }>[] {
  return records.filter((record): record is Extract<RecordEvent, { kind: K }> =>
    record.kind === kind
  );
}

/** An environment's description with as many observations and actions as the widths [S, ..., A]. */
export function specOf(sizes: readonly number[]): EnvSpec {
  const box = (size: number) => ({
    kind: "box" as const,
    low: new Float64Array(size).fill(-1),
    high: new Float64Array(size).fill(1),
    dtype: "float32" as const,
  });
  return {
    ...TINY_ENV_SPEC,
    observationSpace: box(sizes[0]),
    actionSpace: box(sizes[sizes.length - 1]),
  };
}

/** The shape of a policy network given by its widths [S, H1, ..., A]. */
export function shapeOf(sizes: readonly number[], skip: Skip = "none"): PolicyShape {
  return models.policyShape(specOf(sizes), { ...tanhNetwork(sizes.slice(1, -1)), skip });
}
