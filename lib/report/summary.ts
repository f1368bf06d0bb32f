/**
 * Results of many runs as a table: runs that differ in nothing but the seed form a row, with the mean
 * over seeds, its deviation, its 95 % interval (Student's t over runs, each run one value) and the
 * interquartile mean.
 */

import { join } from "node:path";
import { type Config, flattenConfig } from "../config/config.ts";
import { renderValue } from "../config/config_file.ts";
import { FileError } from "../system/errors.ts";
import { childPath, isThere, withFileErrors } from "../system/files.ts";
import { readMetrics } from "../run/metrics.ts";
import { readRunConfig } from "../run/folder.ts";
import { CONFIG_FILE_NAME, GENERATOR_FILE_NAME, METRICS_FILE_NAME } from "../run/layout.ts";
import { confidence95, interquartileMean, summarise } from "../numbers/statistics.ts";
import { configHash } from "../sweep/expand.ts";

/** What one run is worth: see `MEASURES`. */
export type Measure = "final" | "last" | "average";

/** The measures with their meaning. */
export const MEASURES: Readonly<Record<Measure, string>> = {
  final: "return of what a finished run hands out",
  last: "mean of the last 20 evaluations",
  average: "mean of all evaluations",
};

/** Evaluations that "last" averages, as the published method reports it. */
const LAST_EVALUATIONS = 20;

/** One run's result. */
export interface RunResult {
  /** The folder as it was given. */
  readonly folder: string;
  /** The resolved configuration. */
  readonly config: Config;
  /** Whether the run has handed out its generator. */
  readonly isFinished: boolean;
  /** Last environment step in the metrics. */
  readonly step: number;
  /** By measure; undefined where the run has none yet. */
  readonly values: Readonly<Record<Measure, number | undefined>>;
}

/** Runs that differ in nothing but the seed. */
export interface SummaryRow {
  /** Id of the environment. */
  readonly env: string;
  /** Hash of the configuration without its seed. */
  readonly configuration: string;
  /** Options whose values differ between rows, as "update.learningRate = 0.001". */
  readonly options: Readonly<Record<string, unknown>>;
  /** The runs of the row, with different seeds. */
  readonly runs: readonly RunResult[];
  /** Number of runs that are finished. */
  readonly finished: number;
  /** Over the runs that have a value; undefined when none has. */
  readonly result: SeedSummary | undefined;
}

/** A value over seeds. */
export interface SeedSummary {
  /** Mean over the runs. */
  readonly mean: number;
  /** Sample deviation over runs. */
  readonly std: number;
  /** Of the mean; endless with one run. */
  readonly ci95: readonly [low: number, high: number];
  /** Interquartile mean. */
  readonly iqm: number;
  /** The lowest run. */
  readonly min: number;
  /** The highest run. */
  readonly max: number;
  /** Runs with a value. */
  readonly n: number;
}

/**
 * Lists the run folders that paths stand for: run folders themselves, and folders that hold them.
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
  return [...new Set(found)];
}

/**
 * Reads a run's result; the run may be going on.
 * @throws {FileError} when config.toml is missing or bad, or metrics.jsonl cannot be read.
 */
export function readRunResult(folder: string): RunResult {
  const config = readRunConfig(folder);
  const path = childPath(folder, METRICS_FILE_NAME);
  const records = isThere(path) ? readMetrics(path).records : [];
  const evaluations = records.filter(({ kind, mean }) =>
    kind === "evaluation" && typeof mean === "number" && Number.isFinite(mean)
  );
  const during = evaluations.filter(({ final }) => final !== true).map(({ mean }) =>
    mean as number
  );
  const meanOf = (values: readonly number[]) =>
    values.length === 0 ? undefined : summarise(values).mean;
  const isFinished = isThere(childPath(folder, GENERATOR_FILE_NAME));
  const final = evaluations.findLast((record) => record.final === true);
  return {
    folder,
    config,
    isFinished,
    step: records.reduce((last, { step }) => Math.max(last, step), 0),
    values: {
      final: isFinished ? final?.mean as number | undefined : undefined,
      last: meanOf(during.slice(-LAST_EVALUATIONS)),
      average: meanOf(during),
    },
  };
}

/** Groups runs by configuration, in the order of their first runs. */
export function summariseRuns(runs: readonly RunResult[], measure: Measure): SummaryRow[] {
  const groups = [...Map.groupBy(runs, ({ config }) => configHash(config))];
  const configs = groups.map(([, [{ config }]]) => flattenConfig(config));
  const names = differingOptions(configs);
  return groups.map(([configuration, members], i) => ({
    env: members[0].config.env,
    configuration,
    options: Object.fromEntries(names.map((name) => [name, configs[i].get(name)])),
    runs: members,
    finished: members.filter(({ isFinished }) => isFinished).length,
    result: overSeeds(members.flatMap(({ values }) => values[measure] ?? [])),
  }));
}

/**
 * Summarises one value of each run; undefined when there are none.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { overSeeds } from "./summary.ts";
 * const { mean, iqm, n } = overSeeds([0, 10, 20, 90])!;
 * assert.deepEqual([mean, iqm, n], [30, 15, 4]);
 * ```
 */
export function overSeeds(values: readonly number[]): SeedSummary | undefined {
  if (values.length === 0) return undefined;
  const summary = summarise(values);
  return {
    ...summary,
    ci95: confidence95(summary),
    iqm: interquartileMean(values),
    min: Math.min(...values),
    max: Math.max(...values),
  };
}

function differingOptions(configs: readonly ReadonlyMap<string, unknown>[]): string[] {
  const [first, ...others] = configs;
  return [...first?.keys() ?? []].filter((name) =>
    name !== "seed" && name !== "env" &&
    others.some((other) => renderValue(other.get(name)) !== renderValue(first.get(name)))
  );
}

/** The table's heading, then a line of cells for each row; a value that is not known is "". */
export function tableOf(
  rows: readonly SummaryRow[],
  formatNumber: (value: number) => string,
): string[][] {
  const names = Object.keys(rows[0]?.options ?? {});
  const number = (value: number | undefined) =>
    value === undefined || !Number.isFinite(value) ? "" : formatNumber(value);
  return [
    [
      "environment",
      "configuration",
      ...names,
      "runs",
      "finished",
      "mean",
      "deviation",
      "low",
      "high",
      "iqm",
    ],
    ...rows.map(({ env, configuration, options, runs, finished, result }) => [
      env,
      configuration,
      ...names.map((name) => renderValue(options[name]).replace(/^"(.*)"$/, "$1")),
      String(runs.length),
      String(finished),
      number(result?.mean),
      number(result?.n === 1 ? undefined : result?.std),
      number(result?.ci95[0]),
      number(result?.ci95[1]),
      number(result?.iqm),
    ]),
  ];
}

/** Writes a table as CSV (RFC 4180, but with plain line feeds). */
export function toCsv(table: readonly (readonly string[])[]): string {
  const cell = (text: string) => /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  return table.map((row) => `${row.map(cell).join(",")}\n`).join("");
}

/** Writes a table as Markdown. */
export function toMarkdown(table: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replace(/[\\|]/g, "\\$&").replace(/\s+/g, " ")).join(" | ")} |\n`;
  const [heading, ...rows] = table;
  return [line(heading), line(heading.map(() => "---")), ...rows.map(line)].join("");
}
