/** The statistics of the initialisation: of the weights, and of the policies that come out. */

import assert from "node:assert/strict";
import { interpret } from "../../lib/autodiff/interpret.ts";
import { countWeights, encodeCommands, nameWeights } from "../../lib/learner/generation_pass.ts";
import type { GeneratorModel } from "../../lib/model.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { traceGeneration } from "../../lib/learner/update_graph.ts";
import { createTiledGenerator } from "../../models/generator.ts";
import { assertClose } from "../support/close.ts";
import { shapeOf, tinyConfig } from "../support/tiny_run.ts";

/** 6 -> 64 -> 64 -> 3 with tiles of 16: 4, 16 and 4 tiles. */
const SIZES = [6, 64, 64, 3];

function createModel(): GeneratorModel {
  const config = { ...tinyConfig().generator, tileSize: 16, hiddenSizes: [128, 128] };
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

Deno.test("initialise() draws layers within +-1/sqrt(fan-in), embeddings N(0, 1)", () => {
  const model = createModel();
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

Deno.test("initialise() generates weights of one deviation whatever the layer", () => {
  const [theta] = generatePolicies(createModel(), [0.5]);
  for (const { W } of layersOf(theta)) {
    assert.ok(spread(W) > 0.06 && spread(W) < 0.16, `${spread(W)}`);
  }
});

Deno.test("initialise() of a still generator makes policies that do nothing, with hidden units that do", () => {
  const config = { ...tinyConfig().generator, tileSize: 16, hiddenSizes: [128, 128] };
  const options = { config, shape: shapeOf(SIZES), latentSize: 0, startsStill: true };
  const policies = generatePolicies(createTiledGenerator(options), [0, 0.5, 1]);
  for (const theta of policies) {
    const [input, hidden, output] = layersOf(theta);
    for (const { W, fanIn } of [input, hidden]) {
      const size = spread(W) * Math.sqrt(fanIn + 1);
      assert.ok(size > 0.5 && size < 1.7, `${size}`);
    }
    assert.ok([...output.W, ...output.b].every((value) => value === 0));
  }
  const skipping = { ...options, shape: shapeOf(SIZES, "linear") };
  const [still] = generatePolicies(createTiledGenerator(skipping), [1]);
  const last = (SIZES[SIZES.length - 2] + SIZES[0] + 1) * SIZES[SIZES.length - 1];
  assert.ok(still.slice(-last).every((value) => value === 0));
  const linear = { ...options, shape: shapeOf([6, 3]) };
  const [theta] = generatePolicies(createTiledGenerator(linear), [1]);
  assert.ok(theta.every((value) => value === 0));
});

Deno.test("initialise() gives the same weights for the same stream and others for another", () => {
  const model = createModel();
  const draw = (seed: number) => model.initialise(Rng.fromSeed(seed));
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
});
