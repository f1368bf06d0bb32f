/** The update graphs: gradients and Adam on the CPU against the interpreter, and weighted batches. */

import assert from "node:assert/strict";
import { gradients } from "../../../lib/autodiff/backward.ts";
import { checkGraph, trace } from "../../../lib/autodiff/graph.ts";
import { interpret } from "../../../lib/autodiff/interpret.ts";
import type { Config, PartialConfig } from "../../../lib/config/config.ts";
import { nameWeights } from "../../../lib/learner/generation_pass.ts";
import { Learner } from "../../../lib/learner/learner.ts";
import type { GeneratorModel, PolicyShape, WeightTensors } from "../../../lib/model.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { sizeOf } from "../../../lib/autodiff/shape.ts";
import {
  traceGeneration,
  traceGradients,
  traceUpdates,
} from "../../../lib/learner/update_graph.ts";
import { createCvaeGenerator } from "../../../models/cvae_generator.ts";
import { models } from "../../../models/models.ts";
import { assertAllClose } from "../../support/close.ts";
import { drawBatch, interpretUpdates } from "../../support/interpreted_updates.ts";
import { shapeOf, tinyConfig } from "../../support/tiny_run.ts";

/** Policy widths with what their generators change; distinct rows differ from update to update. */
const CASES: Readonly<Record<string, { sizes: number[]; changes: PartialConfig }>> = {
  "4-32-32-1": { sizes: [4, 32, 32, 1], changes: { generator: { tileSize: 32 } } },
  "3-16-2": { sizes: [3, 16, 2], changes: { generator: { tileSize: 16 } } },
  "5-2": { sizes: [5, 2], changes: { generator: { hiddenSizes: [24] } } },
  "4-64-32-32-2 with encoded commands": {
    sizes: [4, 64, 32, 32, 2],
    changes: { generator: { tileSize: 32, commandEncoding: "fourier" } },
  },
  "4-16-16-8-2 by what policies do": {
    sizes: [4, 16, 16, 8, 2],
    changes: { generator: { tileSize: 8 }, update: { loss: "function" } },
  },
  "4-32-32-1 by what policies do, and by weights": {
    sizes: [4, 32, 32, 1],
    changes: { generator: { tileSize: 32 }, update: { loss: "both" } },
  },
  "5-2 by what policies do": { sizes: [5, 2], changes: { update: { loss: "function" } } },
  "3-8-8-1 with a conditional VAE": {
    sizes: [3, 8, 8, 1],
    changes: { generator: { kind: "cvae" } },
  },
};

/** Makes the generator that a configuration asks for, with a small encoder where it has one. */
function createModel(config: Config, shape: PolicyShape): GeneratorModel {
  return config.generator.kind === "cvae"
    ? createCvaeGenerator({ config, shape, encoder: { sizes: [8], dropout: 0.1 } })
    : models.createGenerator(config, shape);
}

const ROWS = [7, 3, 5, 1, 9, 4, 6, 2];
const UPDATE = { perCycle: 8, learningRate: 1e-3 };

/** The greatest difference within each tensor, relative to the tensor's greatest number. */
function relativeError(model: GeneratorModel, a: Float32Array, b: Float32Array): number {
  let [worst, offset] = [0, 0];
  for (const { shape } of model.weights) {
    const size = sizeOf(shape);
    let [difference, scale] = [0, 0];
    for (let i = offset; i < offset + size; i++) {
      difference = Math.max(difference, Math.abs(a[i] - b[i]));
      scale = Math.max(scale, Math.abs(b[i]));
    }
    worst = Math.max(worst, difference / scale);
    offset += size;
  }
  return worst;
}

for (const [name, { sizes, changes }] of Object.entries(CASES)) {
  Deno.test(`eight updates on the CPU equal the interpreter's: ${name}`, async () => {
    const config = tinyConfig({ ...changes, update: { ...UPDATE, ...changes.update } });
    const model = createModel(config, shapeOf(sizes));
    const { update } = config;
    const learner = new Learner(model, model.initialise(Rng.fromSeed(1)), {
      batchSize: update.batchSize,
      session: { threads: 1 },
    });
    const start = {
      weights: learner.state.weights.slice(),
      momentum: learner.state.momentum.slice(),
      variance: learner.state.variance.slice(),
      updates: 0,
    };
    const rng = Rng.fromSeed(2);
    const batches = ROWS.map((rows) => drawBatch(model, rows, rng));
    const expected = interpretUpdates(batches, {
      model,
      state: start,
      learningRate: update.learningRate,
      rng: Rng.fromSeed(3),
      dtype: "float32",
    });
    const losses = await learner.update(batches, {
      rng: Rng.fromSeed(3),
      learningRate: () => update.learningRate,
    });
    const { state } = learner;
    const error = relativeError(model, state.weights, expected.weights);
    assert.ok(error < 1e-5, `weights are off by ${error}`);
    assert.ok(relativeError(model, state.momentum, expected.momentum) < 1e-4);
    assert.ok(relativeError(model, state.variance, expected.variance) < 1e-4);
    assertAllClose(losses.map((loss, k) => loss / expected.losses[k]), ROWS.map(() => 1), {
      tolerance: 1e-5,
    });
    assert.equal(state.updates, 8);
    assert.ok(relativeError(model, start.weights, expected.weights) > 1e-3, "weights moved");
    await learner.close();
  });
}

Deno.test("the comparison of weights rejects an update with a rate that is off by 1 %", () => {
  const config = tinyConfig({ update: UPDATE });
  const model = models.createGenerator(config, shapeOf([3, 4, 1]));
  const weights = model.initialise(Rng.fromSeed(1));
  const [momentum, variance] = [weights.map(() => 0), weights.map(() => 0)];
  const batches = ROWS.map((rows) => drawBatch(model, rows, Rng.fromSeed(rows)));
  const run = (learningRate: number) =>
    interpretUpdates(batches, {
      model,
      state: { weights, momentum, variance, updates: 0 },
      learningRate,
      rng: Rng.fromSeed(3),
      dtype: "float32",
    }).weights;
  assert.ok(relativeError(model, run(1.01e-3), run(1e-3)) > 1e-5);
});

/** The gradient of the loss for rows with shares, all weights in one vector. */
function gradientOf(model: GeneratorModel, rows: readonly number[], shares: readonly number[]) {
  const rng = Rng.fromSeed(5);
  const policies = Array.from(
    { length: 3 },
    () => Array.from({ length: model.parameterCount }, () => rng.standardNormal()),
  );
  const commands = [0.1, 0.5, 0.9];
  const shapes = {
    commands: ["B", 1],
    targets: ["B", model.parameterCount],
    shares: ["B", 1],
    ...Object.fromEntries(model.weights.map(({ name, shape }) => [`weights.${name}`, shape])),
  };
  const graph = trace(shapes, (x: Readonly<Record<string, WeightTensors[string]>>) => {
    const weights = Object.fromEntries(
      model.weights.map(({ name }) => [name, x[`weights.${name}`]]),
    );
    const { commands, targets, shares } = x;
    const loss = model.loss(weights, { commands, targets, shares, noise: {} });
    const slopes = gradients(loss, Object.values(weights));
    return Object.fromEntries(model.weights.map(({ name }, i) => [name, slopes[i]]));
  });
  const flat = model.initialise(Rng.fromSeed(1));
  const outputs = interpret(graph, {
    ...nameWeights(model.weights, { flat, prefix: "weights" }),
    commands: { data: rows.map((row) => commands[row]), shape: [rows.length, 1] },
    targets: {
      data: rows.flatMap((row) => policies[row]),
      shape: [rows.length, model.parameterCount],
    },
    shares: { data: shares, shape: [rows.length, 1] },
  }, { dtype: "float64" });
  return Object.values(outputs).flatMap(({ data }) => Array.from(data, Number));
}

Deno.test("the loss of distinct policies with shares has the gradient of the batch with repetitions", () => {
  const model = models.createGenerator(tinyConfig(), shapeOf([3, 8, 1]));
  // Eight draws: the first policy four times, the second once, the third three times.
  const plain = gradientOf(model, [0, 2, 0, 1, 0, 2, 2, 0], new Array(8).fill(1 / 8));
  const distinct = gradientOf(model, [0, 1, 2], [4 / 8, 1 / 8, 3 / 8]);
  assertAllClose(distinct, plain, { tolerance: 1e-15 });
  assert.ok(Math.max(...plain.map(Math.abs)) > 1e-3, "the gradient is not zero");
  const wrong = gradientOf(model, [0, 1, 2], [4.004 / 8, 0.996 / 8, 3 / 8]);
  assert.throws(() => assertAllClose(wrong, plain, { tolerance: 1e-15 }));
});

Deno.test("traceUpdates(), traceGradients() and traceGeneration() give graphs that pass the graph checker", () => {
  const kinds: PartialConfig[] = [
    {},
    { update: { loss: "both" } },
    { generator: { kind: "cvae" } },
  ];
  for (const changes of kinds) {
    const config = tinyConfig(changes);
    const model = models.createGenerator(config, shapeOf([3, 8, 1]));
    const updates = traceUpdates(model, { count: 2 });
    checkGraph(updates);
    const names = Object.keys(updates.outputs);
    const groups = new Set(model.weights.map(({ shape }) => shape.length > 1 ? shape.at(-1) : 1));
    assert.equal(names.length, 2 + 3 * groups.size);
    const slopes = traceGradients(model);
    checkGraph(slopes);
    assert.deepEqual(
      Object.keys(slopes.outputs),
      ["loss", ...model.weights.map(({ name }) => `gradients.${name}`)],
    );
    for (const isGrouped of [false, true]) {
      const generation = traceGeneration(model, { isGrouped });
      checkGraph(generation);
      assert.deepEqual(generation.outputs.policies.shape, ["B", model.parameterCount]);
    }
  }
});
