/**
 * The observation normaliser: running mean and deviation of all training observations.
 *
 * Statistics are gathered per episode and merged when the episode is over (Chan's parallel form of
 * Welford's update). During an episode the policy therefore sees one fixed normaliser, so a stored
 * policy is a function, not a moving target; and episodes can run in any order on any number of
 * workers with the same result. The published method moves it at every step, and so does its preset
 * (`moveNormaliser` in lib/algorithm/measure.ts). Its code computes the variance with an aliased mean,
 * which biases it; this one is the exact population variance.
 */

import type { NormaliserState } from "../model.ts";

/** Added to the deviation before dividing, as in the reference configuration. */
export const DEVIATION_EPSILON = 1e-8;

/** Count, mean and sum of squared deviations of a set of observations. */
export interface Moments {
  /** Number of observations. */
  count: number;
  /** [S] */
  readonly mean: Float64Array;
  /** Sum of squared deviations from the mean, [S]. */
  readonly squares: Float64Array;
}

/** Creates empty moments for observations of a size. */
export function createMoments(size: number): Moments {
  return { count: 0, mean: new Float64Array(size), squares: new Float64Array(size) };
}

/** Adds one observation, [S], to `moments` (Welford). */
export function addObservation(moments: Moments, observation: ArrayLike<number>): void {
  const { mean, squares } = moments;
  const count = ++moments.count;
  for (let i = 0; i < mean.length; i++) {
    const delta = observation[i] - mean[i];
    mean[i] += delta / count;
    squares[i] += delta * (observation[i] - mean[i]);
  }
}

/** Merges the moments of other observations into `moments` (Chan et al.). */
export function mergeMoments(moments: Moments, other: Moments): void {
  if (other.count === 0) return;
  const total = moments.count + other.count;
  for (let i = 0; i < moments.mean.length; i++) {
    const delta = other.mean[i] - moments.mean[i];
    moments.mean[i] += delta * (other.count / total);
    moments.squares[i] += other.squares[i] + delta * delta * (moments.count * other.count / total);
  }
  moments.count = total;
}

/** Of deviations below this, the epsilon is a share, so that it does not hide them. */
const SMALL_DEVIATION = 1e-4;
/** Deviations below this, and below this share of the mean, are rounding errors. */
const LEAST_DEVIATION = 1e-12;

/**
 * Gives the mean and deviation that a policy divides by. Before the first observation, and in a
 * dimension that never changed, the deviation is 1: such an input carries no scale to divide by.
 * @param options.fixedEpsilon adds the reference's epsilon to deviations of any size
 */
export function normaliserOf(
  { count, mean, squares }: Moments,
  { fixedEpsilon = false } = {},
): NormaliserState {
  const deviation = squares.map((sum, i) => {
    const value = count > 1 ? Math.sqrt(sum / count) : 0;
    if (fixedEpsilon) return value > 0 ? value + DEVIATION_EPSILON : 1;
    const isRounding = value <= LEAST_DEVIATION * (1 + Math.abs(mean[i]));
    return isRounding ? 1 : value + DEVIATION_EPSILON * Math.min(1, value / SMALL_DEVIATION);
  });
  return { mean: mean.slice(), deviation };
}

/** First observations that are larger than this are no scale for policies that have seen nothing. */
const LARGE_OBSERVATION = 100;

/**
 * Prepares a normaliser that has seen nothing for what an episode begins with: a policy for which every input
 * is 1e6 does the same whatever it sees, and is far from every later one in the frame of a later normaliser.
 * Dimensions that begin within +-100 are left as they are.
 */
export function foresee({ mean, deviation }: NormaliserState, first: ArrayLike<number>): void {
  for (let i = 0; i < mean.length; i++) {
    if (!(Math.abs(first[i]) > LARGE_OBSERVATION)) continue;
    mean[i] = first[i];
    deviation[i] = Math.abs(first[i]);
  }
}

/** Of float32: 1 + this is the next number after 1. */
const FLOAT32_STEP = 2 ** -23;
/** With fewer numbers of float32 within a deviation, a policy sees steps where there are none. */
const LEAST_STEPS = 4;

/** Lists the dimensions whose values lie so far from 0 that policies, which take float32, hardly see them change. */
export function findBlurred({ count, mean, squares }: Moments): number[] {
  return [...mean.keys()].filter((i) => {
    const deviation = Math.sqrt(squares[i] / Math.max(1, count));
    const step = Math.abs(mean[i]) * FLOAT32_STEP;
    const isConstant = deviation <= LEAST_DEVIATION * (1 + Math.abs(mean[i]));
    return !isConstant && deviation < LEAST_STEPS * step;
  });
}
