/**
 * NumPy's default random generator, bit for bit: SeedSequence, PCG64, uniform and normal draws.
 *
 * Gymnasium's environments draw from it, so `reset(seed)` can only repeat Gymnasium's first
 * observation if every bit agrees; everything else in this program draws from it as well, so that
 * there is one generator to trust, to save and to restore. The 128-bit state lives in four 32-bit
 * limbs, multiplied as float64 (45 ns per step on the busy two-core machine; with products of 16-bit
 * halves instead it was 70 ns, and BigInt costs microseconds).
 *
 * What it leaves out: NumPy's float32 draws, arrays with shapes, jumps, and every distribution that
 * nothing here needs.
 *
 * Sources: M. E. O'Neill, "PCG" (2014), variant XSL-RR 128/64; NumPy 2.4 (numpy/random), whose
 * output is the golden of tests/lib/numbers/rng_test.ts.
 */

import { seedSequence } from "./seed_sequence.ts";
import { zigguratTables } from "./ziggurat.ts";

/** Where a generator stands, as JSON-safe values. */
export interface RngState {
  /** The generator's name in NumPy. */
  readonly algorithm: "PCG64";
  /** The 128-bit state as 32 hexadecimal digits. */
  readonly state: string;
  /** The 128-bit odd increment as 32 hexadecimal digits: which stream this is. */
  readonly increment: string;
  /** The upper half of a 64-bit draw that `nextUint32` has yet to hand out, or null. */
  readonly buffered: number | null;
}

/** Two to the power 32 and its reciprocal: a limb's base. */
const LIMB_BASE = 2 ** 32;
const LIMB_SCALE = 2 ** -32;

/** PCG's 128-bit multiplier 0x2360ED051FC65DA44385DF649FCCF645, lowest limb first. */
const M0 = 0x9fccf645;
const M1 = 0x4385df64;
const M2 = 0x1fc65da4;
const M3 = 0x2360ed05;

/** Where the ziggurat's tail begins, and its reciprocal (numpy/random, ziggurat_constants.h). */
const ZIGGURAT_TAIL_START = 3.6541528853610087963519472518;
const ZIGGURAT_TAIL_START_INVERSE = 0.27366123732975827203338247596;

/**
 * Multiplies two uint32 and returns the upper 32 bits. The float64 product is off by at most 2^10,
 * so what is left after the exact lower half is taken away rounds to the right integer.
 */
function multiplyHigh(a: number, b: number): number {
  return ((a * b - (Math.imul(a, b) >>> 0)) * LIMB_SCALE + 0.5) >>> 0;
}

/** Writes four limbs, lowest first from `offset`, as 32 hexadecimal digits. */
function limbsToHex(limbs: Uint32Array, offset: number): string {
  let text = "";
  for (let i = 3; i >= 0; i--) text += limbs[offset + i].toString(16).padStart(8, "0");
  return text;
}

/** Reads 32 hexadecimal digits into four limbs, lowest first from `offset`. */
function hexToLimbs(text: unknown, limbs: Uint32Array, offset: number): void {
  if (typeof text !== "string" || !/^[0-9a-f]{32}$/.test(text)) {
    throw new RangeError(
      `Cannot restore generator: a word must be 32 hexadecimal digits, got ${
        JSON.stringify(text)?.slice(0, 60)
      }`,
    );
  }
  for (let i = 0; i < 4; i++) {
    limbs[offset + 3 - i] = Number.parseInt(text.slice(8 * i, 8 * i + 8), 16);
  }
}

/**
 * Draws what `numpy.random.Generator(PCG64(SeedSequence(seed)))` draws.
 *
 * Draw counts: `random`, `uniform` and each element of `fillUniform` take one 64-bit draw;
 * `standardNormal` takes one in 99.3 % of the cases and more otherwise; `nextUint32` and `integer`
 * take half a draw at a time and keep the other half.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Rng } from "./rng.ts";
 * assert.equal(Rng.fromSeed(0).standardNormal().toFixed(8), "0.12573022");
 * ```
 */
export class Rng {
  /** State in limbs 0-3, increment in 4-7, the latest output's low and high word in 8 and 9. */
  readonly #words = new Uint32Array(10);
  #buffered = 0;
  #hasBuffered = false;

  private constructor() {}

  /**
   * Seeds a generator; several integers, e.g. [seed, purpose, episode], give independent streams.
   * @throws {RangeError} when an entry is not a non-negative safe integer, or there is none.
   */
  static fromSeed(seed: number | readonly number[]): Rng {
    const rng = new Rng();
    const words = rng.#words;
    const entropy = seedSequence(seed, 8); // four uint64, each low word first
    // initstate = v0 << 64 | v1, and the increment = (v2 << 64 | v3) << 1 | 1.
    const initial = [entropy[2], entropy[3], entropy[0], entropy[1]];
    const stream = [entropy[6], entropy[7], entropy[4], entropy[5]];
    for (let i = 0; i < 4; i++) {
      words[4 + i] = (stream[i] << 1) | (i === 0 ? 1 : stream[i - 1] >>> 31);
    }
    rng.#advance();
    let carry = 0;
    for (let i = 0; i < 4; i++) {
      const sum = words[i] + initial[i] + carry;
      words[i] = sum;
      carry = sum >= LIMB_BASE ? 1 : 0;
    }
    rng.#advance();
    return rng;
  }

  /**
   * Continues a generator from where `save` left it.
   * @throws {RangeError} when the state is malformed.
   */
  static restore(state: RngState): Rng {
    if (state?.algorithm !== "PCG64") {
      throw new RangeError(
        `Cannot restore generator: algorithm must be "PCG64", got ${
          JSON.stringify(state?.algorithm)?.slice(0, 60)
        }`,
      );
    }
    const rng = new Rng();
    hexToLimbs(state.state, rng.#words, 0);
    hexToLimbs(state.increment, rng.#words, 4);
    if ((rng.#words[4] & 1) === 0) {
      throw new RangeError(
        `Cannot restore generator: the increment must be odd, got ${state.increment}`,
      );
    }
    const buffered = state.buffered;
    if (buffered !== null) {
      if (!Number.isInteger(buffered) || buffered < 0 || buffered >= LIMB_BASE) {
        throw new RangeError(
          `Cannot restore generator: the buffered word must be a uint32 or null, got ${buffered}`,
        );
      }
      rng.#buffered = buffered;
      rng.#hasBuffered = true;
    }
    return rng;
  }

  /** Writes down where the generator stands; draws nothing. */
  save(): RngState {
    return {
      algorithm: "PCG64",
      state: limbsToHex(this.#words, 0),
      increment: limbsToHex(this.#words, 4),
      buffered: this.#hasBuffered ? this.#buffered : null,
    };
  }

  /** Draws a uint32: the low half of a 64-bit draw, then, at the next call, its high half. */
  nextUint32(): number {
    if (this.#hasBuffered) {
      this.#hasBuffered = false;
      return this.#buffered;
    }
    this.#advance();
    this.#hasBuffered = true;
    this.#buffered = this.#words[9];
    return this.#words[8];
  }

  /** Draws a float64 from [0, 1) with 53 random bits. */
  random(): number {
    const words = this.#words;
    this.#advance();
    return (words[9] * 2 ** 21 + (words[8] >>> 11)) * 2 ** -53;
  }

  /** Draws from [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.random();
  }

  /** Fills `out`, in order, with draws from [low, high). */
  fillUniform(out: Float64Array | Float32Array, low: number, high: number): void {
    const range = high - low;
    for (let i = 0; i < out.length; i++) out[i] = low + range * this.random();
  }

  /** Draws from N(0, 1) with the ziggurat of 256 layers (Marsaglia and Tsang 2000). */
  standardNormal(): number {
    const words = this.#words;
    const { scale, threshold, density } = zigguratTables();
    while (true) {
      this.#advance();
      const low = words[8];
      const layer = low & 0xff;
      const magnitude = (words[9] & 0x1fffffff) * 2 ** 23 + (low >>> 9); // bits 9 to 60
      const unsigned = magnitude * scale[layer];
      const x = (low & 0x100) !== 0 ? -unsigned : unsigned;
      if (magnitude < threshold[layer]) return x; // 99.3 % of the draws
      if (layer === 0) return this.#normalTail((low & 0x20000) !== 0);
      const height = (density[layer - 1] - density[layer]) * this.random() + density[layer];
      if (height < Math.exp(-0.5 * x * x)) return x;
    }
  }

  /** Fills `out`, in order, with draws from N(0, 1). */
  fillStandardNormal(out: Float64Array | Float32Array): void {
    for (let i = 0; i < out.length; i++) out[i] = this.standardNormal();
  }

  /**
   * Draws an unbiased integer from [0, n), as `Generator.integers(n)` does (Lemire 2019).
   * @throws {RangeError} when n is not an integer from 1 to 2^32.
   */
  integer(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > LIMB_BASE) {
      throw new RangeError(
        `Cannot draw integer: the bound must be an integer from 1 to 2^32, got ${n}`,
      );
    }
    if (n === 1) return 0;
    if (n === LIMB_BASE) return this.nextUint32();
    let word = this.nextUint32();
    let leftover = Math.imul(word, n) >>> 0;
    if (leftover < n) {
      const rejected = (LIMB_BASE - n) % n;
      while (leftover < rejected) {
        word = this.nextUint32();
        leftover = Math.imul(word, n) >>> 0;
      }
    }
    return multiplyHigh(word, n);
  }

  /** Draws beyond the last layer (Marsaglia 1964): log1p(-u) keeps log(0) out. */
  #normalTail(negative: boolean): number {
    while (true) {
      const x = -ZIGGURAT_TAIL_START_INVERSE * Math.log1p(-this.random());
      const y = -Math.log1p(-this.random());
      if (y + y > x * x) return negative ? -(ZIGGURAT_TAIL_START + x) : ZIGGURAT_TAIL_START + x;
    }
  }

  /** Steps the state, state * M + increment mod 2^128, and writes the 64-bit output. */
  #advance(): void {
    const words = this.#words;
    const a = words[0];
    const b = words[1];
    const c = words[2];
    const d = words[3];
    const sum0 = (Math.imul(a, M0) >>> 0) + words[4];
    const sum1 = multiplyHigh(a, M0) + (Math.imul(a, M1) >>> 0) + (Math.imul(b, M0) >>> 0) +
      words[5] + (sum0 >= LIMB_BASE ? 1 : 0);
    const sum2 = multiplyHigh(a, M1) + multiplyHigh(b, M0) + (Math.imul(a, M2) >>> 0) +
      (Math.imul(b, M1) >>> 0) + (Math.imul(c, M0) >>> 0) + words[6] +
      Math.floor(sum1 * LIMB_SCALE);
    // Only the lower half of the highest limb counts.
    const s3 = (multiplyHigh(a, M2) + multiplyHigh(b, M1) + multiplyHigh(c, M0) +
      Math.imul(a, M3) + Math.imul(b, M2) + Math.imul(c, M1) + Math.imul(d, M0) + words[7] +
      Math.floor(sum2 * LIMB_SCALE)) | 0;
    const s0 = sum0 | 0;
    const s1 = sum1 | 0;
    const s2 = sum2 | 0;
    words[0] = s0;
    words[1] = s1;
    words[2] = s2;
    words[3] = s3;
    // XSL-RR: rotate (high ^ low) right by the state's top six bits.
    const swap = (s3 & 0x80000000) !== 0;
    const low = swap ? s1 ^ s3 : s0 ^ s2;
    const high = swap ? s0 ^ s2 : s1 ^ s3;
    const rotation = (s3 >>> 26) & 31;
    // Shifting by one first keeps a rotation of 0 right: JavaScript shifts modulo 32.
    words[8] = (low >>> rotation) | ((high << 1) << (31 - rotation));
    words[9] = (high >>> rotation) | ((low << 1) << (31 - rotation));
  }
}
