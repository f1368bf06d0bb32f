/** Names, layers and what options need, by hand. */

import assert from "node:assert/strict";
import {
  type ConfigLayer,
  findOption,
  listOptions,
  parseOption,
  resolveConfig,
} from "../../../lib/config/config.ts";
import { type Need, OPTION_SECTIONS } from "../../../lib/config/options.ts";
import { REMOVED_OPTIONS } from "../../../lib/config/removed_options.ts";

function layer(source: string, values: Record<string, unknown>): ConfigLayer {
  return { source, values: new Map(Object.entries(values)) };
}

Deno.test("listOptions() has at most 30 options, none of them in steps but the budget", () => {
  // What the program writes itself is nobody's to choose.
  const options = listOptions().filter(({ rule }) => !rule.isRecorded);
  assert.ok(options.length <= 30, `${options.length}`);
  const inSteps = options.filter(({ rule }) => "unit" in rule && rule.unit === "steps");
  assert.deepEqual(inSteps.map(({ name }) => name), ["steps"]);
});

Deno.test("findOption() says what replaced a removed option, or the nearest name", () => {
  const message =
    'Cannot set option "calibration.commands" from --set: unknown option: it was removed: ' +
    "use calibration.budgetShare, a share of the budget";
  assert.throws(() => findOption("calibration.commands", { source: "--set" }), {
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
    for (const other of Object.keys(REMOVED_OPTIONS)) {
      const isNamed = new RegExp(`\\b${other}\\b`).test(advice);
      assert.ok(!isNamed, `${removed} names ${other}, which was removed as well`);
    }
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
    assert.ok(rule, `${name} needs ${needs.option}`);
    if ("is" in needs) {
      for (const value of [needs.is].flat()) {
        assert.ok(rule.type === "choice" && rule.choices.includes(value), name);
      }
    } else assert.ok(rule.type === "integers" || rule.type === "interval", name);
    // What is needed may need something itself, but never in a circle.
    const chain = [name];
    for (let need: Need | undefined = needs; need; need = rules.get(need.option)!.needs) {
      assert.ok(!chain.includes(need.option), `${chain} needs ${need.option}`);
      chain.push(need.option);
    }
  }
});

Deno.test("resolveConfig() refuses an option that does not count, and says what it needs", () => {
  assert.throws(() => resolveConfig([layer("--set", { "cvae.latentSize": 8 })]), {
    name: "RangeError",
    message: 'Cannot set option "cvae.latentSize" from --set: it counts only with ' +
      'generator.kind = "cvae", got "tiled"',
  });
  // It needs buckets, which are the default, and they need fixed noise.
  assert.throws(() => resolveConfig([layer("a.toml", { "buffer.bucketCapacity": 6 })]), {
    message: 'Cannot set option "buffer.bucketCapacity" from a.toml: it counts only with ' +
      'rollout.noise = "fixed", got "adapted"',
  });
  assert.throws(() => resolveConfig([layer("--set", { "policy.activation": "relu" })]), {
    message: 'Cannot set option "policy.activation" from --set: it counts only with a ' +
      "policy.hiddenSizes that is not empty, got []",
  });
  const met = layer("--set", { "cvae.latentSize": 8, "generator.kind": "cvae" });
  assert.equal(resolveConfig([met]).config.cvae.latentSize, 8);
});

Deno.test("resolveConfig() drops an option that a stronger layer makes useless", () => {
  const file = layer("a.toml", {
    "rollout.noise": "fixed",
    "buffer.kind": "bucket",
    "buffer.bucketCapacity": 3,
  });
  for (const stronger of [{ "buffer.kind": "fifo" }, { "rollout.noise": "adapted" }]) {
    const { config, sources } = resolveConfig([file, layer("--set", stronger)]);
    assert.equal(config.buffer.bucketCapacity, 1);
    assert.equal(sources.get("buffer.bucketCapacity"), "default");
  }
  const weaker = [
    layer("a.toml", { "rollout.noise": "fixed", "buffer.kind": "fifo" }),
    layer("--set", { "buffer.bucketCapacity": 3 }),
  ];
  assert.throws(() => resolveConfig(weaker), /from --set: it counts only with buffer\.kind/);
});

Deno.test("resolveConfig() lets no word of a command line overrule what another asks for", () => {
  const typed = (values: Record<string, unknown>) => ({ ...layer("--set", values), isTyped: true });
  const own = typed({ "update.perCycle": 3 });
  const message =
    'Cannot set option "update.perCycle" from --set: it counts only with algorithm = ' +
    '"udrlpg", got "ars": ars has policy.hiddenSizes, reports.evaluations, reports.sweeps';
  for (const layers of [[own, typed({ algorithm: "ars" })], [typed({ algorithm: "ars" }), own]]) {
    assert.throws(() => resolveConfig(layers), { name: "RangeError", message });
  }
  // A preset or a file that is weaker than the word gives way.
  const file = layer("a.toml", { "update.perCycle": 3 });
  assert.equal(resolveConfig([file, typed({ algorithm: "ars" })]).config.update.perCycle, 64);
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
