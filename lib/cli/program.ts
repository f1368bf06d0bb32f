/**
 * What a command gets from the outside: the program's parts and its streams. `main.ts` makes the real
 * one; tests make their own, so that every command runs in process with captured output, chosen
 * environment variables and a clock that they move.
 */

import type { Clock } from "../system/clock.ts";
import type { EnvRegistry } from "../env.ts";
import type { ModelTable } from "../model.ts";
import type { WorkerModules } from "../episodes/workers/messages.ts";
import type { Output } from "./output.ts";
import type { TextStream } from "./text_stream.ts";
import type { OptionParser } from "./options.ts";

/** Signals that the user sends while a long command runs. */
export interface Interruption {
  /** Aborted by the first SIGHUP, SIGINT or SIGTERM; its reason is an InterruptedError. */
  readonly signal: AbortSignal;
  /** Stops listening, so that a signal ends the program again. */
  stop(): void;
}

/** The program's parts and surroundings. */
export interface Program {
  /** Semantic version. */
  readonly version: string;
  /**
   * Loads the environments; the physics engine stays unloaded. Commands that run episodes name the one
   * that they need, which `withEnvironments` then starts where a child process plays it.
   * @param command what a file says plays it; its environment comes first in the registry
   */
  registry(id?: string, command?: string): Promise<EnvRegistry>;
  /** Loads the networks. */
  models(): Promise<ModelTable>;
  /** Where worker threads load both from. */
  readonly modules: WorkerModules;
  /** For results alone. */
  readonly stdout: TextStream;
  /** For progress, warnings and errors. */
  readonly stderr: TextStream;
  /** The time. */
  readonly clock: Clock;
  /** Reads an environment variable; undefined when it is unset. */
  env(name: string): string | undefined;
  /** Starts to listen for SIGHUP, SIGINT and SIGTERM. */
  listen(): Interruption;
  /** Gives back the permission to start programs, for good. */
  giveUpPrograms(): void;
}

/** What a running command works with. */
export interface CommandContext {
  /** The program and its surroundings. */
  readonly program: Program;
  /** Where results and notes go. */
  readonly output: Output;
  /** Where an option's value was given: "--seed", "UDRLPG_SEED", or undefined when it was not. */
  origin(option: string): string | undefined;
}

/** An example in a help page: a complete command line and what it does. */
export interface Example {
  /** As it is typed, with "udrlpg". */
  readonly command: string;
  /** What it is for. */
  readonly does: string;
}

/** Names that help, errors and completions know. */
export interface KnownNames {
  /** Environment ids. */
  readonly environments: readonly string[];
}

/** One command: its options, its help and what it does. */
export interface Command<V> {
  /** Paragraphs for the help page, after the purpose. */
  readonly description: readonly string[];
  /** Three or more, each of which can be parsed. */
  readonly examples: readonly [Example, Example, Example, ...Example[]];
  /** Names that --set takes, which an unknown option may mean. */
  readonly settable?: readonly string[];
  /** True where it may start programs; it then gives the permission back itself when it needs none. */
  readonly startsPrograms?: boolean;
  /** Options of which at most one may be given. */
  readonly exclusive?: readonly (readonly string[])[];
  /** Builds the parser of the command's own options; the global ones are added to it. */
  parser(names: KnownNames): OptionParser<V>;
  /** Does the work; throws an ExitError for everything that the user can cause. */
  run(values: V, context: CommandContext): Promise<void>;
}
