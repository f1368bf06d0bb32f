/**
 * The checksum that files of numbers carry in their metadata: a flipped bit in a weight is a weight, and
 * nothing else would tell it from the right one.
 *
 * It is the SHA-256 of every tensor (its name, type, shape and bytes, by name) and of the other
 * metadata, so it stays the same when another program writes the same content in another order. It
 * guards against damage, not against somebody who writes a new one.
 */

import { createHash } from "node:crypto";
import { FileError } from "../system/errors.ts";
import { hashHex } from "../system/files.ts";
import { joinBytes } from "../system/bytes.ts";
import { protoBytesField } from "./protobuf.ts";
import type { Tensor } from "./safetensors.ts";

/** The key of the checksum among the metadata. */
export const CHECKSUM_KEY = "sha256";

/** What a checksum is of. */
export interface Sealable {
  /** By name. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** By key; a checksum among them does not count. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Gives the metadata with the checksum of the file.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { assertSealed, sealMetadata } from "./checksum.ts";
 * const data = Float32Array.of(1, 2);
 * const tensors = new Map([["w", { dtype: "F32", shape: [2], data } as const]]);
 * const metadata = sealMetadata({ tensors, metadata: { made: "here" } });
 * assertSealed({ tensors, metadata }, { name: "x", kind: "policy" });
 * data[1] = 3;
 * assert.throws(() => assertSealed({ tensors, metadata }, { name: "x", kind: "policy" }));
 * ```
 */
export function sealMetadata(content: Sealable): Record<string, string> {
  return { ...content.metadata, [CHECKSUM_KEY]: checksumOf(content) };
}

/**
 * Checks that content is what its checksum says.
 * @throws {FileError} when it is not, or has no checksum.
 */
export function assertSealed(content: Sealable, file: { name: string; kind: string }): void {
  assertChecksum(content.metadata[CHECKSUM_KEY], checksumOf(content), file);
}

function checksumOf({ tensors, metadata }: Sealable): string {
  const hash = createHash("sha256");
  const sorted = <T>(entries: Iterable<readonly [string, T]>) =>
    [...entries].sort(([a], [b]) => a < b ? -1 : 1);
  for (const [name, { dtype, shape, data }] of sorted(tensors)) {
    hash.update(`${JSON.stringify([name, dtype, shape])}\n`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  for (const entry of sorted(Object.entries(metadata))) {
    if (entry[0] !== CHECKSUM_KEY) hash.update(`${JSON.stringify(entry)}\n`);
  }
  return hash.digest("hex");
}

/** The field of onnx.proto's ModelProto that holds metadata, whose entries have a key and a value. */
const METADATA_PROPS = 14;

/** Appends to an ONNX model the checksum of all its bytes, as its last entry of metadata. */
export function sealOnnx(model: Uint8Array): Uint8Array<ArrayBuffer> {
  return appendChecksum(model, hashHex(model));
}

/** Does the same with a checksum that is known: the SHA-256 of the model's bytes, in hexadecimal. */
export function appendChecksum(model: Uint8Array, checksum: string): Uint8Array<ArrayBuffer> {
  return joinBytes([model, onnxSeal(checksum)]);
}

/**
 * Checks that an ONNX model ends with the checksum of everything before it.
 * @throws {FileError} when it does not.
 */
export function assertSealedOnnx(
  bytes: Uint8Array,
  { metadata, name }: {
    readonly metadata: Readonly<Record<string, string>>;
    readonly name: string;
  },
): void {
  const end = Math.max(0, bytes.length - onnxSeal("0".repeat(64)).length);
  const computed = hashHex(bytes.subarray(0, end));
  const found = metadata[CHECKSUM_KEY];
  const isLast = onnxSeal(found ?? "").every((byte, i) => byte === bytes[end + i]);
  assertChecksum(found, isLast ? computed : "none at the end", { name, kind: "policy" });
}

function onnxSeal(checksum: string): Uint8Array<ArrayBuffer> {
  const entry = [...protoBytesField(1, CHECKSUM_KEY), ...protoBytesField(2, checksum)];
  return joinBytes(protoBytesField(METADATA_PROPS, entry));
}

function assertChecksum(
  found: string | undefined,
  computed: string,
  { name, kind }: { readonly name: string; readonly kind: string },
): void {
  if (found === computed) return;
  throw new FileError(
    `Cannot read ${kind} ${JSON.stringify(name)}: ` +
      (found === undefined
        ? `it must carry a checksum (${CHECKSUM_KEY}), got none: an older version wrote it`
        : `it must match its checksum: it was damaged or changed after it was written`),
  );
}
