/** The nearest name, worked by hand. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { nearest } from "../../../lib/system/nearest.ts";

Deno.test("nearest() finds one edit, a swap and another case", () => {
  const names = ["train", "generate", "evaluate"];
  assert.equal(nearest("trian", names), "train"); // one swap
  assert.equal(nearest("generat", names), "generate"); // one insertion
  assert.equal(nearest("EVALUATE", names), "evaluate");
});

Deno.test("nearest() prefers the first of equals", () => {
  assert.equal(nearest("CartPole-v9", ["CartPole-v0", "CartPole-v1"]), "CartPole-v0");
});

Deno.test("nearest() gives up on what resembles nothing, and on very long names", () => {
  assert.equal(nearest("qqqqqq", ["train"]), undefined);
  assert.equal(nearest("t".repeat(100_000), ["train"]), undefined);
  assert.equal(nearest("train", []), undefined);
});

Deno.test("nearest() returns a name that is itself a candidate", () => {
  fc.assert(fc.property(
    fc.array(fc.string({ minLength: 1, maxLength: 20 }), { minLength: 1 }),
    (names) => nearest(names[0], names)?.toLowerCase() === names[0].toLowerCase(),
  ));
});
