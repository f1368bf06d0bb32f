/** What policies do on states, traced, against the policy that acts in episodes. */

import assert from "node:assert/strict";
import { gradients } from "../../lib/autodiff/backward.ts";
import { trace } from "../../lib/autodiff/graph.ts";
import { interpret } from "../../lib/autodiff/interpret.ts";
import { square, sum } from "../../lib/autodiff/tensor.ts";
import type { EnvSpec } from "../../lib/env.ts";
import type { Activation, Skip } from "../../lib/kernels/policy_kernel.ts";
import { forwardReference } from "../lib/kernels/policy_reference.ts";
import type { PolicyShape } from "../../lib/model.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { type StoredPolicy, toPolicyOrder } from "../../lib/policy_space.ts";
import { actOnStates, cutPolicies, inPolicyOrder, layersOf } from "../../models/policy_actions.ts";
import { policyShape } from "../../models/policy.ts";
import { generatorOrder, tilePolicy } from "../../models/tiling.ts";
import { assertAllClose, assertClose } from "../support/close.ts";
import { specOf } from "../support/tiny_run.ts";

const POLICIES = 3;
const STATES = 5;

interface Case {
  readonly sizes: readonly number[];
  readonly tileSize: number;
  readonly activation?: Activation;
  readonly isDiscrete?: boolean;
  readonly skip?: Skip;
}

const CASES: Readonly<Record<string, Case>> = {
  "a linear policy": { sizes: [5, 2], tileSize: 8 },
  "a linear policy of discrete actions": { sizes: [5, 3], tileSize: 8, isDiscrete: true },
  "one layer of one tile": { sizes: [3, 8, 2], tileSize: 8 },
  "layers of one tile": { sizes: [3, 8, 8, 2], tileSize: 8, activation: "relu" },
  "layers of several tiles": { sizes: [4, 24, 8, 16, 2], tileSize: 8 },
  "a skip connection past one tile": { sizes: [3, 8, 2], tileSize: 8, skip: "linear" },
  "a skip connection past several tiles": { sizes: [5, 8, 12, 3], tileSize: 4, skip: "linear" },
  "several tiles, ReLU, discrete actions": {
    sizes: [4, 12, 8, 3],
    tileSize: 4,
    activation: "relu",
    isDiscrete: true,
  },
};

function shapeOf(
  { sizes, activation = "tanh", isDiscrete = false, skip = "none" }: Case,
): PolicyShape {
  const box = specOf(sizes);
  const discrete = { kind: "discrete", n: sizes[sizes.length - 1] } as const;
  const spec: EnvSpec = isDiscrete ? { ...box, actionSpace: discrete } : box;
  return policyShape(spec, { hiddenSizes: sizes.slice(1, -1), activation, skip });
}

/** Traces the actions of policies given in generator order, [B, P], on states. */
function traceActions({ shape, tileSize }: { shape: PolicyShape; tileSize: number }) {
  const kinds = tilePolicy(shape.sizes, tileSize, shape.skip);
  const inputs = { policies: ["B", shape.parameterCount], states: [STATES, shape.sizes[0]] };
  return trace(inputs, ({ policies, states }) => {
    const actions = actOnStates(layersOf(kinds, cutPolicies(kinds, policies)), states, shape);
    return { actions, slope: gradients(sum(square(actions)), [policies])[0] };
  });
}

function draw(rng: Rng, shape: readonly number[]) {
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  rng.fillStandardNormal(data);
  return { data, shape };
}

for (const [name, each] of Object.entries(CASES)) {
  Deno.test(`actOnStates() does what the policy does with ${name}`, () => {
    const shape = shapeOf(each);
    const { sizes, parameterCount, activation, skip } = shape;
    const order = generatorOrder(tilePolicy(sizes, each.tileSize, skip));
    const rng = Rng.fromSeed(4);
    const inputs = {
      policies: draw(rng, [POLICIES, parameterCount]),
      states: draw(rng, [STATES, sizes[0]]),
    };
    const graph = traceActions({ shape, tileSize: each.tileSize });
    const { actions } = interpret(graph, inputs, { dtype: "float64" });
    const outputs = sizes[sizes.length - 1];
    assert.deepEqual(actions.shape, [POLICIES, outputs, STATES]);
    for (let policy = 0; policy < POLICIES; policy++) {
      const row = inputs.policies.data.subarray(
        policy * parameterCount,
        (policy + 1) * parameterCount,
      );
      const parameters = new Float32Array(parameterCount);
      order.forEach((place, i) => parameters[place] = row[i]);
      for (let state = 0; state < STATES; state++) {
        const observation = Float64Array.from(
          inputs.states.data.subarray(state * sizes[0], (state + 1) * sizes[0]),
        );
        const last = forwardReference({ sizes, parameters, activation, skip }, observation);
        const total = last.reduce((total, output) => total + Math.exp(output), 0);
        const expected = last.map((output) =>
          each.isDiscrete ? 2 * Math.exp(output) / total : Math.tanh(output)
        );
        const given = expected.map((_, action) =>
          Number(actions.data[(policy * outputs + action) * STATES + state])
        );
        assertAllClose(given, expected, { tolerance: 1e-5 });
      }
    }
  });

  Deno.test(`actOnStates() has the gradient of differences with ${name}`, () => {
    const shape = shapeOf(each);
    const rng = Rng.fromSeed(6);
    const policies = draw(rng, [2, shape.parameterCount]);
    const states = draw(rng, [STATES, shape.sizes[0]]);
    const graph = traceActions({ shape, tileSize: each.tileSize });
    const at = (step: number, direction: Float32Array) => {
      const data = Float64Array.from(policies.data, (value, i) => value + step * direction[i]);
      const inputs = { policies: { ...policies, data }, states };
      const { actions } = interpret(graph, inputs, { dtype: "float64" });
      return Array.from(actions.data, Number).reduce((total, action) => total + action ** 2, 0);
    };
    const { slope } = interpret(graph, { policies, states }, { dtype: "float64" });
    for (let i = 0; i < 3; i++) {
      const direction = draw(rng, policies.shape).data;
      const forward = (at(1e-6, direction) - at(-1e-6, direction)) / 2e-6;
      const reverse = direction.reduce((total, v, k) => total + v * Number(slope.data[k]), 0);
      assertClose(reverse / forward, 1, 1e-6);
    }
  });
}

Deno.test("actOnStates() compares discrete actions where the first two are close, whatever the others are", () => {
  // Two actions: twice the softmax is 1 + tanh of half the difference. A third one that is far below changes
  // nothing, where the tanh of centred outputs would be 1 for both: the gap of 0.4 stays what it was.
  const gap = (outputs: readonly number[]) => {
    const shape = shapeOf({ sizes: [1, outputs.length], tileSize: 1, isDiscrete: true });
    const kinds = tilePolicy(shape.sizes, 1);
    const graph = trace({ policies: [1, 2 * outputs.length], states: [1, 1] }, (x) => {
      const layers = layersOf(kinds, cutPolicies(kinds, x.policies));
      return { actions: actOnStates(layers, x.states, shape) };
    });
    const data = [...outputs.map(() => 0), ...outputs]; // weights 0, then biases
    const { actions } = interpret(graph, {
      policies: { data, shape: [1, data.length] },
      states: { data: [0], shape: [1, 1] },
    }, { dtype: "float64" });
    return Number(actions.data[0]) - Number(actions.data[1]);
  };
  assertClose(gap([1, 0.6]), 2 * Math.tanh(0.2), 1e-12);
  assertClose(gap([1, 0.6, -50]), 2 * Math.tanh(0.2), 1e-12);
  assertClose(gap([1001, 1000.6]), 2 * Math.tanh(0.2), 1e-12);
});

for (const [title, one] of Object.entries(CASES)) {
  Deno.test(`inPolicyOrder() is the way of toPolicyOrder() for ${title}`, () => {
    const shape = shapeOf(one);
    const kinds = tilePolicy(shape.sizes, one.tileSize, shape.skip);
    const size = shape.parameterCount;
    const graph = trace({ policies: ["B", size] }, ({ policies }) => ({
      ordered: inPolicyOrder(kinds, policies),
    }));
    const data = Float32Array.from({ length: 2 * size }, (_, i) => i);
    const { ordered } = interpret(graph, { policies: { data, shape: [2, size] } });
    const order = generatorOrder(kinds);
    const expected = [0, 1].flatMap((
      row,
    ) => [
      ...toPolicyOrder({ order }, data.subarray(row * size, (row + 1) * size) as StoredPolicy),
    ]);
    assert.deepEqual([...ordered.data], expected);
  });
}
