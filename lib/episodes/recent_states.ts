/**
 * Observations that training episodes saw of late: where losses compare what policies do.
 *
 * A ring of raw observations; they are normalised when they are drawn, with the statistics of that
 * moment, as stored policies are.
 */

import type { NormaliserState } from "../model.ts";
import type { Rng } from "../numbers/rng.ts";

/** Observations that the ring holds. */
const CAPACITY = 1024;
/**
 * One observation in so many is kept, so that the ring spans several episodes of a thousand steps: those
 * of one policy alone say little about what others do elsewhere. A prime, so that a gait's own rhythm
 * does not choose.
 */
const STRIDE = 7;

/** A ring of observations. */
export interface RecentStates {
  /** Raw observations, a row each, [1024, S]. */
  readonly rows: Float32Array;
  /** Numbers in an observation, S. */
  readonly size: number;
  /** Observations that were seen, kept or not. */
  seen: number;
}

/** Creates an empty ring for observations of a size. */
export function createRecentStates(size: number): RecentStates {
  return { rows: new Float32Array(CAPACITY * size), size, seen: 0 };
}

/** Takes note of one observation, [S]; it is kept if it is its turn, in place of the oldest. */
export function noteState(states: RecentStates, observation: ArrayLike<number>): void {
  const { rows, size } = states;
  if (states.seen % STRIDE === 0) rows.set(observation, states.seen / STRIDE % CAPACITY * size);
  states.seen++;
}

/** Counts the observations that are held. */
function countHeld({ seen }: RecentStates): number {
  return Math.min(CAPACITY, Math.ceil(seen / STRIDE));
}

/**
 * Draws observations with replacement and normalises them as policies do, [count, S].
 * @param rng draws `count` integers
 */
export function drawStates(
  states: RecentStates,
  rng: Rng,
  { count, normaliser }: { count: number; normaliser: NormaliserState },
): Float32Array {
  const { rows, size } = states;
  const held = countHeld(states);
  const mean = Float32Array.from(normaliser.mean);
  const inverse = Float32Array.from(normaliser.deviation, (deviation) => 1 / deviation);
  const drawn = new Float32Array(count * size);
  for (let row = 0; row < count; row++) {
    const from = rng.integer(held) * size;
    for (let i = 0; i < size; i++) {
      drawn[row * size + i] = Math.fround(rows[from + i] - mean[i]) * inverse[i];
    }
  }
  return drawn;
}
