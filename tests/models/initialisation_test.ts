/** The statistics of each initialisation: of the weights, and of the policies that come out. */

import assert from "node:assert/strict";
import { interpret } from "../../lib/autodiff/interpret.ts";
import type { Config } from "../../lib/config/config.ts";
import { countWeights, encodeCommands, nameWeights } from "../../lib/learner/generation_pass.ts";
import type { GeneratorModel } from "../../lib/model.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { traceGeneration } from "../../lib/learner/update_graph.ts";
import { createTiledGenerator } from "../../models/generator.ts";
import { assertClose } from "../support/close.ts";
import { shapeOf, tinyConfig } from "../support/tiny_run.ts";

/** 6 -> 64 -> 64 -> 3 with tiles of 16: 4, 16 and 4 tiles. */
const SIZES = [6, 64, 64, 3];

function createModel(generator: Partial<Config["generator"]>): GeneratorModel {
  const config = {
    ...tinyConfig().generator,
    tileSize: 16,
    embeddingSize: 32,
    hiddenSizes: [128, 128],
    ...generator,
  };
  return createTiledGenerator({ config, shape: shapeOf(SIZES), latentSize: 0 });
}

/** Root mean square; all the initial distributions have the mean 0. */
function spread(values: ArrayLike<number>): number {
  return Math.sqrt(
    Array.from(values, (value) => value * value).reduce((a, b) => a + b) / values.length,
  );
}

/** Generates the policies of some commands, in policy order. */
function generatePolicies(model: GeneratorModel, commands: readonly number[]): Float64Array[] {
  const flat = model.initialise(Rng.fromSeed(4));
  const { policies } = interpret(traceGeneration(model), {
    ...nameWeights(model.weights, { flat, prefix: "weights" }),
    commands: encodeCommands(model, commands),
  });
  const count = model.parameterCount;
  return commands.map((_, row) => {
    const theta = new Float64Array(count);
    model.order.forEach((place, i) => theta[place] = Number(policies.data[row * count + i]));
    return theta;
  });
}

/** The weights W of each layer of a policy. */
function layersOf(theta: Float64Array): { fanIn: number; W: Float64Array; b: Float64Array }[] {
  let offset = 0;
  return SIZES.slice(1).map((fanOut, i) => {
    const fanIn = SIZES[i];
    const W = theta.subarray(offset, offset += fanIn * fanOut);
    return { fanIn, W, b: theta.subarray(offset, offset += fanOut) };
  });
}

Deno.test('initialise() with "reference" draws layers within +-1/sqrt(fan-in), embeddings N(0, 1)', () => {
  const model = createModel({ initialisation: "reference" });
  const flat = model.initialise(Rng.fromSeed(1));
  assert.equal(flat.length, countWeights(model.weights));
  const named = nameWeights(model.weights, { flat, prefix: "w" });
  for (const [name, { data }] of Object.entries(named)) {
    const values = data as Float32Array;
    const largest = Math.max(...values.map(Math.abs));
    if (name.endsWith(".embedding") && name.split(".").length === 3) {
      assertClose(spread(values), 1, 0.15);
      continue;
    }
    // The first layers see embedding and command together, 33 numbers; all others 128.
    const bound = 1 / Math.sqrt(name.includes(".0.") ? 33 : 128);
    assert.ok(largest <= bound, `${name}: ${largest} > ${bound}`);
    if (values.length >= 1000) assertClose(spread(values) / bound, Math.sqrt(1 / 3), 0.03);
  }
});

Deno.test('initialise() with "reference" generates weights of one deviation whatever the layer', () => {
  const [theta] = generatePolicies(createModel({ initialisation: "reference" }), [0.5]);
  for (const { W } of layersOf(theta)) {
    assert.ok(spread(W) > 0.06 && spread(W) < 0.16, `${spread(W)}`);
  }
});

Deno.test('initialise() with "bias" generates a normally initialised policy for every command', () => {
  const [low, high] = generatePolicies(createModel({ initialisation: "bias" }), [0, 1]);
  assert.deepEqual(low, high, "the heads' weights are zero");
  for (const { fanIn, W, b } of layersOf(low)) {
    const bound = 1 / Math.sqrt(fanIn);
    assert.ok(Math.max(...W.map(Math.abs), ...b.map(Math.abs)) <= bound);
    // Uniform within +-bound: deviation bound / sqrt(3). Tiles repeat, so few draws are independent.
    assertClose(spread(W) / bound, Math.sqrt(1 / 3), 0.12);
  }
});

Deno.test('initialise() with "variance" generates weights of variance 1 / (3 fan-in), no biases', () => {
  const [theta] = generatePolicies(createModel({ initialisation: "variance" }), [0.5]);
  for (const { fanIn, W, b } of layersOf(theta)) {
    assertClose(spread(W) * Math.sqrt(3 * fanIn), 1, 0.2);
    assert.equal(spread(b), 0);
  }
});

Deno.test("initialise() gives the same weights for the same stream and others for another", () => {
  const model = createModel({});
  const draw = (seed: number) => model.initialise(Rng.fromSeed(seed));
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
});
