import { inflateSync } from "node:zlib";
import { crc32 } from "node:zlib";
import assert from "node:assert/strict";

/** What a PNG file of ours holds. */
export interface PngFile {
  readonly width: number;
  readonly height: number;
  /** The texts by keyword. */
  readonly words: ReadonlyMap<string, string>;
  /** Gives a pixel's red, green and blue. */
  at(x: number, y: number): number[];
}

/** Reads a PNG file of true colours whose rows have the filters 0 or 2; every checksum must match. */
export function readPng(bytes: Uint8Array): PngFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  assert.deepEqual([...bytes.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
  const words = new Map<string, string>();
  let [width, height] = [0, 0];
  let rows = new Uint8Array();
  for (let at = 8; at < bytes.length;) {
    const length = view.getUint32(at);
    const type = new TextDecoder().decode(bytes.subarray(at + 4, at + 8));
    const data = bytes.subarray(at + 8, at + 8 + length);
    assert.equal(view.getUint32(at + 8 + length), crc32(bytes.subarray(at + 4, at + 8 + length)));
    if (type === "IHDR") {
      [width, height] = [view.getUint32(at + 8), view.getUint32(at + 12)];
      assert.deepEqual([...data.subarray(8)], [8, 2, 0, 0, 0]);
    } else if (type === "IDAT") rows = Uint8Array.from(inflateSync(data));
    else if (type === "iTXt") {
      const [keyword, ...rest] = new TextDecoder().decode(data).split("\0");
      words.set(keyword, rest.at(-1)!);
    } else assert.equal(type, "IEND");
    at += 12 + length;
  }
  const stride = 3 * width + 1;
  assert.equal(rows.length, height * stride);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * stride];
    assert.ok(filter === 0 || filter === 2);
    if (filter === 0 || y === 0) continue;
    for (let i = 1; i < stride; i++) rows[y * stride + i] += rows[(y - 1) * stride + i];
  }
  return {
    width,
    height,
    words,
    at: (x, y) => [...rows.subarray(y * stride + 1 + 3 * x, y * stride + 4 + 3 * x)],
  };
}
