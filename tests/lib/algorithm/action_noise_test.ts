/** Noise by what it does to actions: by hand for one weight, and over networks of all kinds. */

import assert from "node:assert/strict";
import {
  type ActionProbe,
  calibrateNoise,
  createActionProbe,
  drawDirection,
} from "../../../lib/algorithm/action_noise.ts";
import { interpret } from "../../../lib/autodiff/interpret.ts";
import { trace } from "../../../lib/autodiff/graph.ts";
import type { PolicyNetwork, PolicyShape } from "../../../lib/model.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { type GeneratedPolicy, toPolicyOrder } from "../../../lib/policy_space.ts";
import { models } from "../../../models/models.ts";
import { actOnStates, cutPolicies, layersOf } from "../../../models/policy_actions.ts";
import { generatorOrder, tilePolicy } from "../../../models/tiling.ts";
import { assertAllClose, assertClose } from "../../support/close.ts";
import { shapeOf, specOf } from "../../support/tiny_run.ts";

const STATES = 64;

/** A policy of [S, ..., A] with random weights and states to act on. */
function example(
  sizes: readonly number[],
  { activation = "tanh", isDiscrete = false, size = 1 }: {
    activation?: PolicyNetwork["activation"];
    isDiscrete?: boolean;
    size?: number;
  } = {},
) {
  const box = specOf(sizes);
  const spec = isDiscrete
    ? { ...box, actionSpace: { kind: "discrete" as const, n: sizes[sizes.length - 1] } }
    : box;
  const shape = models.policyShape(spec, { hiddenSizes: sizes.slice(1, -1), activation });
  const order = generatorOrder(tilePolicy(sizes, 4));
  const rng = Rng.fromSeed(3);
  const policy = Float32Array.from(
    order,
    (place) => size * shape.scale[place] * rng.standardNormal(),
  ) as GeneratedPolicy;
  const states = new Float32Array(STATES * sizes[0]);
  rng.fillStandardNormal(states);
  return { shape, model: { order }, policy, states, rng };
}

/** The root mean square change of actions, computed apart from the search. */
function changeOf(
  { probe, model, policy, states }: {
    probe: ActionProbe;
    model: { order: Int32Array };
    policy: GeneratedPolicy;
    states: Float32Array;
  },
  noise: Float32Array,
): number {
  const actions = (each: Float32Array) =>
    probe(toPolicyOrder(model, each as GeneratedPolicy), states).slice();
  const [before, after] = [actions(policy), actions(policy.map((x, i) => x + noise[i]))];
  const squares = after.map((action, i) => (action - before[i]) ** 2);
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length);
}

const CASES = {
  "a linear policy": example([5, 2]),
  "a linear policy that is far from 0": example([5, 2], { size: 20 }),
  "a tanh policy": example([7, 8, 8, 3]),
  "a ReLU policy": example([7, 8, 8, 3], { activation: "relu" }),
  "a ReLU policy of discrete actions": example([4, 8, 3], { activation: "relu", isDiscrete: true }),
};

for (const [name, each] of Object.entries(CASES)) {
  Deno.test(`calibrateNoise() changes the actions of ${name} as much as is wanted`, () => {
    const { shape, model, policy, states, rng } = each;
    const kernel = createActionProbe(shape);
    let passes = 0;
    const probe: ActionProbe = (...args) => (passes++, kernel(...args));
    for (const wanted of [0.01, 0.1, 0.5, 0.9]) {
      const direction = drawDirection(rng, { model, shape });
      passes = 0;
      const { length, change } = calibrateNoise(policy, {
        probe,
        model,
        states,
        direction,
        wanted,
      });
      assert.ok(passes <= 15, `${passes} passes`);
      assert.ok(Math.abs(change / wanted - 1) < 0.05, `${change} in place of ${wanted}`);
      const noise = direction.map((value) => length * value);
      assertClose(changeOf({ probe: kernel, model, policy, states }, noise), change, 1e-6);
    }
  });
}

Deno.test("calibrateNoise() finds the length that is worked by hand", () => {
  // One input, one output, weight 0, bias 0, direction (1, 0): actions are tanh(L s). On states -1 and 1
  // they change by tanh(L), which is 0.5 at L = atanh(0.5) = 0.549.
  const shape = shapeOf([1, 1]);
  const { length, change } = calibrateNoise(Float32Array.of(0, 0) as GeneratedPolicy, {
    probe: createActionProbe(shape),
    model: { order: Int32Array.of(0, 1) },
    states: Float32Array.of(-1, 1),
    direction: Float32Array.of(1, 0) as GeneratedPolicy,
    wanted: 0.5,
  });
  assertClose(length / Math.atanh(0.5), 1, 0.03);
  assertClose(change, Math.tanh(length), 1e-6);
});

Deno.test("calibrateNoise() ends where a direction changes no action, and where any change is too much", () => {
  const { shape, model, policy, states } = example([5, 2]);
  const probe = createActionProbe(shape);
  const options = { probe, model, states, wanted: 0.5 };
  const nothing = new Float32Array(policy.length) as GeneratedPolicy;
  assert.deepEqual(calibrateNoise(policy, { ...options, direction: nothing }), {
    length: 0.5 * 2 ** 8,
    change: 0,
  });
  const huge = new Float32Array(policy.length).fill(1e6) as GeneratedPolicy;
  const least = calibrateNoise(policy, { ...options, direction: huge });
  assert.equal(least.length, 0.5 / 2 ** 8);
  assert.ok(least.change > 0.5);
});

Deno.test("calibrateNoise() leaves the policy and the direction as they were", () => {
  const { shape, model, policy, states, rng } = CASES["a tanh policy"];
  const direction = drawDirection(rng, { model, shape });
  const copies = [policy.slice(), direction.slice()];
  const probe = createActionProbe(shape);
  calibrateNoise(policy, { probe, model, states, direction, wanted: 0.3 });
  assert.deepEqual([policy, direction], copies);
});

Deno.test("drawDirection() gives every layer the deviation 1 / sqrt(fan-in + 1)", () => {
  const { shape, model } = example([99, 80, 3]);
  const direction = drawDirection(Rng.fromSeed(1), { model, shape });
  const own = toPolicyOrder(model, direction);
  const deviation = (values: Float32Array) =>
    Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);
  assertClose(deviation(own.subarray(0, 100 * 80)) * 10, 1, 0.03); // fan-in 99
  assertClose(deviation(own.subarray(100 * 80)) * 9, 1, 0.15); // fan-in 80
});

/** The same actions as the loss computes them: [A, N] for one policy. */
function tracedActions(shape: PolicyShape, policy: GeneratedPolicy, states: Float32Array) {
  const kinds = tilePolicy(shape.sizes, 4);
  const inputs = { policies: [1, policy.length], states: [STATES, shape.sizes[0]] };
  const graph = trace(inputs, ({ policies, states }) => ({
    actions: actOnStates(layersOf(kinds, cutPolicies(kinds, policies)), states, shape),
  }));
  const { actions } = interpret(graph, {
    policies: { data: policy, shape: inputs.policies },
    states: { data: states, shape: inputs.states },
  });
  return Array.from(actions.data, Number);
}

for (const [name, { shape, model, policy, states }] of Object.entries(CASES)) {
  Deno.test(`createActionProbe() gives the actions that the loss compares for ${name}`, () => {
    const given = createActionProbe(shape)(toPolicyOrder(model, policy), states);
    const traced = tracedActions(shape, policy, states);
    const outputs = shape.sizes[shape.sizes.length - 1];
    const expected = Array.from(
      given,
      (_, i) => traced[(i % outputs) * STATES + Math.floor(i / outputs)],
    );
    assertAllClose(given, expected, { tolerance: 2e-5 });
  });
}
