/**
 * The table of commands. It is all that the root help needs; a command's own module, and whatever
 * that imports, is loaded when the command runs, so that `udrlpg --help` answers at once.
 *
 * When you add a command: write its file, with its parser, three examples and its run function, and
 * add one line here. Help, completions, man pages, error hints and the tests that try every example
 * follow.
 */

import type { Command } from "./program.ts";

/** What is known of a command without loading it. */
export interface CommandEntry {
  /** One line for the root help; a verb first. */
  readonly purpose: string;
  /** Heading in the root help. */
  readonly group: "Train and use" | "Look around" | "Set up";
  /** Other names that mean the same. */
  readonly aliases?: readonly string[];
  /** Loads the command. */
  load(): Promise<Command<unknown>>;
}

/** Every command by name, in the order of the root help. */
export const COMMANDS = {
  quickstart: {
    purpose: "Train on a small environment, generate a policy and measure it",
    group: "Train and use",
    load: async () => (await import("./commands/quickstart.ts")).quickstartCommand,
  },
  train: {
    purpose: "Train a generator of policies in an environment",
    group: "Train and use",
    load: async () => (await import("./commands/train/train.ts")).trainCommand,
  },
  generate: {
    purpose: "Write a policy for a wanted return and measure it",
    group: "Train and use",
    aliases: ["sample"],
    load: async () => (await import("./commands/generate/generate.ts")).generateCommand,
  },
  evaluate: {
    purpose: "Measure what a policy file returns",
    group: "Train and use",
    load: async () => (await import("./commands/evaluate.ts")).evaluateCommand,
  },
  distill: {
    purpose: "Make a generator of an archive of policies",
    group: "Train and use",
    aliases: ["distil"],
    load: async () => (await import("./commands/distill.ts")).distillCommand,
  },
  export: {
    purpose: "Write the generator itself as a file that other programs run",
    group: "Train and use",
    load: async () => (await import("./commands/export.ts")).exportCommand,
  },
  curve: {
    purpose: "Measure requested against achieved returns",
    group: "Train and use",
    load: async () => (await import("./commands/curve.ts")).curveCommand,
  },
  report: {
    purpose: "Draw what runs recorded as a page, or compare runs",
    group: "Train and use",
    load: async () => (await import("./commands/report.ts")).reportCommand,
  },
  play: {
    purpose: "Animate episodes of policies as a page",
    group: "Train and use",
    load: async () => (await import("./commands/play/play.ts")).playCommand,
  },
  dial: {
    purpose: "Write a page in which a generator answers requests live",
    group: "Train and use",
    load: async () => (await import("./commands/dial.ts")).dialCommand,
  },
  rollout: {
    purpose: "Show one episode step by step",
    group: "Train and use",
    load: async () => (await import("./commands/rollout.ts")).rolloutCommand,
  },
  sweep: {
    purpose: "Plan, run or submit many runs from one file",
    group: "Train and use",
    load: async () => (await import("./commands/sweep/sweep.ts")).sweepCommand,
  },
  summary: {
    purpose: "Tabulate results of runs over seeds",
    group: "Train and use",
    load: async () => (await import("./commands/summary.ts")).summaryCommand,
  },
  envs: {
    purpose: "List the environments, or describe one",
    group: "Look around",
    load: async () => (await import("./commands/envs.ts")).envsCommand,
  },
  presets: {
    purpose: "List the presets, print one as a configuration file, or print the JSON Schema",
    group: "Look around",
    load: async () => (await import("./commands/presets.ts")).presetsCommand,
  },
  inspect: {
    purpose: "Explain a file or folder of this program",
    group: "Look around",
    load: async () => (await import("./commands/inspect.ts")).inspectCommand,
  },
  verify: {
    purpose: "Replay the beginning of a run and compare it with its records",
    group: "Look around",
    load: async () => (await import("./commands/verify.ts")).verifyCommand,
  },
  doctor: {
    purpose: "Try what the program needs on this machine",
    group: "Set up",
    load: async () => (await import("./commands/doctor.ts")).doctorCommand,
  },
  completion: {
    purpose: "Print the completion script of a shell",
    group: "Set up",
    load: async () => (await import("./commands/completion.ts")).completionCommand,
  },
  man: {
    purpose: "Print a manual page",
    group: "Set up",
    load: async () => (await import("./commands/man.ts")).manCommand,
  },
  help: {
    purpose: "Explain a command or a topic",
    group: "Set up",
    load: async () => (await import("./commands/help.ts")).helpCommand,
  },
} as const satisfies Record<string, CommandEntry>;

/** The name of a command. */
export type CommandName = keyof typeof COMMANDS;

/** Lists the commands' names in the order of the table. */
export function commandNames(): CommandName[] {
  return Object.keys(COMMANDS) as CommandName[];
}

/** Describes a command without loading it. */
export function commandEntry(name: CommandName): CommandEntry {
  return COMMANDS[name];
}

/** Finds the command that a word means, through aliases too. */
export function findCommand(word: string): CommandName | undefined {
  return commandNames().find((name) =>
    name === word || commandEntry(name).aliases?.includes(word) === true
  );
}

/** Lists every word that means a command. */
export function commandWords(): string[] {
  return commandNames().flatMap((name) => [name, ...commandEntry(name).aliases ?? []]);
}
