/**
 * Statistics over few seeds, as Agarwal et al. (2021, "Deep Reinforcement Learning at the Edge of the Statistical
 * Precipice", arXiv 2108.13264) recommend them: percentile intervals from stratified bootstraps, and the
 * probability that one algorithm does better than another.
 */

import type { Rng } from "./rng.ts";

/** Groups of values that are resampled apart: one for each environment, or for each algorithm. */
export type Strata = readonly (readonly number[])[];

/** How to draw bootstrap samples. */
export interface BootstrapOptions {
  /** Draws them: as many numbers as there are values, for each sample. */
  readonly rng: Rng;
  /** Number of samples; 2,000 when absent, as in the paper. */
  readonly samples?: number;
}

const SAMPLES = 2000;
/** Ends of a 95 % interval. */
const [LOW, HIGH] = [0.025, 0.975];

/**
 * Gives the 95 % percentile interval of a statistic when every stratum is resampled with replacement.
 * @throws {RangeError} when a stratum is empty.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { bootstrapInterval } from "./bootstrap.ts";
 * import { Rng } from "./rng.ts";
 * import { interquartileMean } from "./statistics.ts";
 * const iqm = ([returns]: readonly (readonly number[])[]) => interquartileMean(returns);
 * const [low, high] = bootstrapInterval([[7, 7, 7, 7, 7]], iqm, { rng: Rng.fromSeed(1) });
 * assert.deepEqual([low, high], [7, 7]);
 * ```
 */
export function bootstrapInterval(
  strata: Strata,
  statistic: (strata: Strata) => number,
  { rng, samples = SAMPLES }: BootstrapOptions,
): [low: number, high: number] {
  if (strata.some(({ length }) => length === 0)) {
    throw new RangeError("Cannot resample values: every stratum must have at least 1, got 0");
  }
  const values = Array.from(
    { length: samples },
    () => statistic(strata.map((values) => values.map(() => values[rng.integer(values.length)]))),
  );
  values.sort((a, b) => a - b);
  const at = (share: number) =>
    values[Math.min(samples - 1, Math.max(0, Math.round(share * (samples - 1))))];
  return [at(LOW), at(HIGH)];
}

/**
 * Gives the probability that a value of `a` is greater than one of `b`, equal ones counting half: Mann and
 * Whitney's U over the number of pairs.
 * @throws {RangeError} when one of them is empty.
 */
export function probabilityOfImprovement(a: readonly number[], b: readonly number[]): number {
  if (a.length === 0 || b.length === 0) {
    throw new RangeError("Cannot compare values: there must be some on both sides, got 0");
  }
  let wins = 0;
  for (const x of a) for (const y of b) wins += x > y ? 1 : x === y ? 0.5 : 0;
  return wins / (a.length * b.length);
}
