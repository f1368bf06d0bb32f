import assert from "node:assert/strict";
import { join } from "node:path";
import { FileError } from "../../../../lib/system/errors.ts";
import { readRows, RowWriter } from "../../../../lib/run/checkpoint/rows.ts";
import { makeFastFolder } from "../../../support/fast_folder.ts";

/** Rows of 4 float32, 16 bytes; a file may hold ten dead ones besides as many as live. */
const ROW_LENGTH = 4;
const OPTIONS = { spareBytes: 160 };

function inFolder(test: (folder: string) => void): () => void {
  return () => {
    const folder = makeFastFolder();
    try {
      test(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

function rowsOf(ids: readonly number[]) {
  const rows = ids.map((id) => [id, new Float32Array(ROW_LENGTH).fill(id)] as const);
  return { rowLength: ROW_LENGTH, rows };
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, i) => start + i);
}

function save(writer: RowWriter, ids: readonly number[]) {
  const { index, bytesWritten } = writer.append(rowsOf(ids));
  writer.commit();
  return { index, bytesWritten };
}

Deno.test(
  "RowWriter.append() writes new rows only, behind those that are there",
  inFolder((folder) => {
    const writer = new RowWriter(folder, OPTIONS);
    const first = save(writer, range(0, 12));
    assert.equal(first.bytesWritten, 12 * 16);
    assert.equal(first.index.file, "rows-000001.bin");
    assert.deepEqual([...first.index.positions], range(0, 12));
    const second = save(writer, range(1, 13));
    assert.equal(second.bytesWritten, 16);
    assert.equal(second.index.fileRows, 13);
    assert.equal(Deno.statSync(join(folder, "rows-000001.bin")).size, 13 * 16);
    assert.equal(save(writer, range(1, 13)).bytesWritten, 0);
    const seen: number[] = [];
    readRows(folder, second.index, (id, row) => {
      seen.push(id);
      assert.deepEqual(row, new Float32Array(ROW_LENGTH).fill(id));
    });
    assert.deepEqual(seen, range(1, 13));
  }),
);

Deno.test(
  "RowWriter.append() leaves a file behind once it is mostly dead, and not before",
  inFolder((folder) => {
    const writer = new RowWriter(folder, OPTIONS);
    save(writer, range(0, 30));
    // 30 rows for 10 live ones: twice as many, and the ten that are spared.
    const kept = save(writer, range(20, 30));
    assert.equal(kept.bytesWritten, 0);
    const moved = save(writer, range(21, 30));
    assert.equal(moved.bytesWritten, 9 * 16);
    assert.equal(moved.index.file, "rows-000002.bin");
    assert.equal(moved.index.fileRows, 9);
    readRows(folder, kept.index, (id, row) => assert.equal(row[0], id)); // still good
    readRows(folder, moved.index, (id, row) => assert.equal(row[0], id));
  }),
);

Deno.test(
  "RowWriter goes on in the file of a run that ended, and writes over what a failed save left",
  inFolder((folder) => {
    const { index } = save(new RowWriter(folder, OPTIONS), [1, 2]);
    const path = join(folder, index.file);
    // A save was cut off in the middle of a row.
    Deno.writeFileSync(path, new Uint8Array(20), { append: true });
    const writer = new RowWriter(folder, OPTIONS);
    writer.adopt(index);
    writer.append(rowsOf([1, 2, 3, 4])); // its manifest could not be written
    const again = save(writer, [1, 2, 5]);
    assert.equal(again.bytesWritten, 16);
    assert.deepEqual([...again.index.positions], [0, 1, 2]);
    assert.equal(Deno.statSync(path).size, 3 * 16);
    readRows(folder, again.index, (id, row) => assert.equal(row[0], id));
  }),
);

Deno.test(
  "RowWriter starts anew when rows get another length, and after a set without rows",
  inFolder((folder) => {
    const writer = new RowWriter(folder, OPTIONS);
    save(writer, [1, 2]);
    const row = Float32Array.of(7, 8);
    const { index } = writer.append({ rowLength: 2, rows: [[1, row]] });
    writer.commit();
    readRows(folder, index, (id, read) => assert.deepEqual([id, read], [1, row]));
    const empty = new RowWriter(folder, OPTIONS);
    assert.deepEqual([...save(empty, []).index.ids], []);
    const { index: filled } = save(empty, [3]);
    readRows(folder, filled, (id, read) => assert.equal(read[0], id));
  }),
);

Deno.test(
  "readRows() refuses rows that are missing, cut off or not what was saved",
  inFolder((folder) => {
    const { index } = save(new RowWriter(folder, OPTIONS), [5, 6]);
    const path = join(folder, "rows-000001.bin");
    const bytes = Deno.readFileSync(path);
    const refuses = (message: RegExp, changed = index) =>
      assert.throws(() => readRows(folder, changed, () => {}), (error) => {
        assert.ok(error instanceof FileError);
        assert.match(error.message, message);
        return true;
      });
    Deno.writeFileSync(path, bytes.map((byte, i) => i === 20 ? byte ^ 1 : byte));
    refuses(/^Cannot read rows ".*rows-000001.bin": row 6 does not match its hash$/);
    Deno.writeFileSync(path, bytes.subarray(0, 31));
    refuses(/^Cannot read rows ".*rows-000001.bin": row 6 is cut off$/);
    // Neither memory nor a seek is risked for numbers that the file cannot hold.
    refuses(/row 5 is cut off$/, { ...index, rowLength: 2 ** 28 });
    refuses(/row 5 is cut off$/, { ...index, positions: Uint32Array.of(2 ** 32 - 1, 0) });
    Deno.removeSync(path);
    refuses(/^Cannot read rows ".*": there is no such file or folder$/);
    refuses(/name must be a plain file name, got "..\/x"$/, { ...index, file: "../x" });
  }),
);
