/** Sweep files: what they may say, and that nothing else is taken. */

import assert from "node:assert/strict";
import { parseSweep, readSweepFile } from "../../../lib/sweep/sweep_file.ts";
import { run } from "../../support/program.ts";

Deno.test("parseSweep() reads shared options, grids, lists, draws and seeds", () => {
  const sweep = parseSweep(
    `name = "rates"
env = "CartPole-v1"
threads = 1
seeds = [3, 1, 3]
[buffer]
bucketCapacity = 500
[grid]
update.learningRate = [1e-4, 3e-4]
"policy.hiddenSizes" = [[32], []]
[[list]]
update.perCycle = 4
[[list]]
[list.update]
perCycle = 8
[random]
draws = 2
rollout.noiseScale = { min = 0.01, max = 0.3, scale = "log" }
[random.buffer]
whenFull = { choices = ["drop", "oldest"] }`,
    "x.toml",
  );
  assert.equal(sweep.name, "rates");
  assert.deepEqual([...sweep.base], [["env", "CartPole-v1"], ["buffer.bucketCapacity", 500]]);
  assert.deepEqual([...sweep.settings], [["threads", 1]]);
  assert.deepEqual(sweep.seeds, [3, 1]);
  assert.deepEqual([...sweep.grid], [
    ["update.learningRate", [1e-4, 3e-4]],
    ["policy.hiddenSizes", [[32], []]],
  ]);
  assert.deepEqual(sweep.list.map((entry) => [...entry]), [
    [["update.perCycle", 4]],
    [["update.perCycle", 8]],
  ]);
  assert.deepEqual([sweep.random.draws, sweep.random.seed], [2, 1]);
  assert.deepEqual([...sweep.random.options], [
    ["rollout.noiseScale", { min: 0.01, max: 0.3, scale: "log", isInteger: false }],
    ["buffer.whenFull", { choices: ["drop", "oldest"] }],
  ]);
});

Deno.test("parseSweep() takes the seed and the name that are left out from elsewhere", () => {
  assert.deepEqual(parseSweep("", "a/rates.toml").seeds, [1]);
  assert.equal(parseSweep("", "a/rates.toml").name, "rates");
  assert.deepEqual(parseSweep("seed = 7", "a.toml").seeds, [7]);
});

/** What is wrong, and the end of the message. */
const REFUSED: readonly [text: string, rule: RegExp][] = [
  ["a = = 1", /must be TOML at line 1/],
  ["sedes = 3", /unknown key "sedes": did you mean "seed"\?$/],
  ['out = "x"', /unknown key "out": give --out, or name the sweep$/],
  ['name = "../x"', /name must begin with a letter or digit .*, got "\.\.\/x"$/],
  ["seeds = 0", /seeds must be an integer from 1 to 100000, got 0$/],
  ["seeds = []", /seeds must hold at least one seed, got \[\]$/],
  ["seeds = [-1]", /Cannot set option "seed" from "s\.toml", seeds: must be at least 0, got -1$/],
  ["seed = 1\nseeds = 2", /one of "seed" and "seeds" must be given, got both$/],
  ["grid = 1", /"grid" must be a table \[grid\]$/],
  ["[grid]\nupdate.batchSize = 8", /grid\.update\.batchSize must be a list of values, got 8$/],
  ["[grid]\nupdate.batchSize = []", /must be a list of values, got \[\]$/],
  ["[grid]\nupdate.batchSize = [0]", /from "s\.toml", grid: must be at least 1, got 0$/],
  [
    "[grid]\nupdate.bachSize = [1]",
    /unknown option "update\.bachSize" in grid: did you mean "update\.batchSize"\?$/,
  ],
  ["[grid]\nseed = [1]", /"seed" must not stand in grid: use seeds$/],
  ["[list]\nsteps = 1", /"list" must be tables \[\[list\]\]$/],
  [
    "[grid]\nsteps = [1]\n[[list]]\nsteps = 1",
    /"steps" must vary in one place, got it in list and grid$/,
  ],
  ["[random]\nsteps = { min = 1, max = 2 }", /random\.draws must say how many draws, got none$/],
  ["[random]\ndraws = 1\nsteps = 3", /random\.steps must be \{ min, max, scale \} or .*, got 3$/],
  ["[random]\ndraws = 1\nsteps = { mix = 1 }", /random\.steps must be .*, got "mix" in it$/],
  ["[random]\ndraws = 1\nsteps = { min = 3, max = 2 }", /must have min <= max, got 3 > 2$/],
  [
    '[random]\ndraws = 1\nsteps = { min = 0, max = 2, scale = "log" }',
    /must have min > 0 on a log scale, got 0$/,
  ],
  [
    '[random]\ndraws = 1\nsteps = { min = 0, max = 2, scale = "lag" }',
    /scale must be linear or log, got "lag"$/,
  ],
  ["[random]\ndraws = 1\nsteps = { choices = [] }", /choices must be a list of values, got \[\]$/],
  [
    "[random]\ndraws = 1\nbuffer.whenFull = { min = 1, max = 2 }",
    /must be \{ choices \}, because the option is no number$/,
  ],
  [
    "seeds = 1000\n[random]\ndraws = 1000\nsteps = { min = 1, max = 2 }",
    /it must have at most 100000 runs, got 1000000$/,
  ],
];

for (const [text, rule] of REFUSED) {
  Deno.test(`parseSweep() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseSweep(text, "s.toml"), { name: "FileError", message: rule });
  });
}

Deno.test("inspect tells a sweep from a configuration", async () => {
  const path = await Deno.makeTempFile({ suffix: ".toml" });
  try {
    const shared = 'env = "CartPole-v1"\n';
    await Deno.writeTextFile(path, shared);
    assert.match((await run(["inspect", path])).stdout, /configuration of a training run, whole/);
    await Deno.writeTextFile(path, `${shared}name = "s"\nseeds = 3\n[grid]\nsteps = [1, 2]`);
    const { stdout } = await run(["inspect", path, "--json"]);
    const { kind, runs, varied } = JSON.parse(stdout);
    assert.deepEqual([kind, runs, varied], ["sweep of training runs", 6, ["steps"]]);
    await Deno.writeTextFile(path, "seeds = 0");
    assert.equal((await run(["inspect", path])).code, 3);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("readSweepFile() refuses a missing file", () => {
  assert.throws(() => readSweepFile("/none/s.toml"), { name: "FileError" });
});
