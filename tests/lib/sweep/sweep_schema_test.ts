import assert from "node:assert/strict";
import { parse } from "smol-toml";
import { listSettings } from "../../../lib/config/run_settings.ts";
import { parseSweep } from "../../../lib/sweep/sweep_file.ts";
import { sweepSchema } from "../../../lib/sweep/sweep_schema.ts";
import { run } from "../../support/program.ts";
import { violations } from "../../support/schema_violations.ts";

const schema = sweepSchema(listSettings(), {
  environments: ["CartPole-v1"],
  presets: ["default", "paper"],
});

const SWEEP = `
name = "rates"
env = "CartPole-v1"
steps = 20_000
seeds = 3
threads = 1
[update]
perCycle = 8
[grid]
update.learningRate = [1e-4, 3e-4]
policy.hiddenSizes = [[32], [64, 64]]
"generator.kind" = ["tiled"]
[[list]]
update.batchSize = 48
[random]
draws = 8
rollout.noiseScale = { min = 0.01, max = 0.3, scale = "log" }
buffer.kind = { choices = ["bucket", "fifo"] }
`;

Deno.test("sweepSchema() accepts what parseSweep() reads", () => {
  parseSweep(SWEEP, "rates.toml");
  assert.deepEqual(violations(schema, parse(SWEEP)), []);
  assert.deepEqual(violations(schema, { env: "CartPole-v1", seeds: [4, 5] }), []);
});

Deno.test("sweepSchema() refuses what parseSweep() refuses", () => {
  for (
    const [text, wrong] of [
      ['out = "x"', "$.out is unknown"],
      ['name = "../x"', "$.name does not match"],
      ["seeds = 0", "$.seeds is none of the alternatives"],
      ["[grid]\nupdate.batchSize = 8", "$.grid.update.batchSize is no array"],
      ["[grid]\nupdate.batchSize = [0]", "$.grid.update.batchSize[] is too small"],
      ["[grid]\nupdate.batchSize = []", "$.grid.update.batchSize is too short"],
      ["[grid]\nupdate.bachSize = [1]", "$.grid.update.bachSize is unknown"],
      ["[grid]\nseed = [1]", "$.grid.seed is unknown"],
      ["[random]\ndraws = 1\nsteps = { min = 1 }", "$.random.steps is none of the alternatives"],
      [
        "[random]\ndraws = 1\nsteps = { choices = [] }",
        "$.random.steps is none of the alternatives",
      ],
      [
        '[random]\ndraws = 1\nsteps = { min = 1, max = 2, scale = "lag" }',
        "$.random.steps is none of the alternatives",
      ],
    ]
  ) {
    assert.throws(() => parseSweep(text, "x.toml"), text);
    assert.deepEqual(violations(schema, parse(text)), [wrong], text);
  }
});

Deno.test("presets schema prints both schemas, with the ids of the environments that there are", async () => {
  for (const [word, title] of [[[], "Configuration"], [["sweep"], "Sweep"]] as const) {
    const { code, stdout } = await run(["presets", "schema", ...word]);
    assert.equal(code, 0);
    const printed = JSON.parse(stdout);
    assert.ok(printed.title.startsWith(title));
    assert.ok(stdout.includes('"HalfCheetah-v5"') && stdout.includes('"paper"'));
    assert.deepEqual(violations(printed, { env: "HalfCheetah-v5" }), []);
  }
  const odd = await run(["presets", "schema", "paper"]);
  assert.deepEqual([odd.code, odd.stderr], [
    2,
    'Cannot print schema: nothing or sweep must follow, got "paper"\n',
  ]);
});
