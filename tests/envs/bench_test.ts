/** That the environment benchmark measures what it says. */

import assert from "node:assert/strict";
import { benchEnvironments } from "../bench/env_bench.ts";

Deno.test("benchEnvironments() counts steps per second", async () => {
  const ids = ["CartPole-v1", "Swimmer-v5"];
  const rows = await benchEnvironments({ seconds: 0.05, ids });
  assert.deepEqual(rows.map((row) => row.environment), ids);
  for (const { stepsPerSecond, microsecondsPerStep, steps } of rows) {
    assert.ok(steps > 0);
    assert.ok(Math.abs(stepsPerSecond * microsecondsPerStep / 1e6 - 1) < 0.05);
  }
  assert.ok(rows[0].stepsPerSecond > rows[1].stepsPerSecond);
});
