/**
 * Makes hostile inputs out of good ones: flipped bits, extreme numbers, cuts, repeats, pieces of other
 * inputs, and the texts that parsers are known to stumble over. The same seeds and number always give
 * the same input.
 */

import { mulberry32 } from "../support/random.ts";

const MAX_MUTATIONS = 6;
/** No input grows beyond this, whatever the mutations; the seeds are far shorter. */
const MAX_INPUT_BYTES = 2 ** 20;

const TEXTS = [
  '"__proto__":{"polluted":1},',
  "__proto__.polluted = 1\n",
  '"constructor":{"prototype":{"polluted":1}},',
  "a.".repeat(5000),
  "[],".repeat(2000),
  "\x1b[2J",
  "[".repeat(5000),
  '{"a":'.repeat(3000),
  "null",
  "{}",
  "[]",
  '""',
  "4096,4096,",
  "1000000",
  "-0",
  "1e999",
  "-1",
  "0.5",
  "9007199254740993",
  "1".repeat(400),
  "\\u0000",
  '"\\ud800"',
  "../../../../etc/passwd",
  "\n",
  "\0",
  '"',
  ",",
  "#",
  "nan",
  "inf",
  "1979-05-27T07:32:00Z",
  "\u{feff}",
].map((text) => new TextEncoder().encode(text));

const NUMBERS = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
]
  .concat([0x100000000n, 0x1fffffffffffffn, 0x7fffffffffffffffn, 0xffffffffffffffffn]);

/** Makes input `index` of the stream `seed`: one of the good inputs after one to six mutations. */
export function mutate(
  good: readonly Uint8Array[],
  { seed, index }: { readonly seed: number; readonly index: number },
): Uint8Array<ArrayBuffer> {
  const next = mulberry32(Math.imul(seed, 0x9e3779b1) + index | 0);
  const below = (limit: number) => Math.floor(next() * limit);
  let bytes = good[below(good.length)].slice();
  // Few mutations more often than many, so that inputs also get past the first checks.
  const count = 1 + Math.floor(MAX_MUTATIONS * next() ** 3);
  for (let i = 0; i < count; i++) {
    bytes = MUTATIONS[below(MUTATIONS.length)](bytes, { below, good }).slice(0, MAX_INPUT_BYTES);
  }
  return bytes;
}

interface Source {
  /** Draws a whole number from 0 to below the limit. */
  below(limit: number): number;
  readonly good: readonly Uint8Array[];
}

type Mutation = (bytes: Uint8Array<ArrayBuffer>, source: Source) => Uint8Array<ArrayBuffer>;

const MUTATIONS: readonly Mutation[] = [
  function flipBit(bytes, { below }) {
    if (bytes.length > 0) bytes[below(bytes.length)] ^= 1 << below(8);
    return bytes;
  },
  function setByte(bytes, { below }) {
    if (bytes.length > 0) bytes[below(bytes.length)] = below(256);
    return bytes;
  },
  function setNumber(bytes, { below }) {
    const size = [1, 2, 4, 8][below(4)];
    if (bytes.length < size) return bytes;
    const value = new DataView(new ArrayBuffer(8));
    value.setBigUint64(0, NUMBERS[below(NUMBERS.length)], true);
    bytes.set(new Uint8Array(value.buffer, 0, size), below(bytes.length - size + 1));
    return bytes;
  },
  function changeDigit(bytes, { below }) {
    const digits = [...bytes.keys()].filter((at) => bytes[at] >= 0x30 && bytes[at] <= 0x39);
    if (digits.length > 0) bytes[digits[below(digits.length)]] = 0x30 + below(10);
    return bytes;
  },
  function cut(bytes, { below }) {
    return bytes.slice(0, below(bytes.length + 1));
  },
  function removePiece(bytes, { below }) {
    const start = below(bytes.length + 1);
    return splice(bytes, { start, end: Math.min(bytes.length, start + below(32)) });
  },
  function repeatPiece(bytes, { below }) {
    const start = below(bytes.length + 1);
    const piece = bytes.slice(start, start + 1 + below(64));
    return splice(bytes, { start, end: start, piece });
  },
  function multiply(bytes, { below }) {
    const start = below(bytes.length + 1);
    const piece = bytes.slice(start, start + 1 + below(32));
    const times = 1 << below(16);
    const many = new Uint8Array(Math.min(MAX_INPUT_BYTES, piece.length * times));
    for (let at = 0; at < many.length; at += piece.length) {
      many.set(piece.subarray(0, many.length - at), at);
    }
    return splice(bytes, { start, end: start, piece: many });
  },
  function setVarint(bytes, { below }) {
    const start = below(bytes.length + 1);
    const piece: number[] = [];
    let value = NUMBERS[below(NUMBERS.length)];
    for (; value >= 0x80n; value >>= 7n) piece.push(Number(value & 0x7fn) | 0x80);
    piece.push(Number(value));
    const end = Math.min(bytes.length, start + 1 + below(piece.length));
    return splice(bytes, { start, end, piece: Uint8Array.from(piece) });
  },
  function swap(bytes, { below }) {
    const [a, b] = [below(bytes.length + 1), below(bytes.length + 1)].sort((a, b) => a - b);
    const length = Math.min(b - a, bytes.length - b, below(64));
    const [first, second] = [bytes.slice(a, a + length), bytes.slice(b, b + length)];
    bytes.set(second, a);
    bytes.set(first, b);
    return bytes;
  },
  function insertText(bytes, { below }) {
    const start = below(bytes.length + 1);
    return splice(bytes, { start, end: start, piece: TEXTS[below(TEXTS.length)] });
  },
  function replaceByText(bytes, { below }) {
    const start = below(bytes.length + 1);
    const end = Math.min(bytes.length, start + below(16));
    return splice(bytes, { start, end, piece: TEXTS[below(TEXTS.length)] });
  },
  function crossOver(bytes, { below, good }) {
    const other = good[below(good.length)];
    const start = below(bytes.length + 1);
    return splice(bytes, { start, end: bytes.length, piece: other.slice(below(other.length + 1)) });
  },
];

function splice(
  bytes: Uint8Array,
  { start, end, piece = new Uint8Array(0) }: {
    readonly start: number;
    readonly end: number;
    readonly piece?: Uint8Array;
  },
): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(bytes.length - (end - start) + piece.length);
  result.set(bytes.subarray(0, start));
  result.set(piece, start);
  result.set(bytes.subarray(end), start + piece.length);
  return result;
}
