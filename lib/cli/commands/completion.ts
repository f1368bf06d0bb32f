/**
 * `udrlpg completion SHELL` prints a completion script; the script calls
 * `udrlpg completion SHELL -- WORD...` to ask what the last word may become.
 */

import { bash, fish, pwsh, type ShellCompletion, zsh } from "@optique/core/completion";
import { object } from "@optique/core/constructs";
import { text } from "@optique/core/message";
import { suggest, type Suggestion as LibrarySuggestion } from "@optique/core/parser";
import { UsageError } from "../../system/errors.ts";
import { nearest } from "../../system/words.ts";
import { completeParser } from "../arguments.ts";
import { commandEntry, commandNames, findCommand } from "../commands.ts";
import { GLOBAL_OPTIONS } from "../help.ts";
import type { Command, Program } from "../program.ts";
import { knownNames } from "../run_program.ts";
import { word } from "../options.ts";
import { choiceValue } from "../values.ts";

const SHELLS: { readonly [name: string]: ShellCompletion } = { bash, zsh, fish, powershell: pwsh };
/** A shell that a script can be printed for. */
export type ShellName = "bash" | "zsh" | "fish" | "powershell";
const SHELL_NAMES: readonly ShellName[] = ["bash", "zsh", "fish", "powershell"];

/** The options of `udrlpg completion`. */
export interface CompletionValues {
  /** Shell to print for. */
  readonly shell: ShellName | undefined;
}

/** The `completion` command. */
export const completionCommand: Command<CompletionValues> = {
  description: [
    "The script completes commands, options, environment ids, presets, run folders and files. It needs `udrlpg` on the PATH.",
  ],
  examples: [
    {
      command: "udrlpg completion bash > ~/.local/share/bash-completion/completions/udrlpg",
      does: "bash: for every new shell",
    },
    { command: "udrlpg completion zsh > ~/.zfunc/_udrlpg", does: "zsh: into a folder of $fpath" },
    {
      command: "udrlpg completion fish > ~/.config/fish/completions/udrlpg.fish",
      does: "fish: for every new shell",
    },
    {
      command: "udrlpg completion powershell | Out-String | Invoke-Expression",
      does: "PowerShell: in this shell, or in $PROFILE for every new one",
    },
  ],
  parser: () =>
    object("What to print", {
      shell: word(choiceValue(SHELL_NAMES, "SHELL"), `One of ${SHELL_NAMES.join(", ")}`),
    }),
  run({ shell }, { output }) {
    if (shell === undefined) {
      throw new UsageError(
        `Cannot print a completion script: a shell must follow, got none: one of ${
          SHELL_NAMES.join(", ")
        }`,
      );
    }
    const script = SHELLS[shell].generateScript("udrlpg", ["completion", shell, "--"]);
    output.document(script, { shell, script });
    return Promise.resolve();
  },
};

/**
 * Answers a completion script.
 * @param words The words after the program's name; the last one is being typed and may be empty.
 * @returns suggestions in the form that the shell's script reads.
 * @throws {UsageError} when the shell is unknown.
 */
export async function completeWords(
  shell: string,
  words: readonly string[],
  program: Program,
): Promise<string> {
  if (!Object.hasOwn(SHELLS, shell)) {
    const hint = nearest(shell, SHELL_NAMES);
    throw new UsageError(
      `Cannot complete: shell must be one of ${SHELL_NAMES.join(", ")}, got "${shell}"${
        hint ? `: did you mean "${hint}"?` : ""
      }`,
    );
  }
  return [...SHELLS[shell].encodeSuggestions(await suggestWords(words, program))].join("");
}

/** What a word may become, with a description. */
export type Suggestion = LibrarySuggestion;

/** Lists what the last word may become. */
export async function suggestWords(
  words: readonly string[],
  program: Program,
): Promise<readonly Suggestion[]> {
  const last = words.at(-1) ?? "";
  const at = words.slice(0, -1).findIndex((word) => !word.startsWith("-"));
  if (at < 0) return suggestCommands(last);
  const name = findCommand(words[at]);
  if (name === undefined) return [];
  const command = await commandEntry(name).load();
  const parser = completeParser(command, await knownNames(program));
  const before = words.slice(at + 1, -1);
  const all = await suggestAfter(parser, before, last);
  if (!before.at(-1)?.startsWith("-")) return all;
  // What may stand there without the option is none of its values; after a flag it is all there is.
  const others = new Set((await suggestAfter(parser, before.slice(0, -1), last)).map(textOf));
  const values = all.filter((suggestion) => !others.has(textOf(suggestion)));
  return values.length > 0 ? values : all;
}

async function suggestAfter(
  parser: Parameters<typeof suggest>[0],
  before: readonly string[],
  last: string,
): Promise<readonly Suggestion[]> {
  const [first = last, ...rest] = before;
  return await suggest(parser, before.length === 0 ? [last] : [first, ...rest, last]);
}

function textOf(suggestion: Suggestion): string {
  return suggestion.kind === "literal" ? suggestion.text : JSON.stringify(suggestion);
}

function suggestCommands(prefix: string): Suggestion[] {
  const commands = commandNames().map((name) => ({ word: name, doc: commandEntry(name).purpose }));
  const options = GLOBAL_OPTIONS.map(([word, doc]) => ({ word, doc }));
  const known: { word: string; doc: string }[] = prefix.startsWith("-") ? options : commands;
  return known.filter(({ word }) => word.startsWith(prefix)).map(({ word, doc }) => ({
    kind: "literal",
    text: word,
    description: [text(doc)],
  }));
}
