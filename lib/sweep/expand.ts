/**
 * From a sweep file to its runs: every combination with its resolved configuration, and a folder whose
 * name is the configuration's content. Equal content means the same folder, so a plan that is made
 * again, or grows, finds what was done.
 */

import { type Config, flattenConfig, resolveConfig } from "../config/config.ts";
import { fileNameOf } from "../run/layout.ts";
import { hashHex } from "../system/files.ts";
import { presetLayers } from "../config/presets.ts";
import { Rng } from "../numbers/rng.ts";
import { algorithmLayer } from "../rivals/algorithms.ts";
import type { Distribution, SweepFile, Values } from "./sweep_file.ts";

/** One run of a sweep. */
export interface SweepRun {
  /** Every option of the run. */
  readonly config: Config;
  /** Run settings but the folder: preset, device, threads, workers, checkpointEvery. */
  readonly settings: Values;
  /** The options that the sweep gives, resolved: what stands on the command line. */
  readonly given: Values;
  /** Hash of the configuration without its seed, 12 hexadecimal digits. */
  readonly hash: string;
  /** Run folder. */
  readonly folder: string;
}

/** What the file leaves open. */
export interface ExpandOptions {
  /** Folder that the run folders go into. */
  readonly out: string;
  /** Options from elsewhere, which win over the file's shared ones and lose against varied ones. */
  readonly variables?: Values;
  /** Tells what environments of the user's own are, which is part of a configuration. */
  readonly identityOf?: (env: string) => string | undefined;
  /** The environment where nothing names one. */
  readonly env?: string;
}

const HASH_DIGITS = 12;
const SOURCE = "sweep";

/**
 * Expands a sweep; runs that are equal are listed once.
 * @throws {RangeError} when a preset is unknown, or no environment is given.
 */
export function expandSweep(
  sweep: SweepFile,
  { out, variables = new Map(), identityOf = () => undefined, env: ownEnv = "" }: ExpandOptions,
): SweepRun[] {
  const runs = new Map<string, SweepRun>();
  const preset = sweep.settings.get("preset") as string | undefined ?? "default";
  for (const varied of combinations(sweep)) {
    const all = new Map([...sweep.base, ...variables, ...varied]);
    // A budget of 0 stands for the preset's own.
    if (all.get("steps") === 0) all.delete("steps");
    const env = all.get("env") as string | undefined || ownEnv;
    if (env === "") {
      throw new RangeError("Cannot plan a sweep: an environment must be given, got none: add env");
    }
    const environment = {
      source: "environment",
      values: new Map([["env", env], ["environment", identityOf(env) ?? ""]]),
    };
    const own = [sweep.base, variables, varied].map((values) => ({
      source: SOURCE,
      values: new Map([...values].filter(([name]) => all.has(name))),
    }));
    const { config, sources } = resolveConfig([
      ...presetLayers(preset, env),
      algorithmLayer(own),
      ...own,
      environment,
    ]);
    // What another value makes useless is not given to the run.
    const given = new Map([...all].filter(([name]) => sources.get(name) === SOURCE));
    const hash = configHash(config);
    for (const seed of sweep.seeds) {
      const folder = `${out}/${fileNameOf(env)}-${hash}-seed${seed}`;
      if (runs.has(folder)) continue;
      const run = { config: { ...config, seed }, settings: sweep.settings, given, hash, folder };
      runs.set(folder, run);
    }
  }
  return [...runs.values()];
}

/**
 * Hashes a configuration without its seed: equal for runs that differ in luck alone.
 * @returns 12 hexadecimal digits of a SHA-256.
 */
export function configHash(config: Config): string {
  const values = [...flattenConfig(config)].filter(([name]) => name !== "seed");
  return hashHex(new TextEncoder().encode(JSON.stringify(values))).slice(0, HASH_DIGITS);
}

/** Lists every list entry with every grid point and every draw; the last varies fastest. */
function combinations({ list, grid, random }: SweepFile): Values[] {
  let points: Values[] = [...list];
  for (const [name, values] of grid) {
    points = points.flatMap((point) => values.map((value) => new Map([...point, [name, value]])));
  }
  const draws = drawValues(random);
  return points.flatMap((point) => draws.map((drawn) => new Map([...point, ...drawn])));
}

/** Draws the random options, option by option, so that more draws leave the first ones as they were. */
function drawValues({ draws, seed, options }: SweepFile["random"]): Values[] {
  const rng = Rng.fromSeed(seed);
  return Array.from(
    { length: draws },
    () => new Map([...options].map(([name, distribution]) => [name, draw(distribution, rng)])),
  );
}

function draw(distribution: Distribution, rng: Rng): unknown {
  if ("choices" in distribution) {
    return distribution.choices[rng.integer(distribution.choices.length)];
  }
  const { min, max, scale, isInteger } = distribution;
  if (isInteger && scale === "linear") return min + Math.floor(rng.random() * (max - min + 1));
  const value = scale === "log"
    ? Math.exp(rng.uniform(Math.log(min), Math.log(max)))
    : rng.uniform(min, max);
  // Four digits read well in a command line and tell draws apart.
  const rounded = isInteger ? Math.round(value) : Number(value.toPrecision(4));
  return Math.min(max, Math.max(min, rounded));
}
