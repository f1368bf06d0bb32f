/** The policy against plain loops, and its traced form against itself. */

import assert from "node:assert/strict";
import { interpret } from "../../lib/autodiff/interpret.ts";
import type { EnvSpec } from "../../lib/env.ts";
import type { PolicyNetwork, PolicyShape } from "../../lib/model.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { createPolicy, policyShape, tracePolicy } from "../../models/policy.ts";
import { assertAllClose } from "../support/close.ts";
import { tanhNetwork } from "../support/tanh_network.ts";
import { TINY_ENV_SPEC } from "../support/tiny_env.ts";
import type { PolicyParameters } from "../../lib/policy_space.ts";

const box = (low: number[], high: number[]) => ({
  kind: "box" as const,
  low: Float64Array.from(low),
  high: Float64Array.from(high),
  dtype: "float32" as const,
});

/** Three observations, two actions with bounds of their own. */
const SPEC: EnvSpec = {
  ...TINY_ENV_SPEC,
  observationSpace: box([-1, -1, -1], [1, 1, 1]),
  actionSpace: box([-1, 0], [1, 6]),
};
const DISCRETE: EnvSpec = { ...SPEC, actionSpace: { kind: "discrete", n: 2 } };

const NORMALISER = {
  mean: Float64Array.of(0.5, -1, 2),
  deviation: Float64Array.of(2, 0.5, 1),
};

/** A policy with random parameters and observations to act on. */
function example(spec: EnvSpec, network: PolicyNetwork) {
  const shape = policyShape(spec, network);
  const rng = Rng.fromSeed(9);
  const parameters = new Float32Array(shape.parameterCount) as PolicyParameters;
  rng.fillUniform(parameters, -1, 1);
  const observations = Array.from({ length: 20 }, () => {
    const { mean, deviation } = NORMALISER;
    return mean.map((center, i) => center + 2 * deviation[i] * rng.standardNormal());
  });
  const policy = createPolicy(spec, shape);
  policy.load(parameters);
  policy.normalise(NORMALISER);
  return { shape, parameters, observations, policy };
}

/** The network as a textbook writes it: outputs of the last, linear layer. */
function forward(
  parameters: Float32Array,
  { sizes, activation, skip }: PolicyShape,
  observation: Float64Array,
) {
  const activate = activation === "tanh" ? Math.tanh : (value: number) => Math.max(0, value);
  const seen = [...observation].map((o, i) => (o - NORMALISER.mean[i]) / NORMALISER.deviation[i]);
  let x = seen;
  let offset = 0;
  for (let layer = 1; layer < sizes.length; layer++) {
    if (layer === sizes.length - 1 && skip === "linear") x = [...x, ...seen];
    const [fanIn, fanOut] = [x.length, sizes[layer]];
    const biases = offset + fanIn * fanOut;
    const y = Array.from(
      { length: fanOut },
      (_, row) =>
        x.reduce(
          (sum, value, i) => sum + parameters[offset + row * fanIn + i] * value,
          parameters[biases + row],
        ),
    );
    x = layer < sizes.length - 1 ? y.map(activate) : y;
    offset = biases + fanOut;
  }
  return x;
}

const RELU: PolicyNetwork = { hiddenSizes: [8, 6], activation: "relu", skip: "none" };
const SKIPPING: PolicyNetwork = { hiddenSizes: [5, 6], activation: "tanh", skip: "linear" };

for (const network of [...[[], [8], [8, 5, 4]].map(tanhNetwork), RELU, SKIPPING]) {
  const title = `${network.activation} layers [${network.hiddenSizes}], skip ${network.skip}`;
  Deno.test(`createPolicy() acts as plain loops do with ${title}`, async () => {
    const { shape, parameters, observations, policy } = example(SPEC, network);
    const action = new Float64Array(2);
    for (const observation of observations) {
      await policy.act(observation, action);
      const [first, second] = forward(parameters, shape, observation).map(Math.tanh);
      // [-1, 1] is scaled by 1 around 0, [0, 6] by 3 around 3.
      assertAllClose(action, [first, 3 + 3 * second], { tolerance: 3e-6 });
    }
  });
}

Deno.test("policyShape() counts a skip connection's inputs apart: 1 / sqrt(3), and its biases with them", () => {
  const { scale, sizes, parameterCount, skip } = policyShape(SPEC, SKIPPING);
  assert.deepEqual([sizes, skip], [[3, 5, 6, 2], "linear"]);
  // W1 b1, W2 b2, then two rows of six hidden units and three observations, and two biases.
  assert.equal(parameterCount, 4 * 5 + 6 * 6 + 9 * 2 + 2);
  const fanIns = [...scale].map((value) => Math.round(value ** -2));
  const row = [6, 6, 6, 6, 6, 6, 3, 3, 3];
  const expected = [...Array(20).fill(3), ...Array(36).fill(5), ...row, ...row, 3, 3];
  assert.deepEqual(fanIns, expected);
  const linear = policyShape(SPEC, { ...SKIPPING, hiddenSizes: [] });
  assert.deepEqual([linear.skip, linear.parameterCount], ["none", 8]);
});

Deno.test("createPolicy() chooses the largest output as discrete action", async () => {
  const { shape, parameters, observations, policy } = example(DISCRETE, tanhNetwork([8]));
  const action = new Float64Array(1);
  const chosen = [];
  for (const observation of observations) {
    await policy.act(observation, action);
    const [left, right] = forward(parameters, shape, observation);
    assert.equal(action[0], right > left ? 1 : 0);
    chosen.push(action[0]);
  }
  assert.equal(new Set(chosen).size, 2, "the test sees both actions");
});

Deno.test("createPolicy() chooses the first of equal outputs", async () => {
  const policy = createPolicy(DISCRETE, policyShape(DISCRETE, tanhNetwork([])));
  const action = Float64Array.of(7);
  await policy.act(Float64Array.of(1, 2, 3), action);
  assert.equal(action[0], 0);
});

const TRACED = [
  ["continuous", SPEC, tanhNetwork([8, 6])],
  ["continuous", SPEC, RELU],
  ["continuous", SPEC, SKIPPING],
  ["discrete", DISCRETE, tanhNetwork([8, 6])],
] as const;

for (const [kind, spec, network] of TRACED) {
  const title =
    `${kind} actions as createPolicy() with ${network.activation} layers, skip ${network.skip}`;
  Deno.test(`tracePolicy() computes the same ${title}`, async () => {
    const { shape, parameters, observations, policy } = example(spec, network);
    const graph = tracePolicy(spec, shape, { parameters, normaliser: NORMALISER });
    const data = observations.flatMap((observation) => [...observation]);
    const outputs = interpret(graph, { observation: { data, shape: [observations.length, 3] } });
    const action = new Float64Array(kind === "discrete" ? 1 : 2);
    for (const [row, observation] of observations.entries()) {
      await policy.act(observation, action);
      const size = action.length;
      const traced = Array.from(outputs.action.data, Number).slice(row * size, (row + 1) * size);
      assertAllClose(action, traced, { tolerance: 3e-6 });
    }
    assert.deepEqual(Object.keys(outputs), kind === "discrete" ? ["action", "logits"] : ["action"]);
  });
}

Deno.test("policyShape() counts parameters and gives each its layer's 1 / sqrt(fan-in)", () => {
  const shape = policyShape(SPEC, tanhNetwork([4]));
  assert.deepEqual(shape.sizes, [3, 4, 2]);
  // (3 + 1) * 4 + (4 + 1) * 2
  assert.equal(shape.parameterCount, 26);
  const expected = [...new Array(16).fill(1 / Math.sqrt(3)), ...new Array(10).fill(0.5)];
  assertAllClose(shape.scale, expected, { tolerance: 1e-7 });
});

Deno.test("policyShape() rejects unbounded actions", () => {
  const spec = { ...SPEC, id: "Loose-v0", actionSpace: box([-Infinity], [1]) };
  assert.throws(() => policyShape(spec, tanhNetwork([4])), {
    name: "RangeError",
    message:
      'Cannot make policy for "Loose-v0": action bounds must be finite, got [-Infinity] to [1]',
  });
});
