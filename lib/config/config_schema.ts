/**
 * Descriptions of the option table for people and for editors: the type and range of an option in
 * words, and the JSON Schema of a configuration file (draft 7, which TOML editor plugins understand).
 */

import { describeNeed, listOptions, type NamedOption } from "./config.ts";
import { OPTION_SECTIONS, type OptionRule } from "./options.ts";

/**
 * Says in words which values an option takes, such as "integer, 1 to 256" or "one of bucket, fifo", and
 * what it needs to count.
 */
export function describeRule(rule: OptionRule): string {
  const values = describeValues(rule);
  return rule.needs ? `${values}; counts only with ${describeNeed(rule.needs)}` : values;
}

function describeValues(rule: OptionRule): string {
  switch (rule.type) {
    case "integer":
    case "number": {
      const noun = rule.unit === undefined ? rule.type : `${rule.type} of ${rule.unit}`;
      const range = describeRange(rule.min, rule.max);
      return range === "" ? noun : `${noun}, ${range}`;
    }
    case "integers":
      return `list of integers, each at least ${rule.min}`;
    case "choice":
      return `one of ${rule.choices.join(", ")}`;
    case "interval":
      return "two rising numbers or none";
    case "text":
      return "text";
  }
}

function describeRange(min: number, max: number): string {
  const bounded = max < Number.MAX_SAFE_INTEGER;
  if (min === -Number.MAX_VALUE) return bounded ? `at most ${max}` : "";
  return bounded ? `${min} to ${max}` : `at least ${min}`;
}

/** A JSON Schema (sub)document, as plain data. */
export type JsonSchema = { readonly [key: string]: unknown };

/** Names that a text of a configuration may be. */
export interface ConfigNames {
  /** Ids of the environments of this program. */
  readonly environments: readonly string[];
  /** Names of presets. */
  readonly presets: readonly string[];
}

/**
 * Builds the JSON Schema of a configuration file.
 * @param settings Options that a file may hold besides the option table's.
 */
export function configSchema(
  settings: readonly NamedOption[],
  { environments, presets }: ConfigNames,
): JsonSchema {
  const properties: Record<string, unknown> = {};
  for (const { key, rule } of settings) properties[key] = ruleSchema(rule);
  properties.preset = { ...properties.preset as object, enum: presets };
  for (const { key, rule, section } of listOptions()) {
    if (section === undefined) properties[key] = ruleSchema(rule);
  }
  for (const [section, rules] of Object.entries(OPTION_SECTIONS)) {
    const inner = Object.entries(rules).map(([key, rule]) => [key, ruleSchema(rule)]);
    properties[section] = {
      type: "object",
      additionalProperties: false,
      properties: Object.fromEntries(inner),
    };
  }
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Configuration of a udrlpg training run",
    type: "object",
    additionalProperties: false,
    properties,
    // An id is one of this program's or of Gymnasium's, unless a program of the user's plays it.
    anyOf: [
      { properties: { env: { anyOf: [{ enum: environments }, { pattern: "^gym:" }] } } },
      { required: ["envCommand"] },
    ],
  };
}

/** Builds the schema of one option's values. */
export function ruleSchema(rule: OptionRule): JsonSchema {
  const need = rule.needs ? `; counts only with ${describeNeed(rule.needs)}` : "";
  const common = { description: `${rule.doc}${need}`, default: rule.default };
  switch (rule.type) {
    case "integer":
    case "number":
      return {
        type: rule.type,
        ...(rule.min === -Number.MAX_VALUE ? {} : { minimum: rule.min }),
        ...(rule.max >= Number.MAX_SAFE_INTEGER ? {} : { maximum: rule.max }),
        ...common,
      };
    case "integers":
      return { type: "array", items: { type: "integer", minimum: rule.min }, ...common };
    case "choice":
      return { type: "string", enum: rule.choices, ...common };
    case "interval":
      return { type: "array", items: { type: "number" }, maxItems: 2, ...common };
    case "text":
      return { type: "string", ...common };
  }
}
