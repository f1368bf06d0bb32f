import assert from "node:assert/strict";
import type { Calibration } from "../../../lib/generator/calibration.ts";
import { resolveDistance, resolveReturn, spreadReturns } from "../../../lib/generator/wanted.ts";

/** Returns from -20 to 80; the command that was chosen as the best earns 70. */
const CALIBRATION: Calibration = {
  points: [[0, -20], [0.5, 80], [1, 70]].map(([command, mean]) => ({
    command,
    mean,
    std: 1,
    n: 5,
  })),
  bestCommand: 1,
  bestReturn: 70,
};

Deno.test("resolveReturn() takes numbers as they are and shares of the reachable range", () => {
  assert.equal(resolveReturn({ kind: "return", value: 500 }, CALIBRATION), 500);
  assert.equal(resolveReturn({ kind: "best" }, CALIBRATION), 70);
  // -20 + 0.25 * 100
  assert.equal(resolveReturn({ kind: "share", share: 0.25 }, CALIBRATION), 5);
});

Deno.test("resolveDistance() takes shares of the width of the range", () => {
  assert.equal(resolveDistance({ kind: "share", share: 0.05 }, CALIBRATION), 5);
  assert.equal(resolveDistance({ kind: "return", value: 3 }, CALIBRATION), 3);
});

Deno.test("spreadReturns() includes both ends, and never leaves the range by rounding", () => {
  assert.deepEqual(spreadReturns(3, CALIBRATION), [-20, 30, 80]);
  assert.deepEqual(spreadReturns(1, CALIBRATION), [70]);
  const odd = { ...CALIBRATION, points: [{ command: 0, mean: 1 / 3, std: 0, n: 5 }] };
  assert.deepEqual(spreadReturns(2, { ...odd, bestReturn: 200 / 3 }), [1 / 3, 200 / 3]);
});
