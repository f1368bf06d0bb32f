/** Both updaters: gradients with the Adam kernel, and whole updates in ONNX Runtime. */

import assert from "node:assert/strict";
import { ADAM, adamScalars } from "../../../lib/autodiff/adam.ts";
import { DeviceUpdater } from "../../../lib/learner/device_updater.ts";
import { HostUpdater } from "../../../lib/learner/cpu_updater.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import type { PartialConfig } from "../../../lib/config/config.ts";
import type { Batch } from "../../../lib/learner/staging.ts";
import { STATE_PARTS } from "../../../lib/learner/update_graph.ts";
import { models } from "../../../models/models.ts";
import { assertAllClose } from "../../support/close.ts";
import { shapeOf, tinyConfig } from "../../support/tiny_run.ts";

/** Three policies, and batches of them by index; counts what is staged. */
function createBatches(size: number): { batchOf: (...keys: number[]) => Batch; written: number[] } {
  const policies = Array.from(
    { length: 3 },
    (_, p) => new Float32Array(size).map((_, i) => Math.sin(p + i)),
  );
  const written: number[] = [];
  const batchOf = (...keys: number[]): Batch => ({
    commands: keys.map((key) => key / 4),
    shares: new Float32Array(keys.length).fill(1 / keys.length),
    writeTarget(row, out) {
      written.push(keys[row]);
      out.set(policies[keys[row]]);
    },
    keys,
  });
  return { batchOf, written };
}

/** Other states for each update. */
function statesOf([count, size]: readonly [number, number], update: number): Float32Array {
  return Float32Array.from({ length: count * size }, (_, i) => Math.sin(i * (update + 1)));
}

const KINDS: Readonly<Record<string, PartialConfig>> = {
  "a tiled generator": {},
  "a tiled generator, also by what policies do": { update: { loss: "both" } },
  "a conditional VAE": { generator: { kind: "cvae" } },
};

for (const [name, changes] of Object.entries(KINDS)) {
  Deno.test(`HostUpdater and DeviceUpdater compute the same with ${name}`, async () => {
    const config = tinyConfig(changes);
    const model = models.createGenerator(config, shapeOf([3, 4, 1]));
    const weights = model.initialise(Rng.fromSeed(1));
    const scalars = (k: number) => adamScalars(k + 1, { ...ADAM, learningRate: 1e-2 });
    const { batchOf, written } = createBatches(model.parameterCount);
    const { keys: _, ...keyless } = batchOf(2);
    const batches = [batchOf(0, 1, 0), batchOf(1, 2), keyless].map((batch, k) => ({
      ...batch,
      ...(model.lossStates ? { states: statesOf(model.lossStates, k) } : {}),
    }));
    const options = { batchSize: config.update.batchSize, session: { threads: 1 } };
    const results = [];
    for (const updater of [new HostUpdater(model, options), new DeviceUpdater(model, options)]) {
      updater.write({ weights });
      const result = await updater.update(batches, { rng: Rng.fromSeed(2), scalars });
      assert.equal(result.made, 3);
      await updater.download();
      results.push({ ...result, staged: written.splice(0), state: structuredClone(updater.host) });
      await updater.close();
    }
    const [host, device] = results;
    assertAllClose(host.losses, device.losses, { tolerance: 1e-5 });
    for (const part of STATE_PARTS) {
      assertAllClose(host.state[part], device.state[part], { tolerance: 1e-4 });
      assert.ok(host.state[part].some((value) => value !== 0), part);
    }
    assert.notDeepEqual(host.state.weights, weights);
    // For a device every policy goes once, as far as keys tell.
    assert.deepEqual(host.staged, [0, 1, 0, 1, 2, 2]);
    assert.deepEqual(device.staged, [0, 1, 2, 2]);
  });
}

Deno.test("HostUpdater and DeviceUpdater refuse a batch without the states that the loss needs", async () => {
  const config = tinyConfig({ update: { loss: "function" } });
  const model = models.createGenerator(config, shapeOf([3, 4, 1]));
  const { batchOf } = createBatches(model.parameterCount);
  const scalars = (k: number) => adamScalars(k + 1, { ...ADAM, learningRate: 1e-2 });
  const options = { batchSize: config.update.batchSize, session: { threads: 1 } };
  for (const updater of [new HostUpdater(model, options), new DeviceUpdater(model, options)]) {
    updater.write({ weights: model.initialise(Rng.fromSeed(1)) });
    await assert.rejects(updater.update([batchOf(0)], { rng: Rng.fromSeed(2), scalars }), {
      message: "Internal error: the loss needs states, the batch has none",
    });
    await updater.close();
  }
});

Deno.test("HostUpdater ends before the first loss that is not finite, DeviceUpdater makes none", async () => {
  const config = tinyConfig();
  const model = models.createGenerator(config, shapeOf([3, 4, 1]));
  const { batchOf } = createBatches(model.parameterCount);
  const bad: Batch = { ...batchOf(1), writeTarget: (_, out) => void out.fill(1e30) };
  const scalars = (k: number) => adamScalars(k + 1, { ...ADAM, learningRate: 1e-2 });
  const options = { batchSize: config.update.batchSize, session: { threads: 1 } };
  const updaters = [
    { updater: new HostUpdater(model, options), made: 1 },
    { updater: new DeviceUpdater(model, options), made: 0 },
  ];
  for (const { updater, made } of updaters) {
    updater.write({ weights: model.initialise(Rng.fromSeed(1)) });
    const before = structuredClone(updater.host.weights);
    const context = { rng: Rng.fromSeed(2), scalars };
    const result = await updater.update([batchOf(0), bad, batchOf(2)], context);
    assert.equal(result.made, made);
    assert.equal(result.losses.length, 2);
    assert.equal(result.losses[1], Infinity);
    assert.ok(updater.host.weights.every(Number.isFinite));
    if (made === 0) assert.deepEqual(updater.host.weights, before);
    else assert.notDeepEqual(updater.host.weights, before);
    await updater.close();
  }
});
