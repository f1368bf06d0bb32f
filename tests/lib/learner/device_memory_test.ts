/** The state on a device: the real WebGPU provider on SwiftShader, against the CPU. */

import assert from "node:assert/strict";
import { Learner } from "../../../lib/learner/learner.ts";
import { DeviceMemory } from "../../../lib/learner/device_memory.ts";
import type { Device } from "../../../lib/onnx/session.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { STATE_PARTS } from "../../../lib/learner/update_graph.ts";
import {
  createGroups,
  groupWeights,
  readGroups,
  writeGroups,
} from "../../../lib/learner/weight_groups.ts";
import { models } from "../../../models/models.ts";
import { drawBatch } from "../../support/interpreted_updates.ts";
import { relativeDifference } from "../../support/relative_difference.ts";
import { shapeOf, tinyConfig } from "../../support/tiny_run.ts";
import { webgpuTest } from "../../support/webgpu.ts";

const UPDATES = 8;
/** Updates in one run. More would only make SwiftShader compile for longer. */
const AT_ONCE = 2;
const TOLERANCE = 1e-4;

function createLearner(device: Device) {
  const config = tinyConfig({ update: { loss: "both" } });
  const model = models.createGenerator(config, shapeOf([3, 4, 1]));
  const learner = new Learner(model, model.initialise(Rng.fromSeed(1)), {
    batchSize: config.update.batchSize,
    session: { device, threads: 1 },
  });
  return { model, learner };
}

// One test, because the first update on SwiftShader takes seconds and closing a learner forgets them.
webgpuTest("Learner computes on WebGPU what it computes on the CPU", async () => {
  const { learner: cpu, model } = createLearner("cpu");
  const { learner: gpu } = createLearner("webgpu");
  const rng = Rng.fromSeed(5);
  const batches = Array.from({ length: UPDATES }, () => drawBatch(model, 6, rng));
  const options = { rng, learningRate: () => 1e-3 };
  for (let k = 0; k < UPDATES; k += AT_ONCE) {
    const [losses, others] = [
      await cpu.update(batches.slice(k, k + AT_ONCE), options),
      await gpu.update(batches.slice(k, k + AT_ONCE), options),
    ];
    losses.forEach((loss, i) => assert.ok(Math.abs(others[i] / loss - 1) < TOLERANCE));
    assert.throws(() => gpu.state, { message: "Internal error: learner must be downloaded first" });
  }
  await gpu.download();
  const after = structuredClone(gpu.state);
  for (const part of STATE_PARTS) {
    const difference = relativeDifference(after[part], cpu.state[part]);
    assert.ok(difference < TOLERANCE, `${part}: ${difference}`);
    assert.ok(after[part].some((value) => value !== 0), part);
  }
  const [policies, others] = [
    await gpu.generate([0.1], { rng }),
    await cpu.generate([0.1], { rng }),
  ];
  assert.ok(relativeDifference(policies[0], others[0]) < TOLERANCE);

  // An update whose loss is not finite leaves the state as it was.
  const two = batches.slice(0, AT_ONCE);
  const bad = { ...two[1], writeTarget: (_: number, out: Float32Array) => out.fill(NaN) };
  await assert.rejects(gpu.update([two[0], bad], options), { name: "DivergedError" });
  assert.deepEqual(structuredClone(gpu.state), after);

  // A restored state goes on as the first time.
  const losses = await gpu.update(two, options);
  gpu.restore(after);
  assert.deepEqual(structuredClone(gpu.state), after);
  assert.deepEqual(await gpu.update(two, options), losses);
  await cpu.close();
  await gpu.close();
});

Deno.test("relativeDifference() finds a weight that is off by a thousandth", () => {
  const weights = Float32Array.of(1, -2, 0.5);
  assert.equal(relativeDifference(weights, weights), 0);
  assert.ok(relativeDifference(Float32Array.of(1, -2.002, 0.5), weights) > TOLERANCE);
});

const SPECS = [
  { name: "a", shape: [2, 3] },
  { name: "b", shape: [2] },
  { name: "c", shape: [1, 3] },
  { name: "d", shape: [1, 1] },
];

Deno.test("DeviceMemory keeps the state on the device from the first update on", () => {
  const memory = new DeviceMemory(SPECS, { device: "webgpu" });
  assert.deepEqual(
    memory.kept,
    STATE_PARTS.flatMap((part) => [`new.${part}.3`, `new.${part}.1`]),
  );
  memory.write({ weights: Float32Array.from({ length: 12 }, (_, i) => i) });
  assert.deepEqual(memory.weights, {
    "weights.3": { data: Float32Array.of(0, 1, 2, 3, 4, 5, 8, 9, 10), shape: [3, 3] },
    "weights.1": { data: Float32Array.of(6, 7, 11), shape: [3] },
  });
  assert.throws(() => memory.take(), { message: "Internal error: no update to take" });
});

Deno.test("groups of weights give back the vector that they were made from", () => {
  const groups = groupWeights(SPECS);
  const flat = Float32Array.from({ length: 12 }, (_, i) => i + 1);
  const values = createGroups(groups, "w");
  writeGroups(groups, { flat, prefix: "w", values });
  const back = new Float32Array(12);
  readGroups(groups, { flat: back, prefix: "w", values });
  assert.deepEqual(back, flat);
  values["w.3"].data[8] = 0; // the last number of c
  readGroups(groups, { flat: back, prefix: "w", values });
  assert.deepEqual(back.findIndex((value, i) => value !== flat[i]), 10);
});
