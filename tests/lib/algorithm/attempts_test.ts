/** When a run tries policies of another kind, and which kind goes on. */

import assert from "node:assert/strict";
import { compete, decide, isToCompete, isToDecide } from "../../../lib/algorithm/attempts.ts";
import type { TrainingRun } from "../../../lib/algorithm/run.ts";
import type { PartialConfig } from "../../../lib/config/config.ts";
import type { Policy } from "../../../lib/model.ts";
import {
  type PolicyParameters,
  type RawParameters,
  type StoredPolicy,
  toPolicyOrder,
} from "../../../lib/policy_space.ts";
import { assertAllClose } from "../../support/close.ts";
import { ADAPTED, tinyRun } from "../../support/tiny_run.ts";

const LINEAR: PartialConfig = {
  ...ADAPTED,
  steps: 1000,
  policy: { hiddenSizes: [], skip: "linear" },
};

/** A run whose first episodes returned 0 and 2, a deviation of 1.05, and whose whole cycles reached `reached`. */
function runAfter(
  reached: readonly number[],
  { steps = 200, ...changes }: PartialConfig & { steps?: number } = {},
): TrainingRun {
  const run = tinyRun({ ...LINEAR, ...changes });
  run.history.returns.push(0, 2, 0, 2, 0, 2, 0, 2, 0, 2, ...reached);
  run.experience.reached.push(...reached);
  run.tally.steps.training = steps;
  return run;
}

// The later half is 3.25 in the mean, as the cycles between it and the first, and 2.25 more than that: two deviations.
const LITTLE = [1, 3, 3.5, 3, 3.5, 3, 3.25, 3.5, 3, 3.5];
const MUCH = LITTLE.map((value) => 1 + 2 * (value - 1));
const RISING = [1, 2, 2.25, 2, 2.25, 3, 3.25, 3.5, 3, 3.5];

Deno.test("isToCompete() finds linear policies that get no better, and are hardly better than random ones", () => {
  assert.equal(isToCompete(runAfter(LITTLE)), true);
  assert.equal(isToCompete(runAfter(LITTLE.map(() => 1))), true, "nothing ever changes");
  assert.equal(isToCompete(runAfter(LITTLE.map((value) => -value))), true, "they get worse");
  assert.equal(isToCompete(runAfter(MUCH)), false);
  assert.equal(isToCompete(runAfter(RISING)), false);
  assert.equal(isToCompete(runAfter(LITTLE.slice(1))), false, "too few cycles to tell");
});

Deno.test("isToCompete() is asked between 10 and 35 % of the budget, of linear policies that others may follow", () => {
  assert.equal(isToCompete(runAfter(LITTLE, { steps: 99 })), false);
  assert.equal(isToCompete(runAfter(LITTLE, { steps: 351 })), false);
  assert.equal(
    isToCompete(runAfter(LITTLE, { policy: { ...LINEAR.policy, skip: "none" } })),
    false,
  );
  assert.equal(isToCompete(runAfter(LITTLE, { policy: { hiddenSizes: [32] } })), false);
});

Deno.test("isToCompete() does not depend on the scale of returns nor on where they begin", () => {
  for (const values of [LITTLE, MUCH, RISING]) {
    for (const [scale, shift] of [[1e-7, 0], [1e9, 0], [1, 1e6], [3, -50]]) {
      const moved = runAfter(values.map((value) => scale * value + shift));
      const { returns } = moved.history;
      for (let i = 0; i < 10; i++) returns[i] = scale * returns[i] + shift;
      assert.equal(isToCompete(moved), values === LITTLE, `${values} x ${scale} + ${shift}`);
    }
  }
});

/** A run with a second attempt, after as many steps as the first had. */
async function competing(): Promise<TrainingRun> {
  const run = runAfter(LITTLE);
  run.tally.episodes = 17;
  run.experience.way.push({ policy: Float32Array.of(-1.5, 0.25) as StoredPolicy, return: 3 });
  assert.deepEqual(await compete(run), {
    ...{ kind: "attempt", hiddenSizes: [64, 64], return: null, beside: 3.25 },
  });
  assert.equal(isToDecide(run), false);
  run.tally.steps.training += 200;
  run.tally.episodes += 9;
  assert.equal(isToDecide(run), true);
  return run;
}

Deno.test("compete() makes policies with hidden layers and counts on", async () => {
  const run = await competing();
  const { model, policy: linear } = run.parked!.tools;
  assert.deepEqual(run.task.shape.sizes, [1, 64, 64, 1]);
  assert.deepEqual(run.task.config.policy.hiddenSizes, [64, 64]);
  assert.deepEqual(run.experience.before, { episodes: 17, parts: 0, training: 200 });
  assert.deepEqual(run.experience.reached, []);
  assert.equal(run.tools.learner.updates, 0);
  assert.equal(isToCompete(run), false, "there is no third attempt");

  // Where the first attempt stood acts as it did.
  const { model: deep, policy } = run.tools;
  const observations = [-3, -0.5, 0, 0.7, 2];
  assertAllClose(
    actionsOf(policy, toPolicyOrder(deep, run.experience.earlier!), observations),
    actionsOf(linear, Float32Array.of(-1.5, 0.25) as RawParameters, observations),
    { tolerance: 1e-6 },
  );
  assert.deepEqual([...model.order], [0, 1], "the weight, then the bias");
});

Deno.test("isToDecide() ends a second attempt early that is far behind at half its time", async () => {
  const run = await competing();
  run.tally.steps.training = 299;
  run.experience.reached.push(1, 2, 2.5);
  assert.equal(isToDecide(run), false);
  run.tally.steps.training = 300;
  assert.equal(isToDecide(run), true);
  run.experience.reached.push(3, 3.25);
  assert.equal(isToDecide(run), false, "not far behind");
});

Deno.test("decide() lets the second attempt go on where it leads by a standard error", async () => {
  const run = await competing();
  // The later half is 4.25 in the mean, with a standard error of 0.14, and the first's 3.25, with 0.11.
  run.experience.reached.push(1, 2, 3, 4, 4.25, 4.5);
  assert.deepEqual(await decide(run), {
    ...{ kind: "attempt", hiddenSizes: [64, 64], return: 4.25, beside: 3.25 },
  });
  assert.deepEqual(run.task.shape.sizes, [1, 64, 64, 1]);
  assert.equal(run.parked, undefined);
  assert.equal(isToDecide(run), false);
});

Deno.test("decide() lets the first attempt go on otherwise, which does not count the steps of the second", async () => {
  for (const late of [[3.25, 3.375, 3.5], [9], []]) {
    const run = await competing();
    run.experience.reached.push(...late);
    const { hiddenSizes, return: own } = await decide(run);
    assert.deepEqual([hiddenSizes, own], [[], 3.25], `${late}`);
    assert.deepEqual(run.task.shape.sizes, [1, 1]);
    assert.deepEqual(run.experience.before, { episodes: 9, parts: 0, training: 200 });
    assert.deepEqual(run.experience.reached, LITTLE);
    assert.equal(isToCompete(run), false, "there is no third attempt");
    assert.equal(isToDecide(run), false);
  }
});

/** What a policy for raw observations does in some. */
function actionsOf(policy: Policy, parameters: RawParameters, observations: readonly number[]) {
  const raw = parameters as Float32Array as PolicyParameters;
  policy.normalise({ mean: Float64Array.of(0), deviation: Float64Array.of(1) });
  policy.load(raw);
  const action = new Float64Array(1);
  return observations.map((observation) => {
    policy.act(Float64Array.of(observation), action);
    return action[0];
  });
}
