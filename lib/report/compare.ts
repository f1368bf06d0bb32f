/**
 * Many runs side by side: runs whose configurations differ in nothing but the seed form a group, and
 * groups are compared by the mean over their seeds with its 95 % interval (Student's t over runs, each
 * run one value) and the interquartile mean.
 */

import { flattenConfig } from "../config/config.ts";
import { renderValue } from "../config/config_file.ts";
import { confidence95, interquartileMean, summarise } from "../numbers/statistics.ts";
import type { RunData } from "./run_data.ts";

/** Values over runs. */
export interface AcrossRuns {
  /** Mean over the runs. */
  readonly mean: number;
  /** Sample deviation. */
  readonly std: number;
  /** Null with one run. */
  readonly low: number | null;
  /** Null with one run. */
  readonly high: number | null;
  /** Interquartile mean. */
  readonly iqm: number;
  /** Number of runs. */
  readonly n: number;
}

/** A line averaged over runs. All lists are equally long. */
export interface AveragedLine {
  /** Rising. */
  readonly x: readonly number[];
  /** What the runs have there. */
  readonly values: readonly AcrossRuns[];
}

/** Runs that differ in nothing but the seed. */
export interface RunGroup {
  /** Id of the environment. */
  readonly env: string;
  /** What sets it apart from the other groups: "update.learningRate = 0.001". */
  readonly label: string;
  /** In the order in which they were given. */
  readonly runs: readonly RunData[];
  /** Returns of the best command over environment steps. */
  readonly learning: AveragedLine;
  /** Achieved over asked returns by the last curve of each run. */
  readonly following: AveragedLine;
  /** The last returns of the runs; undefined when none was evaluated. */
  readonly last: AcrossRuns | undefined;
  /** Mean of all evaluations of a run; undefined when none was evaluated. */
  readonly average: AcrossRuns | undefined;
}

/** One run's line: x rising. */
export interface Line {
  /** Rising. */
  readonly x: readonly number[];
  /** As long as `x`. */
  readonly y: readonly number[];
}

const GRID_POINTS = 100;
/** Runs end an episode apart: the last value holds on for this share of the whole range. */
const HELD_SHARE = 0.02;

/** Groups runs by configuration, in the order of their first runs. */
export function groupRuns(runs: readonly RunData[]): RunGroup[] {
  const groups = [...Map.groupBy(runs, configurationKey).values()];
  const distinct = differingOptions(groups.map(([{ config }]) => flattenConfig(config)));
  return groups.map((members) => {
    const { config } = members[0];
    const values = flattenConfig(config);
    const label = distinct.map((name) => `${name} = ${renderValue(values.get(name))}`).join(", ");
    return {
      env: config.env,
      label: label || config.env,
      runs: members,
      learning: averageLines(members.map(({ evaluations }) => ({
        x: evaluations.map(({ step }) => step),
        y: evaluations.map(({ mean }) => mean),
      }))),
      following: averageLines(members.map(({ curves }) => {
        const points = curves.at(-1)?.points ?? [];
        return {
          x: points.map(({ requested, command }) => requested ?? command),
          y: points.map(({ mean }) => mean),
        };
      })),
      last: acrossRuns(members.flatMap((run) => lastReturnOf(run) ?? [])),
      average: acrossRuns(
        members.flatMap(({ evaluations }) =>
          evaluations.length === 0 ? [] : [summarise(evaluations.map(({ mean }) => mean)).mean]
        ),
      ),
    };
  });
}

/** The final return of a finished run, the last evaluation of another one. */
export function lastReturnOf({ finalReturn, evaluations }: RunData): number | undefined {
  return (finalReturn ?? evaluations.at(-1))?.mean;
}

/** Summarises one value of each run; undefined when there are none. */
export function acrossRuns(values: readonly number[]): AcrossRuns | undefined {
  if (values.length === 0) return undefined;
  const summary = summarise(values);
  const [low, high] = confidence95(summary).map((bound) => Number.isFinite(bound) ? bound : null);
  return { ...summary, low, high, iqm: interquartileMean(values) };
}

/**
 * Averages lines on an even grid over all of them: at each x the lines that reach it, by linear
 * interpolation.
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { averageLines } from "./compare.ts";
 * const { x, values } = averageLines([{ x: [0, 10], y: [0, 10] }, { x: [0, 10], y: [4, 4] }], 3);
 * assert.deepEqual(x, [0, 5, 10]);
 * assert.deepEqual(values.map(({ mean }) => mean), [2, 4.5, 7]);
 * ```
 */
export function averageLines(lines: readonly Line[], count = GRID_POINTS): AveragedLine {
  const whole = lines.filter(({ x }) => x.length > 0);
  if (whole.length === 0) return { x: [], values: [] };
  const from = Math.min(...whole.map(({ x }) => x[0]));
  const to = Math.max(...whole.map(({ x }) => x[x.length - 1]));
  const grid = from === to
    ? [from]
    : Array.from({ length: count }, (_, i) => from + i * (to - from) / (count - 1));
  const held = HELD_SHARE * (to - from);
  const points = grid.flatMap((x) => {
    const values = whole.flatMap((line) => valueAt(line, x, held) ?? []);
    const across = acrossRuns(values);
    return across ? [{ x, across }] : [];
  });
  return { x: points.map(({ x }) => x), values: points.map(({ across }) => across) };
}

function valueAt({ x: xs, y: ys }: Line, x: number, held: number): number | undefined {
  const last = xs.length - 1;
  if (x < xs[0]) return xs[0] - x <= held ? ys[0] : undefined;
  if (x >= xs[last]) return x - xs[last] <= held ? ys[last] : undefined;
  const right = xs.findIndex((value) => value > x);
  const t = (x - xs[right - 1]) / (xs[right] - xs[right - 1]);
  return ys[right - 1] + t * (ys[right] - ys[right - 1]);
}

function configurationKey({ config }: RunData): string {
  const values = [...flattenConfig(config)].filter(([name]) => name !== "seed");
  return JSON.stringify(values.sort(([a], [b]) => a < b ? -1 : 1));
}

function differingOptions(configs: readonly ReadonlyMap<string, unknown>[]): string[] {
  const [first, ...others] = configs;
  return [...first?.keys() ?? []].filter((name) =>
    name !== "seed" &&
    others.some((other) => renderValue(other.get(name)) !== renderValue(first.get(name)))
  );
}
