/** Help pages: the root page from the command table alone, and a page for each command. */

import type { Usage } from "@optique/core/usage";
import { commandEntry, type CommandName, commandNames } from "./commands.ts";
import type { Command, KnownNames } from "./program.ts";
import { TOPIC_PURPOSES } from "./topic_names.ts";

/** The widest line of a help page, however wide the terminal is. */
const WIDEST = 100;
const NARROWEST = 40;

/** Limits the width of a page to what reads well. */
export function pageWidth(columns: number): number {
  return Math.max(NARROWEST, Math.min(WIDEST, columns));
}

/** Writes the root help page. */
export function rootHelp({ columns }: { columns: number }): string {
  const width = pageWidth(columns);
  const lines = [
    ...wrap(
      "Train generators of policies, and ask them for a policy with the return you want.",
      width,
    ),
    "",
    "Usage: udrlpg COMMAND [OPTION...]",
  ];
  const groups = new Map<string, [string, string][]>();
  for (const name of commandNames()) {
    const { group, purpose } = commandEntry(name);
    groups.set(group, [...groups.get(group) ?? [], [name, purpose]]);
  }
  for (const [group, entries] of groups) {
    lines.push("", `${group}:`, ...definitions(entries, width));
  }
  lines.push(
    "",
    "Everywhere:",
    ...definitions([
      ["--json", "Print one JSON document to stdout and nothing else there"],
      ["--quiet", "No progress and no notes"],
      ["--help", "Explain a command: udrlpg COMMAND --help"],
      ["--version", "Print the version"],
    ], width),
  );
  lines.push("", "Topics (udrlpg help TOPIC):");
  lines.push(...definitions(Object.entries(TOPIC_PURPOSES), width));
  return lines.join("\n") + "\n";
}

/** Lays out terms and their explanations in two columns. */
function definitions(entries: readonly (readonly [string, string])[], width: number): string[] {
  const term = Math.max(...entries.map(([name]) => name.length), 11);
  return entries.flatMap(([name, text]) => {
    const [first = "", ...rest] = wrap(text, width - term - 4);
    return [`  ${name.padEnd(term)}  ${first}`, ...rest.map((line) => " ".repeat(term + 4) + line)];
  });
}

/** Breaks text at spaces into lines of at most `width` characters; a longer word gets its own line. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Writes what follows the command's name: its arguments, and that there are options. */
function usageOf(usage: Usage): string {
  const words = usage.flatMap((term): string[] => {
    if (term.type === "argument") return [term.metavar];
    if (term.type === "optional") {
      return usageOf(term.terms).split(" ").filter(isArgument).map(bracket);
    }
    if (term.type === "multiple") {
      return usageOf(term.terms).split(" ").filter(isArgument).map((word) => `${word}...`);
    }
    return [];
  });
  return [...words, "[OPTION...]"].map((word) => ` ${word}`).join("");
}

function isArgument(word: string): boolean {
  return word !== "" && word !== "[OPTION...]";
}

function bracket(word: string): string {
  return `[${word}]`;
}

/** The library quotes every default: (default: "10") -> (default: 10). Lines only get shorter. */
function plainDefaults(page: string): string {
  return page.replace(/\(default:(\s+)"([^"]*)"\)/g, "(default:$1$2)");
}

/** Writes the help page of a command. */
export async function commandHelp(
  name: CommandName,
  command: Command<unknown>,
  { columns, names }: { columns: number; names: KnownNames },
): Promise<string> {
  const [{ getDocPage }, { formatDocPage }, { completeParser }] = await Promise.all([
    import("@optique/core/parser"),
    import("@optique/core/doc"),
    import("./arguments.ts"),
  ]);
  const width = pageWidth(columns);
  const { purpose, aliases } = commandEntry(name);
  const page = getDocPage(completeParser(command, names), [])!;
  const options = formatDocPage(`udrlpg ${name}`, page, {
    maxWidth: width,
    termWidth: "auto",
    showDefault: { prefix: " (default: ", suffix: ")" },
    showUsage: false,
    sectionOrder: (a, b) => Number(a.title === "Everywhere") - Number(b.title === "Everywhere"),
  });
  const usage = `Usage: udrlpg ${name}${usageOf(page.usage ?? [])}`;
  const description = command.description.flatMap((paragraph) => ["", ...wrap(paragraph, width)]);
  const also = aliases?.length ? ["", `Also called ${aliases.join(", ")}.`] : [];
  const examples = command.examples.flatMap(({ command, does }) => [
    ...wrap(does, width - 4).map((line) => `  # ${line}`),
    `  ${command}`,
  ]);
  return [
    ...wrap(`${purpose}.`, width),
    "",
    ...wrap(usage, width),
    ...description,
    ...also,
    "",
    "Examples:",
    ...examples,
    "",
    plainDefaults(options).trim().split("\n").map((line) => line.trimEnd()).join("\n"),
    "",
  ].join("\n");
}
