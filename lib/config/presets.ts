/**
 * Named configurations: what a preset changes in the option table's defaults, for every environment
 * and for single ones. Sources: "reference" is the public reference configuration of UDRLPG
 * (arXiv 2501.16288), read as facts.
 */

import { type ConfigLayer, flattenConfig, type PartialConfig } from "./config.ts";
import { nearest } from "../system/words.ts";

/** What a preset changes in the option table's defaults. */
export interface Preset {
  /** What it is for, as the help says it. */
  readonly doc: string;
  /** What holds in every environment. */
  readonly base: PartialConfig;
  /** What an environment changes on top, by id without its version ("Hopper"). */
  readonly environments: Readonly<Record<string, PartialConfig>>;
}

const MILLION = 1_000_000;

/** One line of the reference's table: budget and range of returns. */
function paperEnvironment(
  steps: number,
  range: readonly [min: number, max: number],
  survivalBonus: "keep" | "remove" = "keep",
): PartialConfig {
  return { steps, returns: { range, survivalBonus } };
}

/** Budgets and ranges of the reference's table, by environment. */
const PAPER_ENVIRONMENTS: Readonly<Record<string, PartialConfig>> = {
  CartPole: paperEnvironment(100_000, [0, 500]),
  InvertedPendulum: paperEnvironment(100_000, [0, 1000]),
  Swimmer: paperEnvironment(3 * MILLION, [-100, 365]),
  // 3000 with the survival bonus, 2000 at the top without it.
  Hopper: paperEnvironment(3 * MILLION, [-100, 2000], "remove"),
  HalfCheetah: paperEnvironment(3 * MILLION, [-100, 4000]),
};

/** Budgets that are enough, by environment: all that the default preset knows of any. */
const DEFAULT_BUDGETS: Readonly<Record<string, PartialConfig>> = {
  CartPole: { steps: 50_000 },
  InvertedPendulum: { steps: 20_000 },
  InvertedDoublePendulum: { steps: 200_000 },
  Acrobot: { steps: 100_000 },
  MountainCarContinuous: { steps: 100_000 },
  Pendulum: { steps: MILLION },
  Hopper: { steps: MILLION },
  Walker2d: { steps: MILLION },
  HalfCheetah: { steps: MILLION },
  Ant: { steps: MILLION },
  Humanoid: { steps: MILLION },
};

/** The presets by name. */
export const PRESETS: Readonly<Record<string, Preset>> = {
  default: {
    doc: "One learner for every environment",
    base: { steps: 300_000, policy: { skip: "linear" } },
    environments: DEFAULT_BUDGETS,
  },
  paper: {
    doc: "The reference configuration of the published method",
    base: {
      steps: MILLION,
      policy: { hiddenSizes: [256, 256] },
      generator: {
        kind: "tiled",
        tileSize: 32,
        hiddenSizes: [512, 512],
        commandEncoding: "scalar",
      },
      update: { perCycle: 8, batchSize: 24, learningRate: 2e-6 },
      rollout: { noise: "fixed", noiseScale: 0.1 },
      // The reference's option says 1, and its check lets a bucket that holds one take another.
      buffer: { bucketCapacity: 2, whenFull: "drop", weightingScale: 0.3 },
      reports: { evaluations: 100, sweeps: 10 },
    },
    environments: PAPER_ENVIRONMENTS,
  },
};

/**
 * Turns a preset into the configuration layers that it stands for, weakest first.
 * @throws {RangeError} with the nearest name when the preset is unknown.
 */
export function presetLayers(name: string, envId: string): ConfigLayer[] {
  const preset = Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
  if (!preset) {
    const hint = nearest(name, Object.keys(PRESETS));
    throw new RangeError(
      `Cannot use preset "${name}": unknown name${hint ? `: did you mean "${hint}"?` : ""}`,
    );
  }
  const base = envId.replace(/-v\d+$/, "");
  const special = Object.hasOwn(preset.environments, base) ? preset.environments[base] : {};
  return [
    { source: `preset "${name}"`, values: flattenConfig(preset.base) },
    { source: `preset "${name}" for ${base}`, values: flattenConfig(special) },
  ];
}
