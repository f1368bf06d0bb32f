/** A policy is the same function in both frames, and its four kinds do not mix. */

import assert from "node:assert/strict";
import type { GeneratorModel, NormaliserState } from "../../lib/model.ts";
import {
  createObservationFrame,
  type GeneratedPolicy,
  type PolicyParameters,
  type RawParameters,
  type StoredPolicy,
  toGeneratorOrder,
  toPolicyOrder,
} from "../../lib/policy_space.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { models } from "../../models/models.ts";
import { assertAllClose } from "../support/close.ts";
import { shapeOf, specOf, tinyConfig } from "../support/tiny_run.ts";

const NORMALISER = { mean: Float64Array.of(3, -1), deviation: Float64Array.of(4, 0.5) };
/** A policy network without a normaliser has this one. */
const IDENTITY = { mean: new Float64Array(2), deviation: Float64Array.of(1, 1) };

/** A model that puts out the numbers 0, 1, 2 in the places 2, 0, 1. */
const MODEL: Pick<GeneratorModel, "order"> = { order: Int32Array.of(2, 0, 1) };

Deno.test("toPolicyOrder() and toGeneratorOrder() move numbers to their places, each undoing the other", () => {
  const generated = Float32Array.of(5, 6, 7) as GeneratedPolicy;
  const parameters = toPolicyOrder(MODEL, generated);
  assert.deepEqual([...parameters], [6, 7, 5]);
  assert.deepEqual(toGeneratorOrder(MODEL, parameters), generated);
});

Deno.test("the four kinds of policy vector do not mix: each use of a wrong one fails to compile", () => {
  const frame = createObservationFrame(MODEL, shapeOf([2, 1]));
  const generated = Float32Array.of(1, 2, 3) as GeneratedPolicy;
  const stored: StoredPolicy = frame.toRaw(generated, NORMALISER);
  const parameters: PolicyParameters = toPolicyOrder(MODEL, generated);
  const raw: RawParameters = toPolicyOrder(MODEL, stored);
  const policy = models.createPolicy(specOf([2, 1]), shapeOf([2, 1]));
  policy.load(parameters);
  // @ts-expect-error: it is in generator order
  policy.load(generated);
  // @ts-expect-error: it is for raw observations
  policy.load(raw);
  // @ts-expect-error: nobody said what these numbers are
  policy.load(new Float32Array(3));
  // @ts-expect-error: it is in the raw frame already
  frame.toRaw(stored, NORMALISER);
  // @ts-expect-error: it is in the normalised frame already
  frame.toNormalised(generated, NORMALISER);
  // @ts-expect-error: it is in policy order
  frame.toNormalised(raw, NORMALISER);
  // @ts-expect-error: it is in policy order already
  toPolicyOrder(MODEL, parameters);
  // @ts-expect-error: it is in generator order already
  toGeneratorOrder(MODEL, stored);
  // @ts-expect-error: orders change, frames stay
  const mixed: StoredPolicy = toGeneratorOrder(MODEL, parameters);
  assert.equal(mixed.length, 3);
});

Deno.test("ObservationFrame.toRaw() divides weights and shifts biases as by hand", () => {
  const shape = shapeOf([2, 1]);
  const model = models.createGenerator(tinyConfig({ policy: { hiddenSizes: [] } }), shape);
  const policy = Float32Array.of(8, 1, 0.5) as GeneratedPolicy; // W = [8, 1], b = 0.5; one tile
  const raw = createObservationFrame(model, shape).toRaw(policy, NORMALISER);
  // W' = [8 / 4, 1 / 0.5] = [2, 2]; b' = 0.5 - (2 * 3 + 2 * -1) = -3.5.
  assert.deepEqual([...raw], [2, 2, -3.5]);
  assert.deepEqual([...policy], [8, 1, 0.5], "it is a copy");
});

const POLICIES = [
  [[2, 1], "none"],
  [[2, 8, 1], "none"],
  [[2, 8, 4, 3], "none"],
  [[2, 8, 1], "linear"],
  [[2, 8, 4, 3], "linear"],
] as const;

for (const [sizes, skip] of POLICIES) {
  Deno.test(`ObservationFrame keeps the outputs of a policy ${sizes.join("-")}, skip ${skip}`, async () => {
    const shape = shapeOf(sizes, skip);
    const model = models.createGenerator(tinyConfig(), shape);
    const frame = createObservationFrame(model, shape);
    const rng = Rng.fromSeed(3);
    const generated = new Float32Array(shape.parameterCount) as GeneratedPolicy;
    rng.fillUniform(generated, -0.5, 0.5);
    const raw = frame.toRaw(generated, NORMALISER);
    const act = async (parameters: PolicyParameters, normaliser: NormaliserState) => {
      const policy = models.createPolicy(specOf(sizes), shape);
      policy.load(parameters);
      policy.normalise(normaliser);
      const action = new Float64Array(sizes[sizes.length - 1]);
      await policy.act(Float64Array.of(1.5, -0.7), action);
      return action;
    };
    const plain = new Float32Array(toPolicyOrder(model, raw)) as PolicyParameters;
    const expected = await act(toPolicyOrder(model, generated), NORMALISER);
    assertAllClose(await act(plain, IDENTITY), expected, { tolerance: 1e-5 });
    assertAllClose(frame.toNormalised(raw, NORMALISER), generated, { tolerance: 1e-5 });
    assert.throws(() => assertAllClose(raw, generated, { tolerance: 1e-2 }), "the frames differ");
    const out = new Float32Array(raw.length);
    assert.equal(frame.toNormalised(raw, NORMALISER, { out }), out);
  });
}
