/**
 * An environment in a child process, for `--env-command` and `--env gym:ID`: any language, any
 * simulator, without touching this program.
 *
 * env_protocol.ts has the protocol; gym_adapter.ts wraps any Gymnasium environment in it. The program
 * needs the permission to run other programs for these two only.
 */

import type { Env, EnvSpec } from "../../env.ts";
import { UsageError } from "../../system/errors.ts";
import { splitLine } from "../../system/words.ts";
import { type Fields, readDescription, readNotes, readRefusal } from "./env_protocol.ts";
import { Table } from "./frame_player.ts";
import { LinePlayer } from "./line_player.ts";
import type { Opening, Player, TalkOptions } from "./player.ts";
import { ProcessEnv } from "./process_env.ts";

/** How long an answer may take unless the caller says otherwise: a slow simulator's first reset. */
export const DEFAULT_TIMEOUT_SECONDS = 60;

/** How long a child may take to end by itself unless the caller says otherwise: it may write a recording. */
export const DEFAULT_GRACE_SECONDS = 10;

/** A program that plays an environment. */
export interface EnvProgram {
  /** As error texts name it: `environment "gym:CartPole-v1"`. */
  readonly title: string;
  /** The program and its arguments. */
  readonly words: readonly string[];
  /** The environment's id, whatever the child calls it. */
  readonly id?: string;
  /** The command line that it is, for what is made with it. */
  readonly command?: string;
  /** True for this program's own, which talks in messages of many environments (frames.ts). */
  readonly playsMany?: boolean;
  /** What the user can do when there is no such program. */
  readonly missing?: string;
}

/** What `connectEnv` can be told. */
export interface EnvCommandOptions {
  /** How long the child may take for each answer. */
  readonly timeoutSeconds?: number;
  /** How long it may take to end by itself, and for the present answer once `stopping` is aborted. */
  readonly graceSeconds?: number;
  /** The only variables of the environment that it gets; all of this program's when absent. */
  readonly env?: Readonly<Record<string, string>>;
  /** Aborted to end the child at once; whatever then waits for an answer fails. */
  readonly signal?: AbortSignal;
  /** Aborted when the work is to stop soon: an answer that takes longer than the grace fails with its reason. */
  readonly stopping?: AbortSignal;
  /** Takes what the user should know of the environment. */
  readonly onNote?: (text: string) => void;
  /** How many fresh children may still take the place of lost ones; all share it, and it counts down. */
  readonly restarts?: { left: number };
  /** Told when a fresh child takes the place of a lost one. */
  readonly onRestart?: (text: string) => void;
}

/**
 * Reads a command (words, quotes, no shell) as a program that plays an environment.
 * @throws {UsageError} when it holds no word.
 */
export function programOfCommand(command: string): EnvProgram {
  const title = `environment command "${command}"`;
  try {
    const words = splitLine(command);
    if (!words[0]) throw new SyntaxError("nothing");
    return { title, words, command };
  } catch (error) {
    throw new UsageError(`Cannot start ${title}: ${notAProgram(error)}`);
  }
}

function notAProgram(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return `it must be a program to run, got: ${reason}`;
}

/** Starts the child. @throws {UsageError} when the program cannot be started, or may not be. */
function start({ title, words, missing, playsMany }: EnvProgram, options: TalkOptions): Opening {
  try {
    return playsMany ? new Table(words, options) : new LinePlayer(words, options);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      throw new UsageError(
        `Cannot start ${title}: this program must be permitted to start ` +
          "programs, got no permission: run it with --allow-run, from a checkout by deno run -A main.ts",
      );
    }
    const isMissing = error instanceof Deno.errors.NotFound && missing !== undefined;
    throw new UsageError(`Cannot start ${title}: ${isMissing ? missing : notAProgram(error)}`);
  }
}

/**
 * Starts a command and speaks the line protocol with it, see `connectEnv`.
 * @throws {UsageError} when the command cannot be started.
 */
export async function connectEnvCommand(
  command: string,
  options: EnvCommandOptions = {},
): Promise<Env> {
  return await connectEnv(programOfCommand(command), options);
}

/**
 * Starts a program and speaks the line protocol with it. Close the environment to end the child.
 * @throws {UsageError} when the program cannot be started, or refuses to make the environment.
 * @throws {FileError} when the child is too slow, dies, describes nonsense or breaks the protocol; so
 * do the environment's `reset` and `step`, and the child is ended before the error arrives.
 */
export async function connectEnv(
  program: EnvProgram,
  options: EnvCommandOptions = {},
): Promise<Env> {
  const {
    timeoutSeconds = DEFAULT_TIMEOUT_SECONDS,
    graceSeconds = DEFAULT_GRACE_SECONDS,
    onNote = () => {},
  } = options;
  if (!(timeoutSeconds > 0 && timeoutSeconds <= 1e6)) {
    throw new RangeError(
      `Cannot start environment command: the time limit must be above 0 s, got ${timeoutSeconds}`,
    );
  }
  const { title, id, command } = program;
  const talk = { ...options, title, timeoutSeconds, graceSeconds };
  const connect = async (): Promise<Player> => {
    const read = (answer: Fields): EnvSpec => {
      const refusal = readRefusal(answer);
      if (refusal !== undefined) throw new UsageError(`Cannot create ${title}: ${refusal}`);
      const described = readDescription(id === undefined ? answer : { ...answer, id }, title);
      readNotes(answer).forEach(onNote);
      return command === undefined ? described : { ...described, command };
    };
    return await start(program, talk).describe(read);
  };
  const { restarts = { left: 0 }, onRestart = () => {} } = options;
  return new ProcessEnv(await connect(), { title, connect, restarts, onRestart });
}
