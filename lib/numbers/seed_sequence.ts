/**
 * NumPy's SeedSequence: spreads small integers over all bits of a generator's state.
 *
 * What it leaves out: spawning, and pools of another size.
 *
 * Source: M. E. O'Neill, "Developing a seed_seq alternative" (2015); NumPy 2.4,
 * numpy/random/bit_generator.pyx, whose output is the golden of tests/lib/numbers/rng_test.ts.
 */

/** The algorithm's constants. */
const POOL_SIZE = 4;
const INIT_A = 0x43b0d7e5;
const MULT_A = 0x931e8875;
const INIT_B = 0x8b51f9dd;
const MULT_B = 0x58f38ded;
const MIX_LEFT = 0xca01f9dd;
const MIX_RIGHT = 0x4973f715;
const XSHIFT = 16;

/** Two to the power 32. */
const LIMB_BASE = 2 ** 32;

/** Checks that a value is a non-negative safe integer, the only seeds taken. */
function checkSeedEntry(value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(
      `Cannot seed generator: every entry must be an integer from 0 to 2^53 - 1, got ${value}`,
    );
  }
}

/** Splits the entries into uint32 words as SeedSequence does: low word first, one word for 0. */
function seedWords(seed: number | readonly number[]): number[] {
  const words: number[] = [];
  const entries = typeof seed === "number" ? [seed] : seed;
  if (entries.length === 0) {
    throw new RangeError("Cannot seed generator: a seed needs at least one entry, got none");
  }
  for (const entry of entries) {
    checkSeedEntry(entry);
    words.push(entry >>> 0);
    if (entry >= LIMB_BASE) words.push(Math.floor(entry / LIMB_BASE));
  }
  return words;
}

/**
 * Expands a seed into `count` uint32 words, as `SeedSequence(seed).generate_state(count)` does.
 * @throws {RangeError} when an entry is not a non-negative safe integer, or there is none.
 */
export function seedSequence(seed: number | readonly number[], count: number): Uint32Array {
  const words = seedWords(seed);
  const pool = new Uint32Array(POOL_SIZE);
  let hash = INIT_A;
  const hashMix = (value: number): number => {
    value ^= hash;
    hash = Math.imul(hash, MULT_A);
    value = Math.imul(value, hash);
    return value ^ (value >>> XSHIFT);
  };
  const mix = (x: number, y: number): number => {
    const result = (Math.imul(MIX_LEFT, x) - Math.imul(MIX_RIGHT, y)) | 0;
    return result ^ (result >>> XSHIFT);
  };
  for (let i = 0; i < POOL_SIZE; i++) pool[i] = hashMix(i < words.length ? words[i] : 0);
  for (let source = 0; source < POOL_SIZE; source++) {
    for (let target = 0; target < POOL_SIZE; target++) {
      if (source !== target) pool[target] = mix(pool[target], hashMix(pool[source]));
    }
  }
  for (let source = POOL_SIZE; source < words.length; source++) {
    for (let target = 0; target < POOL_SIZE; target++) {
      pool[target] = mix(pool[target], hashMix(words[source]));
    }
  }
  const state = new Uint32Array(count);
  hash = INIT_B;
  for (let i = 0; i < count; i++) {
    let value = pool[i % POOL_SIZE] ^ hash;
    hash = Math.imul(hash, MULT_B);
    value = Math.imul(value, hash);
    state[i] = value ^ (value >>> XSHIFT);
  }
  return state;
}
