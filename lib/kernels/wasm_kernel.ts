/** What the WebAssembly kernels have in common: modules from base64, and the layout of their memory. */

/** Bytes of a float32. */
export const FLOAT_BYTES = 4;
/** Every array in a kernel's memory starts at a cache line. */
const ALIGNMENT_BYTES = 64;
/** The WebAssembly page, and what a memory grows by. */
const PAGE_BYTES = 65536;

/**
 * Gives a function that compiles a module when it is first called, and keeps it.
 * @param base64 the module's bytes
 */
export function lazyModule(base64: string): () => WebAssembly.Module {
  let compiled: WebAssembly.Module | undefined;
  return () => compiled ??= new WebAssembly.Module(Uint8Array.fromBase64(base64));
}

/**
 * Rounds an address or a size in bytes up to where an array may start.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual([0, 1, 64, 65].map(alignUp), [0, 64, 64, 128]);
 * ```
 */
export function alignUp(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

/** Makes a memory larger by at least so many bytes, all zero. Views of it are not usable afterwards. */
export function growBy(memory: WebAssembly.Memory, bytes: number): void {
  memory.grow(Math.ceil(bytes / PAGE_BYTES));
}
