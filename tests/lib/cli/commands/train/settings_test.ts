import assert from "node:assert/strict";
import { runFolderOf } from "../../../../../lib/cli/commands/train/settings.ts";
import { resolveRun } from "../../../../../lib/config/run_settings.ts";
import { run, type Surroundings } from "../../../../support/program.ts";

interface DryRun {
  readonly values: Record<string, unknown>;
  readonly sources: Record<string, string>;
}

async function dryRun(argv: string[], around: Surroundings = {}): Promise<DryRun> {
  const { code, stdout, stderr } = await run(["train", "--dry-run", "--json", ...argv], around);
  assert.deepEqual([code, stderr], [0, ""]);
  return JSON.parse(stdout);
}

async function withFile(text: string, use: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".toml" });
  try {
    await Deno.writeTextFile(path, text);
    await use(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("train takes a value from the strongest place that gives one", async () => {
  const file =
    `env = "CartPole-v1"\nseed = 2\ndevice = "cpu"\n[update]\nbatchSize = 2\nperCycle = 2\n` +
    `learningRate = 2\n[buffer]\nbucketCapacity = 2`;
  await withFile(file, async (path) => {
    const env = {
      UDRLPG_CONFIG: path,
      UDRLPG_UPDATE_BATCH_SIZE: "3",
      UDRLPG_UPDATE_PER_CYCLE: "3",
      UDRLPG_SEED: "3",
      UDRLPG_DEVICE: "webgpu",
    };
    const { values, sources } = await dryRun(
      ["--preset", "paper", "--set", "update.perCycle=4", "--seed", "5", "--threads", "2"],
      { env },
    );
    const seen = (name: string) => [values[name], sources[name]];
    assert.deepEqual(seen("env"), ["CartPole-v1", `file "${path}"`]);
    assert.deepEqual(seen("buffer.bucketCapacity"), [2, `file "${path}"`]);
    assert.deepEqual(seen("update.learningRate"), [2, `file "${path}"`]);
    assert.deepEqual(seen("buffer.whenFull"), ["drop", 'preset "paper"']);
    assert.deepEqual(seen("steps"), [100_000, 'preset "paper" for CartPole']);
    assert.deepEqual(seen("update.batchSize"), [3, "UDRLPG_UPDATE_BATCH_SIZE"]);
    assert.deepEqual(seen("update.perCycle"), [4, "--set"]);
    assert.deepEqual(seen("seed"), [5, "--seed"]);
    assert.deepEqual(seen("device"), ["webgpu", "UDRLPG_DEVICE"]);
    assert.deepEqual(seen("threads"), [2, "--threads"]);
    assert.deepEqual(seen("rollout.noise"), ["fixed", 'preset "paper"']);
    assert.deepEqual(seen("preset"), ["paper", "--preset"]);
  });
});

Deno.test("train takes environment and preset from variables and from the file", async () => {
  const env = { UDRLPG_ENV: "CartPole-v1", UDRLPG_PRESET: "paper" };
  const { sources } = await dryRun([], { env });
  assert.deepEqual([sources.env, sources.preset], ["UDRLPG_ENV", "UDRLPG_PRESET"]);
  await withFile(`preset = "paper"\nenv = "CartPole-v1"`, async (path) => {
    const { values } = await dryRun(["--config", path]);
    assert.deepEqual(values["policy.hiddenSizes"], [256, 256]);
  });
});

Deno.test("train takes a budget of 0 as the preset's own", async () => {
  const { values } = await dryRun(["--env", "CartPole-v1", "--set", "steps=0"]);
  const { values: plain } = await dryRun(["--env", "CartPole-v1"]);
  assert.equal(values.steps, plain.steps);
  assert.ok((plain.steps as number) > 0);
});

Deno.test("train reads what presets show prints, to the same configuration", async () => {
  const shown = await run(["presets", "show", "paper", "--env", "CartPole-v1"]);
  await withFile(shown.stdout, async (path) => {
    const again = await dryRun(["--config", path]);
    const direct = await dryRun(["--env", "CartPole-v1", "--preset", "paper"]);
    assert.deepEqual(again.values, direct.values);
  });
});

Deno.test("train and sweep say what replaced an option that a variable still stands for", async () => {
  const env = { UDRLPG_EVALUATION_EVERY: "1000" };
  const message = 'Cannot set option "evaluation.every" from UDRLPG_EVALUATION_EVERY: unknown ' +
    "option: it was removed: use reports.evaluations, a number for the whole run\n";
  const { code, stderr } = await run(["train", "--dry-run", "--env", "CartPole-v1"], { env });
  assert.deepEqual([code, stderr], [2, message]);
  await withFile('env = "CartPole-v1"', async (path) => {
    const planned = await run(["sweep", "plan", path], { env });
    assert.deepEqual([planned.code, planned.stderr], [2, message]);
  });
});

Deno.test("train refuses wrong settings in one line", async () => {
  const cases: [string[], number, RegExp][] = [
    [[], 2, /^Cannot train: an environment must be given, got none: use --env ID/],
    [["--env", "CartPol-v1"], 2, /unknown id: did you mean "CartPole-v1"\?$/],
    [["--env", "CartPole-v1", "--preset", "papr"], 2, /unknown name: did you mean "paper"\?$/],
    [["--env", "CartPole-v1", "--set", "x"], 2, /must be key=value, got "x"$/],
    [["--env", "CartPole-v1", "--set", "sed=3"], 2, /unknown option: did you mean "seed"\?$/],
    [
      ["--env", "CartPole-v1", "--set", "calibration.commands=9"],
      2,
      /^Cannot set option "calibration\.commands" from --set: unknown option: it was removed: use calibration\.budgetShare, a share of the budget$/,
    ],
    [
      ["--env", "CartPole-v1", "--set", "cvae.latentSize=8"],
      2,
      /^Cannot set option "cvae\.latentSize" from --set: it counts only with generator\.kind = "cvae", got "tiled"$/,
    ],
    ...[["--algorithm", "ars"], ["--set", "algorithm=ars"]].map((
      choice,
    ): [string[], number, RegExp] => [
      ["--env", "CartPole-v1", "--set", "update.perCycle=3", ...choice],
      2,
      /^Cannot set option "update\.perCycle" from --set: it counts only with algorithm = "udrlpg", got "ars": ars has policy\.hiddenSizes, /,
    ]),
    [["--env", "CartPole-v1", "--set", "seed=x"], 2, /from --set: must be an integer, got "x"$/],
    [["--env", "CartPole-v1", "--steps", "0"], 2, /must be an integer of at least 1, got "0"$/],
    [
      ["--env", "CartPole-v1", "--threads", "1e6"],
      2,
      /"--threads": must be an integer from 0 to 4096/,
    ],
    [["--env", "CartPole-v1", "--device", "gpu"], 2, /must be one of auto, cpu, webgpu, cuda/],
    [
      ["--config", "none.toml"],
      3,
      /^Cannot read configuration "none\.toml": there is no such file/,
    ],
  ];
  for (const [argv, code, message] of cases) {
    const result = await run(["train", "--dry-run", ...argv]);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr.trimEnd(), message);
    assert.equal(result.stderr.trimEnd().includes("\n"), false);
    assert.equal(result.stdout, "");
  }
});

Deno.test("train and sweep name the file that contradicts itself or names what there is not", async () => {
  const counts = 'counts only with generator.kind = "cvae", got "tiled"';
  const cases = [
    ['env = "CartPole-v1"\n[cvae]\nlatentSize = 8', counts],
    ['env = "CartPol-v1"', 'annot create environment "CartPol-v1": unknown id: did you mean'],
    ['env = "CartPole-v1"\npreset = "papr"', 'annot use preset "papr": unknown name: did you mean'],
  ];
  for (const [text, message] of cases) {
    await withFile(text, async (path) => {
      for (const words of [["train", "--dry-run", "--config", path], ["sweep", "plan", path]]) {
        const { code, stderr } = await run(words);
        assert.equal(code, 3, stderr);
        assert.ok(stderr.includes(path) && stderr.includes(message), stderr);
        assert.equal(stderr.trimEnd().includes("\n"), false);
      }
    });
  }
  // What is typed may make it whole, and has its own mistakes.
  await withFile(cases[0][0], async (path) => {
    const { values } = await dryRun(["--config", path, "--set", "generator.kind=cvae"]);
    assert.equal(values["cvae.latentSize"], 8);
    const typed = await run(["train", "--dry-run", "--config", path, "--preset", "papr"]);
    assert.deepEqual([typed.code, typed.stderr.includes(path)], [2, false]);
  });
  await withFile("[update]\nbatchSize = 8", async (path) => {
    const typed = await run(["train", "--dry-run", "--config", path, "--env", "CartPol-v1"]);
    assert.deepEqual([typed.code, typed.stderr.includes(path)], [2, false]);
  });
});

Deno.test("train names the variable of a bad value", async () => {
  const env = { UDRLPG_UPDATE_BATCH_SIZE: "0" };
  const { code, stderr } = await run(["train", "--dry-run", "--env", "CartPole-v1"], { env });
  assert.equal(code, 2);
  assert.equal(
    stderr,
    'Cannot set option "update.batchSize" from UDRLPG_UPDATE_BATCH_SIZE: must be at least 1, got 0\n',
  );
});

Deno.test("train --dry-run tells how batches are drawn where they are drawn by rank", async () => {
  const preview = async (preset: string) =>
    (await run(["train", "--dry-run", "--env", "CartPole-v1", "--preset", preset])).stdout;
  assert.match(await preview("paper"), /^With all 800 buckets filled, the best one gets 26 %/m);
  assert.doesNotMatch(await preview("default"), /buckets filled/);
});

Deno.test("train names a folder under runs/, whatever an environment calls itself", () => {
  for (const env of ["../../etc/x", "..", "/etc/x", ".hidden", "a\nb"]) {
    const { config, settings, sources } = resolveRun([
      { source: "test", values: new Map<string, unknown>([["env", env], ["seed", 3]]) },
    ]);
    const folder = runFolderOf({ config, settings, sources });
    assert.match(folder, /^runs\/[\p{L}\p{N}_][\p{L}\p{N}._-]*-seed3$/u, env);
  }
});

Deno.test("train knows options by their last words and initials, and devices by what people call them", async () => {
  const cases: [string[], string][] = [
    [
      ["--lr", "1e-3"],
      'unknown option, got "--lr": did you mean "--set update.learningRate=VALUE"?',
    ],
    [["--batch-size=8"], 'got "--batch-size": did you mean "--set update.batchSize=VALUE"?'],
    [["--hidden-sizes", "8"], 'did you mean "--set policy.hiddenSizes=VALUE"?'],
    [["--sead", "1"], 'did you mean "--seed"?'],
    [["--set", "lr=1"], 'unknown option: did you mean "update.learningRate"?'],
    [["--set", "learning_rate=1"], 'unknown option: did you mean "update.learningRate"?'],
    [["--device", "gpu"], 'got "gpu": did you mean "cuda"?'],
    [["--set", "device=gpu"], 'got "gpu": did you mean "cuda"?'],
  ];
  for (const [argv, message] of cases) {
    const { code, stderr } = await run(["train", "--dry-run", "--env", "CartPole-v1", ...argv]);
    assert.equal(code, 2);
    assert.ok(stderr.trimEnd().endsWith(message), stderr);
  }
});
