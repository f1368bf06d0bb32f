/** The one table of run settings. */

import assert from "node:assert/strict";
import { findSetting, flagOf, listSettings, resolveRun } from "../../../lib/config/run_settings.ts";
import { trainWords } from "../../../lib/sweep/command_line.ts";
import { run } from "../../support/program.ts";
import { tinyConfig } from "../../support/tiny_run.ts";

function layer(source: string, values: Record<string, unknown>) {
  return { source, values: new Map(Object.entries(values)) };
}

Deno.test("resolveRun() gives every option and setting a value and its source", () => {
  const { config, settings, sources } = resolveRun([
    layer("a", { threads: 2, seed: 3, "update.batchSize": 8 }),
    layer("b", { threads: 4 }),
  ]);
  assert.deepEqual([config.seed, config.update.batchSize, settings.threads], [3, 8, 4]);
  assert.deepEqual(
    ["seed", "threads", "device"].map((name) => sources.get(name)),
    ["a", "b", "default"],
  );
  assert.equal(settings.device, "auto");
  assert.equal("threads" in config, false, "a setting is no part of what is learnt");
});

Deno.test("resolveRun() names the layer of a bad setting", () => {
  assert.throws(() => resolveRun([layer("--threads", { threads: -1 })]), {
    name: "RangeError",
    message: 'Cannot set option "threads" from --threads: must be at least 0, got -1',
  });
});

Deno.test("every setting has its option, its variable and its word in a sweep's lines", async () => {
  const { stdout } = await run(["train", "--help"]);
  const settings = new Map(listSettings().map(({ name, rule }) => [name, rule.default]));
  const config = tinyConfig();
  const words = trainWords({ config, settings, given: new Map(), hash: "", folder: "f" });
  for (const { name, rule } of listSettings()) {
    assert.match(stdout, new RegExp(`^  ${flagOf(name)} `, "m"));
    assert.ok(words.includes(flagOf(name)), name);
    assert.equal(findSetting(name).rule, rule);
  }
  const argv = ["train", "--dry-run", "--json", "--env", "CartPole-v1"];
  const env = { UDRLPG_CHECKPOINT_EVERY: "7" };
  const { values, sources } = JSON.parse(
    (await run([...argv, "--set", "threads=3", "--workers", "2"], { env })).stdout,
  );
  assert.deepEqual([values.checkpointEvery, values.threads, values.workers], [7, 3, 2]);
  assert.deepEqual(
    [sources.checkpointEvery, sources.threads, sources.workers],
    ["UDRLPG_CHECKPOINT_EVERY", "--set", "--workers"],
  );
});
