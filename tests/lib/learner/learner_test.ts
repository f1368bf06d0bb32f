/** The learner: what it carries, restores, refuses and generates. */

import assert from "node:assert/strict";
import { interpret } from "../../../lib/autodiff/interpret.ts";
import type { PartialConfig } from "../../../lib/config/config.ts";
import { DivergedError } from "../../../lib/system/errors.ts";
import { encodeCommands, nameWeights } from "../../../lib/learner/generation_pass.ts";
import { Learner } from "../../../lib/learner/learner.ts";
import type { Batch } from "../../../lib/learner/staging.ts";
import type { GeneratorModel } from "../../../lib/model.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { traceGeneration } from "../../../lib/learner/update_graph.ts";
import { models } from "../../../models/models.ts";
import { assertAllClose } from "../../support/close.ts";
import { drawBatch } from "../../support/interpreted_updates.ts";
import { shapeOf, tinyConfig } from "../../support/tiny_run.ts";

const LEARNING_RATE = 1e-2;

function createLearner(changes: PartialConfig = {}): { learner: Learner; model: GeneratorModel } {
  const config = tinyConfig(changes);
  const model = models.createGenerator(config, shapeOf([3, 4, 1]));
  const learner = new Learner(model, model.initialise(Rng.fromSeed(1)), {
    batchSize: config.update.batchSize,
    session: { threads: 1 },
  });
  return { learner, model };
}

/** Updates with two batches drawn from a seed. */
function update(
  { learner, model }: { learner: Learner; model: GeneratorModel },
  seed: number,
  learningRate = () => LEARNING_RATE,
): Promise<readonly number[]> {
  const rng = Rng.fromSeed(seed);
  const batches = [drawBatch(model, 4, rng), drawBatch(model, 2, rng)];
  return learner.update(batches, { rng, learningRate });
}

function copyState({ state }: Pick<Learner, "state">) {
  return structuredClone(state);
}

Deno.test("Learner.update() learns to generate a policy for each of two returns", async () => {
  const { learner, model } = createLearner();
  const targets = [-1, 1].map((sign) =>
    new Float32Array(model.parameterCount).map((_, i) => sign * Math.sin(i))
  );
  const batch: Batch = {
    commands: [0, 1],
    shares: Float32Array.of(0.5, 0.5),
    writeTarget: (row, out) => out.set(targets[row]),
  };
  const rng = Rng.fromSeed(1);
  const losses: number[] = [];
  for (let i = 0; i < 100; i++) {
    losses.push(
      ...await learner.update([batch, batch], { rng, learningRate: () => LEARNING_RATE }),
    );
  }
  assert.ok(losses[losses.length - 1] < 0.01 * losses[0], `${losses[0]} to ${losses.at(-1)}`);
  const policies = await learner.generate([0, 1], { rng });
  policies.forEach((policy, i) => assertAllClose(policy, targets[i], { tolerance: 0.2 }));
  assert.equal(learner.updates, 200);
  await learner.close();
});

Deno.test("Learner.restore() goes on bit for bit where the state was copied", async () => {
  const original = createLearner();
  const copy = createLearner();
  await update(original, 1);
  copy.learner.restore(copyState(original.learner));
  const [losses, same] = [await update(original, 2), await update(copy, 2)];
  assert.deepEqual(losses, same);
  assert.deepEqual(copyState(copy.learner), copyState(original.learner));
  assert.notDeepEqual(await update(copy, 3), losses);
  await original.learner.close();
  await copy.learner.close();
});

Deno.test("Learner.update() asks for the step size of every update by its number", async () => {
  const pair = createLearner();
  const asked: number[] = [];
  const rate = ((update: number) => (asked.push(update), LEARNING_RATE)) as () => number;
  await update(pair, 1, rate);
  await update(pair, 2, rate);
  assert.deepEqual(asked, [0, 1, 2, 3]);
  await pair.learner.close();
});

Deno.test("Learner.update() with step size 0 leaves the weights and fills the moments", async () => {
  const pair = createLearner();
  const before = copyState(pair.learner);
  await update(pair, 1, () => 0);
  assert.deepEqual(pair.learner.state.weights, before.weights);
  assert.notDeepEqual(pair.learner.state.momentum, before.momentum);
  await pair.learner.close();
});

Deno.test("Learner.update() takes another number of batches at any time", async () => {
  const { learner, model } = createLearner();
  const rng = Rng.fromSeed(4);
  for (const count of [1, 3, 1]) {
    const batches = Array.from({ length: count }, () => drawBatch(model, 2, rng));
    const losses = await learner.update(batches, { rng, learningRate: () => LEARNING_RATE });
    assert.equal(losses.length, count);
  }
  assert.equal(learner.updates, 5);
  await learner.close();
});

Deno.test("Learner.update() makes no update from a loss that is not finite on", async () => {
  const pair = createLearner();
  const twin = createLearner();
  const good = drawBatch(pair.model, 2, Rng.fromSeed(1));
  const bad: Batch = { ...good, writeTarget: (_, out) => void out.fill(1e30) };
  const options = { rng: Rng.fromSeed(1), learningRate: () => LEARNING_RATE };
  for (const each of [pair, twin]) await update(each, 1);
  await twin.learner.update([good], options);
  await assert.rejects(
    pair.learner.update([good, bad, good], options),
    (error: Error) => {
      assert.ok(error instanceof DivergedError);
      assert.equal(
        error.message,
        "Cannot continue training: the loss must be finite, got Infinity at update 3",
      );
      return true;
    },
  );
  assert.deepEqual(copyState(pair.learner), copyState(twin.learner));
  assert.ok((await update(pair, 2)).every(Number.isFinite), "it can go on");
  for (const { learner } of [pair, twin]) await learner.close();
});

for (const kind of ["tiled", "cvae"] as const) {
  Deno.test(`Learner.generate() equals the interpreter for a ${kind} generator`, async () => {
    const { learner, model } = createLearner({ generator: { kind } });
    const commands = [0, 0.4, 1.3];
    const rows = await learner.generate(commands, { rng: Rng.fromSeed(8) });
    const latents = new Float32Array(commands.length * model.latentSize);
    Rng.fromSeed(8).fillStandardNormal(latents);
    const { policies } = interpret(traceGeneration(model), {
      ...nameWeights(model.weights, { flat: learner.state.weights, prefix: "weights" }),
      commands: encodeCommands(model, commands),
      ...(kind === "cvae" ? { latents: { data: latents, shape: [3, model.latentSize] } } : {}),
    });
    assertAllClose(rows.flatMap((row) => [...row]), policies.data as Float32Array, {
      tolerance: 1e-6,
    });
    await learner.close();
  });
}
