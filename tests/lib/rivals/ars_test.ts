import assert from "node:assert/strict";
import { arsSizes, arsStep } from "../../../lib/rivals/ars.ts";
import { registry } from "../../../envs/registry.ts";
import { follow, tinyRun } from "../../support/tiny_run.ts";

Deno.test("arsStep() follows the best directions by the deviation of their returns", () => {
  const tried = [
    { delta: Float64Array.of(1, 0), plus: 4, minus: 2 },
    { delta: Float64Array.of(0, 1), plus: 0, minus: 8 },
    { delta: Float64Array.of(9, 9), plus: 3, minus: 3 }, // the greater return is the least: left out
  ];
  const sizes = { directions: 3, followed: 2, stepSize: 1, noise: 1 };
  // The deviation of 4, 2, 0, 8 about 3.5: sqrt((0.25 + 2.25 + 12.25 + 20.25) / 4) = sqrt(8.75).
  const factor = 1 / (2 * Math.sqrt(8.75));
  const step = arsStep(tried, sizes);
  assert.ok(Math.abs(step[0] - 2 * factor) < 1e-12);
  assert.ok(Math.abs(step[1] + 8 * factor) < 1e-12);
});

Deno.test("arsStep() stays where all returns are equal", () => {
  const tried = [{ delta: Float64Array.of(1, 2), plus: 5, minus: 5 }];
  const sizes = { directions: 1, followed: 1, stepSize: 1, noise: 1 };
  assert.deepEqual([...arsStep(tried, sizes)], [0, 0]);
});

Deno.test("arsSizes() has the paper's sizes for any version of an environment", () => {
  assert.deepEqual(arsSizes("Hopper-v4"), arsSizes("Hopper-v5"));
  assert.equal(arsSizes("Hopper-v5").followed, 4);
  assert.equal(arsSizes("toString-v1").directions, 8);
});

Deno.test("ars learns to balance a pole, and its biases stay 0", async () => {
  const env = await registry.make("CartPole-v1");
  const changes = {
    steps: 8000,
    policy: { hiddenSizes: [] },
    reports: { evaluations: 0, sweeps: 0 },
  };
  const run = tinyRun({ algorithm: "ars", ...changes }, env);
  try {
    const { outcome } = await follow(run);
    const biases = [...run.tools.learner.state.weights].slice(8);
    assert.deepEqual(biases, [0, 0]);
    // Policies of zeros fall within ten steps.
    assert.ok(outcome!.finalReturn.mean > 100, `${outcome!.finalReturn.mean}`);
  } finally {
    await run.tools.learner.close();
  }
});
