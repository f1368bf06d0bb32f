/** Environments in a child process: a good one, broken ones, and nothing left behind. */

import assert from "node:assert/strict";
import { connectEnvCommand } from "../../../../lib/episodes/process/env_process.ts";
import type { Env } from "../../../../lib/env.ts";
import { countingCommand } from "../../../support/counting_command.ts";
import { checkEnvContract } from "../../../support/env_contract.ts";

function connect(mode: string, timeoutSeconds = 20): Promise<Env> {
  return connectEnvCommand(countingCommand(mode), { timeoutSeconds });
}

/** Says whether a process is there and not a zombie. */
async function isAlive(pid: number): Promise<boolean> {
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "stat=", "-p", `${pid}`] })
    .output();
  const state = new TextDecoder().decode(stdout).trim();
  return state !== "" && !state.startsWith("Z");
}

Deno.test("connectEnvCommand() plays an environment in a child", async () => {
  const env = await connect("good");
  assert.equal(env.spec.id, "Counting-v0");
  assert.deepEqual([...env.spec.observationSpace.low], [-Infinity, 0]);
  assert.deepEqual(env.spec.returnRange, [0, 8]);
  await env.reset(3);
  assert.deepEqual([...env.observation], [0, 3]);
  const transition = await env.step(Float32Array.of(0.5));
  assert.deepEqual([...env.observation], [0.5, 3]);
  assert.deepEqual({ ...transition }, {
    reward: 0.5,
    survivalReward: 0,
    terminated: false,
    truncated: false,
  });
  await env.reset();
  assert.deepEqual([...env.observation], [0, 4]);
  await env.close();
});

Deno.test("what an environment prints is passed over, and said once", async () => {
  const notes: string[] = [];
  const command = countingCommand("banner");
  const env = await connectEnvCommand(command, { onNote: (text) => notes.push(text) });
  await env.reset(3);
  assert.equal((await env.step([0.5])).reward, 0.5);
  await env.close();
  assert.deepEqual(notes, [
    `The environment command "${command}" printed "pygame 2.5.8 (SDL 2.28.3)": lines that are no JSON object are passed over`,
  ]);
});

Deno.test("true and false are numbers of an observation, and 1 and 0 ends of an episode", async () => {
  const env = await connect("truths");
  await env.reset(3);
  const { terminated, truncated } = await env.step([0.5]);
  assert.deepEqual([terminated, truncated, ...env.observation], [false, true, 1, 3]);
  await env.close();
});

Deno.test("an environment in a child keeps the environment contract", async () => {
  await checkEnvContract(() => connect("good"));
  await checkEnvContract(() => connect("discrete"));
});

Deno.test("step() in a child truncates at the described limit", async () => {
  const env = await connect("good");
  await env.reset(1);
  for (let t = 1; t <= 8; t++) {
    assert.equal((await env.step([0])).truncated, t === 8);
  }
  await assert.rejects(async () => await env.step([0]), RangeError);
  await env.close();
});

const BROKEN: [mode: string, message: RegExp][] = [
  [
    "die",
    /^Cannot step .*: the child must keep running, got exit code 7 \(the motor is on fire\) in step 1 of episode 1, seed 1$/,
  ],
  [
    "hang",
    /^Cannot step .*: the child must answer within 2 s, got nothing in step 1 of episode 1, seed 1: --env-timeout gives it more time$/,
  ],
  [
    "garbage",
    /: the child must answer within 2 s, got "Traceback \(most recent" in step 1 of episode 1, seed 1: --env-timeout gives it more time$/,
  ],
  [
    "endless",
    /: a line must be no longer than 1048576 bytes, got more in step 1 of episode 1, seed 1$/,
  ],
  ["error", /: the child must not fail, got no fuel in step 1 of episode 1, seed 1$/],
  [
    "shape",
    /: "observation" must have 2 numbers as described, got 1 in step 1 of episode 1, seed 1$/,
  ],
  [
    "null",
    /: number 1 of "observation" must be finite in float32, got null in step 1 of episode 1, seed 1$/,
  ],
  [
    "large",
    /: number 1 of "observation" must be finite in float32, got 1e\+39 in step 1 of episode 1, seed 1$/,
  ],
  ["nan", /: "reward" must be a finite number, got NaN in step 1 of episode 1, seed 1$/],
  ["reward", /: "reward" must be a finite number, got much in step 1 of episode 1, seed 1$/],
  [
    "chatter",
    /: the child must speak only when asked, got \{"hello":1\} in step 1 of episode 1, seed 1$/,
  ],
];

for (const [mode, message] of BROKEN) {
  Deno.test(`step() in a child reports one that is broken: ${mode}`, async () => {
    const env = await connect(mode, ["hang", "garbage"].includes(mode) ? 2 : 20);
    await env.reset(1);
    if (mode === "chatter") await new Promise((resolve) => setTimeout(resolve, 200));
    await assert.rejects(async () => await env.step([0]), { name: "FileError", message });
    await assert.rejects(async () => await env.step([0]), { name: "FileError" }); // it stays broken
    await env.close();
  });
}

Deno.test("connectEnvCommand() reports a command that cannot be started or says nothing", async () => {
  await assert.rejects(connectEnvCommand("/nonexistent/program"), {
    name: "UsageError",
    message:
      /^Cannot start environment command "\/nonexistent\/program": it must be a program to run/,
  });
  await assert.rejects(connectEnvCommand("'open"), { name: "UsageError", message: /quote/ });
  for (const nothing of ["", " ", "''"]) {
    await assert.rejects(connectEnvCommand(nothing), {
      name: "UsageError",
      message: /got: nothing$/,
    });
  }
  await assert.rejects(connectEnvCommand("true"), {
    name: "FileError",
    message:
      'Cannot describe environment command "true": the child must keep running, got exit code 0',
  });
  await assert.rejects(connectEnvCommand("sleep 100", { timeoutSeconds: 0.2 }), /within 0.2 s/);
  await assert.rejects(connectEnvCommand("cat", { timeoutSeconds: 0 }), RangeError);
  // cat answers a request with the request, which describes nothing.
  await assert.rejects(connectEnvCommand("cat"), /"maxEpisodeSteps" must be an integer/);
});

Deno.test("close() leaves no orphan, not even of a child that stays or has children", async () => {
  const file = await Deno.makeTempFile();
  const env = await connectEnvCommand(countingCommand("orphan", file), { graceSeconds: 0.5 });
  const grandchild = Number(await Deno.readTextFile(file));
  assert.ok(await isAlive(grandchild));
  await env.close();
  assert.equal(await isAlive(grandchild), false);
  await Deno.remove(file);
});

Deno.test("a program that ends without close() takes the child with it", async () => {
  const file = await Deno.makeTempFile();
  const library = JSON.stringify(
    new URL("../../../../lib/episodes/process/env_process.ts", import.meta.url),
  );
  const code = `import { connectEnvCommand } from ${library};
    await connectEnvCommand(${JSON.stringify(countingCommand("orphan", file))});
    Deno.exit(0);`;
  const { code: status } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", code],
  }).output();
  assert.equal(status, 0);
  const grandchild = Number(await Deno.readTextFile(file));
  for (let i = 0; i < 20 && await isAlive(grandchild); i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal(await isAlive(grandchild), false);
  await Deno.remove(file);
});

Deno.test("step() in a child takes any observation that ends an episode: nobody acts on it", async () => {
  const env = await connect("nanlast");
  await env.reset(3);
  for (let t = 1; t <= 5; t++) await env.step([1]);
  const { terminated, reward } = await env.step([1]);
  assert.deepEqual([terminated, reward], [true, 6]);
  assert.deepEqual([...env.observation], [5, 3]); // as before
  await env.reset(4);
  assert.deepEqual([...env.observation], [0, 4]);
  await env.close();
});

async function temporaryFile(use: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(`${folder}/file`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const onUnix = { ignore: Deno.build.os === "windows" };
const onLinux = { ignore: Deno.build.os !== "linux" };

Deno.test(
  "a child that is stopped and goes on has all of its time",
  onLinux,
  () =>
    temporaryFile(async (path) => {
      const env = await connectEnvCommand(countingCommand("pid", path), { timeoutSeconds: 3 });
      await env.reset(1);
      const pid = Number(await Deno.readTextFile(path));
      Deno.kill(pid, "SIGSTOP");
      const stepped = env.step([0.5]);
      await sleep(4000);
      Deno.kill(pid, "SIGCONT");
      assert.equal((await stepped).reward, 0.5);
      await env.close();
    }),
);

const LIBRARY = JSON.stringify(
  new URL("../../../../lib/episodes/process/env_process.ts", import.meta.url),
);

/** A program of its own that connects a child, says "ready" and goes on with `then`. */
function startProgram(
  mode: string,
  { file, then, options = {} }: { file?: string; then: string; options?: object },
): Deno.ChildProcess {
  const command = countingCommand(mode, ...(file === undefined ? [] : [file]));
  const code = `import { connectEnvCommand } from ${LIBRARY};
    const env = await connectEnvCommand(${JSON.stringify(command)}, ${JSON.stringify(options)});
    console.log("ready");
    ${then}`;
  return new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", "--quiet", code],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

Deno.test(
  "a program that is suspended and goes on does not take its own pause for the child's",
  onUnix,
  async () => {
    const program = startProgram("slow", {
      options: { timeoutSeconds: 1.5 },
      then: `await env.reset(1);
      console.log((await env.step([0.5])).reward);
      await env.close();`,
    });
    const reader = program.stdout.pipeThrough(new TextDecoderStream()).getReader();
    await reader.read();
    await sleep(50); // in the middle of the step, most likely; the answer comes either way
    program.kill("SIGSTOP");
    await sleep(3000);
    program.kill("SIGCONT");
    assert.equal((await reader.read()).value, "0.5\n");
    await reader.cancel();
    assert.equal((await program.status).code, 0);
  },
);

Deno.test(
  "a program that is killed takes a child with it that hangs",
  onUnix,
  () =>
    temporaryFile(async (file) => {
      const program = startProgram("deaf", {
        file,
        options: { graceSeconds: 1 },
        then: "await new Promise(() => setInterval(() => {}, 1e6));",
      });
      const reader = program.stdout.getReader();
      await reader.read();
      const child = Number(await Deno.readTextFile(file));
      assert.ok(await isAlive(child));
      program.kill("SIGKILL");
      await program.status;
      await reader.cancel();
      for (let i = 0; i < 100 && await isAlive(child); i++) await sleep(100);
      assert.equal(await isAlive(child), false);
    }),
);

Deno.test(
  "close() does not wait for what has left the child's group and holds its output",
  onUnix,
  () =>
    temporaryFile(async (file) => {
      const env = await connectEnvCommand(countingCommand("escaped", file));
      await env.close();
      const escaped = Number(await Deno.readTextFile(file));
      assert.ok(await isAlive(escaped)); // so nobody waited for it
      Deno.kill(-escaped, "SIGKILL");
    }),
);

Deno.test("close() gives the child its grace to write what it has, and no more", () =>
  temporaryFile(async (file) => {
    const patient = await connectEnvCommand(countingCommand("record", file));
    await patient.close();
    assert.equal(await Deno.readTextFile(file), "recording");
    await Deno.remove(file);
    const hasty = await connectEnvCommand(countingCommand("record", file), { graceSeconds: 0 });
    await hasty.close();
    await assert.rejects(Deno.stat(file), Deno.errors.NotFound);
  }));

Deno.test("step() in a child gives up with the reason when the work is to stop and the answer is late", async () => {
  const stopping = new AbortController();
  const env = await connectEnvCommand(countingCommand("hang"), {
    graceSeconds: 0.3,
    stopping: stopping.signal,
  });
  await env.reset(1);
  const reason = new Error("Interrupted");
  setTimeout(() => stopping.abort(reason), 100);
  await assert.rejects(async () => await env.step([0]), (error) => error === reason);
  await env.close();
});

Deno.test("a child has the variables that it is given, and no others of this program's", () =>
  temporaryFile(async (file) => {
    Deno.env.set("UDRLPG_TEST_SECRET", "hunter2");
    const variablesOf = async (options: object) => {
      const env = await connectEnvCommand(countingCommand("variables", file), options);
      await env.close();
      return JSON.parse(await Deno.readTextFile(file));
    };
    assert.equal((await variablesOf({})).UDRLPG_TEST_SECRET, "hunter2");
    const few = await variablesOf({ env: { HOME: Deno.env.get("HOME")!, MINE: "1" } });
    assert.deepEqual([few.UDRLPG_TEST_SECRET, few.MINE], [undefined, "1"]);
    Deno.env.delete("UDRLPG_TEST_SECRET");
  }));

/** Plays an episode of seed 3 with actions of 0.75; gives its observations, rewards and what was said. */
async function playWithRestarts(command: string, left: number) {
  const said: string[] = [];
  const restarts = { left };
  const options = { restarts, onRestart: (text: string) => said.push(text) };
  const env = await connectEnvCommand(command, options);
  try {
    await env.reset(3);
    const lines: number[][] = [[...env.observation]];
    for (let isOver = false; !isOver;) {
      const { reward, terminated, truncated } = await env.step([0.75]);
      lines.push([...env.observation, reward]);
      isOver = terminated || truncated;
    }
    return { lines, said, left: restarts.left };
  } finally {
    await env.close();
  }
}

Deno.test("a fresh child takes the place of one that crashed, and plays its episode again", () =>
  temporaryFile(async (file) => {
    const expected = await playWithRestarts(countingCommand(), 0);
    const { lines, said, left } = await playWithRestarts(countingCommand("once", file), 2);
    assert.deepEqual(lines, expected.lines);
    assert.equal(left, 1);
    assert.equal(said.length, 1);
    assert.match(
      said[0],
      /: the child must keep running, got exit code 9 \(the licence is gone\) in step 4 of episode 1, seed 3: a fresh child plays the episode again/,
    );
    await Deno.remove(file);
    await assert.rejects(playWithRestarts(countingCommand("once", file), 0), /licence is gone/);
    await Deno.remove(file);
    await assert.rejects(
      playWithRestarts(countingCommand("drift", file), 5),
      /^FileError: Cannot restart .*: an episode must be the same again from its seed and actions, got another one in step 1 /,
    );
  }));

Deno.test("a child that always crashes ends the work once its restarts are used up", async () => {
  await assert.rejects(playWithRestarts(countingCommand("falls"), 2), {
    name: "FileError",
    message: /: the child must keep running, got exit code 9 in step 4 of episode 1, seed 3$/,
  });
});
