/**
 * How much each non-empty bucket of the buffer weighs in a draw: by the rank of its return, so that a
 * bucket's chance does not depend on how many policies it holds.
 */

import type { Config } from "../config/config.ts";

/** A way to weigh buckets by rank. */
export type Weighting = Config["buffer"]["weighting"];

/**
 * Weighs the k-th of n non-empty buckets, k = 1 the lowest return, k = n the highest.
 *
 * The exponential is taken relative to the best bucket, exp(scale * (k - n)), which cancels in the
 * normalisation and cannot overflow. The reference's "max" picks the worst bucket (an oversight); here
 * it is the best one.
 */
export function rankWeight(
  config: { weighting: Exclude<Weighting, "even">; weightingScale: number },
  { rank, count }: { rank: number; count: number },
): number {
  switch (config.weighting) {
    case "uniform":
      return 1;
    case "reciprocal":
      return (1 / (count + 1 - rank)) ** config.weightingScale;
    case "exponential":
      return Math.exp(config.weightingScale * (rank - count));
    case "max":
      return rank === count ? 1 : 0;
  }
}

/**
 * Weighs rising values by half the distance between their neighbours (at an end, to the one
 * neighbour), so that draws spread evenly over the range of the values however they crowd. Where all
 * values are equal, so are the weights.
 */
export function spacingWeights(values: readonly number[]): number[] {
  const last = values.length - 1;
  const weights = values.map((_, k) =>
    (values[Math.min(last, k + 1)] - values[Math.max(0, k - 1)]) / 2
  );
  return weights.some((weight) => weight > 0) ? weights : values.map(() => 1);
}
