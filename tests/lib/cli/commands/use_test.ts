import assert from "node:assert/strict";
import { run } from "../../../support/program.ts";
import { trainTiny, withFolder } from "../../../support/tiny_command.ts";
import { sealedJson } from "../../../support/seal.ts";

async function ok(argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(argv);
  assert.equal(code, 0, `${argv.join(" ")}: ${stderr}`);
  return stdout;
}

async function refused(argv: string[], code: number, message: RegExp): Promise<void> {
  const result = await run(argv);
  assert.match(result.stderr, message, argv.join(" "));
  assert.deepEqual([result.code, result.stdout], [code, ""]);
  assert.equal(result.stderr.trimEnd().split("\n").length, 1);
}

Deno.test("rollout prints one JSON line for each step, the same for the same seed", async () => {
  const argv = ["rollout", "--env", "CartPole-v1", "--seed", "3", "--random", "--json"];
  const text = await ok(argv);
  const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line));
  lines.forEach((line, t) => {
    assert.deepEqual(
      Object.keys(line),
      ["t", "observation", "action", "reward", "terminated", "truncated"],
    );
    assert.equal(line.t, t);
    assert.equal(line.terminated, t === lines.length - 1);
  });
  assert.equal(lines[0].action, null);
  assert.equal(await ok(argv), text);
  assert.notEqual(await ok([...argv.slice(0, 3), "--seed", "4", "--json"]), text);
  const short = await run(["rollout", "--env", "CartPole-v1", "--steps", "2"]);
  assert.equal(short.stdout.split("\n").length, 4);
  assert.equal(short.stderr, "Return 2 after 2 steps, stopped\n");
});

Deno.test("rollout replays a list of actions and refuses what is none", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/actions.json`;
    await Deno.writeTextFile(path, "[0, 1, [1]]");
    const argv = ["rollout", "--env", "CartPole-v1", "--json", "--actions"];
    const lines = (await ok([...argv, path])).trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(lines.map(({ action }) => action), [null, [0], [1], [1]]);
    await Deno.writeTextFile(path, "[0, 2]");
    await refused([...argv, path], 3, /action 1 must be an integer from 0 to 1, got 2/);
    await refused(
      [...argv, `${folder}/none.json`],
      3,
      /^Cannot read actions .*there is no such file/,
    );
    await refused([...argv, path, "--random"], 2, /at most one of --policy, --actions, --random/);
    await refused(["rollout"], 2, /an environment must be given, got none/);
  });
});

Deno.test("curve and inspect explain a trained run", async () => {
  await withFolder(async (folder) => {
    const out = `${folder}/run`;
    assert.equal((await trainTiny(out)).code, 0);
    await inspectParts(folder, out);
    const curve = JSON.parse(
      await ok(["curve", "--run", out, "--points", "3", "--episodes", "2", "--json"]),
    );
    assert.deepEqual(Object.keys(curve).sort(), ["coverage", "env", "mae", "points", "spearman"]);
    assert.deepEqual(
      ["requested", "command", "mean", "std", "n", "seen"].filter((key) =>
        !(key in curve.points[0])
      ),
      [],
    );
    for (const name of ["curve.svg", "curve.csv", "curve.json"]) {
      const argv = ["--run", out, "--points", "2", "--episodes", "1", "--out", `${folder}/${name}`];
      assert.match(await ok(["curve", ...argv]), /^requested +achieved/);
      assert.ok((await Deno.stat(`${folder}/${name}`)).size > 50);
    }
    await refused(
      ["curve", "--run", out, "--out", "a.pdf"],
      2,
      /must end in \.svg, \.dark\.png, \.png, /,
    );
  });
});

async function inspectParts(folder: string, out: string): Promise<void> {
  const policy = `${folder}/p.onnx`;
  await ok(["generate", "--run", out, "--return", "20", "--verify", "2", "--out", policy]);
  const kindOf = async (path: string) => JSON.parse(await ok(["inspect", path, "--json"])).kind;
  assert.match(await kindOf(out), /^run folder of a finished run$/);
  assert.match(await kindOf(`${out}/generator.safetensors`), /^trained generator$/);
  assert.match(await kindOf(`${out}/config.toml`), /^configuration/);
  assert.match(await kindOf(`${out}/metrics.jsonl`), /^metrics/);
  assert.match(await kindOf(policy), /^policy$/);
  const events = [...Deno.readDirSync(out)].find(({ name }) => name.startsWith("events."));
  if (events) assert.match(await kindOf(`${out}/${events.name}`), /^TensorBoard events/);
  assert.match(await ok(["inspect", policy]), /environment +CartPole-v1/);

  const bytes = await Deno.readFile(`${out}/generator.safetensors`);
  await Deno.writeFile(`${folder}/cut.safetensors`, bytes.subarray(0, bytes.length - 1));
  await refused(["inspect", `${folder}/cut.safetensors`], 3, /^Cannot read /);
  const policyJson = `${folder}/hostile.json`;
  await ok(["generate", "--run", out, "--return", "20", "--verify", "1", "--out", policyJson]);
  const json = JSON.parse(await Deno.readTextFile(policyJson));
  json.metadata.note = "\x1b[2Jevil\nline";
  await Deno.writeTextFile(policyJson, sealedJson(json));
  assert.match(await ok(["inspect", policyJson]), /note +\\x1b\[2Jevil\\x0aline/);
  json.metadata.measuredReturn = "{";
  await Deno.writeTextFile(policyJson, sealedJson(json));
  await refused(["inspect", policyJson], 3, /^Cannot read policy .*measuredReturn/);
  await Deno.writeTextFile(`${folder}/torn.jsonl`, '{"kind":"episode","step":1}\n{"kind":"ep');
  const torn = await run(["inspect", `${folder}/torn.jsonl`]);
  assert.match(torn.stderr, /^Warning: .*the last line is torn: 11 bytes\n$/);
  assert.match(torn.stdout, /damaged/);
  await refused(["inspect", `${folder}/none`], 3, /there is no such file/);
  await refused(
    ["inspect", folder],
    3,
    /must hold config\.toml, got a folder of runs: did you mean ".*run"\?$/m,
  );
  await refused(["inspect"], 2, /one of PATH, --file, --run must be given, got none/);
}

Deno.test("envs and presets describe what there is", async () => {
  const { environments } = JSON.parse(await ok(["envs", "--json"]));
  const cartPole = environments.find(({ id }: { id: string }) => id === "CartPole-v1");
  assert.equal(cartPole.maxEpisodeSteps, 500);
  assert.deepEqual(cartPole.action, { kind: "discrete", n: 2 });
  assert.deepEqual(JSON.parse(await ok(["envs", "CartPole-v1", "--json"])), cartPole);
  assert.match(await ok(["envs", "CartPole-v1"]), /solved at +475/);
  await refused(["envs", "CartPole-v9"], 2, /unknown id: did you mean "CartPole-v1"\?$/m);
  const { presets } = JSON.parse(await ok(["presets", "--json"]));
  assert.ok(presets.some(({ name }: { name: string }) => name === "paper"));
  const schema = JSON.parse(await ok(["presets", "schema"]));
  assert.equal(schema.properties.update.additionalProperties, false);
  const shown = await ok(["presets", "show", "default", "--algorithm", "td3"]);
  assert.match(shown, /^# The preset "default" for td3 in any environment\./);
  assert.match(shown, /^algorithm = "td3"$/m);
  assert.match(shown, /^hiddenSizes = \[256, 256\]$/m);
  assert.match(shown, /^# learningRate = 0\.001$/m, "td3 does not have it");
  await refused(["presets", "show"], 2, /a name must follow, got none: names are default, paper/);
  await refused(["presets", "show", "papr"], 2, /did you mean "paper"\?$/m);
});
