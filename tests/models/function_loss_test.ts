/** The loss in function space: against PyTorch, by differences through the generator, and its mix. */

import assert from "node:assert/strict";
import { gradients } from "../../lib/autodiff/backward.ts";
import { trace } from "../../lib/autodiff/graph.ts";
import { interpret, type OutputArray } from "../../lib/autodiff/interpret.ts";
import { actionError } from "../../lib/autodiff/losses.ts";
import type { Config } from "../../lib/config/config.ts";
import { sizeOf } from "../../lib/autodiff/shape.ts";
import { countWeights } from "../../lib/learner/generation_pass.ts";
import { traceGradients } from "../../lib/learner/update_graph.ts";
import type { GeneratorModel, PolicyShape } from "../../lib/model.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { createTiledGenerator } from "../../models/generator.ts";
import { actOnStates, cutPolicies, layersOf } from "../../models/policy_actions.ts";
import { generatorOrder, tilePolicy } from "../../models/tiling.ts";
import { assertAllClose, assertClose } from "../support/close.ts";
import { shapeOf, tinyConfig } from "../support/tiny_run.ts";

const FLOAT64 = { dtype: "float64" } as const;

/** What PyTorch computed, see tests/golden/function_loss.py. */
interface GoldenCase {
  readonly activation: PolicyShape["activation"];
  readonly actions: PolicyShape["actions"];
  readonly sizes: readonly number[];
  readonly generated: readonly number[];
  readonly stored: readonly number[];
  readonly states: readonly number[];
  readonly shares: readonly number[];
  readonly loss: number;
  readonly gradient: readonly number[];
}

const GOLDEN: { readonly cases: readonly GoldenCase[] } = JSON.parse(
  await Deno.readTextFile(new URL("../golden/function_loss.json", import.meta.url)),
);
/** Half of a layer of eight and a quarter of a state of four: the golden policies are cut into tiles. */
const TILE_SIZE = 4;

for (const golden of GOLDEN.cases) {
  const { sizes, activation, actions } = golden;
  Deno.test(`actionError() is PyTorch's for ${activation} policies ${sizes.join("-")}, ${actions}`, () => {
    const kinds = tilePolicy(sizes, TILE_SIZE);
    const order = generatorOrder(kinds);
    const rows = golden.shares.length;
    const inGeneratorOrder = (values: readonly number[]) => ({
      data: values.map((_, i) => values[i - i % order.length + order[i % order.length]]),
      shape: [rows, order.length],
    });
    const count = golden.states.length / sizes[0];
    const inputs = {
      generated: inGeneratorOrder(golden.generated),
      stored: inGeneratorOrder(golden.stored),
      states: { data: golden.states, shape: [count, sizes[0]] },
      shares: { data: golden.shares, shape: [rows, 1] },
    };
    const shapes = { generated: ["B", order.length], stored: ["B", order.length] };
    const graph = trace(
      { ...shapes, states: inputs.states.shape, shares: ["B", 1] },
      ({ generated, stored, states, shares }) => {
        const act = (policies: typeof generated) =>
          actOnStates(layersOf(kinds, cutPolicies(kinds, policies)), states, {
            activation,
            actions,
          });
        const loss = actionError(act(generated), act(stored), shares);
        return { loss, slope: gradients(loss, [generated])[0] };
      },
    );
    const { loss, slope } = interpret(graph, inputs, FLOAT64);
    assertClose(Number(loss.data[0]), golden.loss);
    assertAllClose(slope.data as Float64Array, inGeneratorOrder(golden.gradient).data);
    assert.ok(golden.gradient.some((value) => Math.abs(value) > 1e-3), "the gradient is not zero");
  });
}

type Loss = Config["update"]["loss"];

interface Example {
  readonly sizes: readonly number[];
  readonly loss: Loss;
  readonly generator?: Partial<Config["generator"]>;
}

/** A generator, and a batch of three policies for its gradient graph. */
function example({ sizes, loss, generator }: Example) {
  const config = { ...tinyConfig().generator, hiddenSizes: [10], ...generator };
  const model = createTiledGenerator({ config, shape: shapeOf(sizes), latentSize: 0, loss });
  const rng = Rng.fromSeed(8);
  const draw = (shape: readonly number[]) => {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
    rng.fillUniform(data, -0.5, 0.5);
    return { data, shape };
  };
  const batch = {
    commands: draw([3, model.commandSize]),
    targets: draw([3, model.parameterCount]),
    states: draw([32, sizes[0]]),
  };
  const weights = Float64Array.from(draw([countWeights(model.weights)]).data);
  return { model, batch, weights };
}

/** Computes the loss and its gradients in float64. */
function evaluate(
  model: GeneratorModel,
  { batch, weights }: Pick<ReturnType<typeof example>, "batch" | "weights">,
): Record<string, OutputArray> {
  const { states, ...others } = batch;
  let offset = 0;
  const named = Object.fromEntries(model.weights.map(({ name, shape }) => {
    const data = weights.slice(offset, offset += sizeOf(shape));
    return [`weights.${name}`, { data, shape }];
  }));
  return interpret(traceGradients(model), {
    ...named,
    ...others,
    shares: { data: [0.5, 0.2, 0.3], shape: [3, 1] },
    ...(model.lossStates ? { states } : {}),
  }, FLOAT64);
}

const GENERATORS: Readonly<Record<string, Example>> = {
  "a linear policy": { sizes: [4, 2], loss: "function" },
  "tiles of whole layers": { sizes: [3, 8, 8, 2], loss: "function", generator: { tileSize: 8 } },
  "several tiles": { sizes: [3, 8, 12, 2], loss: "function", generator: { tileSize: 4 } },
  "several tiles, weights too": { sizes: [3, 8, 4, 2], loss: "both", generator: { tileSize: 4 } },
};

for (const [name, each] of Object.entries(GENERATORS)) {
  Deno.test(`createTiledGenerator().loss() has the gradient of differences with ${name}`, () => {
    const { model, batch, weights } = example(each);
    const outputs = evaluate(model, { batch, weights });
    const slope = model.weights.flatMap(({ name }) =>
      Array.from(outputs[`gradients.${name}`].data, Number)
    );
    const rng = Rng.fromSeed(2);
    for (let i = 0; i < 3; i++) {
      const direction = weights.map(() => rng.standardNormal());
      const [up, down] = [1e-6, -1e-6].map((step) => {
        const moved = weights.map((weight, k) => weight + step * direction[k]);
        return Number(evaluate(model, { batch, weights: moved }).loss.data[0]);
      });
      const expected = slope.reduce((sum, value, k) => sum + value * direction[k], 0);
      assertClose((up - down) / 2e-6 / expected, 1, 1e-6);
    }
  });
}

Deno.test("createTiledGenerator().loss() of \"both\" is the actions' error and 0.05 of the weights'", () => {
  const value = (loss: Loss) => {
    const { model, batch, weights } = example({ sizes: [3, 8, 2], loss });
    return Number(evaluate(model, { batch, weights }).loss.data[0]);
  };
  assertClose(value("both"), value("function") + 0.05 * value("weights"));
  assert.ok(value("function") > 1e-3 && value("weights") > 1e-3);
});

Deno.test("createTiledGenerator().loss() is 0 for a policy that does the same with other weights", () => {
  // Two hidden neurons change places: other weights, the same actions.
  const sizes = [2, 2, 1];
  const shape = shapeOf(sizes);
  const kinds = tilePolicy(sizes, 2);
  const order = generatorOrder(kinds);
  const stored = [1, 2, 3, 4, 0.5, -0.5, 0.7, -0.3, 0.1]; // W1, b1, W2, b2
  const swapped = [3, 4, 1, 2, -0.5, 0.5, -0.3, 0.7, 0.1];
  const row = (values: number[]) => ({
    data: Array.from(order, (place) => values[place]),
    shape: [1, order.length],
  });
  const inputs = { a: row(stored), b: row(swapped), states: { data: [0.3, -1], shape: [1, 2] } };
  const graph = trace({ a: [1, 9], b: [1, 9], states: [1, 2] }, ({ a, b, states }) => {
    const [x, y] = [a, b].map((each) =>
      actOnStates(layersOf(kinds, cutPolicies(kinds, each)), states, shape)
    );
    return { x, y };
  });
  const { x, y } = interpret(graph, inputs, FLOAT64);
  assertAllClose(x.data as Float64Array, y.data as Float64Array, { tolerance: 1e-15 });
});

Deno.test("resolveConfig() refuses a loss in function space for the conditional VAE", () => {
  for (const loss of ["function", "both"] as const) {
    assert.throws(() => tinyConfig({ generator: { kind: "cvae" }, update: { loss } }), {
      name: "RangeError",
      message: 'Cannot set option "update.loss" from test: it counts only with generator.kind = ' +
        '"tiled", got "cvae"',
    });
  }
});
