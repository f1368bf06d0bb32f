import assert from "node:assert/strict";
import { trace } from "../../../lib/autodiff/graph.ts";
import { interpret } from "../../../lib/autodiff/interpret.ts";
import type { StoredEpisode } from "../../../lib/rivals/best_episodes.ts";
import { BestEpisodes, layOutEpisode } from "../../../lib/rivals/best_episodes.ts";
import { fitLine, tellPolicy } from "../../../lib/rivals/udrl.ts";
import { sizeOf } from "../../../lib/autodiff/shape.ts";
import { Kept } from "../../../lib/learner/kept.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { createConditionedPolicy } from "../../../models/conditioned_policy.ts";
import { registry } from "../../../envs/registry.ts";
import { follow, shapeOf, tinyRun } from "../../support/tiny_run.ts";

Deno.test("layOutEpisode() counts down what is still to come", () => {
  const step = (seen: number, reward: number) => ({
    observation: [seen],
    taken: [seen / 10],
    reward,
  });
  const { rows, length, return: total } = layOutEpisode([step(1, 5), step(2, 0), step(3, 2)]);
  assert.equal(length, 3);
  assert.equal(total, 7);
  // Observation, action, return to go, steps to go.
  const wanted = [1, 0.1, 7, 3, 2, 0.2, 2, 2, 3, 0.3, 2, 1];
  wanted.forEach((value, i) => assert.equal(rows[i], Math.fround(value)));
});

Deno.test("BestEpisodes keeps the best, of equal ones the newest, and comes back whole", () => {
  const make = (value: number, mark: number): StoredEpisode => ({
    return: value,
    length: 1,
    rows: Float32Array.of(mark, mark, value, 1),
  });
  const sizes = { observation: 1, action: 1 };
  const best = new BestEpisodes(sizes, { capacity: 3 });
  [make(5, 0), make(9, 1), make(5, 2), make(1, 3), make(7, 4)].forEach((each) => best.add(each));
  const marks = (episodes: BestEpisodes) => episodes.best(9).map(({ rows }) => rows[0]);
  assert.deepEqual(marks(best), [1, 4, 2]);
  const kept = new Kept();
  best.keepIn(kept, "e");
  const again = new Kept();
  again.restore(kept.capture());
  const back = new BestEpisodes(sizes, { capacity: 3 });
  back.keepIn(again, "e");
  assert.deepEqual(back.best(9), best.best(9));
  const [input, taken] = [new Float32Array(3), new Float32Array(1)];
  back.drawStep(Rng.fromSeed(1), { input, taken });
  assert.equal(input[0], taken[0]);
});

Deno.test("fitLine() is least squares, and level where x does not vary", () => {
  // Means 1 and 3; xx = 2, xy = 4.
  assert.deepEqual(fitLine([{ x: 0, y: 1 }, { x: 1, y: 3 }, { x: 2, y: 5 }]), [1, 2]);
  assert.deepEqual(fitLine([{ x: 1, y: 1 }, { x: 1, y: 3 }]), [2, 0]);
});

Deno.test("a conditioned policy that is told is the one that it generates, and acts alike", () => {
  const shape = shapeOf([3, 5, 2]);
  const model = createConditionedPolicy(shape);
  const weights = model.initialise(Rng.fromSeed(4));
  // Horizon = 0.5 - 0.25 * encoded command; of 3 it is cut off at 0.
  weights.set([0.5, -0.25], weights.length - 2);
  const shapes = Object.fromEntries(model.weights.map(({ name, shape }) => [name, shape]));
  let at = 0;
  const values = Object.fromEntries(model.weights.map(({ name, shape }) => {
    const data = weights.subarray(at, at += sizeOf(shape));
    return [name, { data, shape: [...shape] }];
  }));
  const graph = trace({ ...shapes, commands: ["B", 1], seen: ["B", 3] }, (tensors) => ({
    policies: model.generate(tensors, tensors.commands),
    outputs: model.outputs(tensors, tensors.commands, tensors.seen),
  }));
  const commands = [0.8, 3];
  const seen = [0.1, -1, 2, 0.5, 0.5, 0];
  const { policies, outputs } = interpret(graph, {
    ...values,
    commands: { data: commands, shape: [2, 1] },
    seen: { data: seen, shape: [2, 3] },
  });
  commands.forEach((wanted, row) => {
    const out = new Float32Array(shape.parameterCount);
    const horizon = Math.max(0, 0.5 - 0.25 * wanted);
    tellPolicy(weights.subarray(0, weights.length - 2), {
      sizes: shape.sizes,
      wanted,
      horizon,
      out,
    });
    out.forEach((value, i) => {
      const other = Number(policies.data[row * out.length + i]);
      assert.ok(Math.abs(value - other) < 1e-6, `${row}, ${i}: ${value}, ${other}`);
    });
    const hidden = Array.from({ length: 5 }, (_, unit) => {
      const sum = [0, 1, 2].reduce((s, i) => s + out[unit * 3 + i] * seen[row * 3 + i], 0);
      return Math.tanh(sum + out[15 + unit]);
    });
    [0, 1].forEach((k) => {
      const wantedOutput = hidden.reduce((s, h, i) => s + out[20 + k * 5 + i] * h, out[30 + k]);
      assert.ok(Math.abs(wantedOutput - Number(outputs.data[row * 2 + k])) < 1e-5);
    });
  });
});

Deno.test("udrl learns to balance a pole longer than random actions do", async () => {
  const env = await registry.make("CartPole-v1");
  const changes = {
    steps: 15_000,
    policy: { hiddenSizes: [64, 64] },
    reports: { evaluations: 0, sweeps: 0 },
  };
  const run = tinyRun({ algorithm: "udrl", ...changes }, env);
  try {
    const { outcome } = await follow(run);
    const random = run.history.returns.slice(0, 50).reduce((sum, value) => sum + value / 50, 0);
    assert.ok(outcome!.finalReturn.mean > 2 * random, `${outcome!.finalReturn.mean}, ${random}`);
  } finally {
    await run.tools.learner.close();
  }
});
