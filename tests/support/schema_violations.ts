import type { JsonSchema } from "../../lib/config/config_schema.ts";

/** Checks a value against the part of JSON Schema that this program's schemas use; lists what is wrong. */
export function violations(schema: JsonSchema, value: unknown, path = "$"): string[] {
  const { anyOf, ...rest } = schema;
  return [
    ...anyOf === undefined ? [] : ofAlternatives(anyOf as JsonSchema[], value, path),
    ...ofPlain(rest, value, path),
  ];
}

function ofAlternatives(schemas: readonly JsonSchema[], value: unknown, path: string): string[] {
  const each = schemas.map((schema) => violations(schema, value, path));
  return each.some((list) => list.length === 0) ? [] : [`${path} is none of the alternatives`];
}

function ofPlain(schema: JsonSchema, value: unknown, path: string): string[] {
  const { type, properties, required, enum: choices, pattern, minimum, maximum } = schema;
  if (type !== undefined && !isType(value, type)) return [`${path} is no ${type}`];
  if (properties !== undefined || required !== undefined) return ofObject(schema, value, path);
  if (Array.isArray(value)) {
    if (value.length < Number(schema.minItems ?? 0)) return [`${path} is too short`];
    return value.flatMap((item) =>
      violations((schema.items ?? {}) as JsonSchema, item, `${path}[]`)
    );
  }
  if (choices !== undefined && !(choices as unknown[]).includes(value)) {
    return [`${path} is no choice`];
  }
  if (pattern !== undefined && !new RegExp(String(pattern)).test(String(value))) {
    return [`${path} does not match`];
  }
  if (minimum !== undefined && Number(value) < Number(minimum)) return [`${path} is too small`];
  if (maximum !== undefined && Number(value) > Number(maximum)) return [`${path} is too large`];
  return [];
}

function ofObject(
  { properties = {}, required = [], additionalProperties }: JsonSchema,
  value: unknown,
  path: string,
): string[] {
  const known = properties as Record<string, JsonSchema>;
  const missing = (required as string[]).filter((key) => !Object.hasOwn(value as object, key));
  return [
    ...missing.map((key) => `${path}.${key} is missing`),
    ...Object.entries(value as object).flatMap(([key, inner]) =>
      Object.hasOwn(known, key)
        ? violations(known[key], inner, `${path}.${key}`)
        : additionalProperties === false
        ? [`${path}.${key} is unknown`]
        : []
    ),
  ];
}

function isType(value: unknown, type: unknown): boolean {
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  return typeof value === type && !Array.isArray(value) && value !== null;
}
