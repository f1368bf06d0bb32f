/** Finds the name that was probably meant, for the "did you mean" of error texts. */

/** Counts the insertions, deletions, substitutions and swaps that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      current[j] = Math.min(previous[j] + 1, current[j - 1] + 1, substituted);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        current[j] = Math.min(current[j], beforePrevious[j - 2] + 1);
      }
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length];
}

/** Names longer than this are nobody's typing error; it bounds the work on hostile input. */
const LONGEST_NAME = 64;

/**
 * Returns the candidate with the smallest edit distance to `name`, ignoring case, the first of
 * equals; undefined when none is within half of the name's length.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { nearest } from "./nearest.ts";
 * assert.equal(nearest("hoper", ["Swimmer", "Hopper"]), "Hopper");
 * assert.equal(nearest("zzzz", ["Swimmer", "Hopper"]), undefined);
 * ```
 */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 2)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}
