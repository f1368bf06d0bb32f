/** The JSON Schema of a sweep file: that of a configuration, with what may vary added to it. */

import {
  type ConfigNames,
  configSchema,
  type JsonSchema,
  ruleSchema,
} from "../config/config_schema.ts";
import { listOptions, type NamedOption } from "../config/config.ts";
import { NAME_PATTERN } from "./sweep_file.ts";

/**
 * Builds the JSON Schema of a sweep file.
 * @param settings Options that a file may hold besides the option table's.
 */
export function sweepSchema(settings: readonly NamedOption[], names: ConfigNames): JsonSchema {
  const shared = settings.filter(({ name }) => name !== "out");
  const { properties, ...config } = configSchema(shared, names);
  const integer = { type: "integer", minimum: 1 };
  return {
    ...config,
    title: "Sweep of udrlpg training runs",
    properties: {
      ...properties as object,
      name: {
        type: "string",
        pattern: NAME_PATTERN.source,
        description: "Names the folder of the runs, runs/NAME; the file's name when left out",
      },
      seeds: {
        anyOf: [integer, { type: "array", items: { type: "integer", minimum: 0 } }],
        description: "So many seeds from 1, or a list of them",
      },
      grid: tableOf((rule) => ({ type: "array", items: rule, minItems: 1 }), {
        description: "Lists of values, of which every combination runs",
      }),
      list: {
        type: "array",
        items: tableOf((rule) => rule, {}),
        description: "Combinations that run, a table each",
      },
      random: tableOf(drawn, {
        description: "Values that are drawn",
        properties: {
          draws: { ...integer, description: "How many sets of values are drawn" },
          seed: { type: "integer", minimum: 0, description: "Seed of the draws", default: 1 },
        },
      }),
    },
  };
}

/** A table of what may vary, by section and name, or by the whole name in quotes. */
function tableOf(
  schemaOf: (rule: JsonSchema) => JsonSchema,
  { properties = {}, ...words }: { description?: string; properties?: object },
): JsonSchema {
  const options = listOptions().filter(({ name, rule }) => !rule.isRecorded && name !== "seed");
  const top: Record<string, unknown> = {};
  const sections: Record<string, Record<string, unknown>> = {};
  for (const { name, key, section, rule } of options) {
    const { default: _, ...plain } = ruleSchema(rule);
    top[name] = schemaOf(plain);
    if (section !== undefined) (sections[section] ??= {})[key] = top[name];
  }
  const tables = Object.entries(sections).map(([section, inner]) => [
    section,
    { type: "object", additionalProperties: false, properties: inner },
  ]);
  return {
    type: "object",
    additionalProperties: false,
    properties: { ...top, ...Object.fromEntries(tables), ...properties },
    ...words,
  };
}

/** A distribution of values: of numbers within bounds, or of choices. */
function drawn({ description, ...rule }: JsonSchema): JsonSchema {
  const choices = {
    type: "object",
    additionalProperties: false,
    required: ["choices"],
    properties: { choices: { type: "array", items: rule, minItems: 1 } },
  };
  if (rule.type !== "number" && rule.type !== "integer") return { ...choices, description };
  const range = {
    type: "object",
    additionalProperties: false,
    required: ["min", "max"],
    properties: { min: rule, max: rule, scale: { type: "string", enum: ["linear", "log"] } },
  };
  return { anyOf: [range, choices], description };
}
