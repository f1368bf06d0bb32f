/** Pieces that several MuJoCo tasks share: start noise, observations, costs. All without allocation. */

import type { Rng } from "../../lib/numbers/rng.ts";
import type { Simulation } from "./simulation.ts";

/** Adds U(-range, range) to each entry, in order. */
export function drawUniform(rng: Rng, values: Float64Array, range: number): void {
  for (let i = 0; i < values.length; i++) values[i] += rng.uniform(-range, range);
}

/** Adds scale * N(0, 1) to each entry, in order. */
export function drawNormal(rng: Rng, values: Float64Array, scale: number): void {
  for (let i = 0; i < values.length; i++) values[i] += scale * rng.standardNormal();
}

/** Copies `source` from index `from` to `target` at `offset`; returns the offset after it. */
export function append(
  target: Float64Array,
  offset: number,
  source: Float64Array,
  from = 0,
): number {
  for (let i = from; i < source.length; i++) target[offset++] = source[i];
  return offset;
}

/** Copies like `append`, each number clipped to [-limit, limit]. */
export function appendClipped(
  target: Float64Array,
  offset: number,
  source: Float64Array,
  limit: number,
  from = 0,
): number {
  for (let i = from; i < source.length; i++) {
    const value = source[i];
    target[offset++] = value > limit ? limit : value < -limit ? -limit : value;
  }
  return offset;
}

/** Observes qpos, then qvel, whole. */
export function observePositionsAndVelocities(
  simulation: Simulation,
  observation: Float64Array,
): void {
  append(observation, append(observation, 0, simulation.qpos), simulation.qvel);
}

/** Sums the squares. */
export function sumOfSquares(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return sum;
}

/** Says whether no entry is infinite or not a number. */
export function allFinite(values: Float64Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}
