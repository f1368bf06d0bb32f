/** Isotonic regression: the rising sequence that is closest to given values. */

/** A run of values that the fit replaces by their mean. */
export interface Block {
  /** The weighted mean of its values. */
  readonly mean: number;
  /** The sum of their weights. */
  readonly weight: number;
  /** The place of its last value. */
  readonly last: number;
}

/**
 * Pools adjacent violators: the blocks of the rising sequence of least weighted squared error.
 * @param weights how much each value counts, all 1 when absent
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const blocks = risingBlocks([1, 3, 2, 4]);
 * assert.deepEqual(blocks.map(({ mean, last }) => [mean, last]), [[1, 0], [2.5, 2], [4, 3]]);
 * ```
 */
export function risingBlocks(values: readonly number[], weights?: readonly number[]): Block[] {
  const blocks: Block[] = [];
  values.forEach((value, i) => {
    let block: Block = { mean: value, weight: weights?.[i] ?? 1, last: i };
    for (let before = blocks.at(-1); before && before.mean >= block.mean; before = blocks.at(-1)) {
      blocks.pop();
      const weight = before.weight + block.weight;
      const sum = before.mean * before.weight + block.mean * block.weight;
      block = { mean: sum / weight, weight, last: i };
    }
    blocks.push(block);
  });
  return blocks;
}

/**
 * Fits the rising sequence: each value becomes the mean of its block.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.deepEqual(risingFit([1, 3, 2, 4]), [1, 2.5, 2.5, 4]);
 * assert.deepEqual(risingFit([3, 0], [1, 2]), [1, 1]);
 * ```
 */
export function risingFit(values: readonly number[], weights?: readonly number[]): number[] {
  let start = 0;
  return risingBlocks(values, weights).flatMap(({ mean, last }) => {
    const count = last + 1 - start;
    start = last + 1;
    return new Array<number>(count).fill(mean);
  });
}
