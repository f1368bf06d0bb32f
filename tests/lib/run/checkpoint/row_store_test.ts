import assert from "node:assert/strict";
import { join } from "node:path";
import { FileError } from "../../../../lib/system/errors.ts";
import { readRows } from "../../../../lib/run/checkpoint/row_index.ts";
import { RowStore } from "../../../../lib/run/checkpoint/row_store.ts";
import { makeFastFolder } from "../../../support/fast_folder.ts";

/** Rows of 4 float32, 16 bytes; ten of them fill a segment. */
const ROW_LENGTH = 4;
const OPTIONS = { segmentBytes: 160 };

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

Deno.test(
  "RowStore.append() writes new rows only, and fills one segment after the other",
  inFolder((folder) => {
    const store = new RowStore(folder, OPTIONS);
    const first = store.append(rowsOf(range(0, 12)));
    store.commit();
    assert.equal(first.bytesWritten, 12 * 16);
    assert.deepEqual(first.index.segments, ["rows-000001.bin", "rows-000002.bin"]);
    assert.deepEqual([...first.index.positions], [...range(0, 10), 0, 1]);
    const second = store.append(rowsOf(range(1, 13)));
    store.commit();
    assert.equal(second.bytesWritten, 16);
    assert.equal(Deno.statSync(join(folder, "rows-000002.bin")).size, 3 * 16);
    const seen: number[] = [];
    readRows(folder, second.index, (id, row) => {
      seen.push(id);
      assert.deepEqual(row, new Float32Array(ROW_LENGTH).fill(id));
    });
    assert.deepEqual(seen, range(1, 13));
    store.close();
  }),
);

Deno.test(
  "RowStore.append() empties a segment once over half of it is dead, and not before",
  inFolder((folder) => {
    const store = new RowStore(folder, OPTIONS);
    const save = (ids: readonly number[]) => {
      const { bytesWritten, index } = store.append(rowsOf(ids));
      store.commit();
      return { bytesWritten, segments: index.segments };
    };
    save(range(0, 12));
    // 5 of 10 rows of the first segment are alive: exactly half.
    assert.deepEqual(save(range(5, 12)).bytesWritten, 0);
    // 4 of 10: they are written again, and the first segment is no longer mentioned.
    assert.deepEqual(save(range(6, 12)), { bytesWritten: 4 * 16, segments: ["rows-000002.bin"] });
    store.close();
  }),
);

Deno.test(
  "RowStore.append() rewrites at most one segment's length in one save",
  inFolder((folder) => {
    const store = new RowStore(folder, OPTIONS);
    store.append(rowsOf(range(0, 100)));
    store.commit();
    // Every third row lives: all ten segments are over half dead at once, with 34 rows, 544 bytes.
    const ids = range(0, 100).filter((id) => id % 3 === 0);
    let rewritten = 0;
    for (let save = 0; save < 6; save++) {
      const { bytesWritten } = store.append(rowsOf(ids));
      store.commit();
      assert.ok(bytesWritten <= 160, String(bytesWritten));
      rewritten += bytesWritten;
    }
    assert.ok(rewritten >= 400, String(rewritten));
    store.close();
  }),
);

Deno.test(
  "RowStore never appends to a segment of another process or of a failed save",
  inFolder((folder) => {
    const first = new RowStore(folder, OPTIONS);
    const { index } = first.append(rowsOf([1, 2]));
    first.commit();
    first.close();
    const second = new RowStore(folder, OPTIONS);
    second.adopt(index);
    assert.deepEqual(second.append(rowsOf([1, 2, 3])).index.segments, [
      "rows-000001.bin",
      "rows-000002.bin",
    ]);
    second.abort();
    const again = second.append(rowsOf([1, 2, 3]));
    assert.equal(again.bytesWritten, 16);
    assert.deepEqual(again.index.segments, ["rows-000001.bin", "rows-000003.bin"]);
    second.close();
    assert.equal(Deno.statSync(join(folder, "rows-000001.bin")).size, 32);
  }),
);

Deno.test(
  "RowStore starts anew when rows get another length",
  inFolder((folder) => {
    const store = new RowStore(folder, OPTIONS);
    store.append(rowsOf([1, 2]));
    store.commit();
    const row = Float32Array.of(7, 8);
    const { index } = store.append({ rowLength: 2, rows: [[1, row]] });
    store.commit();
    readRows(folder, index, (id, read) => assert.deepEqual([id, read], [1, row]));
    store.close();
  }),
);

Deno.test(
  "readRows() refuses rows that are missing, cut off or not what was saved",
  inFolder((folder) => {
    const store = new RowStore(folder, OPTIONS);
    const { index } = store.append(rowsOf([5, 6]));
    store.close();
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
    refuses(/name must be a plain file name, got "..\/x"$/, { ...index, segments: ["../x"] });
  }),
);
