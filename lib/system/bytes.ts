/** Joins pieces of memory into one: the one way to do it. */

/**
 * Joins pieces of bytes one after another.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { joinBytes } from "./bytes.ts";
 * assert.deepEqual(joinBytes([Uint8Array.of(1, 2), Uint8Array.of(3)]), Uint8Array.of(1, 2, 3));
 * ```
 */
export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return fill(new Uint8Array(countElements(pieces)), pieces);
}

/** Joins pieces of numbers one after another. */
export function joinFloats(pieces: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  return fill(new Float32Array(countElements(pieces)), pieces);
}

/** Counts the elements of all pieces. */
export function countElements(pieces: readonly { readonly length: number }[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

function fill<A extends { set(piece: ArrayLike<number>, at: number): void }>(
  whole: A,
  pieces: readonly ArrayLike<number>[],
): A {
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
