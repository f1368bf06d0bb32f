/** The benchmark's guard: it must reject what became slower. */

import assert from "node:assert/strict";
import { compareRatios, ratiosOf } from "./ratios.ts";

Deno.test("compareRatios() accepts up to 1.5 times the recorded ratio and rejects more", () => {
  const recorded = { update: 2, step: 1 };
  const verdicts = (update: number, step: number) =>
    compareRatios({ update, step }, recorded).map(({ verdict }) => verdict);
  assert.deepEqual(verdicts(3, 0.1), ["fine", "fine"]);
  assert.deepEqual(verdicts(3.01, 1), ["worse", "fine"]);
  assert.deepEqual(verdicts(NaN, 1), ["worse", "fine"]);
});

Deno.test("compareRatios() rejects figures that were not measured or not recorded", () => {
  const findings = compareRatios({ b: 1 }, { a: 1 });
  assert.deepEqual(findings.map(({ name, verdict }) => [name, verdict]), [
    ["a", "missing"],
    ["b", "new"],
  ]);
});

Deno.test("ratiosOf() gathers every row that has a floor", () => {
  const report = { updates: [{ name: "u", ratio: 2 }], steps: [{ name: "s" }] };
  assert.deepEqual(ratiosOf(report), { u: 2 });
});
