import assert from "node:assert/strict";
import { goldenBetween } from "../../../lib/numbers/golden.ts";

Deno.test("goldenBetween() never leaves a gap of three times the even one", () => {
  const range = { min: -2, max: 5 };
  for (let count = 1; count <= 70; count++) {
    const taken = Array.from({ length: count }, (_, i) => goldenBetween(i, range));
    const sorted = [range.min, ...taken.sort((a, b) => a - b), range.max];
    assert.ok(taken.every((value) => value >= range.min && value <= range.max));
    const gaps = sorted.slice(1).map((value, i) => value - sorted[i]);
    assert.ok(Math.max(...gaps) < 3 * 7 / (count + 1), `${count}: ${Math.max(...gaps)}`);
  }
});
