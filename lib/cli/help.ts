/** Help pages: the root page from the command table alone, and a page for each command. */

import type { CommandPage } from "./command_page.ts";
import { commandEntry, type CommandName, commandNames } from "./commands.ts";
import { TOPIC_PURPOSES } from "./topic_names.ts";

/** The widest line of a help page, however wide the terminal is. */
const WIDEST = 100;
const NARROWEST = 40;
/** Below this width an explanation stands below its term. */
const TWO_COLUMNS = 60;

/** The options that are understood without a command as well. */
export const GLOBAL_OPTIONS: readonly (readonly [option: string, doc: string])[] = [
  ["--json", "Print one JSON document to stdout and nothing else there"],
  ["--quiet", "No progress and no notes"],
  ["--help", "Explain a command: udrlpg COMMAND --help"],
  ["--version", "Print the version"],
];

/** Limits the width of a page to what reads well. */
export function pageWidth(columns: number): number {
  return Math.max(NARROWEST, Math.min(WIDEST, columns));
}

/** Writes the root help page. */
export function rootHelp({ columns }: { columns: number }): string[] {
  const width = pageWidth(columns);
  const lines = [
    ...wrap(
      "Train generators of policies, and ask them for a policy with the return you want.",
      width,
    ),
    "",
    "Usage: udrlpg COMMAND [OPTION...]",
  ];
  const groups = Map.groupBy(commandNames(), (name) => commandEntry(name).group);
  const entries = (names: readonly CommandName[]) =>
    names.map((name) => [name, commandEntry(name).purpose] as const);
  return [
    ...lines,
    ...sectionLines([
      ...[...groups].map(([group, names]) => [group, entries(names)] as const),
      ["Everywhere", GLOBAL_OPTIONS],
      ["Topics (udrlpg help TOPIC)", Object.entries(TOPIC_PURPOSES)],
    ], width),
  ];
}

/** Describes the program as data. */
export function rootDocument(): object {
  return {
    commands: commandNames().map((name) => {
      const { purpose, group, aliases = [] } = commandEntry(name);
      return { name, purpose, group, aliases };
    }),
    topics: Object.entries(TOPIC_PURPOSES).map(([name, purpose]) => ({ name, purpose })),
  };
}

/** Lays out terms and their explanations in two columns, or below each other on a narrow page. */
function definitions(
  entries: readonly (readonly [string, string])[],
  { width, term = longest(entries) }: { readonly width: number; readonly term?: number },
): string[] {
  if (width < TWO_COLUMNS) {
    return entries.flatMap(([name, text]) => [
      `  ${name}`,
      ...wrap(text, width - 6).map((line) => `      ${line}`),
    ]);
  }
  return entries.flatMap(([name, text]) => {
    const [first, ...rest] = wrap(text, width - term - 4);
    return [`  ${name.padEnd(term)}  ${first}`, ...rest.map((line) => " ".repeat(term + 4) + line)];
  });
}

function longest(entries: readonly (readonly [string, string])[]): number {
  return Math.max(...entries.map(([name]) => name.length));
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

/** Lays out the help page of a command. */
export function commandHelp(page: CommandPage, { columns }: { columns: number }): string[] {
  const width = pageWidth(columns);
  const { purpose, usage, description, aliases, examples, sections } = page;
  return [
    ...wrap(`${purpose}.`, width),
    "",
    ...wrap(`Usage: ${usage}`, width),
    ...description.flatMap((paragraph) => ["", ...wrap(paragraph, width)]),
    ...(aliases.length > 0 ? ["", `Also called ${aliases.join(", ")}.`] : []),
    "",
    "Examples:",
    ...examples.flatMap(({ command, does }) => [
      ...wrap(does, width - 4).map((line) => `  # ${line}`),
      `  ${command}`,
    ]),
    ...sectionLines(
      sections.map(({ title, options }) =>
        [title, options.map(({ term, text }) => [term, text] as const)] as const
      ),
      width,
    ),
  ];
}

/** Lays out titled sections with one width for the terms of all. */
function sectionLines(
  sections: readonly (readonly [title: string, entries: readonly (readonly [string, string])[]])[],
  width: number,
): string[] {
  const term = longest(sections.flatMap(([, entries]) => entries));
  return sections.flatMap(([title, entries]) => [
    "",
    `${title}:`,
    ...definitions(entries, { width, term }),
  ]);
}
