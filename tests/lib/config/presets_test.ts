/** The presets: the reference's table, and that every environment can use each of them. */

import assert from "node:assert/strict";
import { registry } from "../../../envs/registry.ts";
import { type Config, flattenConfig, resolveConfig } from "../../../lib/config/config.ts";
import type { Env } from "../../../lib/env.ts";
import { presetLayers, PRESETS } from "../../../lib/config/presets.ts";
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
    assert.deepEqual(config.returns, { range: "fixed", min, max, survivalBonus }, env);
  }
});

Deno.test('presetLayers() gives "paper" the reference\'s networks, updates and buffer', () => {
  const config = configOf("paper", "Hopper-v5");
  const { policy, generator, update, rollout, buffer, warmup, command, normaliser } = config;
  assert.deepEqual(policy.hiddenSizes, [256, 256]);
  assert.deepEqual(
    [generator.kind, generator.tileSize, generator.embeddingSize, generator.hiddenSizes],
    ["tiled", 32, 32, [512, 512]],
  );
  assert.deepEqual(
    [generator.initialisation, generator.commandEncoding, generator.outputScale],
    ["reference", "scalar", 0],
  );
  assert.deepEqual(
    [update.learningRate, update.finalLearningRate, update.batchSize, update.perCycle],
    [2e-6, 2e-6, 24, 8],
  );
  assert.deepEqual([update.beta1, update.beta2, update.epsilon, update.warmupUpdates], [
    0.9,
    0.999,
    1e-8,
    0,
  ]);
  assert.deepEqual(
    [rollout.perCycle, rollout.noise, rollout.noiseScale, rollout.noiseProbability],
    [1, "fixed", 0.1, 1],
  );
  assert.deepEqual([rollout.noiseSpread, rollout.finalNoiseShare, rollout.refreshEvery], [0, 1, 0]);
  assert.deepEqual([rollout.successShare, command.credit], [0, 0]);
  assert.deepEqual(
    [buffer.kind, buffer.bucketCount, buffer.bucketCapacity, buffer.whenFull, buffer.capacity],
    ["bucket", 800, 1, "drop", 10_000],
  );
  assert.deepEqual([buffer.weighting, buffer.weightingScale], ["exponential", 0.3]);
  assert.deepEqual([warmup.episodes, warmup.source, warmup.noise, warmup.budgetShare], [
    10,
    "generator",
    0,
    0,
  ]);
  assert.deepEqual([command.margin, normaliser.kind], [0, "running"]);
  assert.deepEqual([config.consolidation.updates, config.selection.budgetShare], [0, 0]);
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
