/** The start of a run against what is known of the reference configuration, and by hand. */

import assert from "node:assert/strict";
import { registry } from "../../../envs/registry.ts";
import { flattenConfig, type PartialConfig, resolveConfig } from "../../../lib/config/config.ts";
import { type BufferOptions, REFERENCE_SIZE } from "../../../lib/algorithm/buffer.ts";
import { batchDiagnostics, startDiagnostics } from "../../../lib/algorithm/diagnostics.ts";
import type { Env } from "../../../lib/env.ts";
import { presetLayers } from "../../../lib/config/presets.ts";
import { createRun } from "../../../lib/algorithm/run.ts";
import { models } from "../../../models/models.ts";
import { assertClose } from "../../support/close.ts";
import { ADAPTED, tinyConfig, tinyRun } from "../../support/tiny_run.ts";

Deno.test("startDiagnostics() shows what is known of the reference configuration's start", async () => {
  const env = "InvertedPendulum-v5";
  const { config } = resolveConfig([
    ...presetLayers("paper", env),
    { source: "test", values: flattenConfig({ env }) },
  ]);
  // No episode is run, so that the description is all that is used of the environment.
  const unused = { spec: registry.spec(env) } as Env;
  const run = createRun(config, { env: unused, models, session: { threads: 1 } });
  const start = await startDiagnostics(run);
  await run.tools.learner.close();
  assert.equal(start.generatorWeights, 2_323_681);
  assert.equal(start.policyParameters, 67_329);
  // Generated weights have a deviation of about 0.10 in every layer, the noise is 0.10, and the
  // command moves a weight by about 0.016 over its range. Measured here: 0.102 and 0.016.
  assertClose(start.deviation, 0.1, 0.01);
  assertClose(start.movement, 0.016, 0.002);
  assert.deepEqual(start.layers.map(({ fanIn, fanOut }) => [fanIn, fanOut]), [
    [4, 256],
    [256, 256],
    [256, 1],
  ]);
  for (const layer of start.layers) {
    assertClose(layer.deviation, 0.1, 0.025);
    assertClose(layer.noiseToSignal, 1, 0.25);
    assertClose(layer.movement, 0.016, 0.004);
    assertClose(layer.noise, 0.1, 1e-7);
  }
  // A normal initialisation of the hidden layer is three times smaller: 1 / sqrt(3 * 256).
  assertClose(start.layers[1].normalDeviation, 0.0361, 1e-4);
  assertClose(start.batch!.bestShare, 0.259, 0.001);
  assertClose(start.batch!.bestTenShare, 0.95, 0.001);
  // Of 24 draws, with two policies in a bucket of share p: the sum over buckets of 2 - 2 (1 - p / 2)^24, where the
  // shares fall by 0.05^(1/10) from bucket to bucket: 12.58.
  assertClose(start.batch!.distinctPolicies, 12.58, 0.01);
});

async function diagnose(changes: PartialConfig) {
  const run = tinyRun({
    policy: { hiddenSizes: [32, 32] },
    generator: { tileSize: 16 },
    ...changes,
  });
  const start = await startDiagnostics(run);
  await run.tools.learner.close();
  return start;
}

Deno.test("startDiagnostics() compares the noise with each layer's weights", async () => {
  const { layers } = await diagnose({ rollout: { noiseScale: 0.2 } });
  assert.equal(layers.length, 3);
  for (const { noise, noiseToSignal, deviation } of layers) {
    assertClose(noise, 0.2);
    assertClose(noiseToSignal, 0.2 / deviation);
  }
});

Deno.test("startDiagnostics() shows adapted noise in units of each layer, around policies that do nothing", async () => {
  const run = tinyRun({ ...ADAPTED, policy: { hiddenSizes: [] } });
  const { layers: [layer], deviation, movement, batch } = await startDiagnostics(run);
  await run.tools.learner.close();
  // One input and the bias: 0.35 / sqrt(2).
  assertClose(layer.noise, 0.35 * Math.SQRT1_2, 1e-7);
  assert.deepEqual([deviation, movement, layer.noiseToSignal], [0, 0, Infinity]);
  assert.equal(batch, undefined, "nothing is drawn by rank");
});

Deno.test("startDiagnostics() has a size for what the last layer sees of the hidden units and one for the observation", async () => {
  const run = tinyRun({ ...ADAPTED, policy: { hiddenSizes: [4], skip: "linear" } });
  const { layers: [, last] } = await startDiagnostics(run);
  await run.tools.learner.close();
  // Four hidden units, 0.35 / sqrt(5) each, and one input, 0.35 / sqrt(2).
  assertClose(last.noise, 0.35 * Math.sqrt((4 / 5 + 1 / 2) / 5), 1e-7);
});

Deno.test("startDiagnostics() changes nothing in the run", async () => {
  const run = tinyRun();
  const before = structuredClone({ counters: run.tally, weights: run.tools.learner.state.weights });
  await startDiagnostics(run);
  assert.deepEqual({ counters: run.tally, weights: run.tools.learner.state.weights }, before);
  await run.tools.learner.close();
});

/** Diagnoses batches of two draws from two buckets. */
function twoBuckets(changes: Partial<BufferOptions>) {
  const buffer = { ...REFERENCE_SIZE, ...tinyConfig().buffer, bucketCount: 2, ...changes };
  return batchDiagnostics(buffer, { batchSize: 2 });
}

Deno.test("batchDiagnostics() counts distinct policies as by hand", () => {
  // Two equal chances and two draws: 2 (1 - 1/4) = 3/2 distinct ones.
  assertClose(twoBuckets({ weightingScale: 0 }).distinctPolicies, 1.5);
  // Two policies in each bucket, four equal chances: 4 (1 - (3/4)^2) = 7/4.
  assertClose(twoBuckets({ weightingScale: 0, bucketCapacity: 2 }).distinctPolicies, 1.75);
  // Always the best bucket: one policy, or of two 2 (1 - 1/4).
  const best = twoBuckets({ weightingScale: 1000 });
  assert.deepEqual([best.bestShare, best.distinctPolicies], [1, 1]);
  assertClose(twoBuckets({ weightingScale: 1000, bucketCapacity: 2 }).distinctPolicies, 1.5);
});

Deno.test("batchDiagnostics() weighs buckets as the buffer does", () => {
  // 1 / (1 + exp(-0.5)).
  const { bestShare, bestTenShare, buckets } = twoBuckets({ weightingScale: 0.5 });
  assertClose(bestShare, 1 / (1 + Math.exp(-0.5)));
  assert.deepEqual([bestTenShare, buckets], [1, 2]);
  // A queue of three policies is three buckets.
  const queue = twoBuckets({ kind: "fifo", capacity: 3, weightingScale: 0 });
  assertClose(queue.bestShare, 1 / 3);
});
