/** Every path is taken as a word and with its option, and a folder of runs gets a hint. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { run } from "../../support/program.ts";
import { trainTiny, withFolder } from "../../support/tiny_command.ts";

async function ok(...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(argv);
  assert.equal(code, 0, `${argv.join(" ")}: ${stderr}`);
  return stdout;
}

/** Without what a clock says. */
function timeless(text: string): string {
  return text.replace(/[\d.]+ s\b/g, "");
}

Deno.test("every command that reads a run or a file takes it as a word and with its option", () =>
  withFolder(async (folder) => {
    const out = join(folder, "run");
    assert.equal((await trainTiny(out)).code, 0);
    const generator = join(out, "generator.safetensors");
    const policy = join(folder, "p.json");
    await ok("generate", out, "--return", "20", "--verify", "1", "--out", policy);
    const sweep = join(folder, "sweep.toml");
    await Deno.writeTextFile(sweep, 'env = "CartPole-v1"\nsteps = 5000\n');
    const more = ["--points", "2", "--episodes", "1"];
    const wanted = ["--return", "20", "--verify", "1", "--out", policy];
    const page = ["--out", join(folder, "page.html")];
    const cases: [command: string, path: string, option: string, rest: string[]][] = [
      ["generate", out, "--run", wanted],
      ["generate", generator, "--generator", wanted],
      ["generate", out, "--generator", wanted],
      ["curve", out, "--run", more],
      ["curve", generator, "--run", more],
      ["evaluate", policy, "--policy", []],
      ["rollout", policy, "--policy", ["--steps", "2"]],
      ["report", out, "--run", page],
      ["summary", out, "--run", []],
      ["inspect", out, "--run", []],
      ["inspect", policy, "--file", []],
      ["verify", out, "--run", ["--cycles", "1"]],
      ["sweep", sweep, "--file", []],
      ["play", out, "--run", page],
      ["play", policy, "--policy", page],
    ];
    for (const [command, path, option, rest] of cases) {
      const words = command === "sweep" ? [command, "plan"] : [command];
      const byWord = timeless(await ok(...words, path, ...rest));
      assert.equal(timeless(await ok(...words, ...rest, option, path)), byWord, command);
      assert.equal(timeless(await ok(...words, ...rest, `${option}=${path}`)), byWord, command);
      const both = await run([...words, path, option, path, ...rest]);
      if (command === "report" || command === "summary") assert.equal(both.code, 0);
      else if (command === "play") continue;
      else {
        assert.match(both.stderr, /one path must be given, got ".*" and --/, command);
        assert.equal(both.code, 2);
      }
    }
  }));

Deno.test("a word wins over a variable", () =>
  withFolder(async (folder) => {
    const out = join(folder, "run");
    assert.equal((await trainTiny(out)).code, 0);
    const env = { UDRLPG_RUN: "elsewhere" };
    const argv = ["verify", out, "--cycles", "1"];
    assert.equal((await run(argv, { env })).code, 0);
    assert.match((await run(["verify"], { env })).stderr, /"elsewhere/);
  }));

Deno.test("where one run is meant, a folder of runs or an unfinished run says what to do", () =>
  withFolder(async (folder) => {
    const out = join(folder, "run");
    assert.equal((await trainTiny(out)).code, 0);
    for (
      const argv of [["generate", folder, "--return", "1"], ["curve", folder], ["verify", folder], [
        "inspect",
        folder,
      ], ["train", "--resume", "--out", folder]]
    ) {
      const { code, stderr } = await run(argv);
      assert.equal(code, 3, argv.join(" "));
      assert.ok(
        stderr.includes(`got a folder of runs: did you mean ${JSON.stringify(out)}?`),
        `${argv.join(" ")}: ${stderr}`,
      );
    }
    const misled = await run(["evaluate", out]);
    assert.equal(misled.code, 3);
    assert.ok(
      misled.stderr.endsWith(`got none: write one with udrlpg generate ${out} --return best\n`),
      misled.stderr,
    );
    await Deno.remove(join(out, "generator.safetensors"));
    const { code, stderr } = await run(["generate", out, "--return", "1"]);
    assert.equal(code, 3);
    assert.match(stderr, /it must be finished, got no generator\.safetensors: go on with udrlpg /);
  }));

Deno.test("train --resume on a folder without a run says that", () =>
  withFolder(async (folder) => {
    for (const path of [join(folder, "none"), folder]) {
      const { code, stderr } = await run(["train", "--resume", "--out", path]);
      assert.equal(code, 3);
      assert.match(stderr, /^Cannot resume run ".*": /);
    }
  }));
