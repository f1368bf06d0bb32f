/**
 * Keeps a large, slowly changing set of equally long rows on disk, so that saving it costs what has
 * changed and not what it holds: a buffer of 10,000 policies of 72,000 weights takes 2.9 GB, and
 * between two checkpoints a few dozen of them are new.
 *
 * A row has an id that is never used again for other numbers, so a stored row never changes. Rows are
 * appended to segment files (`rows-000001.bin`: float32, one row after another, nothing else); where
 * each row of a saved set lies, and the hash of its bytes, is an index of a few bytes per row that the
 * caller keeps with the rest of a checkpoint. Nothing before the end of a segment is ever overwritten,
 * and a process appends only to segments that it made itself, so every index saved earlier stays good
 * whenever the process is killed.
 *
 * Space comes back when no index that is kept mentions a segment any more. A segment that is over half
 * dead is emptied by appending its live rows again, as are small segments when there are many; one save
 * rewrites at most one segment's length, so that no save pauses for long.
 */

import { childPath, withFileErrors, writeFully } from "../../system/files.ts";
import { FLOAT_BYTES, hashRow, ROW_HASH_BYTES, type RowIndex, SEGMENT_NAME } from "./row_index.ts";

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

const DEFAULT_SEGMENT_BYTES = 64 * 2 ** 20;
const WRITE_BYTES = 2 ** 20;
/** Segments that may be small, besides twice as many as full ones would take. */
const SPARE_SEGMENTS = 8;

interface Location {
  readonly segment: string;
  readonly position: number;
  readonly hash: Uint8Array;
}

interface OpenSegment {
  readonly name: string;
  readonly file: Deno.FsFile;
  bytes: number;
}

/** Writes row sets into one folder; the only writer there. */
export class RowStore {
  readonly #folder: string;
  readonly #segmentBytes: number;
  #rowLength = 0;
  #locations = new Map<number, Location>();
  /** The size of every segment that holds a known row. */
  #sizes = new Map<string, number>();
  #current: OpenSegment | undefined;
  #nextSegment: number;
  #pending: Map<number, Location> | undefined;

  /**
   * Prepares to write into a folder that is there.
   * @param options.segmentBytes the length at which a segment is full
   * @throws {FileError} when the folder cannot be read.
   */
  constructor(
    folder: string,
    { segmentBytes = DEFAULT_SEGMENT_BYTES }: { readonly segmentBytes?: number } = {},
  ) {
    this.#folder = folder;
    this.#segmentBytes = segmentBytes;
    const names = withFileErrors(
      "read",
      { path: folder, kind: "folder" },
      () => [...Deno.readDirSync(folder)].map((entry) => entry.name),
    );
    const numbers = names.filter((name) => SEGMENT_NAME.test(name)).map((name) =>
      Number.parseInt(name.slice("rows-".length), 10)
    );
    this.#nextSegment = Math.max(0, ...numbers) + 1;
  }

  /** Takes over the rows of an index that was read back, so that they need not be written again. */
  adopt(index: RowIndex): void {
    this.#rowLength = index.rowLength;
    this.#locations = new Map();
    index.ids.forEach((id, i) => {
      const hash = index.hashes.subarray(i * ROW_HASH_BYTES, (i + 1) * ROW_HASH_BYTES);
      const segment = index.segments[index.segmentOf[i]];
      this.#locations.set(id, { segment, position: index.positions[i], hash });
    });
    this.#sizes = new Map(index.segments.map((name) => {
      const path = childPath(this.#folder, name);
      return [name, withFileErrors("read", { path, kind: "rows" }, () => Deno.statSync(path).size)];
    }));
    this.#closeCurrent();
  }

  /**
   * Appends the rows that are not stored yet, syncs them, and gives the index of the whole set. The set
   * becomes the known one at `commit`; after a failure here or later call `abort`.
   * @throws {FileError} when the rows cannot be written.
   * @throws {RangeError} when a row has another length, or an id is given twice or no safe integer.
   */
  append(set: RowSet): { readonly index: RowIndex; readonly bytesWritten: number } {
    if (!Number.isSafeInteger(set.rowLength) || set.rowLength < 1) {
      throw new RangeError(`Cannot save rows: their length must be positive, got ${set.rowLength}`);
    }
    if (set.rowLength !== this.#rowLength) {
      this.#rowLength = set.rowLength;
      this.#locations = new Map();
      this.#sizes = new Map();
      this.#closeCurrent();
    }
    const entries = [...set.rows];
    const toEmpty = this.#segmentsToEmpty(entries);
    const next = new Map<number, Location>();
    const batch = new Batch((bytes) => this.#write(bytes));
    let bytesWritten = 0;
    for (const [id, row] of entries) {
      this.#checkRow(id, row, next);
      const known = this.#locations.get(id);
      if (known !== undefined && !toEmpty.has(known.segment)) {
        next.set(id, known);
        continue;
      }
      const bytes = new Uint8Array(row.buffer, row.byteOffset, row.byteLength);
      const { segment, position } = this.#place(batch);
      next.set(id, { segment, position, hash: hashRow(bytes) });
      batch.add(bytes);
      bytesWritten += bytes.length;
    }
    batch.flush();
    this.#sync();
    this.#pending = next;
    return { index: indexOf(next, this.#rowLength), bytesWritten };
  }

  /** Makes the set last appended the known one, once the index of it is safe. */
  commit(): void {
    if (this.#pending === undefined) return;
    this.#locations = this.#pending;
    this.#pending = undefined;
    const used = new Set([...this.#locations.values()].map(({ segment }) => segment));
    for (const name of this.#sizes.keys()) if (!used.has(name)) this.#sizes.delete(name);
  }

  /** Forgets the set last appended; what was written of it is dead. */
  abort(): void {
    this.#pending = undefined;
    this.#closeCurrent();
  }

  /** The segment that is being appended to: it must not be removed. */
  get currentSegment(): string | undefined {
    return this.#current?.name;
  }

  /** Closes the segment; the store may go on with a new one. */
  close(): void {
    this.#closeCurrent();
  }

  #checkRow(id: number, row: Float32Array, seen: ReadonlyMap<number, Location>): void {
    if (!Number.isSafeInteger(id) || id < 0 || seen.has(id)) {
      throw new RangeError(`Cannot save row: id must be a whole number given once, got ${id}`);
    }
    if (row.length !== this.#rowLength) {
      throw new RangeError(
        `Cannot save row ${id}: it must hold ${this.#rowLength} numbers, got ${row.length}`,
      );
    }
  }

  /** Chooses the segments whose live rows are written again, at most one segment's length of them. */
  #segmentsToEmpty(entries: readonly (readonly [number, Float32Array])[]): ReadonlySet<string> {
    const live = new Map([...this.#sizes.keys()].map((name) => [name, 0]));
    let liveBytes = 0;
    for (const [id] of entries) {
      const segment = this.#locations.get(id)?.segment;
      if (segment === undefined) continue;
      live.set(segment, live.get(segment)! + this.#rowLength * FLOAT_BYTES);
      liveBytes += this.#rowLength * FLOAT_BYTES;
    }
    const mostSegments = SPARE_SEGMENTS + 2 * Math.ceil(liveBytes / this.#segmentBytes);
    const chosen = new Set<string>();
    let budget = this.#segmentBytes;
    const byLive = [...live].filter(([name, bytes]) => bytes > 0 && name !== this.#current?.name)
      .sort(([, a], [, b]) => a - b);
    for (const [name, bytes] of byLive) {
      const isHalfDead = bytes * 2 < this.#sizes.get(name)!;
      const isTooMany = byLive.length - chosen.size > mostSegments;
      if (bytes > budget || !(isHalfDead || isTooMany)) continue;
      chosen.add(name);
      budget -= bytes;
    }
    return chosen;
  }

  /** Finds where the next row goes, starting a new segment when this one is full. */
  #place(batch: Batch): { segment: string; position: number } {
    const rowBytes = this.#rowLength * FLOAT_BYTES;
    const isFull = this.#current !== undefined &&
      this.#current.bytes + batch.bytes + rowBytes > this.#segmentBytes;
    if (isFull) {
      batch.flush();
      this.#sync();
      this.#closeCurrent();
    }
    this.#current ??= this.#startSegment();
    return {
      segment: this.#current.name,
      position: (this.#current.bytes + batch.bytes) / rowBytes,
    };
  }

  #startSegment(): OpenSegment {
    const name = `rows-${String(this.#nextSegment++).padStart(6, "0")}.bin`;
    const path = childPath(this.#folder, name);
    const file = withFileErrors(
      "write",
      { path, kind: "rows" },
      () => Deno.openSync(path, { write: true, createNew: true }),
    );
    return { name, file, bytes: 0 };
  }

  #write(bytes: Uint8Array): void {
    const current = this.#current!;
    const path = childPath(this.#folder, current.name);
    withFileErrors("write", { path, kind: "rows" }, () => writeFully(current.file, bytes));
    current.bytes += bytes.length;
    this.#sizes.set(current.name, current.bytes);
  }

  #sync(): void {
    const current = this.#current;
    if (current === undefined) return;
    const path = childPath(this.#folder, current.name);
    withFileErrors("write", { path, kind: "rows" }, () => current.file.syncSync());
  }

  #closeCurrent(): void {
    this.#current?.file.close();
    this.#current = undefined;
  }
}

/** Collects small rows, so that they do not take a system call each. */
class Batch {
  #pieces: Uint8Array[] = [];
  bytes = 0;
  readonly #write: (bytes: Uint8Array) => void;

  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  add(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.bytes += piece.length;
    if (this.bytes >= WRITE_BYTES) this.flush();
  }

  flush(): void {
    if (this.#pieces.length === 0) return;
    const all = new Uint8Array(this.bytes);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    this.bytes = 0;
    this.#write(all);
  }
}

function indexOf(rows: ReadonlyMap<number, Location>, rowLength: number): RowIndex {
  const count = rows.size;
  const numbers = new Map<string, number>();
  const ids = new Float64Array(count);
  const segmentOf = new Uint32Array(count);
  const positions = new Uint32Array(count);
  const hashes = new Uint8Array(count * ROW_HASH_BYTES);
  let i = 0;
  for (const [id, { segment, position, hash }] of rows) {
    if (!numbers.has(segment)) numbers.set(segment, numbers.size);
    ids[i] = id;
    segmentOf[i] = numbers.get(segment)!;
    positions[i] = position;
    hashes.set(hash, i * ROW_HASH_BYTES);
    i++;
  }
  return { rowLength, segments: [...numbers.keys()], ids, segmentOf, positions, hashes };
}
