/** Rollouts as lines, the sources of their actions, and action lists that mean harm. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { registry } from "../../../envs/registry.ts";
import type { Env } from "../../../lib/env.ts";
import {
  listedActions,
  parseActionList,
  randomActions,
  replay,
  type ReplayLine,
} from "../../../lib/episodes/replay.ts";

async function collect(lines: AsyncGenerator<ReplayLine>): Promise<ReplayLine[]> {
  const collected: ReplayLine[] = [];
  for await (const line of lines) collected.push(line);
  return collected;
}

async function withEnv<T>(id: string, use: (env: Env) => Promise<T>): Promise<T> {
  const env = await registry.make(id);
  try {
    return await use(env);
  } finally {
    await env.close();
  }
}

Deno.test("replay() yields the reset, then each step, until the list ends", async () => {
  const lines = await withEnv(
    "CartPole-v1",
    (env) => collect(replay(env, listedActions([[1], [0], [1]]), { seed: 42 })),
  );
  assert.deepEqual(lines.map(({ t, action, reward }) => ({ t, action, reward })), [
    { t: 0, action: null, reward: 0 },
    { t: 1, action: [1], reward: 1 },
    { t: 2, action: [0], reward: 1 },
    { t: 3, action: [1], reward: 1 },
  ]);
  // numpy: float32 of uniform(-0.05, 0.05) with seed 42
  assert.equal(lines[0].observation[0], Math.fround(0.027395604855596));
  assert.deepEqual(JSON.parse(JSON.stringify(lines)), lines);
});

Deno.test("replay() stops at the end of the episode, at `steps`, and starts from the same seed", async () => {
  await withEnv("CartPole-v1", async (env) => {
    const all = await collect(replay(env, () => [1], { seed: 1 }));
    const last = all[all.length - 1];
    assert.ok(last.terminated && !last.truncated && last.t < 15);
    const some = await collect(replay(env, () => [1], { seed: 1, steps: 3 }));
    assert.deepEqual(some, all.slice(0, 4));
    assert.equal((await collect(replay(env, () => [1], { seed: 1, steps: 0 }))).length, 1);
  });
  const truncated = await withEnv(
    "Pendulum-v1",
    (env) => collect(replay(env, randomActions(env.spec, 1), { seed: 1 })),
  );
  assert.equal(truncated.length, 201);
  assert.ok(truncated[200].truncated && !truncated[200].terminated);
});

Deno.test("randomActions() draws Gymnasium's samples", () => {
  const golden: { seed: number; samples: Record<string, number[][]> } = JSON.parse(
    Deno.readTextFileSync(new URL("../../golden/samples.json", import.meta.url)),
  );
  for (const [id, samples] of Object.entries(golden.samples)) {
    const source = randomActions(registry.spec(id), golden.seed);
    const drawn = samples.map((_, t) => Array.from(source(new Float64Array(0), t) as number[]));
    assert.deepEqual(drawn, samples, id);
  }
});

Deno.test("parseActionList() reads numbers and rows, and keeps float32 lists float32", () => {
  const pendulum = registry.spec("Pendulum-v1");
  const options = { name: "a.json" };
  const exact = parseActionList("[0.5,[-1],2.5]", pendulum, options);
  assert.ok(exact.every((action) => action instanceof Float32Array));
  assert.deepEqual(exact.map((action) => action[0]), [0.5, -1, 2.5]);
  const finer = parseActionList("[0.5,0.1]", pendulum, options);
  assert.ok(finer.every((action) => action instanceof Float64Array));
  const rounded = parseActionList("[0.1]", pendulum, { ...options, dtype: "float32" });
  assert.equal(rounded[0][0], Math.fround(0.1));
  const wide = parseActionList("[0.5]", pendulum, { ...options, dtype: "float64" });
  assert.ok(wide[0] instanceof Float64Array);
  const choices = parseActionList("[0,[1]]", registry.spec("CartPole-v1"), options);
  assert.deepEqual(choices.map((action) => action[0]), [0, 1]);
});

Deno.test("parseActionList() names what is wrong", () => {
  const bad: [id: string, text: string, message: string][] = [
    ["Hopper-v5", "[", "there must be a value at character 1, got the end of the text"],
    ["Hopper-v5", "{}", "it must be an array, got object"],
    ["Hopper-v5", "[[1,2]]", "action 0 must have 3 numbers, got 2"],
    ["Hopper-v5", "[[1,2,3],1]", "action 1 must have 3 numbers, got 1"],
    ["Hopper-v5", '[[1,2,"3"]]', "action 0 must have finite numbers, got value of type string"],
    ["Hopper-v5", "[[1,2,null]]", "action 0 must have finite numbers, got null"],
    ["Hopper-v5", "[[1,2,1e999]]", "action 0 must have finite numbers, got Infinity"],
    ["CartPole-v1", "[2]", "action 0 must be an integer from 0 to 1, got 2"],
    ["CartPole-v1", "[0.5]", "action 0 must be an integer from 0 to 1, got 0.5"],
    ["CartPole-v1", "[[[1]]]", "action 0 must have finite numbers, got value of type object"],
  ];
  for (const [id, text, message] of bad) {
    assert.throws(() => parseActionList(text, registry.spec(id), { name: "x.json" }), {
      name: "FileError",
      message: `Cannot read actions "x.json": ${message}`,
    });
  }
});

Deno.test("parseActionList() gives actions that fit or a FileError, whatever the file holds", () => {
  const spec = registry.spec("Hopper-v5");
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
      try {
        const actions = parseActionList(text, spec, { name: "x" });
        assert.ok(actions.every((action) => action.length === 3));
      } catch (error) {
        assert.equal((error as Error).name, "FileError");
      }
    }),
    { numRuns: 300 },
  );
});
