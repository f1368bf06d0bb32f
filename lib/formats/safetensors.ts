/**
 * Reads and writes the safetensors layout: eight bytes of header length, a JSON header that gives every
 * tensor's dtype, shape and byte range, then the raw little-endian numbers.
 *
 * The writer orders tensors by dtype (falling element size), then by name, and pads the header with spaces
 * to a multiple of 8, as the official one does, so that every tensor is aligned and the same content always has the same bytes. The
 * reader takes any valid file of the dtypes below and trusts nothing: lengths are checked before they
 * are used, and ranges must follow one another without overlap or hole and end where the file ends.
 * Left out: the 16-bit and 8-bit float types, because nothing here writes them. Typed arrays are in
 * machine order, which is little-endian on every machine that Deno supports.
 *
 * One file, though a long one: writer and reader share the table of dtypes and are read side by side.
 *
 * Source: format description in the README of huggingface/safetensors 0.5.
 */

import { joinBytes } from "../system/bytes.ts";
import { FileError } from "../system/errors.ts";
import { quoteName } from "../system/words.ts";
import { withFileErrors } from "../system/file_errors.ts";
import { openRegular, readFully } from "../system/files.ts";
import { isJsonObject, type JsonObject, type JsonValue, parseJsonLimited } from "./json.ts";

/** The array type that holds each dtype. */
export interface TensorArrays {
  /** 32-bit floats. */
  F32: Float32Array;
  /** 64-bit floats. */
  F64: Float64Array;
  /** 32-bit signed integers. */
  I32: Int32Array;
  /** 32-bit unsigned integers. */
  U32: Uint32Array;
  /** 64-bit signed integers. */
  I64: BigInt64Array;
  /** Bytes. */
  U8: Uint8Array;
}

/** The name of an element type, as the header spells it. */
export type Dtype = keyof TensorArrays;

/** A named array of numbers: `data` holds product(shape) elements, row-major. */
export type Tensor<D extends Dtype = Dtype> = {
  [N in D]: {
    readonly dtype: N;
    readonly shape: readonly number[];
    readonly data: TensorArrays[N];
  };
}[D];

/** What a safetensors file holds. */
export interface SafetensorsFile {
  /** By name. */
  readonly tensors: Map<string, Tensor>;
  /** Without a prototype. */
  readonly metadata: Record<string, string>;
}

interface DtypeRule {
  readonly bytes: number;
  view(buffer: ArrayBufferLike, byteOffset: number, length: number): TensorArrays[Dtype];
}

/** In the order in which the official writer puts them: falling alignment, then its own ranking. */
const DTYPES: { readonly [D in Dtype]: DtypeRule } = {
  I64: { bytes: 8, view: (buffer, at, length) => new BigInt64Array(buffer, at, length) },
  F64: { bytes: 8, view: (buffer, at, length) => new Float64Array(buffer, at, length) },
  F32: { bytes: 4, view: (buffer, at, length) => new Float32Array(buffer, at, length) },
  U32: { bytes: 4, view: (buffer, at, length) => new Uint32Array(buffer, at, length) },
  I32: { bytes: 4, view: (buffer, at, length) => new Int32Array(buffer, at, length) },
  U8: { bytes: 1, view: (buffer, at, length) => new Uint8Array(buffer, at, length) },
};

const DTYPE_ORDER = Object.keys(DTYPES);
const PREFIX_BYTES = 8;
const ALIGNMENT_BYTES = 8;
/** The longest header that is read; the official reader stops at 100 MB, ours needs a few KB. */
const MAX_HEADER_BYTES = 4 * 2 ** 20;
const MAX_RANK = 16;
const METADATA_KEY = "__metadata__";

/**
 * Encodes tensors and metadata into one array of bytes.
 * @throws {TypeError} when a shape and its data do not match, or a name is reserved.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
 * const w = { dtype: "F32", shape: [2, 1], data: Float32Array.of(1, 2) } as const;
 * const bytes = encodeSafetensors(new Map([["w", w]]), { made: "here" });
 * const file = decodeSafetensors(bytes, { name: "x" });
 * assert.deepEqual(file.tensors.get("w")?.data, Float32Array.of(1, 2));
 * assert.equal(file.metadata.made, "here");
 * ```
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  return joinBytes(safetensorsChunks(tensors, metadata));
}

/**
 * Encodes like `encodeSafetensors`, but as the pieces to write one after another: the header, then views
 * of the tensors' own memory, so that nothing large is copied.
 * @throws {TypeError} when a shape and its data do not match, or a name is reserved.
 */
export function safetensorsChunks(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  const names = [...tensors.keys()].sort((a, b) =>
    dtypeRank(tensors.get(a)!) - dtypeRank(tensors.get(b)!) || compare(a, b)
  );
  // Written by hand, because a JavaScript object would move integer-like names to the front.
  const entries: string[] = [];
  const metadataEntries = Object.keys(metadata).sort(compare);
  if (metadataEntries.length > 0) {
    const pairs = metadataEntries.map((key) =>
      `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`
    );
    entries.push(`"${METADATA_KEY}":{${pairs.join(",")}}`);
  }
  const chunks: Uint8Array[] = [];
  let offset = 0;
  for (const name of names) {
    const { dtype, shape, data } = tensors.get(name)!;
    checkEncodable(name, shape, data.length);
    const end = offset + data.byteLength;
    entries.push(
      `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [offset, end] })}`,
    );
    chunks.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    offset = end;
  }
  return [encodeHeader(`{${entries.join(",")}}`), ...chunks];
}

/**
 * Checks the first bytes of a file, before the rest is read: for `readFileLimited`.
 * @throws {FileError} when they begin no file of this size.
 */
export function safetensorsHead(name: string): (head: Uint8Array, size: number) => void {
  return (head, size) => void headerLength(head, { size, name });
}

/** What a file says that it holds. */
export interface SafetensorsHeader {
  /** Without a prototype. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Type and shape by name. */
  readonly tensors: ReadonlyMap<string, Pick<Tensor, "dtype" | "shape">>;
}

/**
 * Reads what a file says that it holds, without its numbers.
 * @throws {FileError} when it is not a valid file.
 */
export function readSafetensorsHeader(path: string, kind = "safetensors"): SafetensorsHeader {
  const options = { path, kind };
  return withFileErrors("read", options, () => {
    using file = openRegular(path);
    const { size } = file.statSync();
    const prefix = new Uint8Array(Math.min(size, PREFIX_BYTES + 1));
    const head = prefix.subarray(0, readFully(file, prefix));
    const bytes = new Uint8Array(PREFIX_BYTES + headerLength(head, { size, name: path }));
    file.seekSync(0, Deno.SeekMode.Start);
    readFully(file, bytes);
    const { entries, metadata } = decodeHeader(bytes, { name: path, size });
    return { metadata, tensors: new Map(entries.map((entry) => [entry.name, entry])) };
  });
}

/**
 * Decodes a whole file. The tensors are views of `bytes` where they are aligned, copies where not.
 * @throws {FileError} when the bytes are not a valid file: `Cannot read safetensors "x": ...`.
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  { name }: { readonly name: string },
): SafetensorsFile {
  const { entries, metadata, dataStart } = decodeHeader(bytes, { name, size: bytes.length });
  const tensors = new Map<string, Tensor>();
  for (const entry of entries) tensors.set(entry.name, viewTensor(entry, bytes, dataStart));
  return { tensors, metadata };
}

/** What is known of a file whose beginning is being read. */
interface Place {
  readonly name: string;
  /** Of the whole file, in bytes. */
  readonly size: number;
}

function failIn({ name }: Place): Fail {
  return (rule) => {
    throw new FileError(`Cannot read safetensors ${JSON.stringify(name)}: ${rule}`);
  };
}

/** Reads how long the header is, from the first nine bytes of a file or more. */
function headerLength(head: Uint8Array, place: Place): number {
  const fail: Fail = failIn(place);
  const { size } = place;
  if (size < PREFIX_BYTES) fail(`file must hold at least 8 bytes, got ${size}`);
  const prefix = new DataView(head.buffer, head.byteOffset, PREFIX_BYTES);
  const length = prefix.getBigUint64(0, true);
  if (length > BigInt(Math.min(MAX_HEADER_BYTES, size - PREFIX_BYTES))) {
    fail(`header must fit the file of ${size} bytes and ${MAX_HEADER_BYTES}, got ${length}`);
  }
  if (head[PREFIX_BYTES] !== 0x7b) fail('header must begin with "{"');
  return Number(length);
}

/** Decodes and checks the header of a file, from bytes that hold all of it. */
function decodeHeader(bytes: Uint8Array, place: Place) {
  const fail: Fail = failIn(place);
  const { name, size } = place;
  const dataStart = PREFIX_BYTES + headerLength(bytes, place);
  const header = parseJsonLimited(bytes.subarray(PREFIX_BYTES, dataStart), {
    name,
    kind: "safetensors",
    maxDepth: 3,
  });
  if (!isJsonObject(header)) return fail("header must be an object");
  const entries = Object.keys(header)
    .filter((key) => key !== METADATA_KEY)
    .map((key) => readEntry(key, header[key], fail));
  checkRanges(entries, size - dataStart, fail);
  return { entries, metadata: readMetadata(header[METADATA_KEY], fail), dataStart };
}

/**
 * Gets a tensor that must be there, with the dtype and, where given, the shape it must have.
 * @throws {FileError} when it is missing or different; `name` is what the file is called.
 */
export function requireTensor<D extends Dtype>(
  file: { readonly tensors: ReadonlyMap<string, Tensor> },
  key: string,
  { name, dtype, shape }: {
    readonly name: string;
    readonly dtype: D;
    readonly shape?: readonly number[];
  },
): Tensor<D> {
  const fail: Fail = (rule) => {
    throw new FileError(
      `Cannot read safetensors ${JSON.stringify(name)}: tensor ${quoteName(key)} ${rule}`,
    );
  };
  const tensor = file.tensors.get(key);
  if (tensor === undefined) return fail("must be there, got no tensor of that name");
  if (tensor.dtype !== dtype) fail(`must be ${dtype}, got ${tensor.dtype}`);
  if (shape !== undefined && shape.join() !== tensor.shape.join()) {
    fail(`must have shape [${shape.join(", ")}], got [${tensor.shape.join(", ")}]`);
  }
  return tensor as Tensor<D>;
}

type Fail = (rule: string) => never;

interface Entry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function checkEncodable(name: string, shape: readonly number[], length: number): void {
  if (name === METADATA_KEY || name === "__proto__") {
    throw new TypeError(
      `Cannot encode safetensors: tensor name must not be reserved, got "${name}"`,
    );
  }
  const expected = shape.reduce((product, size) => product * size, 1);
  if (expected !== length || shape.length > MAX_RANK) {
    throw new TypeError(
      `Cannot encode safetensors: tensor ${quoteName(name)} of shape [${shape.join(", ")}] ` +
        `must hold ${expected} elements, got ${length}`,
    );
  }
}

function encodeHeader(json: string): Uint8Array {
  const text = new TextEncoder().encode(json);
  const padded = Math.ceil(text.length / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
  const header = new Uint8Array(PREFIX_BYTES + padded).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(text, PREFIX_BYTES);
  return header;
}

function readEntry(key: string, value: JsonValue | undefined, fail: Fail): Entry {
  const label = `tensor ${quoteName(key)}`;
  if (!isJsonObject(value)) return fail(`${label} must be described by an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(DTYPES, dtype)) {
    return fail(
      `${label} must have dtype ${Object.keys(DTYPES).join(", ")}, got ${quoteName(String(dtype))}`,
    );
  }
  if (!isCountList(shape) || shape.length > MAX_RANK) {
    return fail(`${label} must have a shape of at most ${MAX_RANK} whole numbers`);
  }
  if (!isCountList(offsets) || offsets.length !== 2) {
    return fail(`${label} must have two data_offsets that are whole numbers`);
  }
  // A product beyond the safe integers only grows or meets a 0, so the comparison stays right.
  const bytes = shape.reduce((product, size) => product * size, DTYPES[dtype as Dtype].bytes);
  const [begin, end] = offsets as [number, number];
  if (end - begin !== bytes) {
    fail(`${label} of shape [${shape.join(", ")}] must take ${bytes} bytes, got ${end - begin}`);
  }
  return { name: key, dtype: dtype as Dtype, shape, begin, end };
}

function isCountList(value: JsonValue | undefined): value is number[] {
  return Array.isArray(value) &&
    value.every((item) => typeof item === "number" && Number.isSafeInteger(item) && item >= 0);
}

/** Checks that the ranges tile the data exactly: this also proves that each lies inside the file. */
function checkRanges(entries: readonly Entry[], dataBytes: number, fail: Fail): void {
  let at = 0;
  for (const entry of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin !== at) {
      fail(`tensor ${quoteName(entry.name)} must begin at ${at}, got ${entry.begin}`);
    }
    at = entry.end;
  }
  if (at !== dataBytes) fail(`data must be ${at} bytes long, got ${dataBytes}`);
}

function viewTensor(entry: Entry, bytes: Uint8Array, dataStart: number): Tensor {
  const { dtype, shape, begin, end } = entry;
  const rule = DTYPES[dtype];
  const at = bytes.byteOffset + dataStart + begin;
  const data = at % rule.bytes === 0
    ? rule.view(bytes.buffer, at, (end - begin) / rule.bytes)
    : rule.view(
      bytes.slice(dataStart + begin, dataStart + end).buffer,
      0,
      (end - begin) / rule.bytes,
    );
  return { dtype, shape, data } as Tensor;
}

function readMetadata(value: JsonValue | undefined, fail: Fail): Record<string, string> {
  const metadata: Record<string, string> = Object.create(null);
  if (value === undefined) return metadata;
  if (!isJsonObject(value)) return fail(`${METADATA_KEY} must be an object of strings`);
  for (const key of Object.keys(value as JsonObject)) {
    const text = value[key];
    if (typeof text !== "string") return fail(`metadata ${quoteName(key)} must be a string`);
    metadata[key] = text;
  }
  return metadata;
}

function dtypeRank(tensor: Tensor): number {
  return DTYPE_ORDER.indexOf(tensor.dtype);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
