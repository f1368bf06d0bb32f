/**
 * Words that people type and paste: the name that was probably meant, and a command line as words and
 * back, quoted for a POSIX shell.
 */

/** Counts the insertions, deletions, substitutions and swaps that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      current[j] = Math.min(previous[j] + 1, current[j - 1] + 1, substituted);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        current[j] = Math.min(current[j], beforePrevious[j - 2] + 1);
      }
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length];
}

/** Names longer than this are nobody's typing error; it bounds the work on hostile input. */
const LONGEST_NAME = 64;

/**
 * Returns the candidate with the smallest edit distance to `name`, ignoring case, the first of
 * equals; undefined when none is within half of the name's length.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { nearest } from "./words.ts";
 * assert.equal(nearest("hoper", ["Swimmer", "Hopper"]), "Hopper");
 * assert.equal(nearest("zzzz", ["Swimmer", "Hopper"]), undefined);
 * ```
 */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 2)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

const LONGEST_TEXT = 1000;

/**
 * Leaves the middle out of a text that is longer than anybody reads: a name in a file may have a million
 * characters.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { shorten } from "./words.ts";
 * assert.equal(shorten("one two three four", 13), "one  ... four");
 * ```
 */
export function shorten(text: string, longest = LONGEST_TEXT): string {
  if (text.length <= longest) return text;
  const rest = longest - CUT.length;
  return `${text.slice(0, Math.ceil(rest / 2))}${CUT}${text.slice(-Math.floor(rest / 2))}`;
}

const CUT = " ... ";

const LONGEST_NAME_SHOWN = 80;

/** Quotes a name out of somebody's file for an error text: cut where it is long, with escapes. */
export function quoteName(name: string): string {
  const isLong = name.length > LONGEST_NAME_SHOWN;
  return JSON.stringify(isLong ? `${name.slice(0, LONGEST_NAME_SHOWN)}...` : name);
}

/** Quotes a word for a POSIX shell where it needs quotes: single ones, which xargs and others read alike. */
export function quoteWord(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * Writes words as one line.
 * @param program What the line begins with: shell text, taken as it is.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatLine, splitLine } from "./words.ts";
 * const line = formatLine("deno task udrlpg", ["--out", "it's mine"]);
 * assert.equal(line, `deno task udrlpg --out 'it'\\''s mine'`);
 * assert.deepEqual(splitLine(line), ["deno", "task", "udrlpg", "--out", "it's mine"]);
 * ```
 */
export function formatLine(program: string, words: readonly string[]): string {
  return [program, ...words.map(quoteWord)].join(" ");
}

// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Tells whether a text holds characters that break a line, or that a terminal obeys. */
export function hasControl(text: string): boolean {
  return CONTROL.test(text);
}

/**
 * Writes a command of this program for people to paste. A word with control characters, which no
 * terminal shows, is written with escapes, as bash and zsh read them.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { ownLine } from "./words.ts";
 * assert.equal(ownLine("report", "my $(runs)"), "udrlpg report 'my $(runs)'");
 * assert.equal(ownLine("report", "a\nb"), "udrlpg report $'a\\x0ab'");
 * ```
 */
export function ownLine(...words: readonly string[]): string {
  return ["udrlpg", ...words.map((word) => hasControl(word) ? escapeWord(word) : quoteWord(word))]
    .join(" ");
}

/** Writes a path so that nothing takes it for an option: "-x" becomes "./-x". */
export function pathWord(path: string): string {
  return path.startsWith("-") ? `./${path}` : path;
}

function escapeWord(word: string): string {
  const escapes = Array.from(new TextEncoder().encode(word), (byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9_@%+=:,./ -]/.test(character)
      ? character
      : `\\x${byte.toString(16).padStart(2, "0")}`;
  });
  return `$'${escapes.join("")}'`;
}

/**
 * Splits a line as a POSIX shell does that finds quotes and backslashes alone: no variables, pipes or
 * patterns.
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
