/**
 * What a count of successes says of their probability, whatever is counted: the exact binomial bound
 * (Clopper and Pearson 1934).
 */

/**
 * Gives the probability of `least` or more successes in `n` trials of probability `share`. Terms are summed as
 * logarithms, so that no factor overflows.
 */
export function binomialTail(least: number, { n, share }: { n: number; share: number }): number {
  if (least <= 0 || share >= 1) return 1;
  if (share <= 0) return 0;
  let [logChoose, sum] = [0, 0];
  // C(n, k) = C(n, k + 1) (k + 1) / (n - k), from the last term down.
  for (let k = n; k >= least; k--) {
    sum += Math.exp(logChoose + k * Math.log(share) + (n - k) * Math.log1p(-share));
    logChoose += Math.log(k) - Math.log(n - k + 1);
  }
  return Math.min(1, sum);
}

/** The bound is found by so many halvings: to the last digit. */
const HALVINGS = 60;

/**
 * Gives the share that the probability of success surely exceeds, `level` sure: the smallest one under which so
 * many successes happen with a probability of 1 - level. 0 without successes.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { surelyAbove } from "./binomial.ts";
 * // 29 of 29: 0.05^(1 / 29).
 * assert.ok(Math.abs(surelyAbove(29, { n: 29, level: 0.95 }) - 0.05 ** (1 / 29)) < 1e-12);
 * ```
 */
export function surelyAbove(
  successes: number,
  { n, level }: { n: number; level: number },
): number {
  let [low, high] = [0, successes > 0 ? 1 : 0];
  for (let i = 0; i < HALVINGS; i++) {
    const share = (low + high) / 2;
    if (binomialTail(successes, { n, share }) < 1 - level) low = share;
    else high = share;
  }
  return low;
}

/** Gives the fewest trials which, all successes, show a probability of at least `share`, `level` sure. */
export function fewestTrials({ share, level }: { share: number; level: number }): number {
  return Math.ceil(Math.log(1 - level) / Math.log(share));
}
