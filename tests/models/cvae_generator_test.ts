/** The conditional VAE: its loss in plain loops, its gradient by differences, its sampling. */

import assert from "node:assert/strict";
import { gradients } from "../../lib/autodiff/backward.ts";
import { trace } from "../../lib/autodiff/graph.ts";
import { interpret } from "../../lib/autodiff/interpret.ts";
import { countWeights, nameWeights } from "../../lib/learner/generation_pass.ts";
import type { GeneratorModel } from "../../lib/model.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { sizeOf } from "../../lib/autodiff/shape.ts";
import { traceGeneration } from "../../lib/learner/update_graph.ts";
import { createCvaeGenerator, type EncoderShape } from "../../models/cvae_generator.ts";
import { assertAllClose, assertClose } from "../support/close.ts";
import { follow, shapeOf, tinyConfig, tinyRun } from "../support/tiny_run.ts";
import { generateTextbook } from "./textbook_generator.ts";

const SIZES = [2, 4, 1];

/** A small encoder: the reference's would take minutes in loops. */
const ENCODER: EncoderShape = { sizes: [5, 4], dropout: 0.1 };

function createModel(changes: Partial<EncoderShape> = {}): GeneratorModel {
  const config = tinyConfig({
    generator: { kind: "cvae", hiddenSizes: [6, 5] },
    cvae: { latentSize: 3 },
  });
  return createCvaeGenerator({
    config,
    shape: shapeOf(SIZES),
    encoder: { ...ENCODER, ...changes },
  });
}

type Arrays = Record<string, { data: Float64Array; shape: readonly number[] }>;

/** Random weights and one batch of two rows under the names of the loss's graph. */
function drawInputs(model: GeneratorModel, seed: number): Arrays {
  const rng = Rng.fromSeed(seed);
  const draw = (shape: readonly number[]) => {
    const data = new Float64Array(sizeOf(shape));
    rng.fillUniform(data, -0.6, 0.6);
    return { data, shape };
  };
  const inputs: Arrays = {
    commands: { data: Float64Array.of(0.2, 0.9), shape: [2, 1] },
    targets: draw([2, model.parameterCount]),
    shares: { data: Float64Array.of(0.75, 0.25), shape: [2, 1] },
  };
  for (const { name, shape } of model.weights) inputs[`weights.${name}`] = draw(shape);
  for (const { name, width, kind } of model.lossNoise) {
    const noise = draw([2, width]);
    // Masks are 0 or 1 / (1 - dropout).
    if (kind !== "normal") {
      noise.data.forEach((x, i) => noise.data[i] = x < 0 ? 0 : 1 / (1 - kind.dropout));
    }
    inputs[name] = noise;
  }
  return inputs;
}

/** Traces the loss, and the gradients of all weights as `d.NAME`. */
function traceLoss(model: GeneratorModel, inputs: Arrays) {
  const shapes = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape }]) => [name, shape]),
  );
  return trace(shapes, (x) => {
    const weights = Object.fromEntries(
      model.weights.map(({ name }) => [name, x[`weights.${name}`]]),
    );
    const { commands, targets, shares } = x;
    const loss = model.loss(weights, { commands, targets, shares, noise: x });
    const slopes = gradients(loss, model.weights.map(({ name }) => weights[name]));
    return {
      loss,
      ...Object.fromEntries(model.weights.map(({ name }, i) => [`d.${name}`, slopes[i]])),
    };
  });
}

const FLOAT64 = { dtype: "float64" } as const;

function lossOf(graph: ReturnType<typeof traceLoss>, inputs: Arrays): number {
  return Number(interpret(graph, inputs, FLOAT64).loss.data[0]);
}

/** The loss as a textbook writes it: row by row, in loops. */
function textbookLoss(inputs: Arrays, encoder: EncoderShape): number {
  const row = (
    { data, shape }: Arrays[string],
    i: number,
  ) => [...data.subarray(i * shape[1], (i + 1) * shape[1])];
  const layer = (name: string, x: number[]) => {
    const [W, b] = [inputs[`weights.${name}.weight`], inputs[`weights.${name}.bias`]];
    return [...b.data].map((bias, i) =>
      row(W, i).reduce((sum, weight, j) => sum + weight * x[j], bias)
    );
  };
  let total = 0;
  for (let i = 0; i < 2; i++) {
    const theta = row(inputs.targets, i);
    let hidden = theta;
    encoder.sizes.forEach((_, k) => {
      hidden = layer(`encoder.${k}`, hidden).map((x) => x > 0 ? x : 0.01 * x);
      if (encoder.dropout > 0) {
        hidden = hidden.map((x, j) => x * row(inputs[`dropout${k}`], i)[j]);
      }
    });
    const mean = layer("encoder.mean", hidden);
    const logVariance = layer("encoder.logVariance", hidden);
    const noise = row(inputs.latentNoise, i);
    const latent = mean.map((m, j) => m + Math.sqrt(Math.exp(logVariance[j])) * noise[j]);
    const generated = generateTextbook({
      weights: inputs as never,
      sizes: SIZES,
      tileSize: 4,
      depth: 2,
      condition: [...row(inputs.commands, i), ...latent],
    });
    // With one tile for each layer, generator order is policy order.
    const error = generated.reduce((sum, x, p) => sum + (x - theta[p]) ** 2, 0);
    const divergence = mean.reduce(
      (sum, m, j) => sum - 0.5 * (1 + logVariance[j] - m ** 2 - Math.exp(logVariance[j])),
      0,
    );
    total += inputs.shares.data[i] * (error + divergence);
  }
  return total;
}

const VARIANTS: Readonly<Record<string, Partial<EncoderShape>>> = {
  "dropout": {},
  "no dropout": { dropout: 0 },
  "a linear encoder": { sizes: [] },
};

for (const [name, changes] of Object.entries(VARIANTS)) {
  Deno.test(`createCvaeGenerator() has the textbook's loss with ${name}`, () => {
    const model = createModel(changes);
    const encoder = { ...ENCODER, ...changes };
    for (const seed of [1, 2]) {
      const inputs = drawInputs(model, seed);
      assertClose(lossOf(traceLoss(model, inputs), inputs), textbookLoss(inputs, encoder), 1e-12);
    }
  });
}

/** The greatest difference of a gradient and central differences, over every weight. */
function gradientError(model: GeneratorModel, gradientFactor = 1): number {
  const inputs = drawInputs(model, 3);
  const graph = traceLoss(model, inputs);
  const outputs = interpret(graph, inputs, FLOAT64);
  const step = 1e-5;
  let worst = 0;
  for (const { name } of model.weights) {
    const { data } = inputs[`weights.${name}`];
    for (let i = 0; i < data.length; i += 7) {
      const value = data[i];
      const [ahead, behind] = [value + step, value - step].map((moved) => {
        data[i] = moved;
        return lossOf(graph, inputs);
      });
      data[i] = value;
      const slope = Number(outputs[`d.${name}`].data[i]) * gradientFactor;
      const difference = (ahead - behind) / (2 * step);
      worst = Math.max(worst, Math.abs(slope - difference) / Math.max(1, Math.abs(difference)));
    }
  }
  return worst;
}

Deno.test("createCvaeGenerator() has the gradient that differences show", () => {
  assert.ok(gradientError(createModel()) < 1e-7);
});

Deno.test("the comparison with differences rejects a gradient that is off by 0.1 %", () => {
  assert.ok(gradientError(createModel(), 1.001) > 1e-4);
});

Deno.test("createCvaeGenerator() asks for latent noise and one mask for each encoder layer", () => {
  assert.deepEqual(createModel({ dropout: 0.25 }).lossNoise, [
    { name: "latentNoise", width: 3, kind: "normal" },
    { name: "dropout0", width: 5, kind: { dropout: 0.25 } },
    { name: "dropout1", width: 4, kind: { dropout: 0.25 } },
  ]);
  assert.equal(createModel({ dropout: 0 }).lossNoise.length, 1);
});

Deno.test("createCvaeGenerator() starts every weight, the encoder within +-1/sqrt(fan-in)", () => {
  const model = createModel();
  const flat = model.initialise(Rng.fromSeed(2));
  assert.equal(flat.length, countWeights(model.weights));
  const named = nameWeights(model.weights, { flat, prefix: "w" });
  const fanIns = { "encoder.0": 17, "encoder.1": 5, "encoder.mean": 4, "encoder.logVariance": 4 };
  for (const [layer, fanIn] of Object.entries(fanIns)) {
    for (const part of ["weight", "bias"]) {
      const { data } = named[`w.${layer}.${part}`];
      assert.ok(
        (data as Float32Array).every((x) => x !== 0 && Math.abs(x) <= 1 / Math.sqrt(fanIn)),
      );
    }
  }
});

Deno.test("createCvaeGenerator() generates other policies from other latents", () => {
  const model = createModel();
  const flat = model.initialise(Rng.fromSeed(1));
  const { policies } = interpret(traceGeneration(model), {
    ...nameWeights(model.weights, { flat, prefix: "weights" }),
    commands: { data: [0.5, 0.5, 0.5], shape: [3, 1] },
    latents: { data: [1, 0, 0, -1, 0, 0, 1, 0, 0], shape: [3, 3] },
  });
  const [first, second, third] = [0, 1, 2].map((i) =>
    [...policies.data.slice(i * model.parameterCount, (i + 1) * model.parameterCount)].map(Number)
  );
  assertAllClose(first, third);
  assert.ok(first.some((value, i) => Math.abs(value - second[i]) > 1e-3));
});

Deno.test("Learner.update() fits a conditional VAE to policies of one return", async () => {
  const run = tinyRun({ generator: { kind: "cvae" } });
  const [first, second] = [1, 2].map((seed) => {
    const target = new Float32Array(run.tools.model.parameterCount);
    Rng.fromSeed(seed).fillStandardNormal(target);
    return target;
  });
  const batch = {
    commands: [0.5, 0.5],
    shares: Float32Array.of(0.5, 0.5),
    writeTarget: (row: number, out: Float32Array) => out.set(row === 0 ? first : second),
  };
  const rng = Rng.fromSeed(7);
  const losses: number[] = [];
  for (let i = 0; i < 60; i++) {
    const batches = new Array(4).fill(batch);
    losses.push(...await run.tools.learner.update(batches, { rng, learningRate: () => 1e-2 }));
  }
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  assert.ok(mean(losses.slice(-20)) < 0.5 * mean(losses.slice(0, 20)), `${losses}`);
  await run.tools.learner.close();
});

Deno.test("train() trains a conditional VAE", async () => {
  const run = tinyRun({ steps: 300, generator: { kind: "cvae" } });
  const { outcome } = await follow(run);
  assert.ok(Number.isFinite(outcome?.finalReturn.mean));
  const rng = Rng.fromSeed(1);
  const [one, other] = await run.tools.learner.generate([0.5, 0.5], { rng });
  assert.notDeepEqual(one, other);
  await run.tools.learner.close();
});
