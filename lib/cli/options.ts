/**
 * The kinds of options and words that a command takes: with a value, with a default, repeated, switches.
 * What their values are, `values.ts` says.
 */

import { message, text } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import type { Parser } from "@optique/core/parser";
import { argument, flag, option } from "@optique/core/primitives";
import type { OptionName as LibraryOptionName } from "@optique/core/usage";
import type { OptionRule } from "../config/options.ts";
import {
  flagOf,
  RUN_SETTINGS,
  type RunSettings,
  type SettingName,
} from "../config/run_settings.ts";
import { choiceValue, integerValue, textValue, type Value } from "./values.ts";

/**
 * Parses a part of the command line into a T. An own name for the library's type.
 * @internal
 */
export type OptionParser<T> = Parser<"sync", T, unknown>;

/** One name with its dashes, `--seed` or `-o`. */
export type OptionName = LibraryOptionName;

/** Names of an option, the long one last. */
export type Names = OptionName | readonly [OptionName, ...OptionName[]];

function optionWith<T>(names: Names, value: Value<T>, doc: string) {
  const list = typeof names === "string" ? [names] as const : names;
  const long = list.at(-1)!;
  const range = value.range ? ` (${value.range})` : "";
  return option(...list, value, {
    description: message`${text(doc.replace(/( \(default: .*\))?$/, `${range}$1`))}`,
    errors: {
      invalidValue: (error) => [text(`Cannot use option "${long}": `), ...error],
      duplicate: [text(`Cannot use option "${long}": must be given at most once, got it twice`)],
    },
  });
}

/** Describes an option with a value that may be left out. */
export function setting<T>(
  names: Names,
  value: Value<T>,
  doc: string,
): OptionParser<T | undefined> {
  return optional(optionWith(names, value, doc));
}

/** Describes an option with a value and a default, which the help shows. */
export function settingOr<T>(
  names: Names,
  value: Value<T>,
  { fallback, doc }: { fallback: T; doc: string },
): OptionParser<T> {
  return withDefault(optionWith(names, value, doc), fallback);
}

/** Describes an option that may be given many times. */
export function settings<T>(
  names: Names,
  value: Value<T>,
  doc: string,
): OptionParser<readonly T[]> {
  return multiple(optionWith(names, value, doc));
}

/** Describes the option of a run setting; `value` reads it where its rule says too little. */
export function settingOption<N extends SettingName>(
  name: N,
  value?: Value<string>,
): OptionParser<RunSettings[N] | undefined> {
  const rule: OptionRule = RUN_SETTINGS[name];
  const doc = rule.type === "choice" ? `${rule.doc}: ${rule.choices.join(", ")}` : rule.doc;
  const fallback = rule.default === "" ? "" : ` (default: ${rule.default})`;
  const parser = setting(flagOf(name), value ?? ruleValue(name, rule), doc + fallback);
  return parser as OptionParser<RunSettings[N] | undefined>;
}

function ruleValue(name: string, rule: OptionRule): Value<unknown> {
  switch (rule.type) {
    case "integer":
      return integerValue({ metavar: "N", min: rule.min, max: rule.max });
    case "choice":
      return choiceValue(rule.choices, name.toUpperCase());
    default:
      return textValue(name.toUpperCase());
  }
}

/** Describes a switch: false unless given. */
export function toggle(names: Names, doc: string): OptionParser<boolean> {
  const list = typeof names === "string" ? [names] as const : names;
  const long = list.at(-1)!;
  return withDefault(
    flag(...list, {
      description: message`${text(doc)}`,
      errors: {
        duplicate: [text(`Cannot use option "${long}": must be given at most once, got it twice`)],
      },
    }),
    false,
  );
}

/** Describes a word of the command line that is no option and may be left out. */
export function word<T>(value: Value<T>, doc: string): OptionParser<T | undefined> {
  return optional(argument(value, {
    description: message`${text(doc)}`,
    errors: {
      invalidValue: (error) => [text(`Cannot use argument ${value.metavar}: `), ...error],
    },
  }));
}

/** Describes words of the command line that are no options, any number of them. */
export function words<T>(value: Value<T>, doc: string): OptionParser<readonly T[]> {
  return multiple(argument(value, {
    description: message`${text(doc)}`,
    errors: {
      invalidValue: (error) => [text(`Cannot use argument ${value.metavar}: `), ...error],
    },
  }));
}
