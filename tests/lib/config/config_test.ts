/** Names, layers and what options need, by hand. */

import assert from "node:assert/strict";
import {
  type ConfigLayer,
  findOption,
  listOptions,
  parseOption,
  resolveConfig,
} from "../../../lib/config/config.ts";
import { OPTION_SECTIONS } from "../../../lib/config/options.ts";
import { REMOVED_OPTIONS } from "../../../lib/config/removed_options.ts";

function layer(source: string, values: Record<string, unknown>): ConfigLayer {
  return { source, values: new Map(Object.entries(values)) };
}

Deno.test("listOptions() has at most 45 options, none of them in steps but the budget", () => {
  const options = listOptions();
  assert.ok(options.length <= 45, `${options.length}`);
  const inSteps = options.filter(({ rule }) => "unit" in rule && rule.unit === "steps");
  assert.deepEqual(inSteps.map(({ name }) => name), ["steps"]);
});

Deno.test("findOption() says what replaced a removed option, or the nearest name", () => {
  const message =
    'Cannot set option "attempts.steps" from --set: unknown option: it was removed: ' +
    "use attempts.roundShare, a share of the budget";
  assert.throws(() => findOption("attempts.steps", { source: "--set" }), {
    name: "RangeError",
    message,
  });
  assert.throws(() => findOption("update.lerningRate"), {
    message: 'Cannot set option "update.lerningRate": unknown option: did you mean ' +
      '"update.learningRate"?',
  });
});

Deno.test("REMOVED_OPTIONS names no option that there is, and names those that replace it right", () => {
  const names = listOptions().map(({ name }) => name);
  const sections = Object.keys(OPTION_SECTIONS).join("|");
  for (const [removed, advice] of Object.entries(REMOVED_OPTIONS)) {
    assert.ok(!names.includes(removed), removed);
    for (const [named] of advice.matchAll(new RegExp(`\\b(?:${sections})\\.\\w+`, "g"))) {
      assert.ok(names.includes(named), `${removed}: ${named}`);
    }
  }
});

Deno.test("every need names an option that there is, and a value that it can have", () => {
  const rules = new Map(listOptions().map(({ name, rule }) => [name, rule]));
  for (const { name, rule: { needs } } of listOptions()) {
    if (needs === undefined) continue;
    const rule = rules.get(needs.option);
    assert.ok(rule && rule.needs === undefined, `${name} needs ${needs.option}`);
    if ("is" in needs) assert.ok(rule.type === "choice" && rule.choices.includes(needs.is), name);
    else if ("above" in needs) assert.ok(rule.type === "integer" || rule.type === "number", name);
    else assert.ok(rule.type === "integers" || rule.type === "interval", name);
  }
});

Deno.test("resolveConfig() refuses an option that does not count, and says what it needs", () => {
  assert.throws(() => resolveConfig([layer("--set", { "cvae.latentSize": 8 })]), {
    name: "RangeError",
    message: 'Cannot set option "cvae.latentSize" from --set: it counts only with ' +
      'generator.kind = "cvae", got "tiled"',
  });
  assert.throws(() => resolveConfig([layer("a.toml", { "rollout.lateRefreshEvery": 6 })]), {
    message: 'Cannot set option "rollout.lateRefreshEvery" from a.toml: it counts only with ' +
      "rollout.lateFrom above 0, got 0",
  });
  assert.throws(() => resolveConfig([layer("--set", { "policy.activation": "relu" })]), {
    message: 'Cannot set option "policy.activation" from --set: it counts only with a ' +
      "policy.hiddenSizes that is not empty, got []",
  });
  const met = layer("--set", { "cvae.latentSize": 8, "generator.kind": "cvae" });
  assert.equal(resolveConfig([met]).config.cvae.latentSize, 8);
});

Deno.test("resolveConfig() drops an option that a stronger layer makes useless", () => {
  const file = layer("a.toml", { "buffer.kind": "bucket", "buffer.bucketCapacity": 3 });
  const { config, sources } = resolveConfig([file, layer("--set", { "buffer.kind": "fifo" })]);
  assert.equal(config.buffer.bucketCapacity, 10);
  assert.equal(sources.get("buffer.bucketCapacity"), "default");
  const weaker = [
    layer("a.toml", { "buffer.kind": "fifo" }),
    layer("--set", {
      "buffer.bucketCapacity": 3,
    }),
  ];
  assert.throws(() => resolveConfig(weaker), /from --set: it counts only with buffer\.kind/);
});

Deno.test("resolveConfig() drops what does not count of a configuration that was saved whole", () => {
  const whole = { ...layer("checkpoint", { "cvae.latentSize": 8 }), isWhole: true };
  assert.equal(resolveConfig([whole]).config.cvae.latentSize, 512);
});

Deno.test("parseOption() reads an interval, and refuses one that does not rise", () => {
  const range = findOption("returns.range");
  assert.deepEqual(parseOption(range, "-100,2000", "--set"), [-100, 2000]);
  assert.deepEqual(parseOption(range, "[0.5, 1]", "--set"), [0.5, 1]);
  assert.deepEqual(parseOption(range, "", "--set"), []);
  for (const text of ["1", "2,1", "1,1", "1,2,3", "1,x"]) {
    assert.throws(() => parseOption(range, text, "--set"), {
      name: "RangeError",
      message: /^Cannot set option "returns\.range" from --set: must be two rising numbers or none/,
    });
  }
});
