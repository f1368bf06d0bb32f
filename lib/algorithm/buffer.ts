/**
 * The replay buffer: stored policies, grouped by the return that they reached.
 *
 * No critic smooths the returns, so what is learnt depends on what is drawn: a bucket's chance does
 * not depend on how many policies it holds, only on its rank among the non-empty buckets. Bucket i of
 * K holds the scaled returns (i/K, (i+1)/K]; returns below 0 belong to the first one, and above 1
 * buckets of the same width go on without end. The plain queue (`fifo`, for ablations) treats every
 * policy as a bucket of its own, so that the same weightings apply to the rank of its return.
 *
 * Policies are rows of one slab (lib/algorithm/row_slab.ts): a stored policy costs its P numbers and a handful of
 * bytes, and drawing copies nothing but the drawn rows.
 */

import type { Config } from "../config/config.ts";
import type { Rng } from "../numbers/rng.ts";
import type { StoredPolicy } from "../policy_space.ts";
import { RowSlab } from "../numbers/row_slab.ts";

/** What is known of a stored policy. */
export interface Entry {
  /** Row of the slab. */
  readonly slot: number;
  /** The stored return that it is learnt under. */
  readonly scaledReturn: number;
  /** Running number of the arrival; smaller is older. */
  readonly order: number;
}

/** A batch as distinct policies with their shares of it. */
export interface Draw {
  /** The distinct policies, [B]. */
  readonly entries: readonly Entry[];
  /** Number of times each was drawn / number of draws, [B]. */
  readonly shares: Float32Array;
}

/** How a buffer is built. */
export interface BufferOptions extends Readonly<Config["buffer"]> {
  /** Buckets over the scaled returns 0..1, K. */
  readonly bucketCount: number;
  /** Policies in the whole buffer; the oldest leaves first. */
  readonly capacity: number;
}

/** The size of a run's buffer: the reference configuration's. */
export const REFERENCE_SIZE = { bucketCount: 800, capacity: 10_000 } as const;

/** How to draw a batch. */
export interface DrawOptions {
  /** Number of draws. */
  readonly size: number;
  /** Spreads draws evenly over returns, in place of the weights by rank. */
  readonly isEven?: boolean;
}

/** Everything but the slab's rows, for checkpoints. */
export interface BufferState {
  /** The stored policies, oldest first. */
  readonly entries: readonly Entry[];
  /** Policies that were offered. */
  readonly arrivals: number;
  /** Highest scaled return, as `PolicyBuffer.best` gives it. */
  readonly best: number;
}

/** Stores policies by return and draws batches. */
export class PolicyBuffer {
  readonly #options: BufferOptions;
  readonly #slab: RowSlab;
  #arrivals = 0;
  #best = -Infinity;
  /** Insertion order is arrival order: the first key is the oldest policy. */
  readonly #entries = new Map<number, Entry>();
  readonly #buckets = new Map<number, Entry[]>();
  /** Non-empty buckets from the lowest return to the highest; rebuilt when it has become stale. */
  #ranked: Entry[][] | undefined;
  /** Running sums of the weights of `#ranked`: by rank, or even over returns. */
  readonly #sums = new Map<"rank" | "even", Float64Array>();

  /**
   * Makes an empty buffer.
   * @param rowLength numbers in a stored policy, P
   */
  constructor(options: BufferOptions, rowLength: number) {
    this.#options = options;
    this.#slab = new RowSlab({ capacity: options.capacity, rowLength });
  }

  /** Number of stored policies. */
  get size(): number {
    return this.#entries.size;
  }

  /** Number of non-empty buckets. */
  get bucketCount(): number {
    return this.#buckets.size;
  }

  /** Number of policies that were offered so far. */
  get arrivals(): number {
    return this.#arrivals;
  }

  /** The highest scaled return offered, stored or not; -Infinity at the start. */
  get best(): number {
    return this.#best;
  }

  /** The stored policies, oldest first. */
  entries(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** The stored policies that can be drawn, oldest first: none of the excluded band. */
  drawable(): Entry[] {
    return [...this.entries()].filter(({ scaledReturn }) => !this.#isExcluded(scaledReturn));
  }

  /** The policy of a slot, [P]: a view, valid until the slot is reused. */
  row(slot: number): StoredPolicy {
    return this.#slab.row(slot) as StoredPolicy;
  }

  /**
   * Offers a policy, [P], and the return that it reached; it is copied when it is kept.
   * @returns the new entry, or undefined when a full bucket dropped it.
   */
  add(policy: StoredPolicy, scaledReturn: number): Entry | undefined {
    const order = this.#arrivals++;
    this.#best = Math.max(this.#best, scaledReturn);
    const key = this.#bucketOf(scaledReturn, order);
    const bucket = this.#buckets.get(key);
    if (bucket && bucket.length >= this.#options.bucketCapacity) {
      if (this.#options.whenFull === "drop") return undefined;
      this.#remove(bucket[0]); // a bucket is in order of age
    }
    if (this.#entries.size >= this.#options.capacity) {
      this.#remove(this.#entries.values().next().value!);
    }
    const entry: Entry = { slot: this.#slab.take(), scaledReturn, order };
    this.row(entry.slot).set(policy);
    this.#entries.set(order, entry);
    this.#file(entry, key);
    return entry;
  }

  /**
   * Draws a batch: a bucket by the weight of its rank, then one of its policies evenly; repeated
   * draws of a policy become one row with a larger share. Draws 2 * size uniform numbers from `rng`.
   *
   * @throws {RangeError} when nothing can be drawn.
   */
  draw(rng: Rng, { size, isEven = false }: DrawOptions): Draw {
    const ranked = this.#rank();
    if (ranked.length === 0) {
      throw new RangeError(
        "Cannot draw a batch: the buffer must hold a policy outside the excluded band, got none",
      );
    }
    const cumulative = this.#cumulate(isEven ? "even" : "rank");
    const total = cumulative[ranked.length - 1];
    const counts = new Map<Entry, number>();
    for (let i = 0; i < size; i++) {
      const bucket = ranked[firstAbove(cumulative, rng.random() * total)];
      const entry = bucket[Math.floor(rng.random() * bucket.length)];
      counts.set(entry, (counts.get(entry) ?? 0) + 1);
    }
    return {
      entries: [...counts.keys()],
      shares: Float32Array.from(counts.values(), (count) => count / size),
    };
  }

  /** Makes an empty buffer hold a saved state; the caller fills the rows. */
  restore(state: BufferState): void {
    this.#arrivals = state.arrivals;
    this.#best = state.best;
    this.#slab.restore(state.entries.map(({ slot }) => slot));
    for (const saved of state.entries) {
      const entry = { ...saved };
      this.#entries.set(entry.order, entry);
      this.#file(entry, this.#bucketOf(entry.scaledReturn, entry.order));
    }
  }

  #bucketOf(scaledReturn: number, order: number): number {
    if (this.#options.kind === "fifo") return order;
    const { bucketCount } = this.#options;
    let bucket = Math.ceil(scaledReturn * bucketCount) - 1;
    // The product is rounded: 0.07 * 100 is above 7, but 0.07 is the limit 7 / 100 itself.
    if (scaledReturn <= bucket / bucketCount) bucket--;
    else if (scaledReturn > (bucket + 1) / bucketCount) bucket++;
    return Math.max(0, bucket);
  }

  #isExcluded(scaledReturn: number): boolean {
    const [from, to] = this.#options.exclude;
    return scaledReturn > from && scaledReturn <= to;
  }

  #file(entry: Entry, key: number): void {
    const bucket = this.#buckets.get(key);
    if (bucket) bucket.push(entry);
    else this.#buckets.set(key, [entry]);
    this.#ranked = undefined;
  }

  /** Takes a policy out; its slot becomes free. */
  #remove(entry: Entry): void {
    this.#entries.delete(entry.order);
    this.#slab.free(entry.slot);
    const key = this.#bucketOf(entry.scaledReturn, entry.order);
    const bucket = this.#buckets.get(key)!;
    bucket.splice(bucket.indexOf(entry), 1);
    if (bucket.length === 0) this.#buckets.delete(key);
    this.#ranked = undefined;
  }

  #rank(): Entry[][] {
    if (this.#ranked) return this.#ranked;
    const returnOf = (bucket: Entry[]) => bucket[0].scaledReturn;
    // Buckets do not overlap, so any member orders them; ties (fifo) fall back to age.
    const ranked = [...this.#buckets.values()]
      .filter((bucket) => !this.#isExcluded(returnOf(bucket)))
      .sort((a, b) => returnOf(a) - returnOf(b) || a[0].order - b[0].order);
    this.#sums.clear();
    return this.#ranked = ranked;
  }

  #cumulate(kind: "rank" | "even"): Float64Array {
    const ranked = this.#rank();
    let sums = this.#sums.get(kind);
    if (!sums) {
      const weights = kind === "even"
        ? spacingWeights(ranked.map(([entry]) => entry.scaledReturn))
        : rankWeights(this.#options.weightingScale, ranked.length);
      let sum = 0;
      sums = Float64Array.from(weights, (weight) => sum += weight);
      this.#sums.set(kind, sums);
    }
    return sums;
  }
}

/**
 * Weighs n buckets by their rank: exp(scale * (k - n)) for the k-th, k = 1 the lowest return. Relative to the
 * best bucket, so that nothing overflows.
 */
export function rankWeights(scale: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.exp(scale * (i + 1 - count)));
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

/** Finds the first index whose running sum exceeds `value`, the last one when none does. */
function firstAbove(sums: Float64Array, value: number): number {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle] > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
