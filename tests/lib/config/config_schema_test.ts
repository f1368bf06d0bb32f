import assert from "node:assert/strict";
import { describeNeed, listOptions, resolveConfig } from "../../../lib/config/config.ts";
import { listSettings } from "../../../lib/config/run_settings.ts";
import { configSchema, describeRule } from "../../../lib/config/config_schema.ts";
import { violations } from "../../support/schema_violations.ts";

const names = { environments: ["CartPole-v1", "Hopper-v5"], presets: ["default", "paper"] };
const schema = configSchema(listSettings(), names);

Deno.test("configSchema() accepts the default configuration", () => {
  const { config } = resolveConfig([]);
  assert.deepEqual(violations(schema, { ...config, env: "Hopper-v5" }), []);
  assert.deepEqual(violations(schema, { device: "cpu", threads: 2, preset: "paper" }), []);
});

Deno.test("configSchema() refuses what checkOption() refuses", () => {
  assert.deepEqual(violations(schema, { update: { lerningRate: 1 } }), [
    "$.update.lerningRate is unknown",
  ]);
  assert.deepEqual(violations(schema, { seed: -1, device: "gpu" }), [
    "$.seed is too small",
    "$.device is no choice",
  ]);
  assert.deepEqual(violations(schema, { update: { perCycle: 257 }, steps: "5" }), [
    "$.update.perCycle is too large",
    "$.steps is no integer",
  ]);
  assert.deepEqual(violations(schema, { policy: { hiddenSizes: [0] } }), [
    "$.policy.hiddenSizes[] is too small",
  ]);
});

Deno.test("configSchema() knows the ids of environments and presets, and leaves a user's own", () => {
  const wrong = (value: object) => violations(schema, value);
  assert.deepEqual(wrong({ env: "CartPole-v1", preset: "paper" }), []);
  assert.deepEqual(wrong({ env: "gym:LunarLander-v3" }), []);
  assert.deepEqual(wrong({ env: "Mine-v0", envCommand: "python mine.py" }), []);
  assert.deepEqual(wrong({ env: "CartPole-v9" }), ["$ is none of the alternatives"]);
  assert.deepEqual(wrong({ preset: "papers" }), ["$.preset is no choice"]);
});

Deno.test("configSchema() describes every option", () => {
  const text = JSON.stringify(schema);
  for (const { key, rule } of [...listOptions(), ...listSettings()]) {
    assert.ok(text.includes(`"${key}":`), key);
    const need = rule.needs ? `; counts only with ${describeNeed(rule.needs)}` : "";
    assert.ok(text.includes(JSON.stringify(`${rule.doc}${need}`)), rule.doc);
  }
});

Deno.test("describeRule() says type, range, unit and what an option needs", () => {
  const rules = new Map(listOptions().map(({ name, rule }) => [name, rule]));
  assert.equal(describeRule(rules.get("update.perCycle")!), "integer, 1 to 256");
  assert.equal(describeRule(rules.get("steps")!), "integer of steps, at least 0");
  assert.equal(describeRule(rules.get("buffer.exclude")!), "two rising numbers or none");
  assert.equal(describeRule(rules.get("rollout.noise")!), "one of adapted, fixed");
  assert.equal(describeRule(rules.get("policy.hiddenSizes")!), "list of integers, each at least 1");
  assert.equal(describeRule(rules.get("env")!), "text");
  assert.equal(
    describeRule(rules.get("cvae.latentSize")!),
    'integer, 1 to 65536; counts only with generator.kind = "cvae"',
  );
  assert.equal(
    describeRule(rules.get("policy.activation")!),
    "one of tanh, relu; counts only with a policy.hiddenSizes that is not empty",
  );
});
