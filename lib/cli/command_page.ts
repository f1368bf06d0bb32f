/** What there is to say of a command, once: help pages, manual pages and `--help --json` are written from it. */

import { formatMessage } from "@optique/core/message";
import { getDocPage } from "@optique/core/parser";
import type { DocEntry } from "@optique/core/doc";
import { completeParser, EVERYWHERE, type Usage } from "./arguments.ts";
import { commandEntry, type CommandName } from "./commands.ts";
import type { Command, Example, KnownNames } from "./program.ts";

/** An option or argument and what it is for. */
export interface OptionText {
  /** As it is typed: "--seed N", "-h, --help", "FILE". */
  readonly term: string;
  /** What it does, with its range and default. */
  readonly text: string;
}

/** A command in words. */
export interface CommandPage {
  /** As it is typed. */
  readonly name: CommandName;
  /** In one line; a verb first. */
  readonly purpose: string;
  /** Other names that mean the same. */
  readonly aliases: readonly string[];
  /** "udrlpg presets [ACTION] [NAME] [OPTION...]". */
  readonly usage: string;
  /** Paragraphs. */
  readonly description: readonly string[];
  /** Complete command lines. */
  readonly examples: readonly Example[];
  /** Options by what they are about; those of every command last. */
  readonly sections: readonly { readonly title: string; readonly options: readonly OptionText[] }[];
}

/** Describes a command. */
export function describeCommand(
  name: CommandName,
  command: Command<unknown>,
  names: KnownNames,
): CommandPage {
  const { purpose, aliases = [] } = commandEntry(name);
  const page = getDocPage(completeParser(command, names), [])!;
  const sections = page.sections.filter(({ entries }) => entries.length > 0)
    .map(({ title = "Options", entries }) => ({
      title,
      options: entries.toSorted(byPlace).map(optionText),
    }));
  const isLast = ({ title }: { title: string }) => Number(title === EVERYWHERE);
  return {
    name,
    purpose,
    aliases,
    usage: ["udrlpg", name, ...argumentWords(page.usage ?? []), "[OPTION...]"].join(" "),
    description: command.description,
    examples: command.examples,
    sections: sections.sort((a, b) => isLast(a) - isLast(b)),
  };
}

/** Words come first, as on the command line: what an option says refers to them. */
function byPlace(a: DocEntry, b: DocEntry): number {
  const isOption = ({ term }: DocEntry) => Number(term.type === "option");
  return isOption(a) - isOption(b);
}

function optionText({ term, description, default: fallback }: DocEntry): OptionText {
  const plain = { quotes: false };
  const text = description ? formatMessage(description, plain) : "";
  const ending = fallback ? ` (default: ${formatMessage(fallback, plain)})` : "";
  // The range and the default share a pair of brackets.
  return { term: termText(term), text: (text + ending).replace(") (default: ", ", default: ") };
}

function termText(term: DocEntry["term"]): string {
  if (term.type === "argument") return term.metavar;
  if (term.type !== "option") return "";
  const names = term.names.join(", ");
  return term.metavar === undefined ? names : `${names} ${term.metavar}`;
}

/** Lists the words that are no options: "[POLICY]", "RUN...". */
function argumentWords(usage: Usage): string[] {
  return usage.flatMap((term): string[] => {
    switch (term.type) {
      case "argument":
        return [term.metavar];
      case "optional":
        return argumentWords(term.terms).map((word) => `[${word}]`);
      case "multiple":
        return argumentWords(term.terms).map((word) => `${word}...`);
      default:
        return [];
    }
  });
}
