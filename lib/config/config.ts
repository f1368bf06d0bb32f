/**
 * A run's configuration: values for the table of options, from layers that override each other.
 *
 * Presets, files, variables and the command line each give some values under dotted names. The last layer that
 * names an option wins. Every value is checked by the rule of its option in `options.ts`; the message names the
 * layer.
 */

import { hintForChoice, hintForOption } from "./option_hint.ts";
import {
  type Need,
  OPTION_SECTIONS,
  type OptionRule,
  RUN_OPTIONS,
  SECTION_NEEDS,
} from "./options.ts";
import { REMOVED_OPTIONS } from "./removed_options.ts";

/** The type of the values that a rule allows. */
export type ValueOf<R> = R extends { type: "integer" | "number" } ? number
  : R extends { type: "choice"; choices: readonly (infer C)[] } ? C
  : R extends { type: "integers" | "interval" } ? readonly number[]
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

/** What `findOption` may be told. */
export interface FindOptions {
  /** Further options beside those of the table. */
  readonly others?: readonly NamedOption[];
  /** Where the name was given, for the message. */
  readonly source?: string | undefined;
}

/**
 * Finds an option by its dotted name.
 * @throws {RangeError} with what to do instead, or the nearest name, when there is none.
 */
export function findOption(name: string, { others = [], source }: FindOptions = {}): NamedOption {
  const options = [...OPTIONS, ...others];
  const found = options.find((option) => option.name === name);
  if (found) return found;
  const from = source === undefined ? "" : ` from ${source}`;
  const hint = unknownHint(name, options.map((option) => option.name));
  throw new RangeError(`Cannot set option "${name}"${from}: unknown option${hint}`);
}

/** Ends a message about an unknown name: what to do in place of a removed option, or the nearest name. */
export function unknownHint(name: string, known: readonly string[]): string {
  if (Object.hasOwn(REMOVED_OPTIONS, name)) return `: it was removed: ${REMOVED_OPTIONS[name]}`;
  const hint = hintForOption(name, known);
  return hint ? `: did you mean "${hint}"?` : "";
}

/** Where a value was given, for messages, and which values were given there. */
export interface ConfigLayer {
  /** Such as `preset "paper"`, `file "a.toml"`, `--set` or `UDRLPG_SEED`. */
  readonly source: string;
  /** Dotted names to values, unchecked. */
  readonly values: ReadonlyMap<string, unknown>;
  /** True for a configuration that was saved whole: nobody asked for a value of it that does not count. */
  readonly isWhole?: boolean;
  /** True for the words of one command line: whatever their order, none overrules another's need. */
  readonly isTyped?: boolean;
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
 *
 * An option does not count where another option lacks the value that it needs. It gets its default then if a
 * stronger layer gave that other value, and is refused otherwise.
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
  /** Dotted name to the place of the layer that won. */
  const winners = new Map<string, number>();
  layers.forEach((layer, place) => {
    for (const [name, value] of layer.values) {
      const option = options.find((known) => known.name === name) ?? findOption(name, layer);
      values.set(name, checkOption(option, value, layer.source));
      winners.set(name, place);
    }
  });
  for (const option of options) {
    const { name, rule } = option;
    const winner = winners.get(name);
    const need = unmetNeed(option, values);
    if (winner === undefined || need === undefined) continue;
    const { source, isWhole, isTyped } = layers[winner];
    const stronger = winners.get(need.option) ?? -1;
    const isOverruled = winner < stronger && !(isTyped && layers[stronger].isTyped);
    if (!isOverruled && !isWhole) failUncounted({ name, source, need, values });
    values.set(name, rule.default);
    winners.delete(name);
  }
  const sources = new Map(
    options.map(({ name }) => [name, layers[winners.get(name) ?? -1]?.source ?? "default"]),
  );
  return { values, sources };
}

/**
 * Finds why an option does not count beside the values of the others, by dotted name: a need of its section, of
 * its own, or of the option that it needs.
 */
export function unmetNeed(
  { section, rule: { needs } }: NamedOption,
  values: ReadonlyMap<string, unknown>,
): Need | undefined {
  const shared = section === undefined ? undefined : SECTION_NEEDS[section];
  if (shared !== undefined && !isMet(shared, values)) return shared;
  if (needs === undefined) return undefined;
  return isMet(needs, values) ? unmetNeed(findOption(needs.option), values) : needs;
}

function isMet(need: Need, values: ReadonlyMap<string, unknown>): boolean {
  const value = values.get(need.option);
  return "is" in need
    ? [need.is].flat().includes(value as string)
    : (value as unknown[]).length > 0;
}

/** Says what an option needs, such as `generator.kind = "cvae"`. */
export function describeNeed(need: Need): string {
  if (!("is" in need)) return `a ${need.option} that is not empty`;
  return `${need.option} = ${[need.is].flat().map((value) => `"${value}"`).join(" or ")}`;
}

function failUncounted({ name, source, need, values }: {
  name: string;
  source: string;
  need: Need;
  values: ReadonlyMap<string, unknown>;
}): never {
  const value = values.get(need.option);
  throw new RangeError(
    `Cannot set option "${name}" from ${source}: it counts only with ${describeNeed(need)}, got ` +
      JSON.stringify(value) + (need.option === "algorithm" ? `: ${describeOwn(values)}` : ""),
  );
}

/** Says which options count beside an algorithm, such as `ars has policy.hiddenSizes, reports.sweeps`. */
function describeOwn(values: ReadonlyMap<string, unknown>): string {
  const own = OPTIONS.filter((option) => option.section && !unmetNeed(option, values));
  return `${values.get("algorithm")} has ${own.map(({ name }) => name).join(", ")}`;
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
    case "text":
      return typeof value === "string" ? value : fail("must be text", TypeError);
    case "choice": {
      if (typeof value !== "string") return fail("must be text", TypeError);
      if (rule.choices.includes(value)) return value;
      const hint = hintForChoice(value, rule.choices);
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
    case "interval": {
      if (!Array.isArray(value)) return fail("must be a list of numbers", TypeError);
      const isRising = value.length === 2 && value.every(Number.isFinite) && value[0] < value[1];
      return value.length === 0 || isRising ? value : fail("must be two rising numbers or none");
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
    case "integers":
    case "interval": {
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
