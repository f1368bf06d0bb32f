/** Environments of Gymnasium, by their names alone: every kind of space, and what is refused. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Env } from "../../../../lib/env.ts";
import { connectEnv } from "../../../../lib/episodes/process/env_process.ts";
import { gymProgram } from "../../../../lib/episodes/process/gym_env.ts";
import { gymTest, writePython } from "../../../support/gym_python.ts";
import { checkEnvContract } from "../../../support/env_contract.ts";
import { withFolder } from "../../../support/tiny_command.ts";

const MODULES = fileURLToPath(new URL("../../../support", import.meta.url));

/** Plays with Python that finds tests/support/odd_spaces.py. */
async function withOdd(
  query: string,
  work: (env: Env, notes: readonly string[]) => Promise<void>,
  id = "Odd-v0",
): Promise<void> {
  await withFolder(async (folder) => {
    const python = await writePython(folder, { modules: MODULES });
    const notes: string[] = [];
    const program = gymProgram(`gym:odd_spaces:${id}?${query}`, python);
    const env = await connectEnv(program, { onNote: (text) => notes.push(text) });
    try {
      await work(env, notes);
    } finally {
      await env.close();
    }
  });
}

gymTest("gymProgram() plays an environment of Gymnasium, which keeps the contract", async () => {
  const connect = () => connectEnv(gymProgram("gym:CartPole-v1", python()));
  const env = await connect();
  const { id, maxEpisodeSteps, rewardThreshold, actionSpace } = env.spec;
  assert.deepEqual([id, maxEpisodeSteps, rewardThreshold, actionSpace], [
    "gym:CartPole-v1",
    500,
    475,
    { kind: "discrete", n: 2 },
  ]);
  await env.reset(7);
  // gymnasium.make("CartPole-v1").reset(seed=7)[0], Gymnasium 1.4.0, NumPy 2.4.6
  assert.deepEqual([...env.observation].map((x) => x.toFixed(4)), [
    "0.0125",
    "0.0397",
    "0.0276",
    "-0.0275",
  ]);
  await env.close();
  await checkEnvContract(connect);
});

const OBSERVATIONS: readonly [name: string, size: number][] = [
  ["box", 2],
  ["wide", 6],
  ["scalar", 1],
  ["free", 2],
  ["equal", 2],
  ["discrete", 4],
  ["started", 3],
  ["binary", 3],
  ["multi", 5],
  ["tuple", 6],
  ["dict", 5],
];

gymTest("gymProgram() lays observations of every kind flat", async () => {
  for (const [name, size] of OBSERVATIONS) {
    await withOdd(`observation=${name}`, async (env) => {
      assert.equal(env.spec.observationSpace.low.length, size, name);
      await env.reset(1);
      await env.step([0]);
      if (name !== "discrete") return;
      // One-hot: one number is 1, the others 0.
      assert.deepEqual([...env.observation].sort(), [0, 0, 0, 1]);
    });
  }
});

gymTest(
  "gymProgram() joins the parts of a Dict in the order of its keys",
  () =>
    withOdd("observation=dict", async (env) => {
      await env.reset(1);
      // "a", two numbers from -1 to 1, comes before "b", one-hot.
      assert.deepEqual([...env.spec.observationSpace.low], [-1, -1, 0, 0, 0]);
      assert.equal([...env.observation.subarray(2)].reduce((sum, x) => sum + x), 1);
    }),
);

const ACTIONS: readonly [name: string, given: number[], reward: number][] = [
  ["discrete", [3], 3],
  ["started", [0], -1],
  ["box", [0.5, -0.25], 0.25],
  ["wide", [0, 0, 0, 0.5, 0, 1], 1.5],
  ["free", [1, 1], 2],
  ["equal", [1, 2], 3],
  ["whole", [1.6, -4.2], -2],
  ["binary", [0.1, -0.1, 1], 2],
  // The largest of the first three scores is choice 1, of the last two choice 1.
  ["multi", [0, 0.5, -1, -1, 0], 2],
];

gymTest("gymProgram() hands actions of every kind over as the environment takes them", async () => {
  for (const [name, given, reward] of ACTIONS) {
    await withOdd(`action=${name}`, async (env) => {
      await env.reset(1);
      assert.equal((await env.step(given)).reward, reward, name);
    });
  }
});

gymTest("gymProgram() gives actions without bounds a scale, and says so once", async () => {
  await withOdd("action=free", async ({ spec: { actionSpace } }, notes) => {
    assert.ok(actionSpace.kind === "box");
    assert.deepEqual([[...actionSpace.low], [...actionSpace.high]], [[-1, -1], [1, 1]]);
    assert.match(
      notes.join(),
      /^Actions lack a bound \(all numbers\): they are taken from -1 to 1/,
    );
    await Promise.resolve();
  });
  await withOdd("action=half", async ({ spec: { actionSpace } }) => {
    assert.ok(actionSpace.kind === "box");
    assert.deepEqual([[...actionSpace.low], [...actionSpace.high]], [[0, 3], [2, 5]]);
    await Promise.resolve();
  });
  await withOdd("", async ({ spec }, notes) => {
    assert.equal(spec.maxEpisodeSteps, 1000);
    assert.match(notes.join(), /^The environment names no time limit, episodes end after 1000 /);
    await Promise.resolve();
  }, "Endless-v0");
});

const REFUSED: readonly [name: string, message: RegExp][] = [
  ["gym:CartPole-v9", /must know the id, got "CartPole-v9": did you mean "gym:CartPole-v1"\?$/],
  ["gym:nowhere:X-v0", /Python must find the module of the id, got no "nowhere": install it/],
  ["gym:CartPole-v1?mass=3", /must be able to make it, got TypeError: .*mass/],
  ["gym:odd_spaces:Odd-v1", /did you mean "gym:odd_spaces:Odd-v0"\?$/],
  ["gym:odd_spaces:Odd-v0?observation=image", /must be numbers, not images, got Box\(0, 255/],
  ["gym:odd_spaces:Odd-v0?observation=pictured", /must be numbers, not images, got Dict/],
  ["gym:odd_spaces:Odd-v0?observation=sequence", /: observations must always be as long, /],
  ["gym:odd_spaces:Odd-v0?action=dict", /actions must be Discrete, Box, .*, got Dict/],
];

gymTest(
  "gymProgram() refuses what cannot be played in one line",
  () =>
    withFolder(async (folder) => {
      const python = await writePython(folder, { modules: MODULES });
      for (const [name, message] of REFUSED) {
        await assert.rejects(connectEnv(gymProgram(name, python)), (error: Error) => {
          assert.equal(error.name, "UsageError", error.message);
          assert.ok(
            error.message.startsWith(`Cannot create environment "${name}": `),
            error.message,
          );
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /\n/);
          return true;
        });
      }
    }),
);

gymTest("step() names a reward that is no number", () =>
  withOdd("bad=reward", async (env) => {
    await env.reset(1);
    await assert.rejects(async () => await env.step([0]), {
      name: "FileError",
      message: /^Cannot step environment "gym:odd_.*: "reward" must be a finite number, got NaN/,
    });
  }));

/** What an episode with the same actions gives: observations and rewards. */
async function play(env: Env, seed: number): Promise<number[]> {
  await env.reset(seed);
  const seen = [...env.observation];
  for (let step = 0;; step++) {
    const { reward, terminated, truncated } = await env.step([step % 2]);
    seen.push(...env.observation, reward);
    if (terminated || truncated) return seen;
  }
}

/** Plays until the environment knows that it is quick, which takes longer on a busy machine; gives all that it makes. */
async function widen(env: Env, count: number): Promise<Env[]> {
  for (let attempt = 0; attempt < 100; attempt++) {
    await play(env, attempt);
    const others = await env.beside!(count);
    if (others.length > 0) return [env, ...others];
  }
  throw new Error("no copies were made");
}

gymTest("beside() gives copies that play as the first does", () =>
  withOdd("", async (env) => {
    const expected = [];
    for (const seed of [1, 2, 3, 4]) expected.push(await play(env, seed));
    const envs = await widen(env, 4);
    assert.equal(envs.length, 4);
    assert.deepEqual(await Promise.all(envs.map((each, i) => play(each, i + 1))), expected);
  }, "Drawn-v0"));

gymTest("beside() gives none where copies would disturb each other, or are of no use", async () => {
  for (const query of ["source=shared", "seconds=0.002", "render_mode=human"]) {
    await withOdd(query, async (env) => {
      await play(env, 1);
      assert.deepEqual(await env.beside!(4), [], query);
      const again = await play(env, 2);
      assert.deepEqual(await play(env, 2), again);
    }, "Drawn-v0");
  }
});

const BAD: readonly [name: string, message: RegExp, isAlone: boolean][] = [
  [
    "failing",
    /the child must not fail, got RuntimeError: the ground is gone in step [345] of/,
    true,
  ],
  [
    "long",
    /"observation" must have 1 numbers as described, got 2 in step [345] of .*, seed 555$/,
    true,
  ],
  [
    "crashing",
    /got exit code 7 \(the motor is on fire\) in step [345] of .*, or in one of 1 beside it$/,
    false,
  ],
];

gymTest("environments of the old Gym are refused by what they return", async () => {
  await withOdd("bad=old", async (env) => {
    await assert.rejects(async () => await env.reset(1), {
      name: "FileError",
      message:
        /"reset" must return an observation and a dictionary, got ndarray: .* old Gym needs a wrapper .* at the start of episode 1/,
    });
  }, "Drawn-v0");
  await withOdd("bad=four", async (env) => {
    await assert.rejects(play(env, 555), {
      name: "FileError",
      message:
        /"step" must return five values, got others: .* old Gym needs a wrapper .* in step [345]/,
    });
  }, "Drawn-v0");
});

gymTest("environments side by side say what happened, and in which", async () => {
  for (const [name, message, isAlone] of BAD) {
    await withOdd(`bad=${name}`, async (env) => {
      const [, other] = await widen(env, 2);
      await other.reset(5);
      await assert.rejects(play(env, 555), { name: "FileError", message });
      if (isAlone) await other.step([1]);
      else await assert.rejects(async () => await other.step([1]), { message: /exit code 7/ });
    }, "Drawn-v0");
  }
});

Deno.test("gymProgram() says what to install when Gymnasium or Python is missing", () =>
  withFolder(async (folder) => {
    const bare = await writePython(folder, { without: true });
    await assert.rejects(connectEnv(gymProgram("gym:CartPole-v1", bare)), {
      name: "UsageError",
      message:
        /^Cannot create environment "gym:CartPole-v1": \S+ must have Gymnasium, got none: run \S+ -m pip install gymnasium, or name another Python by the variable UDRLPG_PYTHON$/,
    });
    await assert.rejects(connectEnv(gymProgram("gym:CartPole-v1", "/no/python")), {
      name: "UsageError",
      message:
        'Cannot start environment "gym:CartPole-v1": Python must be installed, got no "/no/python": install Python 3 and Gymnasium, or name Python by the variable UDRLPG_PYTHON',
    });
  }));

function python(): string {
  return Deno.env.get("UDRLPG_PYTHON") || "python3";
}
