/** Thinning of long series for a page: bins with mean and extremes, or evenly chosen items. */

/** A series in bins of neighbouring steps. All lists are equally long. */
export interface BinnedSeries {
  /** The last step of each bin, rising. */
  readonly steps: readonly number[];
  /** Mean of each bin. */
  readonly means: readonly number[];
  /** Smallest value of each bin. */
  readonly lows: readonly number[];
  /** Largest value of each bin. */
  readonly highs: readonly number[];
}

/**
 * Puts values into at most `maxBins` bins of neighbours with equally many values each.
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { binByStep } from "./thin.ts";
 * const items = [1, 2, 3, 4].map((step) => ({ step, value: step * 10 }));
 * assert.deepEqual(binByStep(items, 2), {
 *   steps: [2, 4],
 *   means: [15, 35],
 *   lows: [10, 30],
 *   highs: [20, 40],
 * });
 * ```
 */
export function binByStep(
  items: readonly { readonly step: number; readonly value: number }[],
  maxBins: number,
): BinnedSeries {
  const sorted = [...items].sort((a, b) => a.step - b.step);
  const size = Math.max(1, Math.ceil(sorted.length / maxBins));
  const series = {
    steps: [] as number[],
    means: [] as number[],
    lows: [] as number[],
    highs: [] as number[],
  };
  for (let start = 0; start < sorted.length; start += size) {
    const bin = sorted.slice(start, start + size);
    const values = bin.map(({ value }) => value);
    series.steps.push(bin[bin.length - 1].step);
    series.means.push(values.reduce((sum, value) => sum + value / values.length, 0));
    series.lows.push(Math.min(...values));
    series.highs.push(Math.max(...values));
  }
  return series;
}

/** Keeps at most `count` items, the first and the last among them. */
export function keepEvenly<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from(
    { length: count },
    (_, i) => items[Math.round(i * (items.length - 1) / (count - 1))],
  );
}
