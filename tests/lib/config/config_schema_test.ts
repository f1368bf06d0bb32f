import assert from "node:assert/strict";
import { describeNeed, listOptions, resolveConfig } from "../../../lib/config/config.ts";
import { listSettings } from "../../../lib/config/run_settings.ts";
import { configSchema, describeRule, type JsonSchema } from "../../../lib/config/config_schema.ts";

/** Checks a value against the part of JSON Schema that configSchema() uses; lists what is wrong. */
function violations(schema: JsonSchema, value: unknown, path = "$"): string[] {
  if (schema.type === "object") {
    const properties = schema.properties as Record<string, JsonSchema>;
    assert.equal(schema.additionalProperties, false);
    return Object.entries(value as object).flatMap(([key, inner]) =>
      Object.hasOwn(properties, key)
        ? violations(properties[key], inner, `${path}.${key}`)
        : [`${path}.${key} is unknown`]
    );
  }
  if (schema.type === "array") {
    return (value as unknown[]).flatMap((item) =>
      violations(schema.items as JsonSchema, item, `${path}[]`)
    );
  }
  const type = typeof value === "number" && Number.isInteger(value) && schema.type === "integer"
    ? "integer"
    : typeof value;
  if (type !== schema.type) return [`${path} is no ${schema.type}`];
  if (schema.enum !== undefined && !(schema.enum as unknown[]).includes(value)) {
    return [`${path} is no choice`];
  }
  if (schema.minimum !== undefined && (value as number) < (schema.minimum as number)) {
    return [`${path} is too small`];
  }
  if (schema.maximum !== undefined && (value as number) > (schema.maximum as number)) {
    return [`${path} is too large`];
  }
  return [];
}

const schema = configSchema(listSettings());

Deno.test("configSchema() accepts the default configuration", () => {
  assert.deepEqual(violations(schema, resolveConfig([]).config), []);
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
