/** The scale between returns and commands by hand. */

import assert from "node:assert/strict";
import type { PartialConfig } from "../../../lib/config/config.ts";
import { createReturnScale } from "../../../lib/algorithm/return_scale.ts";
import { assertClose } from "../../support/close.ts";
import { TINY_ENV_SPEC } from "../../support/tiny_env.ts";
import { ADAPTED, tinyConfig } from "../../support/tiny_run.ts";

/** Scales an episode of a return, of which some was paid for being alive. */
function scaled(changes: PartialConfig, value: number, survivalReturn = 0): number {
  const scale = createReturnScale(tinyConfig(changes), TINY_ENV_SPEC);
  return scale.scale({ return: value, survivalReturn });
}

Deno.test("createReturnScale() maps the range to 0..1 and clips what is below", () => {
  const changes: PartialConfig = { returns: { range: [-100, 300] } };
  // (100 - -100) / 400 = 0.5; above the range the scale goes on.
  assertClose(scaled(changes, 100), 0.5);
  assertClose(scaled(changes, 500), 1.5);
  assert.equal(scaled(changes, -100), 0);
  assert.equal(scaled(changes, -1e6), 0);
  assert.deepEqual(createReturnScale(tinyConfig(changes), TINY_ENV_SPEC).range, [-100, 300]);
});

Deno.test("createReturnScale() takes the environment's range by default", () => {
  const { range } = createReturnScale(tinyConfig(), TINY_ENV_SPEC);
  assert.deepEqual(range, TINY_ENV_SPEC.returnRange);
});

Deno.test("createReturnScale() keeps or removes the survival reward of the stored return", () => {
  // The range of the environment is -10..10: (2500 + 10) / 20, and (1700 + 10) / 20.
  assertClose(scaled({}, 2500, 800), 125.5);
  assertClose(scaled({ returns: { survivalBonus: "remove" } }, 2500, 800), 85.5);
});

Deno.test("createReturnScale() stores returns as they are and knows no range where noise adapts", () => {
  for (const value of [-1e9, 0, 1e-7, 2500]) assert.equal(scaled(ADAPTED, value, 800), value);
  // Nor does it ask for one.
  const { range } = createReturnScale(tinyConfig(ADAPTED), {
    ...TINY_ENV_SPEC,
    returnRange: [5, 5],
  });
  assert.equal(range, undefined);
});

Deno.test("createReturnScale() rejects an empty range", () => {
  assert.throws(() => createReturnScale(tinyConfig(), { ...TINY_ENV_SPEC, returnRange: [5, 5] }), {
    name: "RangeError",
    message: "Cannot scale returns: their range must rise, got 5 to 5",
  });
});
