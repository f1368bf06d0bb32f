/** The presets: the reference's table, and that every environment can use each of them. */

import assert from "node:assert/strict";
import { registry } from "../../../envs/registry.ts";
import { type Config, flattenConfig, resolveConfig } from "../../../lib/config/config.ts";
import type { Env } from "../../../lib/env.ts";
import { presetLayers, PRESETS } from "../../../lib/config/presets.ts";
import { ADAM } from "../../../lib/autodiff/adam.ts";
import { REFERENCE_SIZE } from "../../../lib/algorithm/buffer.ts";
import { createRun } from "../../../lib/algorithm/run.ts";
import { models } from "../../../models/models.ts";

function configOf(preset: string, env: string): Config {
  return resolveConfig([
    ...presetLayers(preset, env),
    { source: "test", values: flattenConfig({ env }) },
  ]).config;
}

Deno.test('presetLayers() gives "paper" the budgets and ranges of the reference\'s table', () => {
  const table: [env: string, steps: number, min: number, max: number, bonus: string][] = [
    ["CartPole-v1", 100_000, 0, 500, "keep"],
    ["InvertedPendulum-v4", 100_000, 0, 1000, "keep"],
    ["Swimmer-v4", 3_000_000, -100, 365, "keep"],
    ["Hopper-v4", 3_000_000, -100, 2000, "remove"],
    ["HalfCheetah-v4", 3_000_000, -100, 4000, "keep"],
  ];
  for (const [env, steps, min, max, survivalBonus] of table) {
    const config = configOf("paper", env);
    assert.equal(config.steps, steps, env);
    assert.deepEqual(config.returns, { range: [min, max], survivalBonus }, env);
  }
});

Deno.test('presetLayers() gives "paper" the reference\'s networks, updates and buffer', () => {
  const config = configOf("paper", "Hopper-v5");
  const { policy, generator, update, rollout, buffer } = config;
  assert.deepEqual(policy, { hiddenSizes: [256, 256], activation: "tanh", skip: "none" });
  assert.deepEqual(generator, {
    kind: "tiled",
    tileSize: 32,
    hiddenSizes: [512, 512],
    commandEncoding: "scalar",
  });
  assert.deepEqual(
    [update.learningRate, update.batchSize, update.perCycle],
    [2e-6, 24, 8],
  );
  assert.deepEqual(rollout, { noise: "fixed", noiseScale: 0.1 });
  assert.deepEqual(
    [buffer.kind, buffer.bucketCapacity, buffer.whenFull, buffer.weightingScale],
    ["bucket", 2, "drop", 0.3],
  );
  assert.deepEqual(REFERENCE_SIZE, { bucketCount: 800, capacity: 10_000 });
  assert.deepEqual(ADAM, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 });
  // Every hundredth and every tenth of the budget.
  assert.deepEqual(config.reports, { evaluations: 100, sweeps: 10 });
});

Deno.test('"default" knows nothing of an environment but how many steps are enough', () => {
  const { base, environments } = PRESETS.default;
  assert.deepEqual(base, { steps: 300_000, policy: { skip: "linear" } });
  for (const [name, changes] of Object.entries(environments)) {
    assert.deepEqual(Object.keys(changes), ["steps"], name);
    assert.ok(registry.ids.some((id) => id.startsWith(`${name}-v`)), name);
  }
  const { steps: _, env: __, ...common } = configOf("default", "CartPole-v1");
  for (const id of registry.ids) {
    const { steps, env, ...rest } = configOf("default", id);
    assert.ok(steps > 0 && env === id);
    assert.deepEqual(rest, common, id);
  }
});

for (const preset of Object.keys(PRESETS)) {
  Deno.test(`createRun() accepts the preset "${preset}" in every environment`, () => {
    for (const id of registry.ids) {
      // Creating a run reads the description alone.
      const env = { spec: registry.spec(id) } as Env;
      const config = configOf(preset, id);
      // The reference's generator is the same in all; a narrow one creates faster.
      const small = { ...config, generator: { ...config.generator, hiddenSizes: [8] } };
      const run = createRun(small, { env, models, session: {} });
      assert.ok(run.task.shape.parameterCount > 0, id);
    }
  });
}

Deno.test("presetLayers() ignores the version of an environment and names the nearest preset", () => {
  assert.deepEqual(configOf("paper", "Hopper-v4").returns, configOf("paper", "Hopper-v5").returns);
  assert.throws(() => presetLayers("papr", "Hopper-v5"), {
    name: "RangeError",
    message: 'Cannot use preset "papr": unknown name: did you mean "paper"?',
  });
  assert.throws(() => presetLayers("toString", "Hopper-v5"), RangeError);
});
