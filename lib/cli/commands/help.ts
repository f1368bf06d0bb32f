/** `udrlpg help`: the help page of a command, or a topic. */

import { object } from "@optique/core/constructs";
import { UsageError } from "../../system/errors.ts";
import { nearest } from "../../system/words.ts";
import { describeCommand } from "../command_page.ts";
import { commandEntry, commandWords, findCommand } from "../commands.ts";
import { commandHelp, pageWidth, rootDocument, rootHelp, wrap } from "../help.ts";
import type { Command } from "../program.ts";
import { knownNames } from "../run_program.ts";
import { TOPIC_PURPOSES, type TopicName } from "../topic_names.ts";
import { type TopicPart, TOPICS } from "../topics.ts";
import { word } from "../options.ts";
import { textValue } from "../values.ts";

/** The options of `udrlpg help`. */
export interface HelpValues {
  /** What to explain. */
  readonly topic: string | undefined;
}

const TOPIC_NAMES = Object.keys(TOPIC_PURPOSES) as TopicName[];

/** The `help` command. */
export const helpCommand: Command<HelpValues> = {
  description: [`Topics: ${TOPIC_NAMES.join(", ")}.`],
  examples: [
    { command: "udrlpg help presets", does: "Explain a command" },
    { command: "udrlpg help method", does: "Explain how training works" },
    { command: "udrlpg help exit-codes", does: "List the exit codes" },
  ],
  parser: () =>
    object("What to explain", {
      topic: word(
        textValue("TOPIC", [...TOPIC_NAMES, ...commandWords()]),
        "A command or a topic; the list of both without it",
      ),
    }),
  async run({ topic }, { program, output }) {
    const columns = program.stdout.columns();
    if (topic === undefined) return output.result(rootDocument(), () => rootHelp({ columns }));
    // "presets" is a command and a topic: the topic's text follows the command's page.
    const name = findCommand(topic);
    const isTopic = Object.hasOwn(TOPICS, topic);
    if (name === undefined && !isTopic) failUnknown(topic);
    const page = name &&
      describeCommand(name, await commandEntry(name).load(), await knownNames(program));
    const parts = isTopic ? TOPICS[topic as TopicName] : [];
    output.result({ ...page, ...(isTopic ? { topic, text: parts } : {}) }, () => [
      ...(page ? commandHelp(page, { columns }) : []),
      ...(page && isTopic ? [""] : []),
      ...renderTopic(parts, pageWidth(columns)),
    ]);
  },
};

function failUnknown(topic: string): never {
  const hint = nearest(topic, [...TOPIC_NAMES, ...commandWords()]);
  throw new UsageError(
    `Cannot explain: unknown topic, got "${topic.slice(0, 200)}"${
      hint ? `: did you mean "${hint}"?` : `: topics are ${TOPIC_NAMES.join(", ")}`
    }`,
  );
}

/** Lays out a topic's text, paragraphs separated by blank lines. */
export function renderTopic(parts: readonly TopicPart[], width: number): string[] {
  return parts.flatMap((part, i) => [
    ...(i > 0 ? [""] : []),
    ...(typeof part === "string" ? wrap(part, width) : part),
  ]);
}
