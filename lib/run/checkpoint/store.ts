/**
 * Checkpoints: the whole state of a run, in a folder of its own, so that whatever happens while one is
 * written, the one before it is whole.
 *
 * A checkpoint has parts (named tensors, one safetensors file each), a set of rows (large and slowly
 * changing: only new rows are written, see rows.ts) and meta (JSON). All its files are written and
 * synced before its manifest appears under its name, and nothing is removed before that; so the newest
 * manifest always belongs to a whole checkpoint, up to damage by others, which the hashes show. Then
 * the checkpoint before it is used and a warning says so. The last two are kept.
 *
 * What the parts mean is the caller's business. Only one process may write to a folder (../lock.ts).
 */

import { join } from "node:path";
import {
  CHECKPOINT_VERSION,
  checkpointFileName,
  encodeManifest,
  encodeRowIndex,
  isCheckpointFile,
  type Manifest,
  PART_NAME,
  type PartFile,
  sequenceOf,
} from "./manifest.ts";
import { type LoadedCheckpoint, loadFrom, readManifests } from "./reader.ts";
import {
  hashHex,
  makeOwnFolder,
  namesIn,
  removeIfThere,
  removeTemporaries,
  syncFolder,
  writeFileAtomic,
} from "../../system/files.ts";
import type { JsonObject } from "../../formats/json.ts";
import { safetensorsChunks, type Tensor } from "../../formats/safetensors.ts";
import { type RowSet, RowWriter } from "./rows.ts";

/** What is saved. */
export interface CheckpointContent {
  /** Named tensors by the name of their part: lower-case letters, digits and "_". */
  readonly parts: ReadonlyMap<string, ReadonlyMap<string, Tensor>>;
  /** The rows; absent when there are none to keep. */
  readonly rows?: RowSet;
  /** Everything else; no number that JSON cannot hold. */
  readonly meta: JsonObject;
}

/** What one save cost. */
export interface SaveReport {
  /** The number of the checkpoint. */
  readonly sequence: number;
  /** Bytes of all files written, rows included. */
  readonly bytesWritten: number;
}

const KEPT_COUNT = 2;
const ROWS_PART = "rows";

/** Saves and loads the checkpoints of one folder; its only writer. Keeps no file open. */
export class CheckpointStore {
  readonly #folder: string;
  readonly #rows: RowWriter;
  /** The whole checkpoints that are there, oldest first. */
  readonly #manifests: Map<number, Manifest>;
  #nextSequence: number;

  private constructor(folder: string, rows: RowWriter) {
    this.#folder = folder;
    this.#rows = rows;
    const { manifests, newest } = readManifests(folder);
    this.#manifests = manifests;
    this.#nextSequence = newest + 1;
  }

  /**
   * Opens the folder, which is made in its own folder if it is not there.
   * @param options.spareBytes dead rows that the row file may hold besides as many as there are live ones
   * @throws {FileError} when the folder cannot be made or read, or holds another version.
   */
  static open(
    folder: string,
    options: { readonly spareBytes?: number } = {},
  ): CheckpointStore {
    makeOwnFolder(folder);
    return new CheckpointStore(folder, new RowWriter(folder, options));
  }

  /** Tells whether there is a checkpoint to load. */
  get isEmpty(): boolean {
    return this.#nextSequence === 1;
  }

  /**
   * Loads the newest whole checkpoint and makes it the one to go on from: newer ones, all damaged, are
   * removed by the next save.
   * @throws {FileError} when there is none.
   */
  load(): LoadedCheckpoint {
    const { loaded, index, damaged } = loadFrom(this.#folder);
    for (const sequence of damaged) this.#manifests.delete(sequence);
    if (index !== undefined) this.#rows.adopt(index);
    return loaded;
  }

  /**
   * Saves a checkpoint; when it returns, the checkpoint is on disk.
   * @throws {FileError} when it cannot be written; the one before it is untouched.
   */
  save(content: CheckpointContent): SaveReport {
    const sequence = this.#nextSequence++;
    let bytesWritten = 0;
    const writePart = (part: string, tensors: ReadonlyMap<string, Tensor>): PartFile => {
      const file = checkpointFileName(sequence, part);
      const chunks = safetensorsChunks(tensors, { part, version: String(CHECKPOINT_VERSION) });
      const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      this.#write(file, chunks, { syncFolder: false });
      bytesWritten += bytes;
      return { file, bytes, sha256: hashHex(chunks) };
    };
    try {
      const parts = new Map<string, PartFile>();
      for (const [name, tensors] of content.parts) {
        checkPartName(name);
        parts.set(name, writePart(name, tensors));
      }
      let rows: Manifest["rows"] = null;
      if (content.rows !== undefined) {
        const appended = this.#rows.append(content.rows);
        bytesWritten += appended.bytesWritten;
        const { file, fileRows, rowLength } = appended.index;
        const index = writePart(ROWS_PART, encodeRowIndex(appended.index));
        rows = { index, file, fileRows, rowLength };
      }
      // Every file's name is on disk before the manifest that relies on it.
      syncFolder(this.#folder);
      const manifest = { sequence, parts, rows, meta: content.meta };
      const text = encodeManifest(manifest);
      this.#write(checkpointFileName(sequence, "manifest"), text, { syncFolder: true });
      bytesWritten += text.length;
      this.#manifests.set(sequence, manifest);
      this.#rows.commit();
    } catch (error) {
      this.#manifests.delete(sequence);
      removeIfThere(join(this.#folder, checkpointFileName(sequence, "manifest")));
      this.#removeUnused();
      throw error;
    }
    this.#dropOld();
    this.#removeUnused();
    return { sequence, bytesWritten };
  }

  #write(
    file: string,
    content: string | readonly Uint8Array[],
    { syncFolder }: { readonly syncFolder: boolean },
  ): void {
    writeFileAtomic(join(this.#folder, file), content, { kind: "checkpoint", syncFolder });
  }

  #dropOld(): void {
    const sequences = [...this.#manifests.keys()].sort((a, b) => b - a);
    for (const sequence of sequences.slice(KEPT_COUNT)) this.#manifests.delete(sequence);
  }

  /** Removes the files of dropped, damaged and unfinished checkpoints, manifests first. */
  #removeUnused(): void {
    const used = new Set<string>();
    for (const { sequence, parts, rows } of this.#manifests.values()) {
      used.add(checkpointFileName(sequence, "manifest"));
      for (const { file } of parts.values()) used.add(file);
      if (rows !== null) used.add(rows.index.file).add(rows.file);
    }
    removeTemporaries(this.#folder);
    const unused = namesIn(this.#folder, "checkpoint")
      .filter((name) => isCheckpointFile(name) && !used.has(name))
      .sort((a, b) => Number(sequenceOf(a) === undefined) - Number(sequenceOf(b) === undefined));
    for (const name of unused) removeIfThere(join(this.#folder, name));
  }
}

function checkPartName(name: string): void {
  if (PART_NAME.test(name) && name !== ROWS_PART && name !== "manifest") return;
  throw new TypeError(
    `Cannot save checkpoint: the name of a part must be lower-case letters, digits and "_" and not ` +
      `reserved, got ${JSON.stringify(name)}`,
  );
}
