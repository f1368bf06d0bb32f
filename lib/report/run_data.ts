/**
 * What a report shows of one run, read from its folder: config.toml, metrics.jsonl and, for times, the
 * event file. The folder may be of a run that is going on, that stopped, or that somebody else made:
 * whatever is missing or is no number is left out, and every series is thinned to a bounded length, so
 * that neither the page nor the work grows with the run.
 */

import type { Config } from "../config/config.ts";
import { readConfigFile } from "../config/config_file.ts";
import { childPath, isThere } from "../system/files.ts";
import { type ReadMetricRecord, readMetrics } from "../run/metrics_reader.ts";
import { OCCUPANCY_BINS } from "../algorithm/reports.ts";
import { readRunConfig } from "../run/folder.ts";
import { CONFIG_FILE_NAME, GENERATOR_FILE_NAME, METRICS_FILE_NAME } from "../run/layout.ts";
import { confidence95, summarise } from "../numbers/statistics.ts";
import { listOf, numberOf, objectOf } from "./fields.ts";
import { binByStep, type BinnedSeries, keepEvenly } from "./thin.ts";

/** A measured mean with its 95 % interval, null where one episode gives none. */
export interface MeasuredPoint {
  /** Mean return. */
  readonly mean: number;
  /** Lower end of the interval. */
  readonly low: number | null;
  /** Upper end of the interval. */
  readonly high: number | null;
  /** Number of episodes. */
  readonly n: number;
}

/** An evaluation of the best command. */
export interface EvaluationPoint extends MeasuredPoint {
  /** Environment steps taken until then. */
  readonly step: number;
}

/** What one command earned. */
export interface CommandPoint extends MeasuredPoint {
  /** Scaled command. */
  readonly command: number;
  /** The return that the command stands for; null when the environment is not known. */
  readonly requested: number | null;
}

/** Commands measured over the whole range at one time of the run. */
export interface CurveData {
  /** Environment steps taken until then. */
  readonly step: number;
  /** Measured after training, with the generator that the run hands out. */
  readonly isFinal: boolean;
  /** By rising command. */
  readonly points: readonly CommandPoint[];
}

/** A return that was asked for when the curve was measured, and what the answer returned. */
export interface AskedPoint extends MeasuredPoint {
  /** The return that was asked for. */
  readonly requested: number;
  /** Whether training met a return within half of the distance between two requests. */
  readonly isSeen: boolean;
}

/** Where a run began something else. */
export interface Mark {
  /** Environment steps taken until then. */
  readonly step: number;
  /** What ended or began. */
  readonly label: string;
}

/** Stored policies by return and time. */
export interface OccupancyData {
  /** Environment steps of the columns. */
  readonly steps: readonly number[];
  /** Policies in each bin, one list per step; bin j holds returns low + (j, j + 1] * width. */
  readonly counts: readonly (readonly number[])[];
  /** In returns, or in scaled returns when the environment is not known. */
  readonly low: number;
  /** Height of a bin in the same unit. */
  readonly width: number;
}

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

/** Everything that a report shows of a run. */
export interface RunData {
  /** The folder as it was given. */
  readonly folder: string;
  /** The resolved configuration. */
  readonly config: Config;
  /** Name of the preset that it started from. */
  readonly preset: string;
  /** Tells environments of users apart that share an id; undefined for the program's own. */
  readonly environment: string | undefined;
  /** Whether the run has handed out its generator. */
  readonly isFinished: boolean;
  /** By measure; undefined where the run has none yet. */
  readonly values: Readonly<Record<Measure, number | undefined>>;
  /** The program that wrote the run, undefined when the run does not say. */
  readonly version: string | undefined;
  /** Last environment step in the metrics. */
  readonly step: number;
  /** Training episodes so far. */
  readonly episodeCount: number;
  /** Updates so far. */
  readonly updateCount: number;
  /** By rising step. */
  readonly evaluations: readonly EvaluationPoint[];
  /** The evaluation of what the run handed out; undefined while it is not finished. */
  readonly finalReturn: EvaluationPoint | undefined;
  /** Highest return of a training episode. */
  readonly bestReturn: number | undefined;
  /** Returns of training episodes. */
  readonly episodes: BinnedSeries;
  /** Losses of updates between rollouts. */
  readonly losses: BinnedSeries;
  /** Losses of the updates after the last rollout, over the number of updates. */
  readonly fitLosses: BinnedSeries;
  /** Where the warm-up ended, and from where on policies of another kind were trained. */
  readonly marks: readonly Mark[];
  /** By rising step. */
  readonly curves: readonly CurveData[];
  /** How the requests were met that were rehearsed after training, by rising request. */
  readonly asked: readonly AskedPoint[];
  /** Undefined when the run did not record it. */
  readonly occupancy: OccupancyData | undefined;
  /** Simulated steps by purpose, as the last report of the run says. */
  readonly simulated: Readonly<Record<string, number>>;
  /** Metrics lines that are no record. */
  readonly skippedLines: number;
}

/** Points of a series in a page: as many as a wide screen shows. */
const MAX_POINTS = 800;
const MAX_COLUMNS = 200;
const MAX_CURVES = 6;
const MAX_CURVE_POINTS = 400;
/** Bins of the returns above the range are shown up to this many times the range. */
const MAX_BINS = 10 * OCCUPANCY_BINS;

/**
 * Reads a run folder.
 * @throws {FileError} when config.toml is missing or bad, or metrics.jsonl cannot be read.
 */
export function readRunData(folder: string): RunData {
  const config = readRunConfig(folder);
  const { settings } = readConfigFile(childPath(folder, CONFIG_FILE_NAME));
  const path = childPath(folder, METRICS_FILE_NAME);
  const { records, skippedLines } = isThere(path)
    ? readMetrics(path)
    : { records: [], skippedLines: 0 };
  const byKind = Map.groupBy(records, ({ kind }) => kind);
  const of = (kind: string) => byKind.get(kind) ?? [];
  const reports = of("evaluation");
  const evaluations = reports.filter(({ final }) => final !== true).flatMap(evaluationOf)
    .sort((a, b) => a.step - b.step);
  const final = reports.findLast((record) => record.final === true);
  const finalReturn = final && evaluationOf(final)[0];
  const { trained, fitted } = separateFit(records);
  const isFinished = isThere(childPath(folder, GENERATOR_FILE_NAME));
  const start = of("run")[0];
  return {
    folder,
    config,
    preset: String(settings.get("preset") ?? "default"),
    environment: typeof start?.environment === "string" ? start.environment : undefined,
    isFinished,
    values: {
      final: isFinished ? finalReturn?.mean : undefined,
      last: meanOf(evaluations.slice(-LAST_EVALUATIONS)),
      average: meanOf(evaluations),
    },
    version: typeof start?.version === "string" ? start.version : undefined,
    step: records.reduce((last, { step }) => Math.max(last, step), 0),
    episodeCount: numberOf(of("episode").at(-1)?.episode) ?? of("episode").length,
    updateCount: numberOf(of("update").at(-1)?.updates) ?? 0,
    evaluations: keepEvenly(evaluations, MAX_POINTS),
    finalReturn,
    bestReturn: largest(of("episode")),
    episodes: binByStep(pairs(of("episode"), "return"), MAX_POINTS),
    losses: binByStep(pairs(trained, "loss"), MAX_POINTS),
    fitLosses: binByStep(pairs(fitted, "loss", "updates"), MAX_POINTS),
    marks: marksOf(records),
    curves: keepEvenly(of("curve").flatMap(curveOf), MAX_CURVES),
    asked: of("curve").filter((record) => record.final === true).slice(-1)
      .flatMap((record) => askedOf(record, pairs(of("episode"), "return"))),
    occupancy: occupancyOf(reports),
    simulated: simulatedOf(records),
    skippedLines,
  };
}

function meanOf(evaluations: readonly EvaluationPoint[]): number | undefined {
  return evaluations.length === 0 ? undefined : summarise(evaluations.map(({ mean }) => mean)).mean;
}

function pairs(records: readonly ReadMetricRecord[], key: string, over = "step") {
  return records.flatMap((record) => {
    const [step, value] = [numberOf(record[over]), numberOf(record[key])];
    return step === undefined || value === undefined ? [] : [{ step, value }];
  });
}

/** Tells the updates between rollouts from those of the last fit, of which several follow each other. */
function separateFit(
  records: readonly ReadMetricRecord[],
): { trained: ReadMetricRecord[]; fitted: ReadMetricRecord[] } {
  const updates = records.filter(({ kind }) => kind === "update");
  const lastRollout = records.findLastIndex(({ kind }) => kind === "episode");
  const after = records.slice(lastRollout + 1).filter(({ kind }) => kind === "update").length;
  const count = after > 1 ? after : 0;
  return {
    trained: updates.slice(0, updates.length - count),
    fitted: updates.slice(updates.length - count),
  };
}

function largest(records: readonly ReadMetricRecord[]): number | undefined {
  return pairs(records, "return").reduce<number | undefined>(
    (best, { value }) => best === undefined || value > best ? value : best,
    undefined,
  );
}

function measuredOf(fields: Readonly<Record<string, unknown>>): MeasuredPoint | undefined {
  const mean = numberOf(fields.mean);
  if (mean === undefined) return undefined;
  const n = Math.max(1, Math.round(numberOf(fields.n) ?? 1));
  // Calibration points have no interval of their own.
  const interval = confidence95({ mean, std: numberOf(fields.std) ?? NaN, n });
  const [low, high] = fields.ci95 === undefined ? interval : listOf(fields.ci95);
  return { mean, low: numberOf(low) ?? null, high: numberOf(high) ?? null, n };
}

function evaluationOf(record: ReadMetricRecord): EvaluationPoint[] {
  const measured = measuredOf(record);
  return measured ? [{ step: record.step, ...measured }] : [];
}

function curveOf(record: ReadMetricRecord): CurveData[] {
  const range = rangeOf(record);
  const points = listOf(record.points).flatMap((item): CommandPoint[] => {
    const fields = objectOf(item);
    const measured = measuredOf(fields);
    const command = numberOf(fields.command);
    if (measured === undefined || command === undefined) return [];
    return [{
      command,
      requested: range ? range.low + command * (range.high - range.low) : null,
      ...measured,
    }];
  }).sort((a, b) => a.command - b.command);
  if (points.length === 0) return [];
  return [{
    step: record.step,
    isFinal: record.final === true,
    points: keepEvenly(points, MAX_CURVE_POINTS),
  }];
}

function askedOf(
  record: ReadMetricRecord,
  episodes: readonly { readonly value: number }[],
): AskedPoint[] {
  const points = listOf(record.asked).flatMap((item) => {
    const fields = objectOf(item);
    const measured = measuredOf(fields);
    const requested = numberOf(fields.requested);
    return measured && requested !== undefined ? [{ requested, ...measured }] : [];
  }).sort((a, b) => a.requested - b.requested);
  const width = (points.at(-1)?.requested ?? 0) - (points[0]?.requested ?? 0);
  const near = width / Math.max(1, points.length - 1) / 2;
  return keepEvenly(points, MAX_CURVE_POINTS).map((point) => ({
    ...point,
    isSeen: episodes.some(({ value }) => Math.abs(value - point.requested) <= near),
  }));
}

function marksOf(records: readonly ReadMetricRecord[]): Mark[] {
  const firstUpdate = records.findIndex(({ kind }) => kind === "update");
  const warm = records.slice(0, Math.max(0, firstUpdate)).findLast(({ kind }) =>
    kind === "episode"
  );
  return [
    ...(warm ? [{ step: warm.step, label: "warm-up ends" }] : []),
    ...records.filter(({ kind }) => kind === "attempt").map(({ step, hiddenSizes }) => ({
      step,
      label: listOf(hiddenSizes).length > 0 ? "hidden layers" : "linear policies",
    })),
  ];
}

/** The returns that the commands 0 and 1 of a record stand for. */
function rangeOf(
  record: ReadMetricRecord | undefined,
): { low: number; high: number } | undefined {
  const [low, high] = listOf(record?.range).map(numberOf);
  return low === undefined || high === undefined ? undefined : { low, high };
}

function occupancyOf(reports: readonly ReadMetricRecord[]): OccupancyData | undefined {
  const columns = reports.flatMap(({ step, occupancy }) => {
    const counts = listOf(occupancy).slice(0, MAX_BINS).map((count) => numberOf(count) ?? 0);
    return counts.length > 0 ? [{ step, counts }] : [];
  }).sort((a, b) => a.step - b.step);
  if (columns.length === 0) return undefined;
  const kept = keepEvenly(columns, MAX_COLUMNS);
  const { low, high } = rangeOf(reports.findLast(({ range }) => range !== undefined)) ??
    { low: 0, high: 1 };
  return {
    steps: kept.map(({ step }) => step),
    counts: kept.map(({ counts }) => counts),
    low,
    width: (high - low) / OCCUPANCY_BINS,
  };
}

function simulatedOf(records: readonly ReadMetricRecord[]): Record<string, number> {
  const last = records.findLast(({ simulated }) => simulated !== undefined);
  return Object.fromEntries(
    Object.entries(objectOf(last?.simulated)).flatMap(([name, value]) => {
      const steps = numberOf(value);
      return steps === undefined || steps < 0 ? [] : [[name, steps]];
    }).slice(0, 20),
  );
}
