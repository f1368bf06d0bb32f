/**
 * A run's configuration: values for the table of options, from layers that override each other.
 *
 * Presets, files, the environment and the command line each give some values under dotted names; the
 * last layer that names an option wins, and every value is checked by the option's rule with the layer
 * in the message. What the options are, `options.ts` says.
 */

import { nearest } from "../system/words.ts";
import { OPTION_SECTIONS, type OptionRule, RUN_OPTIONS } from "./options.ts";

/** The type of the values that a rule allows. */
export type ValueOf<R> = R extends { type: "integer" | "number" } ? number
  : R extends { type: "flag" } ? boolean
  : R extends { type: "choice"; choices: readonly (infer C)[] } ? C
  : R extends { type: "integers" } ? readonly number[]
  : string;

/** The rules of every section. */
export type Sections = typeof OPTION_SECTIONS;

/** A resolved configuration: every option has a valid value. */
export type Config =
  & { readonly [K in keyof typeof RUN_OPTIONS]: ValueOf<(typeof RUN_OPTIONS)[K]> }
  & {
    readonly [S in keyof Sections]: { readonly [K in keyof Sections[S]]: ValueOf<Sections[S][K]> };
  };

/** Some of the options of a configuration, as a preset or a file gives them. */
export type PartialConfig =
  & { readonly [K in keyof typeof RUN_OPTIONS]?: ValueOf<(typeof RUN_OPTIONS)[K]> }
  & {
    readonly [S in keyof Sections]?: {
      readonly [K in keyof Sections[S]]?: ValueOf<Sections[S][K]>;
    };
  };

/** One option with its dotted name. */
export interface NamedOption {
  /** `section.key`, or the bare key of a top-level option. */
  readonly name: string;
  /** The section, undefined at the top level. */
  readonly section: string | undefined;
  /** Its name within the section. */
  readonly key: string;
  /** Its type, range, default and meaning. */
  readonly rule: OptionRule;
}

const OPTIONS: readonly NamedOption[] = [
  ...Object.entries(RUN_OPTIONS).map(([key, rule]) => ({
    name: key,
    section: undefined,
    key,
    rule,
  })),
  ...Object.entries(OPTION_SECTIONS).flatMap(([section, rules]) =>
    Object.entries(rules).map(([key, rule]) => ({
      name: `${section}.${key}`,
      section,
      key,
      rule: rule as OptionRule,
    }))
  ),
];

/** Lists every option in the order of the table. */
export function listOptions(): readonly NamedOption[] {
  return OPTIONS;
}

/**
 * Finds an option by its dotted name, among those of the table and `others`.
 * @throws {RangeError} with the nearest name when there is none.
 */
export function findOption(name: string, others: readonly NamedOption[] = []): NamedOption {
  const options = [...OPTIONS, ...others];
  const found = options.find((option) => option.name === name);
  if (found) return found;
  const hint = nearest(name, options.map((option) => option.name));
  throw new RangeError(
    `Cannot set option "${name}": unknown option${hint ? `: did you mean "${hint}"?` : ""}`,
  );
}

/** Where a value was given, for messages, and which values were given there. */
export interface ConfigLayer {
  /** Such as `preset "paper"`, `file "a.toml"`, `--set` or `UDRLPG_SEED`. */
  readonly source: string;
  /** Dotted names to values, unchecked. */
  readonly values: ReadonlyMap<string, unknown>;
}

/** A resolved configuration and the layer that each value came from. */
export interface ResolvedConfig {
  /** A valid value for every option. */
  readonly config: Config;
  /** Dotted name to the source of the layer that won; "default" where none gave a value. */
  readonly sources: ReadonlyMap<string, string>;
}

/**
 * Resolves layers, weakest first, to a complete configuration.
 * @throws {RangeError | TypeError} naming the option, the rule and the layer of a bad value.
 */
export function resolveConfig(layers: readonly ConfigLayer[]): ResolvedConfig {
  const { values, sources } = resolveValues(OPTIONS, layers);
  return { config: unflattenConfig(values), sources };
}

/**
 * Resolves layers, weakest first, to a value for each option of a list.
 * @throws {RangeError | TypeError} naming the option, the rule and the layer of a bad value.
 */
export function resolveValues(
  options: readonly NamedOption[],
  layers: readonly ConfigLayer[],
): { values: Map<string, unknown>; sources: Map<string, string> } {
  const values = new Map(options.map(({ name, rule }) => [name, rule.default as unknown]));
  const sources = new Map(options.map(({ name }) => [name, "default"]));
  for (const layer of layers) {
    for (const [name, value] of layer.values) {
      const option = options.find((known) => known.name === name) ?? findOption(name);
      values.set(name, checkOption(option, value, layer.source));
      sources.set(name, layer.source);
    }
  }
  return { values, sources };
}

/** Lists the options that a nested (partial) configuration holds under their dotted names. */
export function flattenConfig(config: object): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  for (const [key, value] of Object.entries(config)) {
    if (isTable(value)) {
      for (const [inner, leaf] of Object.entries(value)) flat.set(`${key}.${inner}`, leaf);
    } else {
      flat.set(key, value);
    }
  }
  return flat;
}

function unflattenConfig(values: ReadonlyMap<string, unknown>): Config {
  const config: Record<string, unknown> = {};
  for (const { name, section, key } of OPTIONS) {
    if (section === undefined) config[key] = values.get(name);
    else {(config[section] ??= {} as Record<string, unknown>)[key as never] = values.get(
        name,
      ) as never;}
  }
  return config as unknown as Config;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Checks one value against its option's rule and returns it.
 * @throws {TypeError} for a wrong type. @throws {RangeError} for a value out of range.
 */
export function checkOption({ name, rule }: NamedOption, value: unknown, source: string): unknown {
  const fail = (what: string, Kind: ErrorConstructor = RangeError): never => {
    const shown = typeof value === "string" ? `"${value}"` : JSON.stringify(value) ?? String(value);
    throw new Kind(`Cannot set option "${name}" from ${source}: ${what}, got ${shown}`);
  };
  switch (rule.type) {
    case "integer":
    case "number": {
      const noun = rule.type === "integer" ? "an integer" : "a number";
      if (typeof value !== "number" || !Number.isFinite(value)) {
        return fail(`must be ${noun}`, TypeError);
      }
      if (rule.type === "integer" && !Number.isSafeInteger(value)) fail("must be an integer");
      if (value < rule.min) fail(`must be at least ${rule.min}`);
      if (value > rule.max) fail(`must be at most ${rule.max}`);
      return value;
    }
    case "flag":
      return typeof value === "boolean" ? value : fail("must be true or false", TypeError);
    case "text":
      return typeof value === "string" ? value : fail("must be text", TypeError);
    case "choice": {
      if (typeof value !== "string") return fail("must be text", TypeError);
      if (rule.choices.includes(value)) return value;
      const hint = nearest(value, rule.choices);
      throw new RangeError(
        `Cannot set option "${name}" from ${source}: must be one of ${
          rule.choices.join(", ")
        }, got "${value}"${hint ? `: did you mean "${hint}"?` : ""}`,
      );
    }
    case "integers": {
      if (!Array.isArray(value)) return fail("must be a list of integers", TypeError);
      for (const item of value) {
        if (!Number.isSafeInteger(item) || item < rule.min || item > 65536) {
          fail(`must be a list of integers from ${rule.min} to 65536`);
        }
      }
      return value;
    }
  }
}

/**
 * Reads an option's value from text, as `--set` and environment variables give it.
 * @throws {TypeError | RangeError} when the text is not a value of the option's type.
 */
export function parseOption(option: NamedOption, text: string, source: string): unknown {
  const { rule } = option;
  switch (rule.type) {
    case "integer":
    case "number":
      return checkOption(option, text.trim() === "" ? text : numberOr(text), source);
    case "flag":
      return checkOption(option, text === "true" ? true : text === "false" ? false : text, source);
    case "integers": {
      const items = text.replace(/^\[|\]$/g, "").split(/[,x ]+/).filter((item) => item !== "");
      return checkOption(option, items.map(numberOr), source);
    }
    case "choice":
    case "text":
      return checkOption(option, text, source);
  }
}

function numberOr(text: string): number | string {
  const value = Number(text.replaceAll("_", ""));
  return Number.isNaN(value) ? text : value;
}
