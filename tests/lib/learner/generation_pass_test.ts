/** Names of weights, encoded commands, and a forward pass of its own weights. */

import assert from "node:assert/strict";
import {
  countWeights,
  encodeCommands,
  GenerationPass,
  nameWeights,
} from "../../../lib/learner/generation_pass.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { models } from "../../../models/models.ts";
import { assertAllClose } from "../../support/close.ts";
import { shapeOf, tinyConfig } from "../../support/tiny_run.ts";

const SPECS = [{ name: "a", shape: [2, 3] }, { name: "b", shape: [] }, { name: "c", shape: [2] }];

Deno.test("nameWeights() gives views of consecutive pieces", () => {
  const flat = Float32Array.from({ length: 9 }, (_, i) => i);
  assert.equal(countWeights(SPECS), 9);
  const named = nameWeights(SPECS, { flat, prefix: "momentum" });
  assert.deepEqual(Object.keys(named), ["momentum.a", "momentum.b", "momentum.c"]);
  assert.deepEqual(named["momentum.b"], { data: Float32Array.of(6), shape: [] });
  named["momentum.c"].data[0] = 70;
  assert.equal(flat[7], 70);
});

Deno.test("encodeCommands() puts one encoded command in each row", () => {
  const config = tinyConfig({ generator: { commandEncoding: "fourier" } });
  const model = models.createGenerator(config, shapeOf([2, 4, 1]));
  const { data, shape } = encodeCommands(model, [0, 1]);
  assert.deepEqual(shape, [2, 16]);
  // Eight pairs of cos and sin, of angles 0 and k pi / 2.
  const r = 1 / Math.sqrt(8);
  const first = [r, 0, r, 0, r, 0, r, 0, r, 0, r, 0, r, 0, r, 0];
  const second = [0, r, -r, 0, 0, -r, r, 0, 0, r, -r, 0, 0, -r, r, 0];
  assertAllClose(data as Float32Array, [...first, ...second], { tolerance: 1e-7 });
});

Deno.test("GenerationPass.run() generates the same row alone and among others", async () => {
  const model = models.createGenerator(tinyConfig(), shapeOf([2, 4, 1]));
  const flat = model.initialise(Rng.fromSeed(1));
  const weights = nameWeights(model.weights, { flat, prefix: "weights" });
  const pass = new GenerationPass(model, { threads: 1 });
  const rng = Rng.fromSeed(1);
  const many = await pass.run(weights, { commands: [0, 0.5, 1], rng });
  assert.deepEqual(many.map((row) => row.length), new Array(3).fill(model.parameterCount));
  const [alone] = await pass.run(weights, { commands: [0.5], rng });
  assertAllClose(alone, many[1], { tolerance: 1e-7 });
  assert.deepEqual(rng.save(), Rng.fromSeed(1).save(), "a deterministic generator draws nothing");
  await pass.close();
});
