/** Messages of rows and text: whole again from any pieces, and refused beyond what was asked. */

import assert from "node:assert/strict";
import { FrameReader, writeFrame } from "../../../../lib/episodes/process/frames.ts";

const LIMITS = { columns: 3, mostRows: 2, mostText: 20 };
const NUMBERS = Float64Array.of(1, -0.5, NaN, 2 ** 53 - 1, Infinity, 1e-300);

Deno.test("FrameReader puts messages together from any pieces", () => {
  const bytes = new Uint8Array([
    ...writeFrame({ numbers: NUMBERS, rows: 2, text: "größer" }),
    ...writeFrame({ numbers: new Float64Array(0), rows: 0, text: "x" }),
    ...writeFrame({ numbers: NUMBERS.subarray(3), rows: 1 }),
  ]);
  // 8 + 6 * 8 + 8 bytes of "größer", then 8 + 1, then 8 + 3 * 8
  assert.equal(bytes.length, 64 + 9 + 32);
  for (const size of [1, 3, 8, 64, 70, bytes.length]) {
    const reader = new FrameReader();
    const frames = [];
    const lent = new Uint8Array(size); // the same memory for every piece, as a child's output comes
    for (let at = 0; at < bytes.length; at += size) {
      const piece = bytes.subarray(at, at + size);
      lent.set(piece);
      frames.push(...reader.take(lent.subarray(0, piece.length), LIMITS));
    }
    assert.deepEqual(frames, [
      { numbers: NUMBERS, text: "größer" },
      { numbers: new Float64Array(0), text: "x" },
      { numbers: NUMBERS.slice(3), text: "" },
    ]);
  }
});

Deno.test("FrameReader refuses what is no message, and more than was asked for", () => {
  for (
    const bytes of [
      new TextEncoder().encode("Hello, I am a banner"),
      writeFrame({ numbers: new Float64Array(9), rows: 3 }),
      writeFrame({ numbers: new Float64Array(0), rows: 0, text: "x".repeat(21) }),
    ]
  ) {
    assert.throws(() => new FrameReader().take(bytes, LIMITS), {
      name: "ProtocolError",
      message: /^the child must speak only when asked, and in messages of the adapter, got /,
    });
  }
});
