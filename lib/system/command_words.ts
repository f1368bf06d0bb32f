/** Splits a command line into words without a shell. */

/**
 * Splits at blanks; quotes, single or double, keep blanks together, and a backslash keeps the next
 * character outside of single quotes. Nothing else is special: no variables, pipes or patterns.
 * @throws {SyntaxError} when a quote stays open or nothing is left.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { splitCommand } from "./command_words.ts";
 * assert.deepEqual(splitCommand(`python "my env.py" -x ''`), ["python", "my env.py", "-x", ""]);
 * ```
 */
export function splitCommand(command: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < command.length; i++) {
    const char = command[i];
    if (quote !== "") {
      if (char === quote) quote = "";
      else if (char === "\\" && quote === '"' && /["\\]/.test(command[i + 1] ?? "")) {
        word += command[++i];
      } else word += char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word ??= "";
      word += char === "\\" && i + 1 < command.length ? command[++i] : char;
    }
  }
  if (quote !== "") {
    throw new SyntaxError(`Cannot read command: every quote must be closed, got ${command}`);
  }
  if (word !== undefined) words.push(word);
  if (words.length === 0 || words[0] === "") {
    throw new SyntaxError("Cannot read command: it must name a program, got nothing");
  }
  return words;
}
