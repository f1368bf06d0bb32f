/** A whole cycle of updates in ONNX Runtime against the interpreter, for three network shapes. */

import assert from "node:assert/strict";
import { ADAM, adamScalars } from "../../../lib/autodiff/adam.ts";
import { interpret, type OutputArray } from "../../../lib/autodiff/interpret.ts";
import type { Config } from "../../../lib/config/config.ts";
import { exportOnnx } from "../../../lib/onnx/export.ts";
import { createSession, type TensorValue } from "../../../lib/onnx/session.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { sizeOf } from "../../../lib/autodiff/shape.ts";
import { STATE_PARTS, traceUpdates } from "../../../lib/learner/update_graph.ts";
import { groupWeights, nameGroup } from "../../../lib/learner/weight_groups.ts";
import { createTiledGenerator } from "../../../models/generator.ts";
import { shapeOf, tinyConfig } from "../../support/tiny_run.ts";

type Loss = Config["update"]["loss"];

const UPDATES = 8;
/** Policies that all batches take their rows from. */
const POLICIES = 13;
const LEARNING_RATE = 1e-4;
/** Relative to the largest weight of a tensor. */
const TOLERANCE = 1e-5;

/** Policy sizes, the generator's hidden sizes, the tile size, and what the loss compares. */
const SHAPES: readonly [readonly number[], readonly number[], number, Loss][] = [
  [[4, 32, 32, 1], [64, 64], 32, "weights"],
  [[11, 24, 16, 3], [40], 8, "weights"],
  [[8, 16, 2], [48, 32, 24], 16, "weights"],
  [[11, 24, 16, 3], [40], 8, "function"],
  [[4, 32, 32, 1], [64, 64], 32, "both"],
];

/** Draws weights as a linear layer starts, zero moments, and another batch size for each update. */
function drawInputs(graph: ReturnType<typeof traceUpdates>, rng: Rng): Record<string, TensorValue> {
  const scalars = Array.from(
    { length: UPDATES },
    (_, k) => adamScalars(k + 1, { ...ADAM, learningRate: LEARNING_RATE }),
  );
  return Object.fromEntries(graph.inputs.map(({ attributes: { name }, shape }) => {
    const update = Number(name.split(".").at(-1));
    const rows = name === "policies" ? POLICIES : 3 + update % 3;
    const sizes = shape.map((dim) => typeof dim === "number" ? dim : rows);
    if (name.startsWith("rows.")) {
      return [name, {
        data: Int32Array.from({ length: rows }, (_, i) => i + update),
        shape: sizes,
      }];
    }
    const data = new Float32Array(sizeOf(sizes));
    const [part] = name.split(".");
    if (part === "stepSize" || part === "epsilon") data[0] = scalars[update][part];
    else if (part === "shares") data.fill(1 / sizes[0]);
    else if (part === "weights") rng.fillUniform(data, -0.15, 0.15);
    else if (part !== "momentum" && part !== "variance") rng.fillStandardNormal(data);
    return [name, { data, shape: sizes }];
  }));
}

/** Gives the largest difference relative to the largest magnitude of the second array. */
function worstDifference(actual: OutputArray, expected: OutputArray): number {
  let [worst, largest] = [0, 0];
  for (let i = 0; i < expected.data.length; i++) {
    const value = Number(expected.data[i]);
    worst = Math.max(worst, Math.abs(value - Number(actual.data[i])));
    largest = Math.max(largest, Math.abs(value));
  }
  return worst / largest;
}

for (const [sizes, hiddenSizes, tileSize, loss] of SHAPES) {
  const title = `${sizes.join("-")} from ${hiddenSizes.join("-")}, loss ${loss}`;
  Deno.test(`${UPDATES} updates in ONNX Runtime are the interpreter's for a policy ${title}`, async () => {
    const config = { ...tinyConfig().generator, hiddenSizes, tileSize };
    const model = createTiledGenerator({ config, shape: shapeOf(sizes), latentSize: 0, loss });
    const graph = traceUpdates(model, { count: UPDATES });
    const inputs = drawInputs(graph, Rng.fromSeed(sizes.length));
    const session = await createSession(exportOnnx(graph, { name: "update" }), { threads: 1 });
    const actual = await session.run(inputs);
    const expected = interpret(graph, inputs, { dtype: "float64" });
    for (let k = 0; k < UPDATES; k++) {
      const error = worstDifference(actual[`loss.${k}`], expected[`loss.${k}`]);
      assert.ok(error <= TOLERANCE, `loss.${k} is off by ${error}`);
    }
    for (const group of groupWeights(model.weights)) {
      const name = nameGroup("weights", group);
      for (const part of STATE_PARTS) {
        const key = `new.${nameGroup(part, group)}`;
        const difference = worstDifference(actual[key], expected[key]);
        assert.ok(difference <= TOLERANCE, `${key} is off by ${difference}`);
      }
      // The comparison means something only if the weights moved by far more than it forgives.
      const moved = worstDifference(inputs[name], expected[`new.${name}`]);
      assert.ok(moved > 10 * TOLERANCE, `${name} moved by ${moved}`);
    }
    await session.release();
  });
}
