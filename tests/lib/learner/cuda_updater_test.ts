/** How updates on CUDA find a way that works, with fakes and on a machine without CUDA. */

import assert from "node:assert/strict";
import { CudaUpdater } from "../../../lib/learner/cuda_updater.ts";
import { HostUpdater } from "../../../lib/learner/cpu_updater.ts";
import { Learner } from "../../../lib/learner/learner.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { createCudaMemory } from "../../../lib/onnx/bound/memory.ts";
import { models } from "../../../models/models.ts";
import { drawBatch } from "../../support/interpreted_updates.ts";
import { shapeOf, tinyConfig } from "../../support/tiny_run.ts";

const model = models.createGenerator(tinyConfig(), shapeOf([3, 4, 1]));
const weights = model.initialise(Rng.fromSeed(1));
const batches = [drawBatch(model, 3, Rng.fromSeed(5))];
const context = () => ({
  rng: Rng.fromSeed(2),
  scalars: () => ({ stepSize: 1e-3, epsilon: 1e-8 }),
});
const fails = (message: string) => () => {
  throw new Error(message);
};

Deno.test("CudaUpdater takes the next way where one does not work, and says so once", async () => {
  const warnings: string[] = [];
  const options = {
    batchSize: 3,
    session: {},
    onWarning: (text: string) => void warnings.push(text),
  };
  const host = new HostUpdater(model, options);
  const updater = new CudaUpdater(model, options, {
    captured: fails("Cannot run model: ONNX Runtime must accept it, got no capture\nmore"),
    plain: fails("Cannot use CUDA: it is not there"),
    unrolled: () => new HostUpdater(model, options),
  });
  for (const each of [updater, host]) each.write({ weights });
  assert.deepEqual(updater.host, host.host);
  assert.deepEqual(Object.keys(updater.weights), Object.keys(host.weights));
  for (let k = 0; k < 2; k++) {
    assert.deepEqual(
      await updater.update(batches, context()),
      await host.update(batches, context()),
    );
  }
  assert.deepEqual(updater.host, host.host);
  assert.notDeepEqual(updater.host.weights, weights);
  assert.deepEqual(warnings, [
    "Updates on CUDA are plain, which is slower: captured does not work: Cannot run model: ONNX " +
    "Runtime must accept it, got no capture",
    "Updates on CUDA are unrolled, which is slower: plain does not work: Cannot use CUDA: it is " +
    "not there",
  ]);
  await updater.close();
  await host.close();
});

Deno.test("CudaUpdater fails as its last way does, and leaves the state as it was", async () => {
  const options = { batchSize: 3, session: {}, cudaWays: ["plain"] as const };
  const updater = new CudaUpdater(model, options, {
    captured: fails("must not be tried"),
    plain: fails("it is broken"),
    unrolled: fails("must not be tried"),
  });
  updater.write({ weights });
  await assert.rejects(updater.update(batches, context()), { message: "it is broken" });
  assert.deepEqual(updater.host.weights, weights);
  assert.equal(updater.isBehind, false);
});

Deno.test("Learner on CUDA tells in one line each what does not work without a GPU", async () => {
  let hasCuda = true;
  try {
    createCudaMemory().allocate(1);
  } catch {
    hasCuda = false;
  }
  if (hasCuda) return;
  const warnings: string[] = [];
  const learner = new Learner(model, weights, {
    batchSize: 3,
    session: { device: "cuda" },
    onWarning: (text) => void warnings.push(text),
  });
  const options = { rng: Rng.fromSeed(2), learningRate: () => 1e-3 };
  await assert.rejects(learner.update(batches, options), /^Error: Cannot load model: /);
  assert.equal(warnings.length, 2);
  for (const text of warnings) {
    assert.match(text, /^Updates on CUDA are (plain|unrolled), [^\n]+ Cannot [^\n]+$/);
  }
  assert.deepEqual(learner.state.weights, weights);
  await learner.close();
});
