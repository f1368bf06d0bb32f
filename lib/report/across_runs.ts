/**
 * Results over seeds, once for tables and pages: which folders are runs, which runs belong together, and
 * what they come to.
 *
 * Runs that differ in nothing but the seed form a group, and each seed counts once: a run that is given
 * twice, by another path or as a copy, tells nothing new. An interval of a mean never leaves what was
 * seen: Student's t for returns of 0 to 500 over two seeds would reach from -1,236 to 1,983.
 */

import { join } from "node:path";
import { flattenConfig } from "../config/config.ts";
import { renderValue } from "../config/config_file.ts";
import { FileError } from "../system/errors.ts";
import { withFileErrors } from "../system/file_errors.ts";
import { isThere } from "../system/files.ts";
import { CONFIG_FILE_NAME } from "../run/layout.ts";
import { bootstrapInterval, probabilityOfImprovement, type Strata } from "../numbers/bootstrap.ts";
import { Rng } from "../numbers/rng.ts";
import { interquartileMean, intervalWithin, summarise } from "../numbers/statistics.ts";
import { configHash } from "../sweep/expand.ts";
import type { RunData } from "./run_data.ts";

/** What grouping looks at in a run. */
export type GroupedRun = Pick<
  RunData,
  "folder" | "config" | "environment" | "isFinished" | "step"
>;

/** Runs that differ in nothing but the seed. */
export interface RunGroup<R extends GroupedRun = RunData> {
  /** Id of the environment, with what tells it apart from another one of the same id. */
  readonly env: string;
  /** Hash of the configuration without its seed. */
  readonly configuration: string;
  /** The options in which groups of the same environment differ, by name. */
  readonly options: Readonly<Record<string, unknown>>;
  /** With different seeds, in the order in which they were given. */
  readonly runs: readonly R[];
}

/** A run that is left out, because another one of the same seed is there. */
export interface RepeatedRun {
  /** Folder of the run that is left out. */
  readonly folder: string;
  /** Folder of the one that counts. */
  readonly counted: string;
}

/** Says that a run is left out, and why. */
export function describeRepeated({ folder, counted }: RepeatedRun): string {
  return `${folder} does not count: ${counted} is the same configuration and seed`;
}

/** A value over seeds. */
export interface OverSeeds {
  /** Mean over the runs. */
  readonly mean: number;
  /** Sample deviation over runs. */
  readonly std: number;
  /** Ends of the mean's 95 % interval, within what was seen; null where the runs are too few. */
  readonly low: number | null;
  /** See `low`. */
  readonly high: number | null;
  /** Interquartile mean. */
  readonly iqm: number;
  /** The lowest run. */
  readonly min: number;
  /** The highest run. */
  readonly max: number;
  /** Number of runs. */
  readonly n: number;
}

/**
 * Lists the run folders that paths stand for: run folders themselves, and folders that hold them. Each
 * folder is listed once, by the first path that leads to it.
 * @throws {FileError} when a path is neither.
 */
export function findRuns(paths: readonly string[]): string[] {
  const isRun = (path: string) => isThere(join(path, CONFIG_FILE_NAME));
  const found = paths.flatMap((path) => {
    const inner = withFileErrors(
      "read",
      { path, kind: "run" },
      () =>
        isRun(path) ? undefined : [...Deno.readDirSync(path)]
          .filter(({ isFile }) => !isFile)
          .map(({ name }) => join(path, name)).filter(isRun).sort(),
    );
    if (inner?.length === 0) {
      throw new FileError(
        `Cannot read run ${JSON.stringify(path)}: it must be a run folder or hold some, got none`,
      );
    }
    return inner ?? [path];
  });
  const places = new Map<string, string>();
  for (const path of found) {
    const place = withFileErrors("read", { path, kind: "run" }, () => Deno.realPathSync(path));
    if (!places.has(place)) places.set(place, path);
  }
  return [...places.values()];
}

/**
 * Groups runs by environment and configuration, in the order of their first runs. Of runs with the same
 * seed the one that is furthest counts.
 */
export function groupRuns<R extends GroupedRun>(
  runs: readonly R[],
): { readonly groups: readonly RunGroup<R>[]; readonly repeated: readonly RepeatedRun[] } {
  // Two environments of users may share an id.
  const environmentOf = ({ config, environment }: R) => JSON.stringify([config.env, environment]);
  const keyOf = (run: R) => `${environmentOf(run)} ${configHash(run.config)}`;
  const repeated: RepeatedRun[] = [];
  const grouped = [...Map.groupBy(runs, keyOf).values()].map((members) => {
    const furthest = new Map<number, R>();
    for (const run of members) {
      const other = furthest.get(run.config.seed);
      const counted = other === undefined || isFurther(run, other) ? run : other;
      furthest.set(run.config.seed, counted);
      if (other === undefined) continue;
      const left = counted === run ? other : run;
      repeated.push({ folder: left.folder, counted: counted.folder });
    }
    return members.filter((run) => furthest.get(run.config.seed) === run);
  });
  const isShared = (run: R) =>
    grouped.some(([other]) =>
      other.config.env === run.config.env && other.environment !== run.environment
    );
  const groups = grouped.map((members) => {
    const [first] = members;
    const rivals = grouped.filter(([other]) => environmentOf(other) === environmentOf(first));
    const values = flattenConfig(first.config);
    const names = differingOptions(rivals.map(([{ config }]) => flattenConfig(config)));
    return {
      env: isShared(first)
        ? `${first.config.env} (${first.environment ?? "built in"})`
        : first.config.env,
      configuration: configHash(first.config),
      options: Object.fromEntries(names.map((name) => [name, values.get(name)])),
      runs: members,
    };
  });
  return { groups, repeated };
}

function isFurther(run: GroupedRun, other: GroupedRun): boolean {
  if (run.isFinished !== other.isFinished) return run.isFinished;
  return run.step > other.step;
}

function differingOptions(configs: readonly ReadonlyMap<string, unknown>[]): string[] {
  const [first, ...others] = configs;
  return [...first.keys()].filter((name) =>
    name !== "seed" &&
    others.some((other) => renderValue(other.get(name)) !== renderValue(first.get(name)))
  );
}

/**
 * Summarises one value of each run; undefined when there are none.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { overSeeds } from "./across_runs.ts";
 * const { mean, iqm, low, n } = overSeeds([0, 10, 20, 90])!;
 * assert.deepEqual([mean, iqm, low, n], [30, 15, null, 4]);
 * ```
 */
export function overSeeds(values: readonly number[]): OverSeeds | undefined {
  if (values.length === 0) return undefined;
  const [low, high] = intervalWithin(values) ?? [null, null];
  return {
    ...summarise(values),
    low,
    high,
    iqm: interquartileMean(values),
    min: Math.min(...values),
    max: Math.max(...values),
  };
}

/** A statistic with its 95 % interval from a stratified bootstrap; null where the seeds are too few. */
export interface Bootstrapped {
  /** The statistic of what was seen. */
  readonly value: number;
  /** Ends of its interval. */
  readonly interval: readonly [low: number, high: number] | null;
}

/** Fewer seeds than this say too little of how others would do. */
const FEWEST_SEEDS = 5;
/** Seed of the bootstrap: pages of the same runs are the same. */
const BOOTSTRAP_SEED = 1;

function bootstrapped(strata: Strata, statistic: (strata: Strata) => number): Bootstrapped {
  const isEnough = strata.every(({ length }) => length >= FEWEST_SEEDS);
  const rng = Rng.fromSeed(BOOTSTRAP_SEED);
  return {
    value: statistic(strata),
    interval: isEnough ? bootstrapInterval(strata, statistic, { rng }) : null,
  };
}

/** The interquartile mean over seeds with its interval. */
export function middleOf(values: readonly number[]): Bootstrapped {
  return bootstrapped([values], ([resampled]) => interquartileMean(resampled));
}

/**
 * The probability that a run of one group returns more than one of another, with its interval; the seeds of
 * each are resampled apart.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { improvementOver } from "./across_runs.ts";
 * assert.deepEqual(improvementOver([3, 2], [1, 2]), { value: 0.875, interval: null });
 * ```
 */
export function improvementOver(
  values: readonly number[],
  others: readonly number[],
): Bootstrapped {
  return bootstrapped([values, others], ([a, b]) => probabilityOfImprovement(a, b));
}
