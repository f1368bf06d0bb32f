import assert from "node:assert/strict";
import {
  checkpointFileName,
  decodeManifest,
  decodeRowIndex,
  encodeManifest,
  encodeRowIndex,
  isCheckpointFile,
  sequenceOf,
} from "../../../../lib/run/checkpoint/manifest.ts";
import { FileError } from "../../../../lib/system/errors.ts";
import { hashHex } from "../../../../lib/system/files.ts";

const PART = { file: "000007-weights.safetensors", bytes: 100, sha256: "0".repeat(64) };
const ROWS = {
  index: { ...PART, file: "000007-rows.safetensors" },
  file: "rows-000001.bin",
  fileRows: 5,
  rowLength: 8,
};
const MANIFEST = {
  sequence: 7,
  parts: new Map([["weights", PART]]),
  rows: ROWS,
  meta: { step: 12, list: [1, "a", null] },
};
const x = { name: "x" };

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function sealed(body: string): Uint8Array {
  return encode(`${body}\n${hashHex(encode(body))}\n`);
}

function refuses(run: () => unknown, message: RegExp): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof FileError, String(error));
    assert.match(error.message, message);
    return true;
  });
}

Deno.test("decodeManifest() gives back what encodeManifest() wrote", () => {
  const read = decodeManifest(encode(encodeManifest(MANIFEST)), x);
  assert.equal(encodeManifest(read), encodeManifest(MANIFEST));
  const empty = { ...MANIFEST, rows: null, parts: new Map() };
  assert.equal(
    encodeManifest(decodeManifest(encode(encodeManifest(empty)), x)),
    encodeManifest(empty),
  );
});

Deno.test("decodeManifest() refuses any flipped bit and any cut", () => {
  const bytes = encode(encodeManifest(MANIFEST));
  const message =
    /^Cannot read checkpoint "x": manifest must match its hash: it is damaged or cut off$/;
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = bytes.slice();
    damaged[bit >> 3] ^= 1 << (bit & 7);
    refuses(() => decodeManifest(damaged, x), message);
  }
  for (let cut = 0; cut < bytes.length; cut++) {
    refuses(() => decodeManifest(bytes.subarray(0, cut), x), message);
  }
});

Deno.test("decodeManifest() refuses what is sealed and still not a manifest", () => {
  const body = JSON.parse(encodeManifest(MANIFEST).split("\n")[0]);
  const cases: [object, RegExp][] = [
    [{ format: "letter" }, /: file must be a manifest$/],
    [
      { version: 1 },
      /: format version must be 2, got 1: go on with the version of this program that wrote it, or start a new run$/,
    ],
    [{ sequence: -1 }, /: sequence must be a whole number$/],
    [{ parts: {} }, /: parts must be a list$/],
    [{ parts: [1] }, /: every part must have a name of its own$/],
    [{ parts: [{ name: "a", ...PART }, { name: "a", ...PART }] }, /must have a name of its own$/],
    [{ parts: [{ name: "a", ...PART, file: "../a" }] }, /the name of a file, got "\.\.\/a"$/],
    [{ parts: [{ name: "a", ...PART, file: "/etc/passwd" }] }, /got "\/etc\/passwd"$/],
    [{ parts: [{ name: "a", ...PART, bytes: 1.5 }] }, /: every part must have a length of at most/],
    [{ parts: [{ name: "a", ...PART, bytes: 2 ** 31 }] }, /a length of at most 268435456 bytes$/],
    [{ parts: [{ name: "a", ...PART, sha256: "0" }] }, /: every part must have a hash$/],
    [{ rows: 1 }, /: rows must be an object or null$/],
    [{ rows: { ...ROWS, rowLength: 2 ** 30 } }, /: rowLength must be from 1 to 8388608$/],
    [{ rows: { ...ROWS, fileRows: 0.5 } }, /: fileRows must be a whole number$/],
    [
      { rows: { ...ROWS, file: "../rows-000001.bin" } },
      /: rows must have the name of a row file, got "\.\.\/rows-000001\.bin"$/,
    ],
    [{ rows: { ...ROWS, index: 1 } }, /: every part must be an object$/],
    [{ meta: [] }, /: meta must be an object$/],
  ];
  for (const [change, message] of cases) {
    refuses(() => decodeManifest(sealed(JSON.stringify({ ...body, ...change })), x), message);
  }
  refuses(() => decodeManifest(sealed("[".repeat(100)), x), /nesting must be at most 24 deep/);
});

Deno.test("decodeRowIndex() refuses an index that points at what is not there", () => {
  const index = {
    file: ROWS.file,
    fileRows: ROWS.fileRows,
    rowLength: 8,
    ids: Float64Array.of(1, 2),
    positions: Uint32Array.of(0, 1),
    hashes: new Uint8Array(32),
  };
  const decode = (change: object) =>
    decodeRowIndex({ tensors: encodeRowIndex({ ...index, ...change }), metadata: {} }, {
      ...x,
      rows: ROWS,
    });
  assert.deepEqual(decode({}), index);
  const message = /^Cannot read checkpoint "x": row [01] of the index must have an id of its own/;
  refuses(() => decode({ positions: Uint32Array.of(0, 5) }), message);
  refuses(() => decode({ ids: Float64Array.of(1, 1) }), message);
  refuses(() => decode({ ids: Float64Array.of(1, NaN) }), message);
  refuses(() => decode({ ids: Float64Array.of(-1, 2) }), message);
  const tensors = encodeRowIndex(index);
  tensors.set("positions", { dtype: "U32", shape: [1], data: Uint32Array.of(0) });
  refuses(
    () => decodeRowIndex({ tensors, metadata: {} }, { ...x, rows: ROWS }),
    /tensor "positions" must have shape \[2\], got \[1\]$/,
  );
});

Deno.test("isCheckpointFile() knows the names that checkpoints make, and no other", () => {
  assert.equal(checkpointFileName(7, "manifest"), "000007-manifest.json");
  assert.equal(checkpointFileName(1234567, "weights"), "1234567-weights.safetensors");
  assert.equal(sequenceOf("1234567-manifest.json"), 1234567);
  assert.equal(sequenceOf("000007-weights.safetensors"), undefined);
  for (const name of ["000007-manifest.json", "000007-a_1.safetensors", "rows-000001.bin"]) {
    assert.ok(isCheckpointFile(name), name);
  }
  for (
    const name of ["notes.txt", "7-manifest.json", "weights.safetensors", "rows-1.bin", ".lock"]
  ) {
    assert.ok(!isCheckpointFile(name), name);
  }
});
