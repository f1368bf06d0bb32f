/**
 * Where saved rows lie on disk (row_store.ts says how they get there), and how they are read back: an
 * index holds for every row its id, its segment file, its place there and the hash of its bytes, so
 * that no row is believed that is not, bit for bit, what was saved.
 */

import { createHash } from "node:crypto";
import { FileError } from "../../system/errors.ts";
import { childPath, readFully, withFileErrors } from "../../system/files.ts";

/** Where the rows of one saved set lie; all arrays follow the order in which the rows were given. */
export interface RowIndex {
  /** Numbers in a row, P. */
  readonly rowLength: number;
  /** File names. */
  readonly segments: readonly string[];
  /** The rows' ids, [N]: safe integers. */
  readonly ids: Float64Array;
  /** Which of `segments`, [N]. */
  readonly segmentOf: Uint32Array;
  /** Which row of the segment, [N]. */
  readonly positions: Uint32Array;
  /** The first 16 bytes of the SHA-256 of each row's bytes, [N, 16]. */
  readonly hashes: Uint8Array;
}

/** How many bytes of a row's hash are kept. */
export const ROW_HASH_BYTES = 16;

/** The names of segment files. */
export const SEGMENT_NAME = /^rows-[0-9]{6,15}\.bin$/;

/** Bytes of one number of a row. */
export const FLOAT_BYTES = 4;

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
  const rowBytes = index.rowLength * FLOAT_BYTES;
  const files = new Map<number, { readonly file: Deno.FsFile; readonly size: number }>();
  let row: Float32Array | undefined;
  try {
    for (let i = 0; i < index.ids.length; i++) {
      const segment = index.segmentOf[i];
      const path = childPath(folder, index.segments[segment]);
      withFileErrors("read", { path, kind: "rows" }, () => {
        let open = files.get(segment);
        if (open === undefined) {
          const file = Deno.openSync(path, { read: true });
          open = { file, size: file.statSync().size };
          files.set(segment, open);
        }
        const start = index.positions[i] * rowBytes;
        // Checked before memory is taken for a row: the file bounds it.
        if (start + rowBytes > open.size) throw rowError(path, index.ids[i], "is cut off");
        row ??= new Float32Array(index.rowLength);
        const bytes = new Uint8Array(row.buffer);
        open.file.seekSync(start, Deno.SeekMode.Start);
        if (readFully(open.file, bytes) < rowBytes) {
          throw rowError(path, index.ids[i], "is cut off");
        }
        const hash = index.hashes.subarray(i * ROW_HASH_BYTES, (i + 1) * ROW_HASH_BYTES);
        if (!hashRow(bytes).every((byte, at) => byte === hash[at])) {
          throw rowError(path, index.ids[i], "does not match its hash");
        }
      });
      visit(index.ids[i], row!);
    }
  } finally {
    for (const { file } of files.values()) file.close();
  }
}

/** Computes the part of a row's SHA-256 that an index keeps. */
export function hashRow(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest().subarray(0, ROW_HASH_BYTES));
}

function rowError(path: string, id: number, rule: string): FileError {
  return new FileError(`Cannot read rows ${JSON.stringify(path)}: row ${id} ${rule}`);
}
