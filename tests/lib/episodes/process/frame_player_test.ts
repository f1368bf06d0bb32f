/** Several environments in one child: each as if it were alone, whatever becomes of the others. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { connectEnv } from "../../../../lib/episodes/process/env_process.ts";
import type { Env } from "../../../../lib/env.ts";
import { checkEnvContract } from "../../../support/env_contract.ts";

const CHILD = fileURLToPath(new URL("../../../support/frame_child.ts", import.meta.url));

function connect(mode: string, options: Parameters<typeof connectEnv>[1] = {}): Promise<Env> {
  const words = [Deno.execPath(), "run", "--no-check", "-A", CHILD, mode];
  return connectEnv({ title: "environment of a test", words, playsMany: true }, options);
}

/** Opens a child with `count` environments. */
async function open(mode: string, count: number, timeoutSeconds = 20): Promise<Env[]> {
  const env = await connect(mode, { timeoutSeconds });
  return [env, ...await env.beside!(count)];
}

/** Plays an episode of equal actions; gives every observation and reward. */
async function play(env: Env, seed: number, action: number): Promise<number[][]> {
  await env.reset(seed);
  const seen = [[...env.observation]];
  for (;;) {
    const { reward, terminated, truncated } = await env.step([action]);
    seen.push([...env.observation, reward]);
    if (terminated || truncated) return seen;
  }
}

Deno.test("an environment in messages keeps the environment contract", async () => {
  await checkEnvContract(() => connect("good"));
});

Deno.test("beside() gives environments that play side by side as each does alone", async () => {
  const alone = await connect("good");
  const expected = [];
  for (const k of [1, 2, 3, 4, 5]) expected.push(await play(alone, k, k / 5));
  // 0.2 a step does not reach 3 in the 8 steps of the limit; 1 a step does in three.
  assert.deepEqual(expected.map((seen) => seen.length), [9, 9, 6, 5, 4]);
  await alone.close();
  for (const count of [1, 2, 3, 5]) {
    const envs = await open("good", count);
    assert.equal(envs.length, count);
    const seen = await Promise.all(envs.map((env, i) => play(env, i + 1, (i + 1) / 5)));
    assert.deepEqual(seen, expected.slice(0, count));
    await envs[0].close();
  }
  const envs = await open("good", 2);
  assert.equal((await envs[0].beside!(9)).length, 3); // five are the most that this child plays
  await envs[0].close();
});

Deno.test("an environment that fails leaves those beside it alone", async () => {
  for (
    const [mode, message] of [
      ["fail", "the child must not fail, got no fuel"],
      ["break", '"reward" must be a finite number, got NaN'],
    ]
  ) {
    const [first, second] = await open(mode, 2);
    const outcomes = await Promise.allSettled([play(first, 1, 0.75), play(second, 2, 1)]);
    assert.deepEqual(outcomes.map(({ status }) => status), ["rejected", "fulfilled"]);
    const expected = {
      name: "FileError",
      message: `Cannot step environment of a test: ${message} in step 1 of episode 1, seed 1`,
    };
    await assert.rejects(play(first, 1, 0.75), { name: "FileError" }); // it stays broken
    assert.throws(() => {
      throw (outcomes[0] as PromiseRejectedResult).reason;
    }, expected);
    assert.equal((await play(second, 2, 1)).length, 4);
    await first.close();
  }
});

const LOST: [mode: string, message: RegExp][] = [
  [
    "crash",
    /the child must keep running, got exit code 7 in step 1 of episode 1, seed 1, or in one of 1 beside it$/,
  ],
  [
    "silent",
    /the child must answer within 1 s, got nothing in step 1 .*, or in one of 1 beside it: --env-timeout gives it more time$/,
  ],
  ["garbage", /must speak only when asked, and in messages of the adapter, got Traceback/],
];

for (const [mode, message] of LOST) {
  Deno.test(`a child of several environments that is lost is told by all: ${mode}`, async () => {
    const [first, second] = await open(mode, 2, mode === "silent" ? 1 : 20);
    const outcomes = await Promise.allSettled([play(first, 1, 0.75), play(second, 2, 0.01)]);
    for (const outcome of outcomes) {
      assert.equal(outcome.status, "rejected");
      assert.equal(outcome.reason.name, "FileError");
    }
    assert.match((outcomes[0] as PromiseRejectedResult).reason.message, message);
    await first.close();
  });
}

Deno.test("a child that may be replaced plays one environment, and the fresh one its episode", async () => {
  const told: string[] = [];
  const restarts = { left: 1 };
  const env = await connect("crash", { restarts, onRestart: (text) => told.push(text) });
  assert.deepEqual(await env.beside!(4), []);
  await env.reset(1);
  await env.step([0.5]);
  await assert.rejects(async () => await env.step([0.75]), /exit code 7 in step 2 of episode 1/);
  assert.match(
    told.join(),
    /exit code 7 .*: a fresh child plays the episode again, of which 0 are left$/,
  );
  await env.close();
});
