/** A policy is the same function in both frames. */

import assert from "node:assert/strict";
import { createObservationFrame } from "../../lib/policy_space.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { models } from "../../models/models.ts";
import { assertAllClose } from "../support/close.ts";
import { shapeOf, specOf, tinyConfig } from "../support/tiny_run.ts";

const NORMALISER = { mean: Float64Array.of(3, -1), deviation: Float64Array.of(4, 0.5) };

Deno.test("ObservationFrame.toRaw() divides weights and shifts biases as by hand", () => {
  const shape = shapeOf([2, 1]);
  const model = models.createGenerator(tinyConfig({ policy: { hiddenSizes: [] } }), shape);
  const row = Float32Array.of(8, 1, 0.5); // W = [8, 1], b = 0.5; one tile: both orders agree
  createObservationFrame(model, shape).toRaw(row, NORMALISER);
  // W' = [8 / 4, 1 / 0.5] = [2, 2]; b' = 0.5 - (2 * 3 + 2 * -1) = -3.5.
  assert.deepEqual([...row], [2, 2, -3.5]);
});

for (const sizes of [[2, 1], [2, 8, 1], [2, 8, 4, 3]]) {
  Deno.test(`ObservationFrame keeps the outputs of a policy ${sizes.join("-")}`, async () => {
    const shape = shapeOf(sizes);
    const model = models.createGenerator(tinyConfig(), shape);
    const frame = createObservationFrame(model, shape);
    const rng = Rng.fromSeed(3);
    const row = new Float32Array(shape.parameterCount);
    rng.fillUniform(row, -0.5, 0.5);
    const raw = row.slice();
    frame.toRaw(raw, NORMALISER);
    const act = async (parameters: Float32Array, normaliser: typeof NORMALISER) => {
      const theta = new Float32Array(parameters.length);
      model.order.forEach((place, i) => theta[place] = parameters[i]);
      const policy = models.createPolicy(specOf(sizes), shape);
      policy.load(theta);
      policy.normalise(normaliser);
      const action = new Float64Array(sizes[sizes.length - 1]);
      await policy.act(Float64Array.of(1.5, -0.7), action);
      return action;
    };
    const identity = { mean: new Float64Array(2), deviation: Float64Array.of(1, 1) };
    assertAllClose(await act(raw, identity), await act(row, NORMALISER), { tolerance: 1e-5 });
    const back = raw.slice();
    frame.toNormalised(back, NORMALISER);
    assertAllClose(back, row, { tolerance: 1e-5 });
    assert.throws(() => assertAllClose(raw, row, { tolerance: 1e-2 }), "the frames differ");
  });
}
