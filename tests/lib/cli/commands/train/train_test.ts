import assert from "node:assert/strict";
import { parseConfig } from "../../../../../lib/config/config_file.ts";
import { InterruptedError } from "../../../../../lib/system/errors.ts";
import { run } from "../../../../support/program.ts";
import { trainTiny, withFolder } from "../../../../support/tiny_command.ts";

Deno.test("train, generate and evaluate work together, with the keys that scripts rely on", async () => {
  await withFolder(async (folder) => {
    const out = `${folder}/run`;
    const trained = await trainTiny(out, ["--json", "--workers", "2"]);
    assert.deepEqual([trained.code, trained.stderr], [0, ""]);
    const result = JSON.parse(trained.stdout);
    for (const key of ["env", "preset", "seed", "steps", "episodes", "updates", "run"]) {
      assert.ok(key in result, key);
    }
    assert.equal(result.run, out);
    assert.deepEqual(Object.keys(result.finalReturn).slice(0, 3), ["mean", "std", "n"]);
    assert.ok(result.wallSeconds >= 0 && result.device === "cpu" && result.bestReturn > 0);
    const { config } = { config: parseConfig(await Deno.readTextFile(`${out}/config.toml`), "c") };
    assert.equal(config.options.get("env"), "CartPole-v1");
    await generateAndEvaluate(folder, out);
  });
});

async function generateAndEvaluate(folder: string, out: string): Promise<void> {
  for (const format of ["onnx", "safetensors", "json"]) {
    const policy = `${folder}/p.${format}`;
    const argv = ["--run", out, "--return", "20", "--verify", "2", "--out", policy, "--json"];
    const generated = await run(["sample", ...argv]);
    assert.equal(generated.code, 0, generated.stderr);
    const made = JSON.parse(generated.stdout);
    assert.deepEqual(Object.keys(made), [
      "env",
      "requestedReturn",
      "command",
      "policy",
      "measuredReturn",
      "met",
      "tolerance",
      "reachable",
      "searchEpisodes",
      "expected",
    ]);
    assert.deepEqual(Object.keys(made.measuredReturn), ["mean", "std", "n", "ci95", "seeds"]);
    assert.equal(made.measuredReturn.seeds.length, 2);
    const evaluated = await run(["evaluate", policy, "--episodes", "3", "--json"]);
    assert.equal(evaluated.code, 0, evaluated.stderr);
    const measured = JSON.parse(evaluated.stdout);
    assert.deepEqual(Object.keys(measured), ["env", "policy", "return", "length"]);
    const { mean, n, min, max } = measured.return;
    assert.ok(n === 3 && min <= mean && mean <= max);
    // CartPole pays 1 per step: return and length are the same number.
    assert.equal(measured.length.mean, mean);
  }
  await refusals(folder, out);
}

async function writesClosest(folder: string, out: string): Promise<void> {
  const policy = `${folder}/closest.onnx`;
  const search = ["--return", "400", "--tolerance", "0.5", "--verify", "2", "--budget", "6"];
  search.push("--out", policy);
  const { code, stdout, stderr } = await run(["generate", "--run", out, ...search, "--json"]);
  assert.equal(code, 5);
  assert.match(
    stderr,
    /must be within 0\.5 of 400, got .* at best: the closest policy is in ".*": \w.*$/m,
  );
  const closest = JSON.parse(stdout);
  assert.deepEqual([closest.policy, closest.requestedReturn], [policy, 400]);
  assert.ok(closest.measuredReturn.n <= 6, "the budget");
  const inspected = JSON.parse((await run(["inspect", policy, "--json"])).stdout);
  assert.equal(inspected.measuredReturn.mean, closest.measuredReturn.mean);
}

async function refusals(folder: string, out: string): Promise<void> {
  const far = await run([
    "generate",
    "--run",
    out,
    "--return",
    "9999",
    "--out",
    `${folder}/far.onnx`,
  ]);
  assert.equal(far.code, 0);
  assert.match(far.stderr, /^Warning: return 9999 is outside the range .* to reach, \d.* to \d/);
  await Deno.stat(`${folder}/far.onnx`);
  await writesClosest(folder, out);
  const cases: [string[], number, RegExp][] = [
    [["generate", "--return", "1"], 2, /one of PATH, --run, --generator must be given/],
    [["generate", "--run", out], 2, /a return must be given, got none: use --return R/],
    [
      ["generate", "--run", out, "--return", "x"],
      2,
      /must be a number, "best" or a share .*, got "x"/,
    ],
    [
      ["generate", "--run", folder, "--return", "1"],
      3,
      /must hold config\.toml, got a folder of runs: did you mean ".*run"\?$/m,
    ],
    [["generate", "--run", out, "--return", "1", "--out", "a.b"], 2, /or give --format$/m],
    [["generate", "--run", out, "--return", "1", "--budget", "9"], 2, /and needs --tolerance/],
    [
      ["generate", "--run", out, "--return", "1", "--tolerance", "5", "--budget", "9"],
      2,
      /must be at least the 20 episodes that measure a policy, got 9: use --verify N$/m,
    ],
    [
      ["generate", "--run", out, "--return", "1", "--out", "/none/a.onnx"],
      3,
      /Cannot write policy/,
    ],
    [["evaluate"], 2, /one of PATH, --policy must be given/],
    [["evaluate", `${folder}/none.onnx`], 3, /there is no such file/],
    [["evaluate", `${folder}/run/config.toml`], 3, /must end in \.onnx/],
    [["evaluate", `${folder}/p.json`, "--env", "CartPol-v1"], 2, /did you mean "CartPole-v1"/],
    [["evaluate", `${folder}/p.json`, "--env", "InvertedPendulum-v5"], 3, /^Cannot use policy/],
    [["evaluate", `${folder}/run/generator.safetensors`], 3, /^Cannot read /],
  ];
  for (const [argv, code, message] of cases) {
    const result = await run(argv);
    assert.match(result.stderr, message, argv.join(" "));
    assert.equal(result.code, code, result.stderr);
    assert.equal(result.stdout, "");
  }
}

Deno.test("train refuses a folder that is not empty, and widths that do not fit", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/mine.txt`, "");
    const full = await trainTiny(folder);
    assert.equal(full.code, 3);
    assert.match(full.stderr, /^Cannot train in ".*": the folder must be empty, got "mine\.txt"/);
    const odd = await trainTiny(`${folder}/odd`, ["--set", "policy.hiddenSizes=33"]);
    assert.equal(odd.code, 2);
    assert.match(odd.stderr, /^Cannot .*33/);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["mine.txt"]);
    const gpu = await trainTiny(`${folder}/gpu`, ["--device", "cuda"]);
    assert.equal(gpu.code, 2);
    assert.match(gpu.stderr, /^Cannot use device "cuda": it must work here, got .*udrlpg doctor$/m);
    assert.match(gpu.stderr, /is not (there|in)/); // where there is no CUDA, which is not installed
  });
});

Deno.test("train stops at a signal with its exit code", async () => {
  await withFolder(async (folder) => {
    const signal = AbortSignal.abort(new InterruptedError("Interrupted by SIGTERM", "SIGTERM"));
    const result = await trainTiny(`${folder}/run`, [], { signal });
    assert.deepEqual([result.code, result.stdout], [143, ""]);
    assert.match(result.stderr, /^Interrupted by SIGTERM/);
  });
});
