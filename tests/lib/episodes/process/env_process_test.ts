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
    /^Cannot step .*: the child must keep running, got exit code 7 \(the motor is on fire\)$/,
  ],
  ["hang", /^Cannot step .*: the child must answer within 2 s, got nothing$/],
  ["garbage", /: an answer must be one JSON object in a line, got Traceback \(most recent$/],
  ["endless", /: a line must be no longer than 1048576 bytes, got more$/],
  ["error", /: the child must not fail, got no fuel$/],
  ["shape", /: "observation" must have 2 numbers as described, got 1$/],
  ["null", /: number 1 of "observation" must be finite, got null$/],
  ["reward", /: "reward" must be a finite number, got much$/],
  ["chatter", /: the child must speak only when asked, got \{"hello":1\}$/],
];

for (const [mode, message] of BROKEN) {
  Deno.test(`step() in a child reports one that is broken: ${mode}`, async () => {
    const env = await connect(mode, mode === "hang" ? 2 : 20);
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
  const env = await connectEnvCommand(countingCommand("orphan", file), { timeoutSeconds: 20 });
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
