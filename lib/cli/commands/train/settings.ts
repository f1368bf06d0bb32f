/**
 * Where a training run's settings come from: the command line, then UDRLPG_* variables, then the
 * configuration file, then the preset, then the defaults. Every value is checked where it enters, so
 * that an error names the place; `train --dry-run` shows the place of every value.
 */

import { join } from "node:path";
import {
  checkOption,
  type ConfigLayer,
  findOption,
  listOptions,
  type NamedOption,
  parseOption,
  resolveConfig,
  type ResolvedConfig,
} from "../../../config/config.ts";
import { type ConfigFile, listSettings, readConfigFile } from "../../../config/config_file.ts";
import { CONFIG_FILE_NAME } from "../../../run/layout.ts";
import { UsageError } from "../../../system/errors.ts";
import { variableOf } from "../../arguments.ts";
import { withOwnHint } from "../../env_command.ts";
import { findSpec } from "../envs.ts";
import { findPreset } from "../presets.ts";
import type { CommandContext } from "../../program.ts";

/** The options of `udrlpg train` that settings come from. */
export interface TrainOptions {
  /** --env */
  readonly env: string | undefined;
  /** --preset */
  readonly preset: string | undefined;
  /** --config */
  readonly config: string | undefined;
  /** --set, each "key=value" */
  readonly set: readonly string[];
  /** --steps */
  readonly steps: number | undefined;
  /** --seed */
  readonly seed: number | undefined;
  /** --out */
  readonly out: string | undefined;
  /** --device */
  readonly device: string | undefined;
  /** --threads */
  readonly threads: number | undefined;
  /** --workers */
  readonly workers: number | undefined;
  /** --checkpoint-every */
  readonly checkpointEvery: number | undefined;
  /** --resume */
  readonly resume: boolean;
  /** --continue */
  readonly continue: boolean;
  /** --env-command */
  readonly envCommand: string | undefined;
}

/** Everything that a run is made from, and where it came from. */
export interface TrainSettings extends ResolvedConfig {
  /** Values of the run settings of lib/config/config_file.ts, by name. */
  readonly settings: ReadonlyMap<string, unknown>;
  /** Run setting to its source. */
  readonly settingSources: ReadonlyMap<string, string>;
}

/** Options of a configuration that have an option of their own on the command line. */
const OWN_OPTIONS = ["env", "seed", "steps"] as const;

/**
 * Resolves the settings of a run.
 * @throws {UsageError} for a bad option or variable. @throws {FileError} for a bad file.
 */
export async function resolveTraining(
  options: TrainOptions,
  { program, origin }: CommandContext,
): Promise<TrainSettings> {
  const path = options.config ?? savedConfig(options);
  const file = path === undefined ? undefined : readConfigFile(path);
  const { settings, settingSources } = resolveSettings(options, { path, file, origin });
  const own: { readonly variables: ConfigLayer[]; readonly words: ConfigLayer[] } = {
    variables: [],
    words: [],
  };
  const layers: ConfigLayer[] = [];
  if (file) layers.push({ source: `file "${path}"`, values: file.options });
  for (const name of OWN_OPTIONS) {
    const source = origin(`--${name}`);
    if (options[name] === undefined || source === undefined) continue;
    const place = source.startsWith("--") ? own.words : own.variables;
    place.push(layerOf(name, options[name], source));
  }
  layers.push(...own.variables);
  for (const option of listOptions()) {
    const variable = variableOf(option.name);
    const text = program.env(variable);
    if (text === undefined || text === "" || isOwn(option.name)) continue;
    layers.push(layerOf(option.name, parse(option, text, variable), variable));
  }
  for (const assignment of options.set) layers.push(parseAssignment(assignment));
  layers.push(...own.words);
  const given = layers.map(withoutZeroSteps);
  const env = given.map(({ values }) => values.get("env")).findLast((value) => value !== undefined);
  if (env === undefined || env === "") {
    throw new UsageError(
      "Cannot train: an environment must be given, got none: use --env ID, see udrlpg envs",
    );
  }
  const registry = await program.registry();
  if (origin("--env") === undefined) {
    asUsage(() => withOwnHint(options, () => registry.spec(env as string)));
  } else findSpec(registry, env as string);
  const preset = findPreset(settings.get("preset") as string, env as string);
  return { ...resolveConfig([...preset, ...given]), settings, settingSources };
}

/** A run that is resumed has its configuration in its folder. */
function savedConfig(options: TrainOptions): string | undefined {
  const { out } = options;
  if (!(options.resume || options.continue) || out === undefined) return undefined;
  const path = join(out, CONFIG_FILE_NAME);
  try {
    return Deno.statSync(path).isFile ? path : undefined;
  } catch {
    return undefined; // whoever opens the folder says what is wrong with it
  }
}

/** Names the run folder of a run for which none was given. */
export function runFolderOf({ config, settings }: TrainSettings): string {
  const out = settings.get("out") as string;
  return out === "" ? `runs/${config.env}-seed${config.seed}` : out;
}

function isOwn(name: string): boolean {
  return (OWN_OPTIONS as readonly string[]).includes(name);
}

function layerOf(name: string, value: unknown, source: string): ConfigLayer {
  return { source, values: new Map([[name, value]]) };
}

/** A budget of 0 stands for the preset's own: it must not hide the preset's. */
function withoutZeroSteps({ source, values }: ConfigLayer): ConfigLayer {
  return {
    source,
    values: new Map([...values].filter(([name, v]) => name !== "steps" || v !== 0)),
  };
}

/** Reads "key=value" as --set gives it. */
function parseAssignment(assignment: string): ConfigLayer {
  const at = assignment.indexOf("=");
  if (at < 1) {
    throw new UsageError(`Cannot use option "--set": must be key=value, got "${assignment}"`);
  }
  const name = assignment.slice(0, at);
  return asUsage(() => {
    const option = findOption(name);
    return layerOf(name, parseOption(option, assignment.slice(at + 1), "--set"), "--set");
  });
}

function parse(option: NamedOption, text: string, source: string): unknown {
  return asUsage(() => parseOption(option, text, source));
}

function asUsage<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) {
      throw new UsageError(error.message);
    }
    throw error;
  }
}

function resolveSettings(
  options: TrainOptions,
  { path, file, origin }: {
    path: string | undefined;
    file: ConfigFile | undefined;
    origin: CommandContext["origin"];
  },
): Pick<TrainSettings, "settings" | "settingSources"> {
  const settings = new Map<string, unknown>();
  const settingSources = new Map<string, string>();
  for (const option of listSettings()) {
    const { name, rule } = option;
    const long = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    const given = options[name as keyof TrainOptions];
    const source = origin(long);
    if (given !== undefined && source !== undefined) {
      settings.set(name, asUsage(() => checkOption(option, given, source)));
      settingSources.set(name, source);
    } else if (file?.settings.has(name)) {
      settings.set(name, file.settings.get(name));
      settingSources.set(name, `file "${path}"`);
    } else {
      settings.set(name, rule.default);
      settingSources.set(name, "default");
    }
  }
  return { settings, settingSources };
}
