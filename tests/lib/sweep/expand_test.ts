/** Sweeps become runs in stable folders, and command lines that every reader splits alike. */

import assert from "node:assert/strict";
import { resolveConfig } from "../../../lib/config/config.ts";
import { trainWords } from "../../../lib/sweep/command_line.ts";
import { configHash, expandSweep } from "../../../lib/sweep/expand.ts";
import { parseSweep } from "../../../lib/sweep/sweep_file.ts";

const expand = (text: string) => expandSweep(parseSweep(text, "s.toml"), { out: "runs/s" });

Deno.test("expandSweep() makes a run of every list entry, grid point, draw and seed", () => {
  const runs = expand(`env = "CartPole-v1"
seeds = 3
[grid]
update.batchSize = [8, 16]
[[list]]
update.perCycle = 2
[[list]]
update.perCycle = 4
[random]
draws = 5
update.learningRate = { min = 1e-5, max = 1e-2, scale = "log" }`);
  assert.equal(runs.length, 2 * 2 * 5 * 3);
  assert.equal(new Set(runs.map(({ folder }) => folder)).size, runs.length);
  assert.equal(new Set(runs.map(({ hash }) => hash)).size, runs.length / 3);
  assert.deepEqual(runs.slice(0, 4).map(({ config }) => config.seed), [1, 2, 3, 1]);
  for (const { config } of runs) {
    assert.ok(config.update.learningRate >= 1e-5 && config.update.learningRate <= 1e-2);
  }
  assert.equal(new Set(runs.map(({ config }) => config.update.learningRate)).size, 5);
});

Deno.test("expandSweep() draws the same again, and more draws leave the first ones alone", () => {
  const text = (draws: number) =>
    `env = "CartPole-v1"\n[random]\ndraws = ${draws}\nseed = 4\n` +
    `update.batchSize = { min = 1, max = 3 }\nupdate.perCycle = { choices = [1, 2] }\n` +
    `update.learningRate = { min = 0.1, max = 0.2 }`;
  const few = expand(text(20)).map(({ folder }) => folder);
  assert.deepEqual(expand(text(20)).map(({ folder }) => folder), few);
  assert.deepEqual(expand(text(30)).slice(0, 20).map(({ folder }) => folder), few);
  const sizes = new Set(expand(text(30)).map(({ config }) => config.update.batchSize));
  assert.deepEqual([...sizes].sort(), [1, 2, 3]);
});

Deno.test("expandSweep() names folders by what the configuration is, not how it was given", () => {
  const [plain] = expand('env = "CartPole-v1"\nsteps = 500');
  const [grid] = expand('env = "CartPole-v1"\n[grid]\nsteps = [500]\nupdate.perCycle = [64]');
  assert.equal(grid.folder, plain.folder); // 64 is the default
  assert.match(plain.folder, /^runs\/s\/CartPole-v1-[0-9a-f]{12}-seed1$/);
  const [other] = expand('env = "CartPole-v1"\nsteps = 501');
  assert.notEqual(other.hash, plain.hash);
  const [seeded] = expand('env = "CartPole-v1"\nsteps = 500\nseed = 2');
  assert.equal(seeded.hash, plain.hash);
  assert.notEqual(seeded.folder, plain.folder);
  const doubled = expand('env = "CartPole-v1"\n[grid]\nupdate.perCycle = [5, 5]');
  assert.equal(doubled.length, 1);
  const [preset] = expand('env = "CartPole-v1"\nsteps = 0');
  assert.equal(preset.config.steps, 50_000); // the preset's own
});

Deno.test("expandSweep() lets variables win over shared values and lose against varied ones", () => {
  const sweep = parseSweep('env = "CartPole-v1"\nsteps = 5\n[grid]\nupdate.perCycle = [5]', "s");
  const variables = new Map<string, unknown>([["steps", 7], ["update.perCycle", 2]]);
  const [{ config }] = expandSweep(sweep, { out: "o", variables });
  assert.deepEqual([config.steps, config.update.perCycle], [7, 5]);
});

Deno.test("expandSweep() refuses a sweep without an environment or with an unknown preset", () => {
  assert.throws(() => expand("steps = 5"), {
    name: "RangeError",
    message: "Cannot plan a sweep: an environment must be given, got none: add env",
  });
  assert.throws(() => expand('env = "CartPole-v1"\npreset = "papr"'), /did you mean "paper"\?$/);
});

Deno.test("configHash() sees every option but the seed", () => {
  const hash = (values: [string, unknown][]) =>
    configHash(resolveConfig([{ source: "t", values: new Map(values) }]).config);
  const base = hash([]);
  assert.equal(hash([["seed", 9]]), base);
  for (const change of [["env", "x"], ["steps", 1], ["policy.hiddenSizes", [1]]] as const) {
    assert.notEqual(hash([[change[0], change[1]]]), base);
  }
});

Deno.test("trainWords() lists everything that the sweep gives", () => {
  const [run] = expand(
    `env = "CartPole-v1"\nsteps = 500\nthreads = 1\npreset = "paper"\n` +
      `[grid]\npolicy.hiddenSizes = [[32, 64]]\nupdate.learningRate = [1e-7]`,
  );
  assert.deepEqual(trainWords(run), [
    ...["train", "--env", "CartPole-v1", "--steps", "500", "--preset", "paper", "--threads", "1"],
    ...["--workers", "1", "--set", "policy.hiddenSizes=32,64", "--set", "update.learningRate=1e-7"],
    ...["--seed", "1", "--out", run.folder, "--continue"],
  ]);
});

Deno.test("trainWords() leaves workers to a sweep that names them", () => {
  const [run] = expand(`env = "CartPole-v1"\nworkers = 4`);
  const words = trainWords(run);
  assert.deepEqual(words.slice(words.indexOf("--workers")).slice(0, 2), ["--workers", "4"]);
  assert.equal(words.filter((word) => word === "--workers").length, 1);
});

Deno.test("expandSweep() keeps every run folder in its own, whatever an environment is called", () => {
  for (const id of ["../../etc/x", "..", "/etc/x", "a/../../b", ".hidden", "gym:ALE/Pong-v5"]) {
    for (const { folder } of expand(`env = ${JSON.stringify(id)}\nsteps = 10`)) {
      assert.match(folder, /^runs\/s\/[^./][^/]*$/, id);
    }
  }
});

Deno.test("expandSweep() leaves out what a varied value makes useless, and refuses what never counts", () => {
  const runs = expand(
    'env = "CartPole-v1"\nrollout.noise = "fixed"\nbuffer.bucketCapacity = 3\n[grid]\nbuffer.kind = ["bucket", "fifo"]',
  );
  assert.deepEqual(runs.map(({ config }) => config.buffer.bucketCapacity), [3, 1]);
  assert.deepEqual(runs.map(({ given }) => given.has("buffer.bucketCapacity")), [true, false]);
  assert.throws(() => expand('env = "CartPole-v1"\ncvae.latentSize = 8'), {
    name: "RangeError",
    message:
      /^Cannot set option "cvae\.latentSize" from sweep: it counts only with generator\.kind/,
  });
});
