/**
 * Reads checkpoints (store.ts says how they are written) without changing anything: the newest
 * one whose manifest, parts and rows all match their hashes.
 */

import { join } from "node:path";
import {
  checkpointFileName,
  decodeManifest,
  decodeRowIndex,
  type Manifest,
  type PartFile,
  sequenceOf,
} from "./manifest.ts";
import { FileError } from "../../system/errors.ts";
import { childPath, hashHex, namesIn, readFileLimited } from "../../system/files.ts";
import type { JsonObject } from "../../formats/json.ts";
import { decodeSafetensors, safetensorsHead, type Tensor } from "../../formats/safetensors.ts";
import { readRows, type RowIndex } from "./rows.ts";

/** A checkpoint that was read back whole. */
export interface LoadedCheckpoint {
  /** The number of the checkpoint. */
  readonly sequence: number;
  /** Named tensors by the name of their part. */
  readonly parts: ReadonlyMap<string, ReadonlyMap<string, Tensor>>;
  /** Everything else that was saved; objects have no prototype. */
  readonly meta: JsonObject;
  /** The number of rows, N; 0 when none were saved. */
  readonly rowCount: number;
  /** Numbers in each row, P; 0 when no rows were saved. */
  readonly rowLength: number;
  /**
   * Reads the rows again, in the order in which they were saved; the memory of `row` is used again.
   * @throws {FileError} when a file changed since the checkpoint was loaded.
   */
  readRows(visit: (id: number, row: Float32Array) => void): void;
  /** What was damaged and passed over, for the user to read. */
  readonly warnings: readonly string[];
}

const MAX_MANIFEST_BYTES = 4 * 2 ** 20;

/**
 * Loads the newest whole checkpoint of a folder, changing nothing.
 * @throws {FileError} when there is none.
 */
export function loadCheckpoint(folder: string): LoadedCheckpoint {
  return loadFrom(folder).loaded;
}

/** A loaded checkpoint and what its store needs besides. */
export interface Loading {
  /** The newest whole one. */
  readonly loaded: LoadedCheckpoint;
  /** Where its rows are, if it has any. */
  readonly index: RowIndex | undefined;
  /** The numbers of the checkpoints that were tried and are not whole. */
  readonly damaged: readonly number[];
}

/**
 * Loads like `loadCheckpoint` and tells what was tried.
 * @throws {FileError} when no checkpoint is whole.
 */
export function loadFrom(folder: string): Loading {
  const { manifests, warnings } = readManifests(folder);
  const damaged: number[] = [];
  for (const manifest of manifests.values()) {
    try {
      const { parts, index } = readWhole(folder, manifest);
      const loaded: LoadedCheckpoint = {
        sequence: manifest.sequence,
        parts,
        meta: manifest.meta,
        rowCount: index?.ids.length ?? 0,
        rowLength: index?.rowLength ?? 0,
        readRows: (visit) => index && readRows(folder, index, visit),
        warnings,
      };
      return { loaded, index, damaged };
    } catch (error) {
      warnings.push(passedOver(manifest.sequence, error));
      damaged.push(manifest.sequence);
    }
  }
  const rule = warnings.length === 0 ? "there is none" : `none is whole: ${warnings.join("; ")}`;
  throw new FileError(`Cannot read checkpoint ${JSON.stringify(folder)}: ${rule}`);
}

/** Reads all that a manifest lists and checks every hash, those of the rows too. */
function readWhole(
  folder: string,
  manifest: Manifest,
): { parts: Map<string, Map<string, Tensor>>; index: RowIndex | undefined } {
  const parts = new Map<string, Map<string, Tensor>>();
  for (const [name, part] of manifest.parts) parts.set(name, readPart(folder, part).tensors);
  const { rows } = manifest;
  if (rows === null) return { parts, index: undefined };
  const name = join(folder, rows.index.file);
  const index = decodeRowIndex(readPart(folder, rows.index), { name, rows });
  readRows(folder, index, () => {});
  return { parts, index };
}

function readPart(folder: string, part: PartFile) {
  const path = childPath(folder, part.file);
  const checkHead = safetensorsHead(path);
  const bytes = readFileLimited(path, { maxBytes: part.bytes, kind: "checkpoint", checkHead });
  if (bytes.length !== part.bytes || hashHex(bytes) !== part.sha256) {
    throw new FileError(`Cannot read checkpoint ${JSON.stringify(path)}: it must match its hash`);
  }
  return decodeSafetensors(bytes, { name: path });
}

/** The readable manifests of a folder. */
export interface Manifests {
  /** By the number of their checkpoint, newest first. */
  readonly manifests: Map<number, Manifest>;
  /** The highest number of any manifest, readable or not; 0 when there is none. */
  readonly newest: number;
  /** What was damaged. */
  readonly warnings: string[];
}

/**
 * Reads every manifest of a folder; a damaged one is left out with a warning.
 * @throws {FileError} when the folder cannot be read or a manifest is of another version.
 */
export function readManifests(folder: string): Manifests {
  const manifests = new Map<number, Manifest>();
  const warnings: string[] = [];
  const sequences = namesIn(folder, "checkpoint").flatMap((name) => sequenceOf(name) ?? [])
    .sort((a, b) => b - a);
  for (const sequence of sequences) {
    const path = join(folder, checkpointFileName(sequence, "manifest"));
    try {
      const bytes = readFileLimited(path, { maxBytes: MAX_MANIFEST_BYTES, kind: "checkpoint" });
      const manifest = decodeManifest(bytes, { name: path });
      if (manifest.sequence !== sequence) {
        throw new FileError(
          `Cannot read checkpoint ${JSON.stringify(path)}: its number must be ${sequence}, ` +
            `got ${manifest.sequence}`,
        );
      }
      manifests.set(sequence, manifest);
    } catch (error) {
      warnings.push(passedOver(sequence, error));
    }
  }
  return { manifests, newest: sequences[0] ?? 0, warnings };
}

/** Says that a checkpoint is damaged; an error that is no damage to its content is thrown again. */
function passedOver(sequence: number, error: unknown): string {
  const cause = error instanceof FileError ? error.cause : error;
  const code = (cause as { code?: unknown } | undefined)?.code;
  const isDamage = error instanceof FileError &&
    (cause === undefined || code === "ENOENT" || code === "EIO" || code === "EISDIR");
  if (!isDamage) throw error;
  return `checkpoint ${sequence} is damaged and was passed over (${error.message})`;
}
