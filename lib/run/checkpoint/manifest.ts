/**
 * The manifest of a checkpoint: which files belong to it, what their hashes are, and the caller's own
 * notes. It is one line of JSON and one line with the SHA-256 of that line, so that damage anywhere in
 * it shows. This module is pure; `store.ts` moves the bytes.
 *
 * Format version 2, in the folder of checkpoint number 7:
 *
 *     000007-manifest.json         {"format":"checkpoint","version":2,"sequence":7,
 *                                   "parts":[{"name","file","bytes","sha256"}...],
 *                                   "rows":{"index":{"file","bytes","sha256"},
 *                                           "file","fileRows","rowLength"} | null,
 *                                   "meta":{...}} + line end + hash + line end
 *     000007-NAME.safetensors      one part: named tensors
 *     000007-rows.safetensors      the index of the rows: ids F64 [N], positions U32 [N], hashes U8 [N, 16]
 *     rows-000003.bin              the rows (rows.ts), shared by several checkpoints
 */

import { MAX_POLICY_PARAMETERS } from "../../generator/policy_size.ts";
import { FileError } from "../../system/errors.ts";
import { hashHex } from "../../system/files.ts";
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonLimited,
} from "../../formats/json.ts";
import { requireTensor, type SafetensorsFile, type Tensor } from "../../formats/safetensors.ts";
import { ROW_FILE_NAME, ROW_HASH_BYTES, type RowIndex } from "./rows.ts";

/** The version that this program writes and reads. */
export const CHECKPOINT_VERSION = 2;

/** One file of a checkpoint. */
export interface PartFile {
  /** Its name in the folder. */
  readonly file: string;
  /** Its length. */
  readonly bytes: number;
  /** The hash of its content, hexadecimal. */
  readonly sha256: string;
}

/** Where the rows of a checkpoint are. */
export interface RowsFile extends Pick<RowIndex, "file" | "fileRows" | "rowLength"> {
  /** The file of the rest of the index. */
  readonly index: PartFile;
}

/** What one checkpoint consists of. */
export interface Manifest {
  /** The number of the checkpoint, from 1. */
  readonly sequence: number;
  /** By name. */
  readonly parts: ReadonlyMap<string, PartFile>;
  /** Null when no rows were saved. */
  readonly rows: RowsFile | null;
  /** The caller's own notes. */
  readonly meta: JsonObject;
}

/** The rule for the names of parts, which become parts of file names. */
export const PART_NAME = /^[a-z][a-z0-9_]{0,63}$/;

const FORMAT = "checkpoint";
const MANIFEST_NAME = /^([0-9]{6,15})-manifest\.json$/;
const PART_FILE_NAME = /^[0-9]{6,15}-[a-z][a-z0-9_]{0,63}\.safetensors$/;
const MAX_META_DEPTH = 24;
const MAX_ROW_LENGTH = MAX_POLICY_PARAMETERS;
/** Three arrays of the largest generator's weights, and more. */
const MAX_PART_BYTES = 2 ** 28;

/** Names the manifest of a checkpoint, or one of its parts. */
export function checkpointFileName(sequence: number, part: string): string {
  const extension = part === "manifest" ? "json" : "safetensors";
  return `${String(sequence).padStart(6, "0")}-${part}.${extension}`;
}

/** Gives the number of the checkpoint whose manifest has this name; undefined for other names. */
export function sequenceOf(fileName: string): number | undefined {
  const match = MANIFEST_NAME.exec(fileName);
  return match === null ? undefined : Number.parseInt(match[1], 10);
}

/** Tells whether a file of this name is made by checkpoints, and so may be removed by them. */
export function isCheckpointFile(fileName: string): boolean {
  return MANIFEST_NAME.test(fileName) || PART_FILE_NAME.test(fileName) ||
    ROW_FILE_NAME.test(fileName);
}

/**
 * Encodes a manifest.
 * @throws {TypeError} when `meta` holds a number that JSON cannot: not finite, or negative zero.
 */
export function encodeManifest(manifest: Manifest): string {
  const { sequence, parts, rows, meta } = manifest;
  const list = [...parts].map(([name, part]) => ({ name, ...part }));
  const body = JSON.stringify(
    { format: FORMAT, version: CHECKPOINT_VERSION, sequence, parts: list, rows, meta },
    (key, value: unknown) => {
      if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) {
        throw new TypeError(
          `Cannot save checkpoint: meta ${
            JSON.stringify(key)
          } must be a number that JSON can hold, ` +
            `got ${Object.is(value, -0) ? "-0" : value}: keep it in a tensor`,
        );
      }
      return value;
    },
  );
  return `${body}\n${hashHex(new TextEncoder().encode(body))}\n`;
}

/**
 * Decodes a manifest and checks it against its own hash and against its rules.
 * @throws {FileError} when it is damaged or of another version.
 */
export function decodeManifest(
  bytes: Uint8Array,
  { name }: { readonly name: string },
): Manifest {
  const fail: Fail = (rule) => {
    throw new FileError(`Cannot read checkpoint ${JSON.stringify(name)}: ${rule}`);
  };
  const end = bytes.indexOf(0x0a);
  const seal = new TextDecoder().decode(bytes.subarray(end + 1, end + 1 + 65));
  const isSealed = end >= 0 && bytes.length === end + 1 + 65 &&
    seal === `${hashHex(bytes.subarray(0, end))}\n`;
  if (!isSealed) return fail("manifest must match its hash: it is damaged or cut off");
  const value = parseJsonLimited(bytes.subarray(0, end), {
    name,
    kind: "checkpoint",
    maxDepth: MAX_META_DEPTH,
  });
  if (!isJsonObject(value) || value.format !== FORMAT) return fail("file must be a manifest");
  if (value.version !== CHECKPOINT_VERSION) {
    throw new FileError(
      `Cannot read checkpoint ${JSON.stringify(name)}: format version must be ` +
        `${CHECKPOINT_VERSION}, got ${JSON.stringify(value.version)}: go on with the version of ` +
        `this program that wrote it, or start a new run`,
      { cause: "format version" }, // tells it from damage
    );
  }
  const { sequence, parts, rows, meta } = value;
  if (!isCount(sequence)) return fail("sequence must be a whole number");
  if (!Array.isArray(parts)) return fail("parts must be a list");
  if (!isJsonObject(meta)) return fail("meta must be an object");
  const read = new Map<string, PartFile>();
  for (const part of parts) {
    const partName = isJsonObject(part) ? part.name : undefined;
    if (typeof partName !== "string" || !PART_NAME.test(partName) || read.has(partName)) {
      return fail("every part must have a name of its own");
    }
    read.set(partName, readPart(part, fail));
  }
  return { sequence, parts: read, rows: readRowsFile(rows, fail), meta };
}

/** Encodes the index of rows as the tensors of its own file. */
export function encodeRowIndex(index: RowIndex): Map<string, Tensor> {
  const count = index.ids.length;
  return new Map<string, Tensor>([
    ["ids", { dtype: "F64", shape: [count], data: index.ids }],
    ["positions", { dtype: "U32", shape: [count], data: index.positions }],
    ["hashes", { dtype: "U8", shape: [count, ROW_HASH_BYTES], data: index.hashes }],
  ]);
}

/**
 * Decodes the index of rows and checks that it only points at rows that the file has.
 * @throws {FileError} when it does not follow its rules; `name` is what the file is called.
 */
export function decodeRowIndex(
  file: SafetensorsFile,
  { name, rows }: { readonly name: string; readonly rows: RowsFile },
): RowIndex {
  const ids = requireTensor(file, "ids", { name, dtype: "F64" }).data;
  const shape = [ids.length];
  const positions = requireTensor(file, "positions", { name, dtype: "U32", shape }).data;
  const hashShape = [ids.length, ROW_HASH_BYTES];
  const hashes = requireTensor(file, "hashes", { name, dtype: "U8", shape: hashShape }).data;
  const seen = new Set<number>();
  for (let i = 0; i < ids.length; i++) {
    const isRight = Number.isSafeInteger(ids[i]) && ids[i] >= 0 && !seen.has(ids[i]) &&
      positions[i] < rows.fileRows;
    if (!isRight) {
      throw new FileError(
        `Cannot read checkpoint ${
          JSON.stringify(name)
        }: row ${i} of the index must have an id of ` +
          `its own and a place below ${rows.fileRows}, got id ${ids[i]} and place ${positions[i]}`,
      );
    }
    seen.add(ids[i]);
  }
  const { rowLength, fileRows } = rows;
  return { file: rows.file, fileRows, rowLength, ids, positions, hashes };
}

type Fail = (rule: string) => never;

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function readPart(part: JsonValue | undefined, fail: Fail): PartFile {
  if (!isJsonObject(part)) return fail("every part must be an object");
  const { file, bytes, sha256 } = part;
  if (typeof file !== "string" || !PART_FILE_NAME.test(file)) {
    return fail(`every part must have the name of a file, got ${JSON.stringify(file)}`);
  }
  if (!isCount(bytes) || bytes > MAX_PART_BYTES) {
    return fail(`every part must have a length of at most ${MAX_PART_BYTES} bytes`);
  }
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) {
    return fail("every part must have a hash");
  }
  return { file, bytes, sha256 };
}

function readRowsFile(rows: JsonValue | undefined, fail: Fail): RowsFile | null {
  if (rows === null) return null;
  if (!isJsonObject(rows)) return fail("rows must be an object or null");
  const { index, file, fileRows, rowLength } = rows;
  if (!isCount(rowLength) || rowLength < 1 || rowLength > MAX_ROW_LENGTH) {
    return fail(`rowLength must be from 1 to ${MAX_ROW_LENGTH}`);
  }
  if (!isCount(fileRows)) return fail("fileRows must be a whole number");
  if (typeof file !== "string" || !ROW_FILE_NAME.test(file)) {
    return fail(`rows must have the name of a row file, got ${JSON.stringify(file)}`);
  }
  return { index: readPart(index, fail), file, fileRows, rowLength };
}
