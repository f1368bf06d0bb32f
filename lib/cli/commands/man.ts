/** `udrlpg man`: a manual page in roff, for the program or for one command. */

import { object } from "@optique/core/constructs";
import { UsageError } from "../../system/errors.ts";
import { nearest } from "../../system/words.ts";
import { type CommandPage, describeCommand } from "../command_page.ts";
import { commandEntry, commandNames, commandWords, findCommand } from "../commands.ts";
import type { Command } from "../program.ts";
import { knownNames } from "../run_program.ts";
import { TOPIC_PURPOSES, type TopicName } from "../topic_names.ts";
import { TOPICS } from "../topics.ts";
import { word } from "../options.ts";
import { textValue } from "../values.ts";

/** The options of `udrlpg man`. */
export interface ManValues {
  /** The command to describe. */
  readonly name: string | undefined;
}

/** The `man` command. */
export const manCommand: Command<ManValues> = {
  description: ["Without a name, the page of the program, which holds the topics too."],
  examples: [
    { command: "udrlpg man | man -l -", does: "Read the program's page" },
    { command: "udrlpg man presets | man -l -", does: "Read a command's page" },
    {
      command: "udrlpg man > ~/.local/share/man/man1/udrlpg.1",
      does: "Install the program's page for your user",
    },
  ],
  parser: () =>
    object("What to print", {
      name: word(textValue("COMMAND", commandWords()), "The command to describe"),
    }),
  async run({ name }, { program, output }) {
    const { version } = program;
    if (name === undefined) {
      const page = programPage(version);
      return output.document(page, { page });
    }
    const command = findCommand(name);
    if (command === undefined) {
      const hint = nearest(name, commandWords());
      throw new UsageError(
        `Cannot print a manual page: unknown command, got "${name}"${
          hint ? `: did you mean "${hint}"?` : ""
        }`,
      );
    }
    const module = await commandEntry(command).load();
    const page = commandPage(describeCommand(command, module, await knownNames(program)), version);
    output.document(page, { page });
  },
};

/** Escapes text for roff: backslashes, hyphens, and control characters at the start of a line. */
export function escapeRoff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^([.'])/gm, "\\&$1");
}

function heading(title: string, version: string): string[] {
  return [`.TH ${escapeRoff(title)} 1 "" "udrlpg ${escapeRoff(version)}"`];
}

function definition(term: string, text: string): string[] {
  return [".TP", `.B ${escapeRoff(term)}`, escapeRoff(text)];
}

/** A whole request's argument: quotes keep its words together. */
function quoted(title: string): string {
  return `"${escapeRoff(title).replaceAll('"', "")}"`;
}

function programPage(version: string): string {
  const lines = [
    ...heading("UDRLPG", version),
    ".SH NAME",
    escapeRoff("udrlpg") + " \\- train generators of policies and ask them for a wanted return",
    ".SH SYNOPSIS",
    ".B udrlpg",
    escapeRoff("COMMAND [OPTION...]"),
    ".SH COMMANDS",
    ...commandNames().flatMap((name) => definition(name, commandEntry(name).purpose)),
  ];
  for (const topic of Object.keys(TOPIC_PURPOSES) as TopicName[]) {
    lines.push(`.SH ${quoted(topic.replace("-", " ").toUpperCase())}`);
    for (const part of TOPICS[topic]) {
      if (typeof part === "string") lines.push(".PP", escapeRoff(part));
      else lines.push(".PP", ".nf", ...part.map(escapeRoff), ".fi");
    }
  }
  return lines.join("\n") + "\n";
}

function commandPage(page: CommandPage, version: string): string {
  const { name, purpose, usage, description, sections, examples } = page;
  const [, ...words] = usage.split(" ");
  const lines = [
    ...heading(`UDRLPG-${name.toUpperCase()}`, version),
    ".SH NAME",
    `${escapeRoff(`udrlpg-${name}`)} \\- ${
      escapeRoff(purpose[0].toLowerCase() + purpose.slice(1))
    }`,
    ".SH SYNOPSIS",
    `.B udrlpg ${escapeRoff(name)}`,
    escapeRoff(words.slice(1).join(" ")),
    ".SH DESCRIPTION",
    ...description.flatMap((paragraph) => [".PP", escapeRoff(paragraph)]),
    ...sections.flatMap(({ title, options }) => [
      `.SH ${quoted(title.toUpperCase())}`,
      ...options.flatMap(({ term, text }) => definition(term, text)),
    ]),
    ".SH EXAMPLES",
    ...examples.flatMap(({ command, does }) => [
      ".PP",
      escapeRoff(does),
      ".PP",
      ".nf",
      ".RS",
      escapeRoff(command),
      ".RE",
      ".fi",
    ]),
    ".SH SEE ALSO",
    ".BR udrlpg (1)",
  ];
  return lines.join("\n") + "\n";
}
