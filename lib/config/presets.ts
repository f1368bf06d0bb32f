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

const DEFAULT_BUDGETS: Readonly<Record<string, PartialConfig>> = {
  // Many policies reach 500, the most there is, by luck: only running them again tells which are sure.
  CartPole: {
    steps: 50_000,
    rollout: { refreshEvery: 4 },
    command: { credit: 1 },
    selection: { budgetShare: 0.35 },
  },
  InvertedPendulum: { steps: 20_000 },
  // The best policies push just enough: a generator that learns another one too misses them by a hair.
  MountainCarContinuous: { steps: 100_000, consolidation: { floorShare: 0 } },
  // The start of an episode decides most of a poor policy's return: only many episodes show a good policy.
  // A linear policy cannot swing up.
  Pendulum: {
    steps: 2 * MILLION,
    policy: { hiddenSizes: [16] },
    generator: { tileSize: 16 },
    rollout: { refreshEvery: 2, noiseFreeShare: 0.1, noiseSpread: 0.7 },
    command: { credit: 1 },
    consolidation: { surveyShare: 0.1 },
    calibration: { episodes: 25 },
  },
  Swimmer: { steps: MILLION, rollout: { lateFrom: 0.5 } },
  // A budget of episodes of 1,000 steps has few hundred of them: 8 updates after each would be too few.
  HalfCheetah: {
    steps: MILLION,
    update: { perCycle: 32 },
    // The gait that is found first decides what half a million further steps can make of it.
    attempts: { roundShare: 0.1 },
    rollout: { lateFrom: 0.5 },
    // Returns deviate by up to a thousand between starts. 95 % of the draws come from the best sixty buckets
    // in place of ten: their mean is less lucky.
    buffer: { weightingScale: 0.05 },
  },
  Hopper: {
    steps: MILLION,
    returns: { survivalBonus: "remove", range: [-100, 2000] },
    // Chance finds gaits that fall at a touch: credit drops them, and the generator follows the others
    // closely.
    command: { credit: 1 },
    update: { perCycle: 16, goalShare: 0.5 },
    attempts: { roundShare: 0.25 },
    // Without the limit an attempt ends up diving forwards at full force. The best of many noisy policies
    // falls now and then: only running it again tells which does not.
    rollout: { weightLimit: 1, lateFrom: 0.5, lateRefreshEvery: 6 },
  },
};

/** The presets by name. */
export const PRESETS: Readonly<Record<string, Preset>> = {
  default: {
    doc: "What reached the best returns over seeds so far",
    base: { steps: 300_000 },
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
      update: {
        perCycle: 8,
        batchSize: 24,
        goalShare: 0,
        learningRate: 2e-6,
        finalLearningRate: 2e-6,
      },
      attempts: { roundShare: 0 },
      rollout: {
        noiseScale: 0.1,
        noiseSpread: 0,
        finalNoiseShare: 1,
        successShare: 0,
        weightLimit: 0,
        refreshEvery: 0,
        lateFrom: 0,
        noiseFreeShare: 0,
      },
      command: { top: 1, credit: 0 },
      buffer: { bucketCapacity: 1, whenFull: "drop", weightingScale: 0.3 },
      warmup: { episodes: 10, noise: 0 },
      reports: { evaluations: 100, sweeps: 10 },
      consolidation: { updates: 0 },
      selection: { budgetShare: 0 },
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
