/**
 * How option values are read from text: their types, ranges, error texts and completions.
 *
 * They stand beside the parser library's own so that a wrong value reads like every other error of the
 * program ("must be ..., got ...") and numbers may be written 1e6 or 1_000_000.
 */

import { text } from "@optique/core/message";
import type { Suggestion } from "@optique/core/parser";
import type { ValueParser, ValueParserResult } from "@optique/core/valueparser";
import { METRICS_FILE_NAME } from "../run/layout.ts";
import { hintForChoice } from "../config/option_hint.ts";

/**
 * Reads one value of type T from the command line. An own name for the library's type.
 * @internal
 */
export type Value<T> = ValueParser<"sync", T> & {
  /** The bounds of a number in words, for the help. */
  readonly range?: string;
};

/**
 * What a value reader is made of.
 * @internal
 */
export interface ValueParts<T> {
  /** Placeholder in the help. */
  readonly metavar: string;
  /** Any value of the type. */
  readonly placeholder: T;
  /** Returns the value, or what it must be. */
  read(input: string): { readonly value: T } | { readonly rule: string; readonly hint?: string };
  /** Completes what was begun. */
  suggest?(prefix: string): Iterable<Suggestion>;
  /** The bounds of a number in words, for the help. */
  readonly range?: string;
}

/**
 * Makes a reader of values.
 * @internal
 */
export function makeValue<T>(parts: ValueParts<T>): Value<T> {
  return {
    mode: "sync",
    metavar: parts.metavar as Value<T>["metavar"],
    placeholder: parts.placeholder,
    parse(input: string): ValueParserResult<T> {
      const result = parts.read(input);
      if ("value" in result) return { success: true, value: result.value };
      const hint = result.hint === undefined ? "" : `: did you mean "${result.hint}"?`;
      const shown = JSON.stringify(input.slice(0, 200));
      return { success: false, error: [text(`${result.rule}, got ${shown}${hint}`)] };
    },
    format: String,
    ...(parts.range ? { range: parts.range } : {}),
    ...(parts.suggest ? { suggest: parts.suggest } : {}),
  } as Value<T>;
}

/** Bounds and name of a number on the command line. */
export interface NumberRange {
  /** Placeholder in the help. */
  readonly metavar: string;
  /** Smallest value. */
  readonly min?: number;
  /** Largest value. */
  readonly max?: number;
}

/** Reads a finite number within the range. */
export function numberValue(
  { metavar, min = -Infinity, max = Infinity }: NumberRange,
): Value<number> {
  return makeValue({
    metavar,
    placeholder: 0,
    range: describeRange(min, max),
    read: (input) => readNumber(input, { noun: "a number", min, max }),
  });
}

/** Reads an integer within the range; "1e6" and "1_000_000" are integers. */
export function integerValue(
  { metavar, min = 0, max = Number.MAX_SAFE_INTEGER }: NumberRange,
): Value<number> {
  return makeValue({
    metavar,
    placeholder: 0,
    range: describeRange(min, max),
    read: (input) => readNumber(input, { noun: "an integer", min, max }),
  });
}

/** Says which numbers an option takes; nothing where that goes without saying. */
function describeRange(min: number, max: number): string {
  if (max < Number.MAX_SAFE_INTEGER) return `${min} to ${max}`;
  return min > 0 ? `at least ${min}` : "";
}

/** Reads a number, or says what it must be. */
export function readNumber(
  input: string,
  { noun, min, max }: { noun: string; min: number; max: number },
): { readonly value: number } | { readonly rule: string } {
  const well = /^[+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(input);
  const value = well ? Number(input.replaceAll("_", "")) : NaN;
  const typed = noun === "an integer" ? Number.isSafeInteger(value) : Number.isFinite(value);
  if (typed && value >= min && value <= max) return { value };
  const low = min === -Infinity ? "" : ` of at least ${min}`;
  const unbounded = max === Infinity || max === Number.MAX_SAFE_INTEGER;
  return { rule: `must be ${noun}${unbounded ? low : ` from ${min} to ${max}`}` };
}

/** Reads finite numbers with commas between them: "50,150,300". */
export function numberListValue(metavar: string): Value<readonly number[]> {
  return makeValue<readonly number[]>({
    metavar,
    placeholder: [],
    read(input) {
      const parts = input.split(",").map((part) =>
        readNumber(part.trim(), { noun: "a number", min: -Infinity, max: Infinity })
      );
      const numbers = parts.flatMap((part) => "value" in part ? [part.value] : []);
      return numbers.length === parts.length
        ? { value: numbers }
        : { rule: "must be numbers with commas between them" };
    },
  });
}

/** Reads one of a few words, with the nearest one in the error. */
export function choiceValue<const C extends string>(
  choices: readonly C[],
  metavar: string,
): Value<C> {
  return makeValue({
    metavar,
    placeholder: choices[0],
    read(input) {
      if (choices.includes(input as C)) return { value: input as C };
      const hint = hintForChoice(input, choices);
      return { rule: `must be one of ${choices.join(", ")}`, ...(hint ? { hint } : {}) };
    },
    suggest: (prefix) => literals(choices, prefix),
  });
}

/** Reads any text; `known` are completions, not limits: whoever uses the text checks it. */
export function textValue(metavar: string, known: readonly string[] = []): Value<string> {
  return someText(metavar, (prefix) => literals(known, prefix));
}

/** Reads "key=value"; completes the keys, and the values of those that are chosen among a few. */
export function assignmentValue(
  metavar: string,
  options: readonly { readonly name: string; readonly choices?: readonly string[] }[],
): Value<string> {
  return someText(metavar, (prefix) =>
    literals(
      options.flatMap(({ name, choices = [] }) =>
        prefix.startsWith(`${name}=`) ? choices.map((choice) => `${name}=${choice}`) : [`${name}=`]
      ),
      prefix,
    ));
}

/** Reads the path of a file; completes files with one of the extensions (".onnx") and folders. */
export function fileValue(metavar: string, extensions: readonly string[] = []): Value<string> {
  const endings = extensions.length > 0 ? { extensions } : {};
  return someText(metavar, (pattern) => [{ kind: "file", pattern, type: "file", ...endings }]);
}

/** Reads the path of a folder; completes folders. */
export function folderValue(metavar: string): Value<string> {
  return someText(metavar, (pattern) => [{ kind: "file", pattern, type: "directory" }]);
}

/** Reads the path of a run folder; completes the run folders below the current one. */
export function runValue(metavar = "DIR"): Value<string> {
  return someText(metavar, (prefix) => literals(listRuns(), prefix));
}

/** Reads the path of a run folder or of a file; completes run folders, then files of the extensions. */
export function runOrFileValue(metavar: string, extensions: readonly string[]): Value<string> {
  return someText(metavar, (pattern) => [
    ...literals(listRuns(), pattern),
    { kind: "file", pattern, type: "file", extensions },
  ]);
}

function someText(metavar: string, suggest: (prefix: string) => Iterable<Suggestion>) {
  return makeValue({
    metavar,
    placeholder: "",
    read: (input) => input === "" ? { rule: "must not be empty" } : { value: input },
    suggest,
  });
}

/** How deep below the current folder completions look for runs, and how many entries they read. */
const SEARCH_DEPTH = 3;
const SEARCH_ENTRIES = 5000;

/** Lists the run folders below the current folder: those that hold the metrics of a run. */
function listRuns(): string[] {
  const found: string[] = [];
  let left = SEARCH_ENTRIES;
  const visit = (path: string, depth: number): void => {
    let entries: Deno.DirEntry[];
    try {
      entries = [...Deno.readDirSync(path || ".")];
    } catch {
      return; // a folder that cannot be read has no completions
    }
    left -= entries.length;
    if (path !== "" && entries.some(({ name }) => name === METRICS_FILE_NAME)) found.push(path);
    if (depth === 0 || left < 0) return;
    for (const { name, isDirectory } of entries) {
      if (isDirectory && !name.startsWith(".") && name !== "node_modules") {
        visit(path === "" ? name : `${path}/${name}`, depth - 1);
      }
    }
  };
  visit("", SEARCH_DEPTH);
  return found.sort();
}

function literals(words: readonly string[], prefix: string): Suggestion[] {
  return words.filter((word) => word.startsWith(prefix)).map((word) => ({
    kind: "literal",
    text: word,
  }));
}
