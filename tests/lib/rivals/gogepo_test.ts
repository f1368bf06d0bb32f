import assert from "node:assert/strict";
import { gradients } from "../../../lib/autodiff/backward.ts";
import { trace } from "../../../lib/autodiff/graph.ts";
import { interpret } from "../../../lib/autodiff/interpret.ts";
import { perceptronWeights } from "../../../lib/autodiff/perceptron.ts";
import { mean, reshape, square, sub } from "../../../lib/autodiff/tensor.ts";
import { viewsByName } from "../../../lib/learner/fitter.ts";
import { drawAge, traceEvaluator } from "../../../lib/rivals/gogepo.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import golden from "../../golden/gogepo.json" with { type: "json" };
import { shapeOf, tinyConfig } from "../../support/tiny_run.ts";
import { models } from "../../../models/models.ts";

function assertNear(actual: ArrayLike<number | bigint>, wanted: readonly number[], what: string) {
  assert.equal(actual.length, wanted.length, what);
  wanted.forEach((value, i) => {
    const error = Math.abs(Number(actual[i]) - value);
    assert.ok(
      error <= 2e-5 * Math.max(1, Math.abs(value)),
      `${what}[${i}]: ${actual[i]}, ${value}`,
    );
  });
}

Deno.test("the evaluator and its gradients are PyTorch's", () => {
  const [S, , A] = golden.sizes;
  const shape = shapeOf(golden.sizes);
  const count = golden.states.length / S;
  const value = { name: "v", sizes: [count * A, 6, 1], activation: "relu" } as const;
  const specs = perceptronWeights(value);
  const names = ["states", ...specs.map(({ name }) => name), "policies"];
  const graph = trace({
    states: [count, S],
    ...Object.fromEntries(specs.map(({ name, shape }) => [name, shape])),
    policies: ["B", shape.parameterCount],
    returns: ["B"],
  }, (tensors) => {
    const values = reshape(
      traceEvaluator(value, tensors, tensors.policies, {
        shape,
        halfRange: Float64Array.from(golden.halfRange),
        centre: Float64Array.from(golden.centre),
      }),
      [-1],
    );
    const loss = mean(square(sub(values, tensors.returns)));
    const slopes = gradients(
      loss,
      names.map((name) => (tensors as Record<string, typeof loss>)[name]),
    );
    return {
      values,
      loss,
      ...Object.fromEntries(names.map((name, i) => [`d.${name}`, slopes[i]])),
    };
  });
  const flat = Float32Array.from(golden.perceptron);
  const results = interpret(
    graph,
    {
      states: { data: golden.states, shape: [count, S] },
      ...viewsByName(specs, flat),
      policies: { data: golden.policies, shape: [golden.returns.length, shape.parameterCount] },
      returns: { data: golden.returns, shape: [golden.returns.length] },
    } as Parameters<typeof interpret>[1],
  );
  assertNear(results.values.data, golden.values, "values");
  assertNear(results.loss.data, [golden.loss], "loss");
  assertNear(results["d.states"].data, golden.stateGradients, "states");
  assertNear(results["d.policies"].data, golden.policyGradients, "policies");
  const slopes = specs.flatMap(({ name }) => Array.from(results[`d.${name}`].data, Number));
  assertNear(slopes, golden.perceptronGradients, "perceptron");
  assert.throws(() => assertNear(slopes, golden.perceptron, "a checker"), /a checker\[0\]/);
});

Deno.test("drawAge() prefers newer policies by 1 / age^1.1", () => {
  const rng = Rng.fromSeed(1);
  const counts = [0, 0, 0];
  for (let i = 0; i < 30_000; i++) counts[drawAge(rng, 3) - 1]++;
  const weights = [1, 2 ** -1.1, 3 ** -1.1];
  const total = weights.reduce((sum, weight) => sum + weight);
  counts.forEach((count, i) => assert.ok(Math.abs(count / 30_000 - weights[i] / total) < 0.01));
  assert.equal(drawAge(rng, 1), 1);
});

Deno.test("gogepo's generator scales what its heads put out by 2 / sqrt(fan-in)", () => {
  const shape = shapeOf([4, 16, 1]);
  const model = models.createGenerator(
    tinyConfig({ algorithm: "gogepo", policy: { hiddenSizes: [16] } }),
    shape,
  );
  const graph = trace({
    ...Object.fromEntries(model.weights.map(({ name, shape }) => [name, shape])),
    commands: ["B", 1],
  }, (tensors) => ({ policies: model.generate(tensors, tensors.commands) }));
  // Weights of zero but the last biases: the heads put out ones.
  const values = Object.fromEntries(model.weights.map(({ name, shape }) => {
    const size = shape.reduce((a, b) => a * b, 1);
    return [name, {
      data: new Array(size).fill(name.endsWith("head.bias") ? 1 : 0),
      shape: [...shape],
    }];
  }));
  const { policies } = interpret(graph, { ...values, commands: { data: [0.3], shape: [1, 1] } });
  model.order.forEach((place, i) =>
    assert.ok(Math.abs(Number(policies.data[i]) - 2 * shape.scale[place]) < 1e-6)
  );
});
