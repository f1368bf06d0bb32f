/**
 * Keeps a large, slowly changing set of equally long rows on disk, so that saving it costs what has
 * changed and not what it holds.
 *
 * A row has an id that is never used again for other numbers, so a stored row never changes. New rows
 * are appended to one file (`rows-000001.bin`: float32, one row after another, nothing else). An index
 * of a few bytes per row says where each row of a saved set lies and what its bytes hash to; the caller
 * keeps it with the rest of a checkpoint. Nothing in front of the last saved row is ever overwritten, so
 * every index saved earlier stays good whenever the process is killed.
 *
 * A file that has become mostly dead rows is left behind: the next save writes the live ones to a new
 * file. The caller removes files that no index mentions any more.
 */

import { createHash } from "node:crypto";
import { joinBytes } from "../../system/bytes.ts";
import { FileError } from "../../system/errors.ts";
import { withFileErrors } from "../../system/file_errors.ts";
import {
  childPath,
  namesIn,
  openOwnFile,
  openRegular,
  readFully,
  writeFully,
} from "../../system/files.ts";

/**
 * A set of rows to save: every id with its row, [P], whose memory must stay as it is until the set is
 * saved. Ids are safe integers that are never used again for other numbers.
 */
export interface RowSet {
  /** Numbers in a row, P. */
  readonly rowLength: number;
  /** Every row of the set, stored already or not. */
  readonly rows: Iterable<readonly [id: number, row: Float32Array]>;
}

/** Where the rows of one saved set lie; all arrays follow the order in which the rows were given. */
export interface RowIndex {
  /** Name of the file that holds them. */
  readonly file: string;
  /** Rows in that file, dead ones included: where the next save goes on. */
  readonly fileRows: number;
  /** Numbers in a row, P. */
  readonly rowLength: number;
  /** The rows' ids, [N]: safe integers. */
  readonly ids: Float64Array;
  /** Which row of the file, [N]. */
  readonly positions: Uint32Array;
  /** The first 16 bytes of the SHA-256 of each row's bytes, [N, 16]. */
  readonly hashes: Uint8Array;
}

/** How many bytes of a row's hash are kept. */
export const ROW_HASH_BYTES = 16;

/** The names of row files. */
export const ROW_FILE_NAME = /^rows-[0-9]{6,15}\.bin$/;

const FLOAT_BYTES = 4;
const WRITE_BYTES = 2 ** 20;
const DEFAULT_SPARE_BYTES = 64 * 2 ** 20;

interface Location {
  readonly position: number;
  readonly hash: Uint8Array;
}

/** Everything that is stored in one row file. */
interface Stored {
  readonly file: string;
  readonly rowLength: number;
  readonly fileRows: number;
  readonly locations: ReadonlyMap<number, Location>;
}

/** Writes row sets into one folder; the only writer there. Keeps no file open. */
export class RowWriter {
  readonly #folder: string;
  readonly #spareBytes: number;
  #nextFile: number;
  #stored: Stored | undefined;
  #pending: Stored | undefined;

  /**
   * Prepares to write into a folder that is there.
   * @param options.spareBytes dead rows that a file may hold besides as many as there are live ones
   * @throws {FileError} when the folder cannot be read.
   */
  constructor(
    folder: string,
    { spareBytes = DEFAULT_SPARE_BYTES }: { readonly spareBytes?: number } = {},
  ) {
    this.#folder = folder;
    this.#spareBytes = spareBytes;
    const names = namesIn(folder);
    const numbers = names.filter((name) => ROW_FILE_NAME.test(name)).map((name) =>
      Number.parseInt(name.slice("rows-".length), 10)
    );
    this.#nextFile = Math.max(0, ...numbers) + 1;
  }

  /** Takes over the rows of an index that was read back, so that they need not be written again. */
  adopt({ file, fileRows, rowLength, ids, positions, hashes }: RowIndex): void {
    const locations = new Map<number, Location>();
    ids.forEach((id, i) => {
      const hash = hashes.subarray(i * ROW_HASH_BYTES, (i + 1) * ROW_HASH_BYTES);
      locations.set(id, { position: positions[i], hash });
    });
    this.#stored = { file, fileRows, rowLength, locations };
  }

  /**
   * Appends the rows that are not stored yet, syncs them, and gives the index of the whole set. The set
   * becomes the stored one at `commit`; without it, the next `append` writes over what this one wrote.
   * @throws {FileError} when the rows cannot be written.
   * @throws {RangeError} when a row has another length, or an id is given twice or no safe integer.
   */
  append({ rowLength, rows }: RowSet): { readonly index: RowIndex; readonly bytesWritten: number } {
    if (!Number.isSafeInteger(rowLength) || rowLength < 1) {
      throw new RangeError(`Cannot save rows: their length must be positive, got ${rowLength}`);
    }
    const entries = [...rows];
    checkRows(entries, rowLength);
    const goesOn = this.#goesOn(entries.length, rowLength);
    const stored = goesOn ? this.#stored! : this.#startFile(rowLength);
    const added = entries.filter(([id]) => !stored.locations.has(id));
    const path = childPath(this.#folder, stored.file);
    const bytesWritten = added.length === 0
      ? 0
      : withFileErrors("write", { path, kind: "rows" }, () => appendRows(path, added, stored));
    const fresh = new Map(added.map(([id, row], i) => {
      const hash = hashRow(bytesOf(row));
      return [id, { position: stored.fileRows + i, hash }];
    }));
    const locations = new Map(
      entries.map(([id]) => [id, (stored.locations.get(id) ?? fresh.get(id))!] as const),
    );
    this.#pending = { ...stored, fileRows: stored.fileRows + added.length, locations };
    return { index: indexOf(this.#pending), bytesWritten };
  }

  /** Makes the set last appended the stored one, once the index of it is safe. */
  commit(): void {
    this.#stored = this.#pending ?? this.#stored;
    this.#pending = undefined;
  }

  /** Tells whether the stored file takes a set of `count` rows, or has become mostly dead ones. */
  #goesOn(count: number, rowLength: number): boolean {
    const stored = this.#stored;
    if (stored === undefined || stored.fileRows === 0 || stored.rowLength !== rowLength) {
      return false;
    }
    return (stored.fileRows - 2 * count) * rowLength * FLOAT_BYTES <= this.#spareBytes;
  }

  #startFile(rowLength: number): Stored {
    const file = `rows-${String(this.#nextFile++).padStart(6, "0")}.bin`;
    return { file, rowLength, fileRows: 0, locations: new Map() };
  }
}

/**
 * Reads the rows of an index in the index's order and checks each against its hash. `visit` gets the id
 * and the row, [P], in memory that is used again for the next row.
 * @throws {FileError} at the first row that is missing or not what was saved.
 */
export function readRows(
  folder: string,
  index: RowIndex,
  visit: (id: number, row: Float32Array) => void,
): void {
  if (index.ids.length === 0) return;
  const path = childPath(folder, index.file);
  const rowBytes = index.rowLength * FLOAT_BYTES;
  const file = { path, kind: "rows" };
  using input = withFileErrors("read", file, () => openRegular(path));
  const { size } = withFileErrors("read", file, () => input.statSync());
  const fail = (i: number, rule: string): never => {
    throw new FileError(
      `Cannot read rows ${JSON.stringify(path)}: row ${index.ids[i]} ${rule}`,
    );
  };
  let row: Float32Array | undefined;
  for (let i = 0; i < index.ids.length; i++) {
    const start = index.positions[i] * rowBytes;
    // Checked before memory is taken for a row: the file bounds it.
    if (start + rowBytes > size) fail(i, "is cut off");
    row ??= new Float32Array(index.rowLength);
    const bytes = bytesOf(row);
    const count = withFileErrors("read", file, () => {
      input.seekSync(start, Deno.SeekMode.Start);
      return readFully(input, bytes);
    });
    if (count < rowBytes) fail(i, "is cut off");
    const hash = index.hashes.subarray(i * ROW_HASH_BYTES, (i + 1) * ROW_HASH_BYTES);
    if (!hashRow(bytes).every((byte, at) => byte === hash[at])) fail(i, "does not match its hash");
    visit(index.ids[i], row);
  }
}

function checkRows(rows: readonly (readonly [number, Float32Array])[], rowLength: number): void {
  const seen = new Set<number>();
  for (const [id, row] of rows) {
    if (!Number.isSafeInteger(id) || id < 0 || seen.has(id)) {
      throw new RangeError(`Cannot save row: id must be a whole number given once, got ${id}`);
    }
    if (row.length !== rowLength) {
      throw new RangeError(
        `Cannot save row ${id}: it must hold ${rowLength} numbers, got ${row.length}`,
      );
    }
    seen.add(id);
  }
}

/** Writes rows behind those that are stored, in place of what a failed save left there, and syncs them. */
function appendRows(
  path: string,
  rows: readonly (readonly [number, Float32Array])[],
  { fileRows, rowLength }: Stored,
): number {
  const start = fileRows * rowLength * FLOAT_BYTES;
  using file = openOwnFile(path, { create: fileRows === 0 });
  file.truncateSync(start);
  file.seekSync(start, Deno.SeekMode.Start);
  const rowsPerWrite = Math.max(1, Math.floor(WRITE_BYTES / (rowLength * FLOAT_BYTES)));
  for (let i = 0; i < rows.length; i += rowsPerWrite) {
    writeFully(file, joinBytes(rows.slice(i, i + rowsPerWrite).map(([, row]) => bytesOf(row))));
  }
  file.syncSync();
  return rows.length * rowLength * FLOAT_BYTES;
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Computes the part of a row's SHA-256 that an index keeps. */
function hashRow(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest().subarray(0, ROW_HASH_BYTES));
}

function indexOf({ file, fileRows, rowLength, locations }: Stored): RowIndex {
  const hashes = new Uint8Array(locations.size * ROW_HASH_BYTES);
  [...locations.values()].forEach(({ hash }, i) => hashes.set(hash, i * ROW_HASH_BYTES));
  return {
    file,
    fileRows,
    rowLength,
    ids: Float64Array.from(locations.keys()),
    positions: Uint32Array.from(locations.values(), ({ position }) => position),
    hashes,
  };
}
