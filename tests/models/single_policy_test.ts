import assert from "node:assert/strict";
import { trace } from "../../lib/autodiff/graph.ts";
import { interpret } from "../../lib/autodiff/interpret.ts";
import { createPolicyKernel } from "../../lib/kernels/policy_kernel.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { applyPolicy, createSinglePolicy } from "../../models/single_policy.ts";
import { shapeOf } from "../support/tiny_run.ts";

Deno.test("a single policy is the same for every command", () => {
  const shape = shapeOf([2, 1]);
  const model = createSinglePolicy(shape, { startsAtZero: false });
  const graph = trace(
    { policy: [1, 3], commands: ["B", 1] },
    ({ policy, commands }) => ({ rows: model.generate({ policy }, commands) }),
  );
  const { rows } = interpret(graph, {
    policy: { data: [1, 2, 3], shape: [1, 3] },
    commands: { data: [0.5, -7], shape: [2, 1] },
  });
  assert.deepEqual(rows.shape, [2, 3]);
  assert.deepEqual([...rows.data], [1, 2, 3, 1, 2, 3]);
});

Deno.test("a single policy starts uniform within +-1 / sqrt(fan-in), or at zero", () => {
  const shape = shapeOf([4, 16, 1]);
  const flat = createSinglePolicy(shape, { startsAtZero: false }).initialise(Rng.fromSeed(1));
  const first = flat.subarray(0, 5 * 16).map(Math.abs);
  assert.ok(Math.max(...first) <= 0.5 && Math.max(...first) > 0.45);
  assert.ok(Math.max(...flat.subarray(80).map(Math.abs)) <= 0.25);
  const zero = createSinglePolicy(shape, { startsAtZero: true }).initialise(Rng.fromSeed(1));
  assert.ok(zero.every((value) => value === 0));
});

Deno.test("applyPolicy() acts as the policy kernel does", () => {
  const shape = shapeOf([3, 5, 2]);
  const policy = new Float32Array(shape.parameterCount);
  Rng.fromSeed(2).fillUniform(policy, -1, 1);
  const observation = [0.3, -1, 2];
  const graph = trace(
    { policy: [1, policy.length], observations: ["N", 3] },
    ({ policy, observations }) => ({ y: applyPolicy(policy, observations, shape) }),
  );
  const { y } = interpret(graph, {
    policy: { data: policy, shape: [1, policy.length] },
    observations: { data: observation, shape: [1, 3] },
  });
  const kernel = createPolicyKernel(shape.sizes, shape.activation);
  kernel.load(policy);
  const output = new Float64Array(2);
  kernel.forward(Float64Array.from(observation), output);
  output.forEach((value, i) => assert.ok(Math.abs(value - Number(y.data[i])) < 1e-6));
});
