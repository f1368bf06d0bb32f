import assert from "node:assert/strict";
import fc from "fast-check";
import { type ConfigLayer, listOptions, resolveConfig } from "../../../lib/config/config.ts";
import { parseConfig, readConfigFile, renderConfig } from "../../../lib/config/config_file.ts";
import { listSettings } from "../../../lib/config/run_settings.ts";
import { FileError } from "../../../lib/system/errors.ts";
import { presetLayers } from "../../../lib/config/presets.ts";
import { arbitraryValue } from "../../support/option_values.ts";

function assertRefused(text: string, message: RegExp): void {
  assert.throws(() => parseConfig(text, "a.toml"), (error: unknown) => {
    assert.ok(error instanceof FileError, String(error));
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

Deno.test("parseConfig() reads top-level options, tables and run settings", () => {
  const file = parseConfig(
    `env = "CartPole-v1"\ndevice = "cpu"\nupdate.learningRate = 1e-4\n[policy]\nhiddenSizes = [8, 8]`,
    "a.toml",
  );
  assert.deepEqual([...file.options], [
    ["env", "CartPole-v1"],
    ["update.learningRate", 1e-4],
    ["policy.hiddenSizes", [8, 8]],
  ]);
  assert.deepEqual([...file.settings], [["device", "cpu"]]);
});

Deno.test("parseConfig() refuses what it does not know, with the nearest name", () => {
  assertRefused(
    "[update]\nlerningRate = 1",
    /^Cannot read configuration "a\.toml": unknown key "update\.lerningRate": did you mean "update\.learningRate"\?$/,
  );
  assertRefused("sed = 1", /unknown key "sed": did you mean "seed"\?$/);
  assertRefused(`devise = "cpu"`, /did you mean "device"\?$/);
  assertRefused("zzzzzzzzzzzz = 1", /unknown key "zzzzzzzzzzzz"$/);
  assertRefused("update = 1", /"update" must be a table \[update\]$/);
  assertRefused("[[update]]\nbatchSize = 1", /"update" must be a table \[update\]$/);
});

Deno.test("parseConfig() says what replaced a removed option", () => {
  assertRefused(
    "[calibration]\nepisodes = 5",
    /^Cannot read configuration "a\.toml": unknown key "calibration\.episodes": it was removed: use calibration\.budgetShare, a share of the budget$/,
  );
  assertRefused("[normaliser]\nkind = 'off'", /unknown key "normaliser\.kind": it was removed: /);
});

Deno.test("parseConfig() refuses values of a wrong type or range", () => {
  assertRefused(
    `[update]\nbatchSize = "8"`,
    /^Cannot set option "update\.batchSize" from "a\.toml": must be an integer, got "8"$/,
  );
  assertRefused("[update]\nbatchSize = 0", /must be at least 1, got 0$/);
  assertRefused("[update.batchSize]\nx = 0", /must be an integer, got/);
  assertRefused(`device = "gpu"`, /must be one of auto, cpu, webgpu, cuda, got "gpu"/);
  assertRefused("seed = 1979-05-27", /must be an integer/);
  assertRefused("seed = nan", /must be an integer/);
});

Deno.test("parseConfig() refuses hostile and broken text in one line", () => {
  for (const deep of [`${"a.".repeat(100_000)}a = 1`, `[${"a.".repeat(100_000)}a]\nx = 1`]) {
    assertRefused(deep, /must be nested at most 8 deep, got more$/);
  }
  assertRefused("[__proto__]\nx = 1", /must be TOML at line 1/);
  assertRefused("constructor.prototype.x = 1", /must be TOML at line 1/);
  assertRefused("seed = 1\nseed = 2", /must be TOML at line 2/);
  assertRefused("seed = ", /must be TOML at line 1/);
  assertRefused(`a = ${"[".repeat(100_000)}`, /must be TOML/);
  assertRefused("seed = 99999999999999999999", /must be TOML/);
  assert.equal(({} as Record<string, unknown>).x, undefined);
});

Deno.test("parseConfig() throws nothing but FileError for any text", () => {
  const piece = fc.constantFrom(
    "[",
    "]",
    "update",
    ".",
    "=",
    "1",
    '"',
    "\n",
    "seed",
    "{",
    "}",
    ",",
  );
  fc.assert(fc.property(fc.oneof(fc.string(), fc.array(piece).map((p) => p.join(""))), (text) => {
    try {
      parseConfig(text, "a.toml");
    } catch (error) {
      assert.ok(error instanceof FileError, String(error));
    }
  }));
});

Deno.test("readConfigFile() says why a file cannot be read", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const refused = (name: string, message: RegExp) => {
      assert.throws(() => readConfigFile(`${folder}/${name}`), (error: unknown) => {
        assert.ok(error instanceof FileError, String(error));
        assert.match(error.message, message);
        return true;
      });
    };
    refused("none.toml", /^Cannot read configuration ".*none\.toml": there is no such file/);
    refused("", /": it is a folder$/);
    await Deno.writeFile(`${folder}/bytes.toml`, new Uint8Array([0x61, 0xff, 0xfe]));
    refused("bytes.toml", /must be UTF-8 text/);
    await Deno.writeFile(`${folder}/long.toml`, new Uint8Array(2 ** 18 + 1).fill(32));
    refused("long.toml", /at most 262144 bytes/);
    await Deno.writeTextFile(`${folder}/good.toml`, "seed = 7\n");
    assert.equal(readConfigFile(`${folder}/good.toml`).options.get("seed"), 7);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("renderConfig() writes what parseConfig() reads back, for any configuration", () => {
  const options = fc.record(
    Object.fromEntries(listOptions().map((option) => [option.name, arbitraryValue(option.rule)])),
  );
  const settings = fc.record(
    Object.fromEntries(listSettings().map((option) => [option.name, arbitraryValue(option.rule)])),
  );
  fc.assert(
    fc.property(options, settings, (values, chosen) => {
      const { config } = resolveConfig([{
        source: "test",
        values: new Map(Object.entries(values)),
        isWhole: true,
      }]);
      const text = renderConfig(config, {
        header: ["a header"],
        settings: new Map(Object.entries(chosen)),
      });
      const file = parseConfig(text, "again.toml");
      const again = resolveConfig([{ source: "again.toml", values: file.options }]);
      assert.deepEqual(again.config, config);
      assert.deepEqual(Object.fromEntries(file.settings), { ...chosen });
    }),
    { numRuns: 50 },
  );
});

Deno.test("renderConfig() of a preset resolves to the preset again", () => {
  const { config } = resolveConfig(presetLayers("paper", "Hopper-v5"));
  const layer: ConfigLayer = {
    source: "file",
    values: parseConfig(renderConfig(config), "x").options,
  };
  assert.deepEqual(resolveConfig([layer]).config, config);
});

Deno.test("renderConfig() explains every option", () => {
  const text = renderConfig(resolveConfig([]).config);
  for (const { rule } of listOptions()) {
    assert.equal(text.includes(`# ${rule.doc} (`), !rule.isRecorded, rule.doc);
  }
  assert.match(text, /\n# latentSize = 512\n/, "what does not count is a comment");
  assert.match(text, /\n# bucketCapacity = 1\n/, "nor does what needs something that does not");
  assert.match(text, /\[rollout\]\n# adapted: .* \(one of adapted, fixed\)\nnoise = "adapted"/);
});
