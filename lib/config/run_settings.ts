/**
 * The one table of run settings: what a run has besides its configuration, and what changes nothing that
 * is learnt. config.toml, its schema, the command line, variables and the lines of a sweep are read from
 * it; a setting's option is its name with dashes.
 *
 * When you add a setting: add one line here and use it.
 */

import {
  type ConfigLayer,
  findOption,
  type NamedOption,
  resolveConfig,
  type ResolvedConfig,
  resolveValues,
  type ValueOf,
} from "./config.ts";
import type { OptionRule } from "./options.ts";

const MAX_COUNT = 4096;

/** The settings of a run; 0 leaves a number to the program. */
export const RUN_SETTINGS = {
  preset: {
    type: "text",
    default: "default",
    doc: "Named set of option values, see udrlpg presets",
  },
  out: {
    type: "text",
    default: "",
    doc: "Run folder; runs/ENVIRONMENT-seedN where none is given",
  },
  envCommand: {
    type: "text",
    default: "",
    doc: "Program that plays your own environment, see udrlpg help environments",
  },
  device: {
    type: "choice",
    // "auto" takes the fastest that works.
    choices: ["auto", "cpu", "webgpu", "cuda"],
    default: "auto",
    doc: "Where the updates are computed",
  },
  threads: {
    type: "integer",
    default: 0,
    min: 0,
    max: MAX_COUNT,
    doc: "Threads of the update step; 0 takes one per core",
  },
  workers: {
    type: "integer",
    default: 0,
    min: 0,
    max: MAX_COUNT,
    doc:
      "Worker threads that run episodes; 0 takes one per core, at most 8, and 1 is the main thread",
  },
  checkpointEvery: {
    type: "integer",
    default: 0,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    unit: "steps",
    doc: "Steps between checkpoints; 0 is a twentieth of the budget, and once a minute",
  },
} as const satisfies Record<string, OptionRule>;

/** A value for every run setting. */
export type RunSettings = {
  readonly [K in keyof typeof RUN_SETTINGS]: ValueOf<(typeof RUN_SETTINGS)[K]>;
};

/** The name of a run setting. */
export type SettingName = keyof RunSettings;

const SETTINGS: readonly NamedOption[] = Object.entries(RUN_SETTINGS)
  .map(([key, rule]) => ({ name: key, section: undefined, key, rule }));

/** Lists the run settings in the form of options. */
export function listSettings(): readonly NamedOption[] {
  return SETTINGS;
}

/** Tells whether a name is that of a run setting. */
export function isSetting(name: string): name is SettingName {
  return Object.hasOwn(RUN_SETTINGS, name);
}

/**
 * Names the option of the command line that a top-level option or run setting has.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { flagOf } from "./run_settings.ts";
 * assert.equal(flagOf("checkpointEvery"), "--checkpoint-every");
 * ```
 */
export function flagOf(name: string): `--${string}` {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/**
 * Finds a run setting, or an option of a configuration, by its name.
 * @throws {RangeError} with the nearest name when there is none.
 */
export function findSetting(name: string, source?: string): NamedOption {
  return findOption(name, { others: SETTINGS, source });
}

/** Everything that a run is made from, and where each value came from. */
export interface ResolvedRun extends ResolvedConfig {
  /** A value for every run setting. */
  readonly settings: RunSettings;
}

/**
 * Resolves layers, weakest first, that give options of a configuration and run settings.
 * @throws {RangeError | TypeError} naming the option, the rule and the layer of a bad value.
 */
export function resolveRun(layers: readonly ConfigLayer[]): ResolvedRun {
  const split = (wanted: boolean) =>
    layers.map(({ values, ...layer }) => ({
      ...layer,
      values: new Map([...values].filter(([name]) => isSetting(name) === wanted)),
    }));
  const { config, sources } = resolveConfig(split(false));
  const settings = resolveValues(SETTINGS, split(true));
  return {
    config,
    settings: Object.fromEntries(settings.values) as unknown as RunSettings,
    sources: new Map([...settings.sources, ...sources]),
  };
}
