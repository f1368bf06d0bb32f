/** How commands are encoded. */

import assert from "node:assert/strict";
import type { Config } from "../../lib/config/config.ts";
import { commandEncoder } from "../../models/command_encoding.ts";
import { assertAllClose, assertClose } from "../support/close.ts";
import { tinyConfig } from "../support/tiny_run.ts";

function encode(command: number, changes: Partial<Config["generator"]>): Float32Array {
  const encoder = commandEncoder({ ...tinyConfig().generator, ...changes });
  const out = new Float32Array(encoder.size).fill(NaN);
  encoder.encode(command, out);
  return out;
}

Deno.test('commandEncoder() with "scalar" passes the command on', () => {
  assert.deepEqual([...encode(0.25, { commandEncoding: "scalar" })], [0.25]);
});

const FOURIER = { commandEncoding: "fourier" } as const;

/** The first two of eight pairs of cos and sin. */
function encodeTwo(command: number): Float32Array {
  const code = encode(command, FOURIER);
  assert.equal(code.length, 16);
  return code.subarray(0, 4);
}

Deno.test('commandEncoder() with "fourier" gives cos and sin of rising frequencies', () => {
  // Command 1: angles pi / 2 and pi, scaled by 1 / sqrt(8).
  const scale = 1 / Math.sqrt(8);
  assertAllClose(encodeTwo(1), [0, scale, -scale, 0], { tolerance: 1e-7 });
  assertAllClose(encodeTwo(0), [scale, 0, scale, 0], { tolerance: 1e-7 });
  // Command 1/3: angles pi / 6 and pi / 3.
  const [half, root] = [0.5 * scale, Math.sqrt(0.75) * scale];
  assertAllClose(encodeTwo(1 / 3), [root, half, half, root], { tolerance: 1e-7 });
});

Deno.test('commandEncoder() with "fourier" has norm 1 and tells all commands of the range apart', () => {
  const codes = Array.from(
    { length: 101 },
    (_, i) => encode(i / 100, FOURIER),
  );
  for (const code of codes) assertClose(code.reduce((sum, x) => sum + x * x, 0), 1, 1e-6);
  codes.forEach((code, i) =>
    codes.slice(i + 1).forEach((other) => {
      const distance = Math.hypot(...code.map((x, k) => x - other[k]));
      assert.ok(distance > 0.05, `${distance}`);
    })
  );
});
