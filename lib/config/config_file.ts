/**
 * Configuration files in TOML: reading one that anybody may have written, and writing one in which
 * every option stands with its meaning and range.
 *
 * A file holds options of the option table and, at its top level, the settings of a run that do not
 * change what is learnt (where it is written, on what it is computed) and the preset to start from.
 * What `renderConfig` writes is valid input for `readConfigFile` and gives the same configuration. Options
 * that do not count beside the others are comments in it.
 */

import { parse, TomlDate, TomlError } from "smol-toml";
import {
  checkOption,
  type Config,
  flattenConfig,
  listOptions,
  type NamedOption,
  unknownHint,
  unmetNeed,
} from "./config.ts";
import { describeRule } from "./config_schema.ts";
import { FileError } from "../system/errors.ts";
import { quoteName } from "../system/words.ts";
import { readFileLimited } from "../system/files.ts";
import { OPTION_SECTIONS } from "./options.ts";
import { listSettings } from "./run_settings.ts";

/** What a configuration file says: checked values under their dotted names. */
export interface ConfigFile {
  /** Values of options of the option table. */
  readonly options: ReadonlyMap<string, unknown>;
  /** Values of run settings. */
  readonly settings: ReadonlyMap<string, unknown>;
}

// Parsed TOML takes up to 300 times its length, so that 1 MiB would take 300 MB.
const MAX_FILE_BYTES = 2 ** 18;
// An option is at most a list in a table; deeper nesting is refused before it is built.
const MAX_DEPTH = 8;

/**
 * Reads a configuration file.
 * @throws {FileError} when it is missing, too long, no TOML, or holds an unknown key or a bad value.
 */
export function readConfigFile(path: string): ConfigFile {
  return parseConfig(readConfigText(path), path);
}

/**
 * Reads the text of a configuration file.
 * @throws {FileError} when it is missing, too long or no UTF-8.
 */
export function readConfigText(path: string): string {
  const bytes = readFileLimited(path, { maxBytes: MAX_FILE_BYTES, kind: "configuration" });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return fail(path, "must be UTF-8 text, got other bytes");
  }
}

/**
 * Reads a configuration from TOML text.
 * @param name What the text is called in errors.
 * @throws {FileError} as `readConfigFile` does.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseConfig } from "./config_file.ts";
 * const file = parseConfig("[update]\nbatchSize = 8", "x.toml");
 * assert.equal(file.options.get("update.batchSize"), 8);
 * ```
 */
export function parseConfig(text: string, name: string): ConfigFile {
  return readConfigTable(parseToml(text, name), name);
}

/**
 * Checks a table that was parsed from TOML as a configuration.
 * @throws {FileError} for an unknown key or a bad value.
 */
export function readConfigTable(table: object, name: string): ConfigFile {
  const known = new Map(listOptions().map((option) => [option.name, option]));
  const knownSettings = new Map(listSettings().map((option) => [option.name, option]));
  const options = new Map<string, unknown>();
  const settings = new Map<string, unknown>();
  for (const [key, value] of flattenToml(table)) {
    const option = known.get(key) ?? knownSettings.get(key) ?? knownSettings.get(camelCase(key));
    if (option === undefined) {
      return failUnknown(name, key, [...known.keys(), ...knownSettings.keys()]);
    }
    const values = known.has(key) ? options : settings;
    if (values.has(option.name)) fail(name, `"${option.name}" must stand in it once, got it twice`);
    values.set(option.name, checkValue(option, value, name));
  }
  return { options, settings };
}

/**
 * Parses TOML with limits for files that anybody may have written.
 * @throws {FileError} with the line of the mistake.
 */
export function parseToml(text: string, name: string): object {
  let table: object;
  try {
    table = parse(text, { maxDepth: MAX_DEPTH, unsafeKeyBehaviour: "throw" });
  } catch (error) {
    const rule = (error instanceof Error ? error.message : String(error)).split("\n")[0];
    const place = error instanceof TomlError ? ` at line ${error.line}` : "";
    return fail(name, `must be TOML${place}: ${rule.replace(/^Invalid TOML document: /, "")}`);
  }
  // The parser does not count the levels that dotted keys make.
  if (depthOf(table) > MAX_DEPTH) fail(name, `must be nested at most ${MAX_DEPTH} deep, got more`);
  return table;
}

/** Counts levels of tables and lists, level by level, up to one too many. */
function depthOf(table: object): number {
  let level: object[] = [table];
  let depth = 0;
  for (; level.length > 0 && depth <= MAX_DEPTH; depth++) {
    level = level.flatMap((each) =>
      Object.values(each).filter((value) => typeof value === "object" && value !== null)
    );
  }
  return depth;
}

function flattenToml(table: object): [string, unknown][] {
  // A date is an object too, but no table: it has to reach the type check of its option.
  return Object.entries(table).flatMap(([key, value]): [string, unknown][] =>
    typeof value === "object" && !Array.isArray(value) && !(value instanceof TomlDate)
      ? Object.entries(value).map(([inner, leaf]) => [`${key}.${inner}`, leaf])
      : [[key, value]]
  );
}

/** Settings may be written as their options are, with words joined: env_command is envCommand. */
function camelCase(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function checkValue(option: NamedOption, value: unknown, name: string): unknown {
  try {
    return checkOption(option, value, `"${name}"`);
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) {
      throw new FileError(error.message);
    }
    throw error;
  }
}

function failUnknown(name: string, key: string, known: readonly string[]): never {
  if (Object.hasOwn(OPTION_SECTIONS, key)) fail(name, `"${key}" must be a table [${key}]`);
  const shown = quoteName(key);
  return fail(name, `unknown key ${shown}${unknownHint(key, known)}`);
}

function fail(name: string, rule: string): never {
  throw new FileError(`Cannot read configuration ${JSON.stringify(name)}: ${rule}`);
}

/** What `renderConfig` writes besides the options. */
export interface RenderOptions {
  /** Comment lines for the top, without the "#". */
  readonly header?: readonly string[];
  /** Run settings to write, by name; the others are left out. */
  readonly settings?: ReadonlyMap<string, unknown>;
}

/**
 * Writes a configuration as commented TOML: every option with its meaning, type and range.
 */
export function renderConfig(config: Config, { header, settings }: RenderOptions = {}): string {
  const values = flattenConfig(config);
  const lines = (header ?? []).map((line) => `# ${line}`.trimEnd());
  if (lines.length > 0) lines.push("");
  for (const option of listSettings()) {
    if (settings?.has(option.name)) lines.push(...renderOption(option, settings.get(option.name)));
  }
  let section: string | undefined;
  for (const option of listOptions()) {
    if (option.section !== section) {
      section = option.section;
      lines.push("", `[${section}]`);
    }
    const { name, rule } = option;
    if (rule.isRecorded && values.get(name) === rule.default) continue;
    const [comment, line] = renderOption(option, values.get(name));
    lines.push(comment, unmetNeed(option, values) ? `# ${line}` : line);
  }
  return lines.join("\n") + "\n";
}

function renderOption(
  { key, rule }: NamedOption,
  value: unknown,
): [comment: string, line: string] {
  return [`# ${rule.doc} (${describeRule(rule)})`, `${key} = ${renderValue(value)}`];
}

/** Writes a value of an option as TOML. */
export function renderValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(renderValue).join(", ")}]`;
  // TOML forbids a bare DEL, the one control character that JSON leaves as it is.
  if (typeof value === "string") return JSON.stringify(value).replaceAll("\x7f", "\\u007f");
  // An integer literal must fit in 64 bits and be exact; as a float, any double is.
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return (value as number).toExponential();
  }
  return String(value);
}
