import assert from "node:assert/strict";
import { run } from "../../support/program.ts";

async function assertUsageError(argv: string[], line: string, env = {}): Promise<void> {
  assert.deepEqual(await run(argv, { env }), { code: 2, stdout: "", stderr: line + "\n" });
}

Deno.test("runProgram() answers --version and --help before any command", async () => {
  const lines = (await run(["--version"])).stdout;
  assert.match(
    lines,
    /^udrlpg 1\.2\.3\ncommit \w+\ndeno [\d.]+\nonnxruntime [\d.]+\nmujoco [\d.]+\n$/,
  );
  const versions = JSON.parse((await run(["--version", "--json"])).stdout);
  assert.deepEqual(versions, {
    version: "1.2.3",
    commit: /^commit (.*)$/m.exec(lines)![1],
    deno: Deno.version.deno,
    onnxruntime: /^onnxruntime (.*)$/m.exec(lines)![1],
    mujoco: /^mujoco (.*)$/m.exec(lines)![1],
  });
  const help = await run(["--help"]);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /^Train generators/);
  assert.equal((await run([])).stdout, help.stdout);
  assert.equal((await run(["help"])).stdout, help.stdout);
});

Deno.test("runProgram() names the nearest command and option", async () => {
  await assertUsageError(
    ["evns"],
    'Cannot run udrlpg: unknown command, got "evns": did you mean "envs"?',
  );
  await assertUsageError(
    ["qqqqqqqqqq"],
    'Cannot run udrlpg: unknown command, got "qqqqqqqqqq": see udrlpg --help',
  );
  await assertUsageError(
    ["--verison"],
    'Cannot run udrlpg: unknown option, got "--verison": did you mean "--version"?',
  );
  await assertUsageError(
    ["envs", "--jsn"],
    'Cannot run "udrlpg envs": unknown option, got "--jsn": did you mean "--json"?',
  );
  await assertUsageError(
    ["envs", "--nothing-like-it=1"],
    'Cannot run "udrlpg envs": unknown option, got "--nothing-like-it": see udrlpg envs --help',
  );
});

Deno.test("runProgram() refuses what a command does not take", async () => {
  await assertUsageError(
    ["envs", "CartPole-v1", "b"],
    'Cannot run "udrlpg envs": unexpected argument, got "b": see udrlpg envs --help',
  );
  await assertUsageError(
    ["presets", "show", "paper", "--env"],
    'Cannot use option "--env": a value ID must follow, got none',
  );
  await assertUsageError(
    ["presets", "sho"],
    'Cannot use argument ACTION: must be one of show, schema, got "sho": did you mean "show"?',
  );
  await assertUsageError(
    ["envs", "--json", "--json"],
    'Cannot use option "--json": must be given at most once, got it twice',
  );
});

Deno.test("runProgram() takes global options before and after the command", async () => {
  const after = await run(["envs", "--json"]);
  assert.equal(after.code, 0);
  assert.deepEqual(await run(["--json", "envs"]), after);
});

Deno.test("runProgram() reads switches from variables and refuses odd ones", async () => {
  const json = await run(["envs", "--json"]);
  assert.deepEqual(await run(["envs"], { env: { UDRLPG_JSON: "true" } }), json);
  assert.deepEqual(await run(["envs"], { env: { UDRLPG_JSON: "0" } }), await run(["envs"]));
  await assertUsageError(
    ["envs"],
    'Cannot use UDRLPG_JSON: must be true or false, got "maybe"',
    { UDRLPG_JSON: "maybe" },
  );
});

Deno.test("runProgram() reports a bug as an internal error, with the stack on demand alone", async () => {
  const parts = { registry: () => Promise.reject(new Error("broken\nregistry")) };
  const plain = await run(["envs"], { parts });
  assert.deepEqual(plain, { code: 1, stdout: "", stderr: "Internal error: broken registry\n" });
  const debug = await run(["envs"], { parts, env: { UDRLPG_DEBUG: "1" } });
  assert.match(debug.stderr, /^Internal error: broken registry\nError: broken\nregistry\n +at /);
});
