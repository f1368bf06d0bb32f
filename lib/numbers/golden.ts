/** A sequence that fills an interval evenly, however many of its numbers are taken. */

/** The golden ratio's fractional part: of all numbers, its multiples modulo 1 stay farthest apart. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Gives the index-th number of the sequence between `min` and `max`.
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const five = [0, 1, 2, 3, 4].map((i) => goldenBetween(i, { min: 0, max: 10 })).sort((a, b) => a - b);
 * assert.deepEqual(five.map(Math.floor), [1, 3, 5, 7, 9]);
 * ```
 */
export function goldenBetween(
  index: number,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  return min + (max - min) * (((index + 0.5) * GOLDEN) % 1);
}
