/**
 * An environment in a child process, for `--env-command` and `--env gym:ID`: any language, any
 * simulator, without touching this program.
 *
 * env_protocol.ts has the protocol; gym_adapter.ts wraps any Gymnasium environment in it. The program
 * needs the permission to run other programs for these two only.
 */

import type { Env, EnvSpec, Transition } from "../../env.ts";
import { checkAction, checkSeed, closedError, noEpisodeError } from "../env_checks.ts";
import {
  copyObservation,
  type EnvRequest,
  parseAnswer,
  ProtocolError,
  readDescription,
  readNotes,
  readObservation,
  readOutcome,
  readRefusal,
} from "./env_protocol.ts";
import { FileError, UsageError } from "../../system/errors.ts";
import { splitLine } from "../../system/words.ts";
import { LineProcess, LineProcessError, type LineProcessOptions } from "./line_process.ts";

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
function start({ title, words, missing }: EnvProgram, options: LineProcessOptions): LineProcess {
  try {
    return new LineProcess(words, options);
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
    env,
    onNote = () => {},
  } = options;
  if (!(timeoutSeconds > 0 && timeoutSeconds <= 1e6)) {
    throw new RangeError(
      `Cannot start environment command: the time limit must be above 0 s, got ${timeoutSeconds}`,
    );
  }
  const { title, id, command } = program;
  const child = start(program, { timeoutSeconds, graceSeconds, ...(env ? { env } : {}) });
  const conversation = new Conversation(child, { ...options, title, graceSeconds });
  const spec = await conversation.ask({ command: "describe" }, (answer) => {
    const refusal = readRefusal(answer);
    if (refusal !== undefined) throw new UsageError(`Cannot create ${title}: ${refusal}`);
    const described = readDescription(id === undefined ? answer : { ...answer, id }, title);
    readNotes(answer).forEach(onNote);
    return command === undefined ? described : { ...described, command };
  });
  return new ProcessEnv(spec, conversation);
}

type ConversationOptions = EnvCommandOptions & {
  readonly title: string;
  readonly graceSeconds: number;
};

/** Requests and checked answers; ends the child when an answer is wrong. */
class Conversation {
  readonly #child: LineProcess;
  readonly #options: ConversationOptions;
  readonly #hangUp = () => void this.#child.close();

  constructor(child: LineProcess, options: ConversationOptions) {
    this.#child = child;
    this.#options = options;
    const { signal } = options;
    signal?.addEventListener("abort", this.#hangUp);
    if (signal?.aborted) this.#hangUp();
  }

  /** @param place where in the course of things the answer belongs, for errors; "" where that is clear. */
  async ask<T>(
    request: EnvRequest,
    read: (answer: Record<string, unknown>) => T,
    place = "",
  ): Promise<T> {
    try {
      return read(parseAnswer(await this.#answer(JSON.stringify(request))));
    } catch (error) {
      await this.close();
      if (!(error instanceof ProtocolError || error instanceof LineProcessError)) throw error;
      const { title } = this.#options;
      throw new FileError(
        `Cannot ${request.command} ${title}: ${error.message}${place}`,
      );
    }
  }

  close(): Promise<void> {
    this.#options.signal?.removeEventListener("abort", this.#hangUp);
    return this.#child.close();
  }

  /** Waits for an answer; no longer than the grace once the work is to stop. */
  async #answer(line: string): Promise<string> {
    const { stopping, graceSeconds } = this.#options;
    if (stopping === undefined) return await this.#child.ask(line);
    const { promise, reject } = Promise.withResolvers<never>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const hurry = () => timer = setTimeout(() => reject(stopping.reason), 1000 * graceSeconds);
    if (stopping.aborted) hurry();
    else stopping.addEventListener("abort", hurry);
    const asked = this.#child.ask(line);
    asked.catch(() => {}); // fails when the child is closed, after the hurry was in vain
    try {
      return await Promise.race([asked, promise]);
    } finally {
      clearTimeout(timer);
      stopping.removeEventListener("abort", hurry);
    }
  }
}

/** The environment on this side of the pipe. */
class ProcessEnv implements Env {
  readonly spec: EnvSpec;
  readonly observation: Float64Array;
  readonly #conversation: Conversation;
  #steps = 0;
  #running = false;
  #closed = false;

  constructor(spec: EnvSpec, conversation: Conversation) {
    this.spec = spec;
    this.observation = new Float64Array(spec.observationSpace.low.length);
    this.#conversation = conversation;
  }

  async reset(seed?: number): Promise<void> {
    if (this.#closed) throw closedError(this.spec);
    if (seed !== undefined) checkSeed(this.spec, seed);
    this.#running = false;
    await this.#conversation.ask(
      { command: "reset", ...(seed === undefined ? {} : { seed }) },
      (answer) => readObservation(answer, this.observation),
    );
    this.#steps = 0;
    this.#running = true;
  }

  async step(action: ArrayLike<number>): Promise<Transition> {
    if (this.#closed) throw closedError(this.spec);
    if (!this.#running) throw noEpisodeError(this.spec);
    checkAction(this.spec, action);
    const isLast = this.#steps + 1 >= this.spec.maxEpisodeSteps;
    const transition = await this.#conversation.ask(
      { command: "step", action: Array.from(action) },
      (answer) => {
        const outcome = readOutcome(answer);
        const isEnd = isLast || outcome.terminated || outcome.truncated;
        // Nobody acts on the observation that ends an episode: it may be anything.
        if (isEnd) copyObservation(answer, this.observation);
        else readObservation(answer, this.observation);
        return outcome;
      },
      ` in step ${this.#steps + 1} of the episode`,
    );
    this.#steps++;
    if (isLast) transition.truncated = true;
    if (transition.terminated || transition.truncated) this.#running = false;
    return transition;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#conversation.close();
  }
}
