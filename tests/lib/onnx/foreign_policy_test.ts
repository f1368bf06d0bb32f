/** Policies that Stable-Baselines3 exported act here as its `predict` does, whatever their ends are called. */

import assert from "node:assert/strict";
import type { EnvSpec } from "../../../lib/env.ts";
import { readPolicy, readPolicyNumbers } from "../../../lib/generator/read_policy.ts";
import { chooseOutput, fitInput } from "../../../lib/onnx/foreign_policy.ts";
import { readOnnx } from "../../../lib/onnx/reader.ts";
import { registry } from "../../../envs/registry.ts";
import { models } from "../../../models/models.ts";
import { run } from "../../support/program.ts";

const FOLDER = new URL("../../golden/sb3/", import.meta.url).pathname;

interface Case {
  readonly file: string;
  readonly env: string;
  readonly observations: readonly number[][];
  readonly actions: readonly number[][];
}
const { cases } = JSON.parse(Deno.readTextFileSync(`${FOLDER}policies.json`)) as { cases: Case[] };

const ASSUMED: Readonly<Record<string, RegExp>> = {
  "ppo_choices.onnx": /: "input" \[1, 4\] is the observation, "48" is the action$/,
  "ppo_numbers.onnx":
    /: "input" \[1, 3\] is the observation, "actions" is the action, clipped to the environment's bounds$/,
  "sac_actor.onnx": /"27" is the action, scaled from -1..1 to the bounds since it ends in tanh$/,
  "a2c_action.onnx": /: "obs" \[3, 3\] is the observation, "deterministic" is the action, clipped/,
  "dqn_values.onnx": /, the largest of the 2 numbers of "q_values" is the action$/,
  "ppo_logits.onnx": /, the largest of the 2 numbers of "logits" is the action$/,
};

for (const { file, env, observations, actions } of cases) {
  Deno.test(`${file} of Stable-Baselines3 acts as it does there`, async () => {
    const spec = registry.spec(env);
    const notes: string[] = [];
    const read = readPolicy(FOLDER + file, { models, trust: true });
    const policy = await read.open(spec, (text) => notes.push(text));
    assert.equal(notes.length, 1);
    assert.match(notes[0], ASSUMED[file]);
    for (const [i, observation] of observations.entries()) {
      const action = new Float64Array(actions[i].length);
      await policy.act(Float64Array.from(observation), action);
      for (const [k, value] of action.entries()) {
        assert.ok(Math.abs(value - actions[i][k]) < 1e-5, `${i}: ${value} ${actions[i][k]}`);
      }
    }
  });
}

for (const { file, env, observations, actions } of cases) {
  Deno.test(`${file} of Stable-Baselines3 is read as the perceptron that acts so`, async () => {
    const spec = registry.spec(env);
    const numbers = readPolicyNumbers(FOLDER + file, spec);
    assert.deepEqual(numbers.hiddenSizes, [4]);
    const policy = models.createPolicy(spec, models.policyShape(spec, numbers));
    policy.load(numbers.parameters);
    policy.normalise(numbers.normaliser);
    for (const [i, observation] of observations.entries()) {
      const action = new Float64Array(actions[i].length);
      await policy.act(Float64Array.from(observation), action);
      // Ours are 2 tanh(x / 2), which Stable-Baselines3's are only where the actor is squashed: x is clipped.
      const isClipped = env === "Pendulum-v1" && file !== "sac_actor.onnx";
      const [value] = isClipped ? action.map((each) => 2 * Math.atanh(each / 2)) : action;
      const own = isClipped ? Math.min(2, Math.max(-2, value)) : value;
      assert.ok(Math.abs(own - actions[i][0]) < 1e-4, `${i}: ${own} ${actions[i][0]}`);
    }
  });
}

Deno.test("the policies of Stable-Baselines3 are all there, and leave the bounds without clipping", () => {
  assert.deepEqual(cases.map(({ file }) => file).sort(), Object.keys(ASSUMED).sort());
  const numbers = cases.find(({ file }) => file === "ppo_numbers.onnx")!.actions.flat();
  assert.ok(numbers.some((value) => Math.abs(value) === 2), `${numbers}`);
});

Deno.test("evaluate, rollout and play say what they take a policy of another program for", async () => {
  const file = `${FOLDER}dqn_values.onnx`;
  const options = ["--env", "CartPole-v1", "--trust"];
  const folder = await Deno.makeTempDir();
  try {
    const play = ["play", file, "--out", `${folder}/p.html`];
    for (const argv of [["evaluate", file, "--episodes", "2"], ["rollout", file], play]) {
      const { code, stderr } = await run([...argv, ...options]);
      assert.equal(code, 0, stderr);
      assert.match(
        stderr,
        /^Policy ".*dqn_values.onnx" of another program: "observations" \[1, 4\]/,
      );
    }
    const strange = await run(["evaluate", file, "--env", "Acrobot-v1", "--trust"]);
    assert.equal(strange.code, 3);
    assert.match(strange.stderr, /must take 6 numbers, got "observations" \[batch, 4\]\n$/);
    const actor = await run(["evaluate", `${FOLDER}sac_actor.onnx`, "--env", "Pendulum-v1"]);
    assert.match(actor.stderr, /say --trust to run it anyway\n$/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("fitInput() finds room for an observation in any form, and refuses other sizes", () => {
  const fit = (shape: (number | string | null)[], size = 6) => {
    const fitted = fitInput({ name: "x", elementType: "float32", shape }, size);
    return fitted && [fitted.shape, fitted.rows];
  };
  assert.deepEqual(fit(["N", 6]), [[1, 6], 1]);
  assert.deepEqual(fit([null, null]), [[1, 6], 1]);
  assert.deepEqual(fit([4, 6]), [[4, 6], 4]);
  assert.deepEqual(fit([6]), [[6], 1]);
  assert.deepEqual(fit([2, 3]), [[2, 3], 1]);
  assert.deepEqual(fit(["N", 2, 3]), [[1, 2, 3], 1]);
  assert.deepEqual(fit([1, "S", 3]), [[1, 2, 3], 1]);
  assert.deepEqual(fit([]), [[1, 6], 1]);
  const wrong: (number | string)[][] = [["N"], [5], ["N", 5], ["N", 4, "M"], ["N", "M", "K"], [
    0,
    6,
  ]];
  for (const shape of [...wrong, [5000, 6]]) assert.equal(fit(shape), undefined, `${shape}`);
});

Deno.test("chooseOutput() turns choices of MultiDiscrete actions into scores, and refuses other sizes", () => {
  const space = { kind: "box", dtype: "float32" } as const;
  const spec: EnvSpec = {
    ...registry.spec("Pendulum-v1"),
    actionSpace: { ...space, low: new Float64Array(5).fill(-1), high: new Float64Array(5).fill(1) },
    layout: JSON.stringify({ action: { kind: "MultiDiscrete", nvec: [3, 2] } }),
  };
  const summary = readOnnx(Deno.readFileSync(`${FOLDER}dqn_values.onnx`), { name: "x" });
  const given = (name: string, data: BigInt64Array | Float32Array) =>
    [name, { data, shape: [1, data.length] }] as const;
  const choose = (data: BigInt64Array | Float32Array) =>
    chooseOutput([given("out", data)], { summary, spec, rows: 1 });
  const action = new Float64Array(5);
  choose(BigInt64Array.of(2n, 0n))!.read(BigInt64Array.of(2n, 0n), action);
  assert.deepEqual([...action], [-1, -1, 1, 1, -1]);
  assert.equal(choose(BigInt64Array.of(2n)), undefined);
  assert.equal(choose(new Float32Array(2)), undefined);
  const five = new Float32Array(5);
  const among = chooseOutput([given("values", five), given("mu", five)], {
    summary,
    spec,
    rows: 1,
  });
  assert.equal(among?.name, "mu");
});
