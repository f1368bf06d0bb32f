/**
 * Where a training run's settings come from: the command line, then UDRLPG_* variables, then the
 * configuration file, then the preset, then the defaults. Every value is checked where it enters, so
 * that an error names the place; `train --dry-run` shows the place of every value.
 */

import { join } from "node:path";
import { checkStart } from "../../../algorithm/given.ts";
import {
  type ConfigLayer,
  findOption,
  listOptions,
  type NamedOption,
  parseOption,
} from "../../../config/config.ts";
import { type ConfigFile, readConfigFile } from "../../../config/config_file.ts";
import { presetLayers } from "../../../config/presets.ts";
import { REMOVED_OPTIONS } from "../../../config/removed_options.ts";
import {
  findSetting,
  flagOf,
  listSettings,
  type ResolvedRun,
  resolveRun,
  type RunSettings,
  type SettingName,
} from "../../../config/run_settings.ts";
import type { EnvRegistry, EnvSpec } from "../../../env.ts";
import { compareIdentities, describeChanges } from "../../../episodes/identity.ts";
import { algorithmLayer } from "../../../rivals/algorithms.ts";
import { CONFIG_FILE_NAME, fileNameOf } from "../../../run/layout.ts";
import type { SealedStart } from "../../../run/start_file.ts";
import { FileError, UsageError } from "../../../system/errors.ts";
import { variableOf } from "../../arguments.ts";
import { asFileError, asUsage } from "../../blame.ts";
import { type EnvCommandValues, withOwnHint } from "../../env_command.ts";
import { environmentOf } from "../../given_policies.ts";
import type { CommandContext } from "../../program.ts";
import { checkRunFolder, choosePath } from "../../paths.ts";
import { assertFits, readBeginning, savedBeginning } from "./beginning.ts";

/** The options of `udrlpg train` that settings come from. */
export interface TrainOptions extends EnvCommandValues, GivenSettings {
  /** --algorithm */
  readonly algorithm: string | undefined;
  /** Run folder, as a word. */
  readonly path: string | undefined;
  /** --steps */
  readonly steps: number | undefined;
  /** --seed */
  readonly seed: number | undefined;
  /** --config */
  readonly config: string | undefined;
  /** --from, each a run, a policy file or a folder of them */
  readonly from: readonly string[];
  /** --set, each "key=value" */
  readonly set: readonly string[];
  /** --resume */
  readonly resume: boolean;
  /** --continue */
  readonly continue: boolean;
}

/** A run to train, and the policies that it begins with. */
export interface ResolvedTraining extends ResolvedRun {
  /** Those of --from, or of the configuration's folder. */
  readonly start: SealedStart | undefined;
}

/** Run settings as the command line gives them. */
export type GivenSettings = { readonly [N in SettingName]: RunSettings[N] | undefined };

/**
 * Resolves the settings of a run.
 * @throws {UsageError} for a bad option or variable. @throws {FileError} for a bad file.
 */
export async function resolveTraining(
  options: TrainOptions,
  context: CommandContext,
): Promise<ResolvedTraining> {
  const { program, origin, output } = context;
  const out = runFolderGiven(options, origin);
  const path = options.config ?? savedConfig(options, out);
  const file = path === undefined ? undefined : readConfigFile(path);
  const own = ownLayers({ ...options, out }, origin);
  const fileLayer = file &&
    { source: `file "${path}"`, values: new Map([...file.settings, ...file.options]) };
  const layers = [
    ...(fileLayer ? [fileLayer] : []),
    ...own.variables,
    ...variableLayers(program.env, ({ section }) => section !== undefined),
    ...options.set.map(parseAssignment),
    ...own.words,
  ].map(withoutZeroSteps);
  const command = lastOf(layers, "envCommand") as string | undefined || undefined;
  const named = lastOf(layers, "env") as string | undefined || undefined;
  const given = named ??
    (options.from.length > 0 && command === undefined
      ? environmentOf(options.from, await program.models())
      : undefined);
  if (given === undefined && command === undefined) {
    if (options.resume && out !== undefined) failToResume(out);
    throw new UsageError(
      "Cannot train: an environment must be given, got none: use --env ID, see udrlpg envs",
    );
  }
  const registry = await program.registry(given, command);
  const env = given ?? registry.ids[0];
  const preset = lastOf(layers, "preset") as string | undefined ?? "default";
  const described = describedLayer(registry, env, { isNamed: named !== undefined });
  if (file && options.config !== undefined) warnOfChanges(file, described, output);
  /** Reads what the winner among the places of a name says, whose fault a mistake is. */
  const blaming = <T>(name: string, read: () => T): T =>
    fileLayer && isFromFile(name, layers) ? asFileError(read, fileLayer.source) : asUsage(read);
  blaming("env", () => {
    if (origin("--env") === undefined) withOwnHint(options, () => registry.spec(env));
    else registry.spec(env);
  });
  const base = blaming("preset", () => presetLayers(preset, env));
  const beginning = options.from.length > 0
    ? await readBeginning(options.from, { spec: registry.spec(env), context })
    : undefined;
  const start = beginning?.sealed ?? (file && savedBeginning(path!, file));
  const started = { source: "--from", values: new Map([["start", start?.hash ?? ""]]) };
  const [strongest, weaker] = [fileLayer ? layers.slice(1) : layers, fileLayer ? [fileLayer] : []];
  const network = beginning ? [beginning.network] : [];
  const typed = [...weaker, ...network, ...strongest, described, started];
  try {
    const resolved = asUsage(() => resolveRun([...base, algorithmLayer(layers), ...typed]));
    if (start) await checkStartOf(resolved, { spec: registry.spec(env), start, context });
    return { ...resolved, start };
  } catch (error) {
    // A file that contradicts itself is to blame, whatever was typed beside it.
    if (fileLayer) {
      asFileError(() => resolveRun([...base, algorithmLayer([fileLayer]), fileLayer, described]));
    }
    throw error;
  }
}

/** Checks what a run begins with before anything is written. */
async function checkStartOf(
  { config }: ResolvedRun,
  { spec, start: sealed, context }: { spec: EnvSpec; start: SealedStart; context: CommandContext },
): Promise<void> {
  const models = await context.program.models();
  asUsage(() => {
    const { parameterCount: size } = models.policyShape(spec, config.policy);
    assertFits(config, { sealed, size });
    checkStart(config, { spec, start: sealed.start });
  });
}

/** Whether the file gives the value of a name that counts: its layer is the first. */
function isFromFile(name: string, [file, ...stronger]: readonly ConfigLayer[]): boolean {
  return lastOf([file], name) !== undefined && lastOf(stronger, name) === undefined;
}

/** What the environment is today; whoever goes on with a run compares it with what it was. */
function describedLayer(
  registry: EnvRegistry,
  env: string,
  { isNamed }: { isNamed: boolean },
): ConfigLayer {
  const identity = registry.ids.includes(env) ? registry.spec(env).identity : undefined;
  const values = new Map<string, unknown>([["environment", identity ?? ""]]);
  if (!isNamed) values.set("env", env);
  return { source: `environment ${JSON.stringify(env)}`, values };
}

/** Says where a configuration's environment has changed since it was written. */
function warnOfChanges(
  { options }: ConfigFile,
  { values }: ConfigLayer,
  output: CommandContext["output"],
): void {
  const written = options.get("environment") as string | undefined;
  if (written === undefined) return;
  const changes = compareIdentities(written, values.get("environment") as string);
  if (changes.length === 0) return;
  output.warn(`the environment is not as the configuration says: ${describeChanges(changes)}`);
}

/** Names the run folder of a run for which none was given. */
export function runFolderOf({ config, settings }: ResolvedRun): string {
  const learner = config.algorithm === "udrlpg" ? "" : `-${config.algorithm}`;
  return settings.out === ""
    ? `runs/${fileNameOf(config.env)}${learner}-seed${config.seed}`
    : settings.out;
}

/**
 * Lists what variables say of the wanted options of a configuration, a layer each.
 * @throws {UsageError} when one stands for an option that was removed.
 */
export function variableLayers(
  env: (name: string) => string | undefined,
  isWanted: (option: NamedOption) => boolean,
): ConfigLayer[] {
  const textOf = (name: string) => env(variableOf(name)) ?? "";
  const removed = Object.keys(REMOVED_OPTIONS).find((name) => textOf(name) !== "");
  if (removed !== undefined) {
    asUsage(() => findOption(removed, { source: variableOf(removed) }));
  }
  const wanted = listOptions().filter((option) => !option.rule.isRecorded && isWanted(option));
  return wanted.flatMap((option) => {
    const text = textOf(option.name);
    return text === "" ? [] : [layerOf(option, text, variableOf(option.name))];
  });
}

/** What options of the command line gave that stand for one value, by words or by variables. */
function ownLayers(
  options: TrainOptions,
  origin: CommandContext["origin"],
): { variables: ConfigLayer[]; words: ConfigLayer[] } {
  const topLevel = listOptions().filter(({ section }) => section === undefined);
  const layers = [...topLevel, ...listSettings()].flatMap(({ name }): ConfigLayer[] => {
    const source = origin(flagOf(name)) ??
      (name === "out" && options.path !== undefined ? "--out" : undefined);
    const value = options[name as keyof TrainOptions];
    return source === undefined || value === undefined
      ? []
      : [{ source, values: new Map([[name, value]]), isTyped: source.startsWith("--") }];
  });
  return {
    variables: layers.filter(({ isTyped }) => !isTyped),
    words: layers.filter(({ isTyped }) => isTyped),
  };
}

/** Reads "key=value" as --set gives it. */
function parseAssignment(assignment: string): ConfigLayer {
  const at = assignment.indexOf("=");
  if (at < 1) {
    throw new UsageError(`Cannot use option "--set": must be key=value, got "${assignment}"`);
  }
  const option = asUsage(() => findSetting(assignment.slice(0, at), "--set"));
  if (option.rule.isRecorded) {
    throw new UsageError(`Cannot set option "${option.name}" from --set: the program writes it`);
  }
  return { ...layerOf(option, assignment.slice(at + 1), "--set"), isTyped: true };
}

function layerOf(option: NamedOption, text: string, source: string): ConfigLayer {
  const value = asUsage(() => parseOption(option, text, source));
  return { source, values: new Map([[option.name, value]]) };
}

/**
 * Gives the run folder of the command line: a word stands for it where a run is to go on.
 * @throws {UsageError} for a word where a run is to begin.
 */
function runFolderGiven(
  { path, out, resume, continue: goesOn }: TrainOptions,
  origin: CommandContext["origin"],
): string | undefined {
  if (path !== undefined && !resume && !goesOn) {
    throw new UsageError(
      `Cannot train: a run folder alone must follow --resume or --continue, got ${
        JSON.stringify(path)
      }: use --env ID, --out DIR or --config FILE`,
    );
  }
  return choosePath({ does: "train", word: path, options: { "--out": out }, origin });
}

/** @throws {FileError} that says why there is nothing to go on with. */
function failToResume(folder: string): never {
  checkRunFolder(folder, "resume");
  throw new FileError(
    `Cannot resume run ${
      JSON.stringify(folder)
    }: there is no such folder: start it without --resume`,
  );
}

/** A run that is resumed has its configuration in its folder. */
function savedConfig(options: TrainOptions, out: string | undefined): string | undefined {
  if (!(options.resume || options.continue) || out === undefined) return undefined;
  const path = join(out, CONFIG_FILE_NAME);
  try {
    return Deno.statSync(path).isFile ? path : undefined;
  } catch {
    return undefined; // whoever opens the folder says what is wrong with it
  }
}

/** A budget of 0 stands for the preset's own: it must not hide the preset's. */
function withoutZeroSteps(layer: ConfigLayer): ConfigLayer {
  const kept = [...layer.values].filter(([name, value]) => name !== "steps" || value !== 0);
  return { ...layer, values: new Map(kept) };
}

function lastOf(layers: readonly ConfigLayer[], name: string): unknown {
  return layers.map(({ values }) => values.get(name)).findLast((value) => value !== undefined);
}
