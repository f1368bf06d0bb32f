/** Groups of runs side by side: their lines over time and over commands, averaged over seeds. */

import { type OverSeeds, overSeeds, type RunGroup } from "./across_runs.ts";
import { plainValue } from "./summary_table.ts";
import type { RunData } from "./run_data.ts";

/** A line averaged over runs. All lists are equally long. */
export interface AveragedLine {
  /** Rising. */
  readonly x: readonly number[];
  /** What the runs have there. */
  readonly values: readonly OverSeeds[];
}

/** A group with what a comparison shows of it. */
export interface ComparedGroup extends RunGroup {
  /** What sets it apart from the other groups: "learningRate 0.001". */
  readonly label: string;
  /** Returns of the best command over environment steps, in the end those of what is handed out. */
  readonly learning: AveragedLine;
  /** Achieved over asked returns, of the finished runs. */
  readonly following: AveragedLine;
  /** The last returns of the runs; undefined when none was evaluated. */
  readonly last: OverSeeds | undefined;
  /** Mean of all evaluations of a run; undefined when none was evaluated. */
  readonly average: OverSeeds | undefined;
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

/** Works out what a comparison shows of a group. */
export function compareGroup(group: RunGroup): ComparedGroup {
  const { env, options, runs } = group;
  const label = Object.entries(options)
    .map(([name, value]) => `${shortName(name, Object.keys(options))} ${shortValue(value)}`);
  return {
    ...group,
    label: label.join(", ") || env,
    learning: averageLines(runs.map(learningLine)),
    following: averageLines(runs.map(({ asked }) => ({
      x: asked.map(({ requested }) => requested),
      y: asked.map(({ mean }) => mean),
    }))),
    last: overSeeds(runs.flatMap((run) => lastReturnOf(run) ?? [])),
    average: overSeeds(runs.flatMap(({ values }) => values.average ?? [])),
  };
}

/** What a run returned on its way, and at its end what it hands out. */
function learningLine({ evaluations, finalReturn }: RunData): Line {
  const points = finalReturn ? [...evaluations, finalReturn] : evaluations;
  return { x: points.map(({ step }) => step), y: points.map(({ mean }) => mean) };
}

/** A checksum by its first characters, an empty text as a word. */
function shortValue(value: unknown): string {
  const text = plainValue(value).replace(/^[0-9a-f]{64}$/, (hash) => hash.slice(0, 8));
  return text === "" ? "none" : text;
}

/** The last word of an option's name, or all of it where another option ends in the same word. */
function shortName(name: string, names: readonly string[]): string {
  const word = lastWord(name);
  return names.some((other) => other !== name && lastWord(other) === word) ? name : word;
}

function lastWord(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}

/**
 * Gives each group's mean rank over the seeds that all of them have, 1 being the best; undefined where
 * there is one group or no such seed.
 */
export function meanRanks(groups: readonly ComparedGroup[]): number[] | undefined {
  if (groups.length < 2) return undefined;
  const returns = groups.map(({ runs }) =>
    new Map(runs.flatMap((run) => {
      const value = lastReturnOf(run);
      return value === undefined ? [] : [[run.config.seed, value] as const];
    }))
  );
  const seeds = [...returns[0].keys()].filter((seed) => returns.every((known) => known.has(seed)));
  if (seeds.length === 0) return undefined;
  return returns.map((own) =>
    seeds.reduce((sum, seed) => {
      const value = own.get(seed)!;
      const better = returns.filter((other) => other.get(seed)! > value).length;
      const equal = returns.filter((other) => other.get(seed)! === value).length;
      return sum + (1 + better + (equal - 1) / 2) / seeds.length;
    }, 0)
  );
}

/** The final return of a finished run, the last evaluation of another one. */
export function lastReturnOf({ finalReturn, evaluations }: RunData): number | undefined {
  return (finalReturn ?? evaluations.at(-1))?.mean;
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
    const across = overSeeds(values);
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
