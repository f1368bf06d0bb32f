/**
 * From the words of a command line, and the UDRLPG_* variables, to the values of a command's options.
 *
 * The parser library does the parsing; this module adds the environment variables (an option
 * `--checkpoint-every` that was not given is read from UDRLPG_CHECKPOINT_EVERY), options that exclude
 * each other, and the wording of errors.
 */

import { merge, object } from "@optique/core/constructs";
import { formatMessage } from "@optique/core/message";
import { parse } from "@optique/core/parser";
import type { Usage as LibraryUsage } from "@optique/core/usage";
import { UsageError } from "../system/errors.ts";
import { optionCalled } from "../config/option_hint.ts";
import { nearest } from "../system/words.ts";
import type { Command, KnownNames } from "./program.ts";
import { type OptionParser, toggle } from "./options.ts";

/** The options that every command has. */
export interface GlobalValues {
  /** --json */
  readonly json: boolean;
  /** --quiet */
  readonly quiet: boolean;
  /** --help */
  readonly help: boolean;
}

/** The values of a command's options and where each was given. */
export interface ParsedArguments<V> {
  /** By the names that the parsers give them. */
  readonly values: V & GlobalValues;
  /** Long option name to "--name" or "UDRLPG_NAME"; options that were not given are absent. */
  readonly origins: ReadonlyMap<string, string>;
}

/** The section of the options that every command has. */
export const EVERYWHERE = "Everywhere";

/** Adds the global options to a command's own. */
export function completeParser<V>(
  command: Command<V>,
  names: KnownNames,
): OptionParser<V & GlobalValues> {
  const everywhere = object(EVERYWHERE, {
    json: toggle("--json", "Print one JSON document to stdout and nothing else there"),
    quiet: toggle("--quiet", "No progress and no notes; errors and warnings stay"),
    help: toggle(["-h", "--help"], "Show this page"),
  });
  // The library's types for merge() need literal object types; a command's V is one by construction.
  const own = command.parser(names) as unknown as OptionParser<Record<string, unknown>>;
  return merge(own, everywhere) as unknown as OptionParser<V & GlobalValues>;
}

/** What `parseArguments` needs besides the words. */
export interface ArgumentSources {
  /** Name of the command, for errors. */
  readonly name: string;
  /** For completions alone; parsing takes any name. */
  readonly names: KnownNames;
  /** Reads an environment variable. */
  env(name: string): string | undefined;
}

/**
 * Parses the words after a command's name.
 * @throws {UsageError} in one line, with the nearest option where one is near.
 */
export function parseArguments<V>(
  command: Command<V>,
  argv: readonly string[],
  { name, names, env }: ArgumentSources,
): ParsedArguments<V> {
  const parser = completeParser(command, names);
  const options = listUsageOptions(parser.usage);
  const { settable = [] } = command;
  parseOnce(parser, argv, { name, options, settable });
  const origins = new Map<string, string>();
  for (const { names } of options) {
    if (argv.some((word) => names.some((n) => word === n || word.startsWith(`${n}=`)))) {
      origins.set(names.at(-1)!, names.at(-1)!);
    }
  }
  for (const group of command.exclusive ?? []) {
    const given = group.filter((option) => origins.has(option));
    if (given.length > 1) {
      throw new UsageError(
        `Cannot run "udrlpg ${name}": at most one of ${group.join(", ")} may be given, got ${
          given.join(" and ")
        }`,
      );
    }
  }
  const extra: string[] = [];
  for (const option of options) {
    const long = option.names.at(-1)!;
    const rivals = command.exclusive?.find((group) => group.includes(long)) ?? [long];
    if (option.repeated || rivals.some((rival) => origins.has(rival))) continue;
    const variable = variableOf(long);
    const word = wordOf(option, env(variable), variable);
    if (word === undefined) continue;
    parseOnce(parser, [...argv, ...extra, word], { name, options, settable, variable });
    extra.push(word);
    origins.set(long, variable);
  }
  return { values: parseOnce(parser, [...extra, ...argv], { name, options, settable }), origins };
}

/** Names the environment variable of an option: "--checkpoint-every" -> "UDRLPG_CHECKPOINT_EVERY". */
export function variableOf(option: string): string {
  const words = option.replace(/^--/, "").replace(/([a-z0-9])([A-Z])/g, "$1_$2");
  return `UDRLPG_${words.replace(/[-.]/g, "_").toUpperCase()}`;
}

/** What a parser takes, term by term. */
export type Usage = LibraryUsage;

/** An option of a parser, as its usage shows it. */
export interface UsageOption {
  /** Short names first, the long one last. */
  readonly names: readonly string[];
  /** The value's placeholder, undefined for a switch. */
  readonly metavar: string | undefined;
  /** Whether it may be given many times. */
  readonly repeated: boolean;
}

/** Lists the options that a parser takes, in the order of its help. */
export function listUsageOptions(usage: Usage, repeated = false): UsageOption[] {
  return usage.flatMap((term): UsageOption[] => {
    switch (term.type) {
      case "option":
        return [{ names: term.names, metavar: term.metavar, repeated }];
      case "optional":
      case "sequence":
        return listUsageOptions(term.terms, repeated);
      case "multiple":
        return listUsageOptions(term.terms, true);
      case "exclusive":
        return term.terms.flatMap((terms) => listUsageOptions(terms, repeated));
      default:
        return [];
    }
  });
}

/** Turns the value of a variable into the word of the command line that means the same. */
function wordOf(option: UsageOption, value: string | undefined, variable: string) {
  const long = option.names.at(-1)!;
  if (value === undefined || value === "" || long === "--help") return undefined;
  if (option.metavar !== undefined) return `${long}=${value}`;
  if (["1", "true", "yes", "on"].includes(value.toLowerCase())) return long;
  if (["0", "false", "no", "off"].includes(value.toLowerCase())) return undefined;
  throw new UsageError(`Cannot use ${variable}: must be true or false, got "${value}"`);
}

interface ParseSite {
  readonly name: string;
  readonly options: readonly UsageOption[];
  readonly settable: readonly string[];
  readonly variable?: string;
}

function parseOnce<T>(
  parser: OptionParser<T>,
  argv: readonly string[],
  site: ParseSite,
): T {
  const result = parse(parser, argv);
  if (result.success) return result.value as T;
  throw new UsageError(reword(formatMessage(result.error), site));
}

/** Puts the library's error into the program's form. */
function reword(error: string, { name, options, settable, variable }: ParseSite): string {
  const line = error.split("\n")[0].trim();
  if (line.startsWith("Cannot use ")) {
    return variable === undefined
      ? line
      : line.replace(/^Cannot use option "[^"]*"/, `Cannot use ${variable}`);
  }
  const unexpected = /^Unexpected option or argument: "(.*)"\.$/.exec(line)?.[1];
  if (unexpected?.startsWith("-")) {
    const given = unexpected.split("=")[0];
    const called = optionCalled(given, settable);
    const hint = called === undefined
      ? nearest(given, options.flatMap((option) => option.names))
      : `--set ${called}=VALUE`;
    const ending = hint ? `: did you mean "${hint}"?` : `: see udrlpg ${name} --help`;
    return `Cannot run "udrlpg ${name}": unknown option, got "${given}"${ending}`;
  }
  if (unexpected !== undefined) {
    return `Cannot run "udrlpg ${name}": unexpected argument, got "${unexpected}": see udrlpg ${name} --help`;
  }
  const missing = /^`(-[^`]*)` requires `?([^`]*?)`?\.$/.exec(line);
  if (missing) {
    return `Cannot use option "${missing[1]}": a value ${missing[2]} must follow, got none`;
  }
  const rest = line.replace(/\.$/, "");
  return `Cannot run "udrlpg ${name}": ${rest[0].toLowerCase()}${rest.slice(1)}`;
}
