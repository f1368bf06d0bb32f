import assert from "node:assert/strict";
import { assertAllClose, assertClose } from "./close.ts";

Deno.test("assertAllClose() accepts what is within the tolerance and rejects the rest", () => {
  assertAllClose([1, 2 + 1e-4], [1, 2], { tolerance: 1e-3 });
  assertAllClose([Infinity], [Infinity]);
  assert.throws(
    () => assertAllClose([1, 2.002], [1, 2], { tolerance: 1e-3, name: "x" }),
    /^AssertionError.*: x\[1\] must be 2 within 0.001, got 2.002$/,
  );
  for (const [actual, expected] of [[[NaN], [NaN]], [[1], [1, 2]], [[Infinity], [1]]]) {
    assert.throws(() => assertAllClose(actual, expected), assert.AssertionError);
  }
  assert.throws(() => assertClose(1, 1.1), assert.AssertionError);
});
