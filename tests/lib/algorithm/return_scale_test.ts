/** The scale between returns and commands by hand. */

import assert from "node:assert/strict";
import type { PartialConfig } from "../../../lib/config/config.ts";
import { createReturnScale } from "../../../lib/algorithm/return_scale.ts";
import { assertClose } from "../../support/close.ts";
import { TINY_ENV_SPEC } from "../../support/tiny_env.ts";
import { tinyConfig } from "../../support/tiny_run.ts";

const EPISODE = { return: 2500, survivalReturn: 800, length: 800, terminated: true };

function scaleOf(changes: PartialConfig) {
  return createReturnScale(tinyConfig(changes).returns, TINY_ENV_SPEC);
}

Deno.test("createReturnScale() maps the range to 0..1 and clips what is below", () => {
  const scale = scaleOf({ returns: { range: [-100, 300] } });
  // (100 - -100) / 400 = 0.5; above the range the scale goes on.
  assertClose(scale.scale(100), 0.5);
  assertClose(scale.scale(500), 1.5);
  assert.equal(scale.scale(-100), 0);
  assert.equal(scale.scale(-1e6), 0);
  assertClose(scale.unscale(0.5), 100);
  assertClose(scale.unscale(scale.scale(123.25)), 123.25);
});

Deno.test("createReturnScale() takes the environment's range by default", () => {
  const { min, max } = scaleOf({});
  assert.deepEqual([min, max], TINY_ENV_SPEC.returnRange);
});

Deno.test("createReturnScale() keeps or removes the survival reward of the stored return", () => {
  assert.equal(scaleOf({}).storedReturn(EPISODE), 2500);
  const removed = scaleOf({ returns: { survivalBonus: "remove" } });
  assert.equal(removed.storedReturn(EPISODE), 1700);
  assert.equal(scaleOf({}).survival(EPISODE), 0);
  // The range of the environment is -10..10.
  assertClose(removed.survival(EPISODE), 40);
});

Deno.test("createReturnScale() rejects an empty range", () => {
  const { returns } = tinyConfig();
  assert.throws(() => createReturnScale(returns, { ...TINY_ENV_SPEC, returnRange: [5, 5] }), {
    name: "RangeError",
    message: "Cannot scale returns: their range must rise, got 5 to 5",
  });
});
