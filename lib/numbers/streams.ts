/**
 * Random streams by purpose.
 *
 * Every use of randomness derives a stream of its own from (run seed, purpose, number), so that what it
 * draws depends on nothing that ran before: a run can be resumed between any two episodes, and
 * evaluations give the same numbers on any number of workers. No generator's state is ever saved.
 */

import { Rng } from "./rng.ts";

/** What a random stream is for; part of its seed. The numbers are fixed: results depend on them. */
export const PURPOSE = {
  initialisation: 0,
  training: 2,
  noise: 3,
  batch: 4,
  evaluation: 5,
  sweep: 6,
  curve: 7,
  verification: 8,
  latent: 9,
  calibration: 10,
  consolidation: 11,
  choice: 12,
  proof: 13,
  expectation: 14,
} as const;

/** Names a purpose of a random stream. */
export type Purpose = keyof typeof PURPOSE;

/** Derives the stream for one use: the same three numbers always give the same stream. */
export function streamFor(seed: number, purpose: Purpose, number: number): Rng {
  return Rng.fromSeed([seed, PURPOSE[purpose], number]);
}

/** Derives an environment seed in 0..2^32 - 1 for one episode. */
export function episodeSeed(seed: number, purpose: Purpose, number: number): number {
  return streamFor(seed, purpose, number).nextUint32();
}
