/** The permission to start programs: held by executables, and given back unless it is needed. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { executableFlags, readProject } from "../../packaging/payload.ts";
import { countingCommand } from "../../support/counting_command.ts";
import { gymTest } from "../../support/gym_python.ts";
import { run } from "../../support/program.ts";
import { trainTiny, withFolder } from "../../support/tiny_command.ts";

const MAIN = fileURLToPath(new URL("../../../main.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../../deno.json", import.meta.url));

/** Runs the program as an executable does; gives what it may still do at its end. */
async function permissionsAfter(...words: string[]): Promise<string> {
  const code = `const { main } = await import(${JSON.stringify(MAIN)});
    await main(${JSON.stringify(words)});
    console.error("run: " + (await Deno.permissions.query({ name: "run" })).state);`;
  const folder = await Deno.makeTempDir();
  const file = `${folder}/program.ts`;
  await Deno.writeTextFile(file, code);
  try {
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--config", CONFIG, ...executableFlags(readProject()), file],
      stdout: "null",
    }).output();
    return new TextDecoder().decode(stderr).trim().split("\n").at(-1)!;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the program gives the permission to start programs back unless it needs it", async () => {
  for (
    const words of [
      ["doctor", "--seconds", "0", "--json"],
      ["envs"],
      ["rollout", "--env", "CartPole-v1", "--steps", "2"],
      ["--version"],
    ]
  ) {
    assert.equal(await permissionsAfter(...words), "run: prompt", words.join(" "));
  }
  const own = ["rollout", "--env-command", countingCommand(), "--steps", "2"];
  assert.equal(await permissionsAfter(...own), "run: granted");
});

/** Counts how often the permission is given back. */
async function givenBack(words: readonly string[]): Promise<number> {
  let count = 0;
  await run(words, { parts: { giveUpPrograms: () => void count++ } });
  return count;
}

Deno.test("files decide whether a program is needed, once they are read", () =>
  withFolder(async (folder) => {
    const trained = await trainTiny(`${folder}/run`, ["--env", "CartPole-v1"]);
    assert.equal(trained.code, 0, trained.stderr);
    assert.notEqual(await givenBack(["generate", `${folder}/run`, "--return", "9"]), 0);
    const policies = ["--returns", "5,9", "--out", `${folder}/policies`];
    const made = await run(["generate", `${folder}/run`, ...policies]);
    assert.equal(made.code, 0, made.stderr);
    assert.notEqual(await givenBack(["evaluate", `${folder}/policies/policy-9.onnx`]), 0);
    assert.equal(await givenBack(["evaluate", `${folder}/policies`]), 0); // the next may need it
    const sweep = `${folder}/sweep.toml`;
    await Deno.writeTextFile(sweep, 'env = "CartPole-v1"\nseeds = 2\n');
    assert.equal(await givenBack(["sweep", "plan", sweep]), 0); // `sweep run` starts the program
  }));

gymTest("the permission is held while Gymnasium plays", async () => {
  assert.equal(await givenBack(["envs", "gym:CartPole-v1"]), 0);
  assert.notEqual(await givenBack(["envs", "CartPole-v1"]), 0);
});
