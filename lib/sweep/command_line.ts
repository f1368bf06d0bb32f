/**
 * Runs as command lines: complete, for a POSIX shell, xargs and GNU parallel alike. Words are quoted
 * with single quotes where they need it, which is the one way that all three read the same.
 */

import type { SweepRun } from "./expand.ts";

/** Options of the table that have an option of their own on the command line of `train`. */
const OWN_OPTIONS = ["env", "seed", "steps"];

/** Run settings with their options. */
const SETTING_OPTIONS: ReadonlyMap<string, string> = new Map([
  ["preset", "--preset"],
  ["device", "--device"],
  ["threads", "--threads"],
  ["workers", "--workers"],
  ["checkpointEvery", "--checkpoint-every"],
]);

/**
 * Lists the words after the program's name that train a run, or go on with it, or leave it when it is
 * finished.
 */
export function trainWords({ config, settings, given, folder }: SweepRun): string[] {
  const words = ["train", "--env", config.env];
  if (given.has("steps")) words.push("--steps", String(config.steps));
  for (const [name, option] of SETTING_OPTIONS) {
    if (settings.has(name)) words.push(option, String(settings.get(name)));
  }
  // The runs of a sweep are what shares the cores.
  if (!settings.has("workers")) words.push("--workers", "1");
  for (const [name, value] of given) {
    if (!OWN_OPTIONS.includes(name)) words.push("--set", `${name}=${String(value)}`);
  }
  return [...words, "--seed", String(config.seed), "--out", folder, "--continue"];
}

/**
 * Writes words as one line.
 * @param program What the line begins with: shell text, taken as it is.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatLine, splitLine } from "./command_line.ts";
 * const line = formatLine("deno task udrlpg", ["--out", "it's mine"]);
 * assert.equal(line, `deno task udrlpg --out 'it'\\''s mine'`);
 * assert.deepEqual(splitLine(line), ["deno", "task", "udrlpg", "--out", "it's mine"]);
 * ```
 */
export function formatLine(program: string, words: readonly string[]): string {
  return [program, ...words.map(quoteWord)].join(" ");
}

/** Quotes a word for a POSIX shell where it needs quotes. */
export function quoteWord(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * Splits a line as a POSIX shell does that finds quotes and backslashes alone.
 * @throws {RangeError} when a quote is not closed.
 */
export function splitLine(line: string): string[] {
  const words: string[] = [];
  const piece = /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^\s'"\\]+)|(\s+)/gsy;
  let word: string | undefined;
  while (piece.lastIndex < line.length) {
    const match = piece.exec(line);
    if (match === null) {
      throw new RangeError(`Cannot split a command line: quotes must be closed, got ${line}`);
    }
    const [, single, double, escaped, bare, space] = match;
    if (space === undefined) {
      word = (word ?? "") + (single ?? double?.replace(/\\(["\\$`])/g, "$1") ?? escaped ?? bare);
    } else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  return word === undefined ? words : [...words, word];
}
