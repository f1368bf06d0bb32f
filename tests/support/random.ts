/** The tests' own source of random numbers, apart from the program's. */

/**
 * Makes a stream of uniform numbers in [0, 1) from a 32-bit seed.
 *
 * Source: mulberry32 by Tommy Ettinger, public domain.
 */
export function mulberry32(seed: number): () => number {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}
