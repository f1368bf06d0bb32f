/**
 * What a run comes to, once for the end of `train`, `inspect` and the report: which returns may be asked
 * for, how well they are met, and what it cost.
 */

import { reachableRange } from "../generator/calibration.ts";
import { spearman } from "../numbers/statistics.ts";
import { formatCount, formatNumber } from "../numbers/format.ts";
import { TIME_PURPOSES, type TimePurpose } from "../run/pace.ts";
import { ownLine, pathWord } from "../system/words.ts";
import { formatDuration } from "../system/clock.ts";
import type { RunData } from "./run_data.ts";
import type { TimesByPurpose } from "./run_times.ts";

/** How well requests all over the range were met. */
export interface Obedience {
  /** Rank correlation of asked and achieved returns, -1 to 1; NaN if one of them is constant. */
  readonly spearman: number;
  /** Mean distance of achieved from asked returns. */
  readonly meanError: number;
  /** The same as a share of the reachable range; NaN if it has no width. */
  readonly meanErrorShare: number;
  /** Requests. */
  readonly n: number;
}

/** What a run comes to. */
export interface RunResult {
  /** Lowest and highest mean return that a command was measured at; undefined before the end. */
  readonly reachable: readonly [low: number, high: number] | undefined;
  /** Undefined before the end. */
  readonly obedience: Obedience | undefined;
  /** Simulated steps by purpose. */
  readonly steps: Readonly<Partial<Record<TimePurpose, number>>>;
  /** Seconds by purpose; undefined when the run does not say. */
  readonly seconds: TimesByPurpose | undefined;
}

/** What is counted under each purpose, in words. */
export const PURPOSES: Readonly<Record<TimePurpose, string>> = {
  training: "training episodes",
  updates: "updates",
  choosing: "choosing policies",
  calibration: "calibration",
  reports: "reports",
  saving: "saving",
};

/** The purposes that the budget pays for. */
export const PAID_PURPOSES: readonly TimePurpose[] = ["training", "choosing"];

/** The names of the purposes in the records of a run. */
const RECORDED: Readonly<Record<string, TimePurpose>> = {
  training: "training",
  noiseFree: "choosing",
  calibration: "calibration",
  evaluation: "reports",
};

/** Fewer requests than this say little about how well they are met. */
const FEWEST_REQUESTS = 5;

/** Sums a run up. */
export function resultOf(
  { curves, asked, simulated, finalReturn }: RunData,
  seconds: TimesByPurpose | undefined,
): RunResult {
  const final = curves.findLast(({ isFinal }) => isFinal);
  const range = final && finalReturn && reachableRange({
    points: final.points.map(({ command, mean, n }) => ({ command, mean, std: 0, n })),
    bestCommand: 0,
    bestReturn: finalReturn.mean,
  });
  const reachable = range && [range.min, range.max] as const;
  return {
    reachable,
    obedience: asked.length < FEWEST_REQUESTS || reachable === undefined
      ? undefined
      : obedienceOf(asked, reachable[1] - reachable[0]),
    steps: Object.fromEntries(
      Object.entries(simulated).flatMap(([name, steps]) =>
        Object.hasOwn(RECORDED, name) ? [[RECORDED[name], steps]] : []
      ),
    ),
    seconds,
  };
}

function obedienceOf(asked: RunData["asked"], width: number): Obedience {
  const errors = asked.map(({ requested, mean }) => Math.abs(mean - requested));
  const meanError = errors.reduce((sum, error) => sum + error / errors.length, 0);
  return {
    spearman: spearman(asked.map(({ requested }) => requested), asked.map(({ mean }) => mean)),
    meanError,
    meanErrorShare: width > 0 ? meanError / width : NaN,
    n: asked.length,
  };
}

/** Says which returns may be asked for: "9.4 to 500". */
export function describeReachable([low, high]: readonly [number, number]): string {
  return `${formatNumber(low)} to ${formatNumber(high)}`;
}

/** Says how well requests were met: "rank correlation 0.99, mean error 3.1 (0.6 % of the range), 64 requests". */
export function describeObedience({ spearman, meanError, meanErrorShare, n }: Obedience): string {
  const share = Number.isNaN(meanErrorShare)
    ? ""
    : ` (${formatNumber(100 * meanErrorShare, 2)} % of the range)`;
  return `rank correlation ${formatNumber(spearman, 3)}, mean error ${
    formatNumber(meanError, 3)
  }${share}, over ${n} requests`;
}

/** Says how to find out how well requests are met, where a run's budget left too few to tell. */
export function describeUnknownObedience(run: string): string {
  return `not measured in this budget: ${ownLine("curve", pathWord(run))}`;
}

/** Lists steps by purpose: "training 45.1k, choosing 4.9k, calibration 61k". */
export function describeSteps(steps: RunResult["steps"]): string {
  return listed(steps, formatCount);
}

/** Lists seconds by purpose. */
export function describeSeconds(seconds: TimesByPurpose): string {
  return listed(seconds, formatDuration);
}

function listed(
  amounts: Readonly<Partial<Record<TimePurpose, number>>>,
  show: (amount: number) => string,
): string {
  return TIME_PURPOSES.flatMap((purpose) => {
    const amount = amounts[purpose];
    return amount === undefined || amount === 0 ? [] : [`${purpose} ${show(amount)}`];
  }).join(", ");
}
