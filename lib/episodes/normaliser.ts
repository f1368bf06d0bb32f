/**
 * The observation normaliser: running mean and deviation of all training observations.
 *
 * Statistics are gathered per episode and merged when the episode is over (Chan's parallel form of
 * Welford's update). During an episode the policy therefore sees one fixed normaliser, so a stored
 * policy is a function, not a moving target; and episodes can run in any order on any number of
 * workers with the same result. The reference updates at every step and computes its variance with
 * an aliased mean, which biases it; this one is the exact population variance.
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

/**
 * Gives the mean and deviation that a policy divides by. Before the first observation, and in a
 * dimension that never changed, the deviation is 1: such an input carries no scale to divide by.
 */
export function normaliserOf(moments: Moments): NormaliserState {
  const deviation = moments.squares.map((squares) => {
    const value = moments.count > 1 ? Math.sqrt(squares / moments.count) : 0;
    return value > 0 ? value + DEVIATION_EPSILON : 1;
  });
  return { mean: moments.mean.slice(), deviation };
}
