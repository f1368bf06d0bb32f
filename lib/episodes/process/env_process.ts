/**
 * An environment in a child process, for `--env-command`: any language, any simulator, without
 * touching this program.
 *
 * lib/episodes/process/env_protocol.ts has the protocol; tests/examples/gymnasium_env.py wraps any Gymnasium
 * environment in it. The program needs the permission to run other programs for this option only.
 */

import type { Env, EnvSpec, Transition } from "../../env.ts";
import { checkAction, checkSeed, closedError, noEpisodeError } from "../env_checks.ts";
import {
  type EnvRequest,
  parseAnswer,
  ProtocolError,
  readDescription,
  readObservation,
  readOutcome,
} from "./env_protocol.ts";
import { FileError, UsageError } from "../../system/errors.ts";
import { splitLine } from "../../system/words.ts";
import { LineProcess, LineProcessError } from "./line_process.ts";

/** How long an answer may take unless the caller says otherwise: a slow simulator's first reset. */
export const DEFAULT_TIMEOUT_SECONDS = 60;

/** What `connectEnvCommand` can be told. */
export interface EnvCommandOptions {
  /** How long the child may take for each answer. */
  readonly timeoutSeconds?: number;
  /** Aborted to end the child at once; whatever then waits for an answer fails. */
  readonly signal?: AbortSignal;
}

/** Starts the child. @throws {UsageError} when the command cannot be started, or may not be. */
function start(command: string, timeoutSeconds: number): LineProcess {
  try {
    const words = splitLine(command);
    if (!words[0]) throw new SyntaxError("nothing");
    return new LineProcess(words, { timeoutSeconds });
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      throw new UsageError(
        `Cannot start environment command "${command}": this program must be permitted to start ` +
          "programs, got no permission: run it with --allow-run, from a checkout by deno run -A main.ts",
      );
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `Cannot start environment command "${command}": it must be a program to run, got: ${reason}`,
    );
  }
}

/**
 * Starts a command (words, quotes, no shell) and speaks the line protocol with it. Close the
 * environment to end the child.
 * @throws {UsageError} when the command cannot be started.
 * @throws {FileError} when the child is too slow, dies, describes nonsense or breaks the protocol; so
 * do the environment's `reset` and `step`, and the child is ended before the error arrives.
 */
export async function connectEnvCommand(
  command: string,
  { timeoutSeconds = DEFAULT_TIMEOUT_SECONDS, signal }: EnvCommandOptions = {},
): Promise<Env> {
  if (!(timeoutSeconds > 0 && timeoutSeconds <= 1e6)) {
    throw new RangeError(
      `Cannot start environment command: the time limit must be above 0 s, got ${timeoutSeconds}`,
    );
  }
  const child = start(command, timeoutSeconds);
  const conversation = new Conversation(command, child, signal);
  const spec = await conversation.ask(
    { command: "describe" },
    (answer) => readDescription(answer, command),
  );
  return new ProcessEnv(spec, conversation);
}

/** Requests and checked answers; ends the child when an answer is wrong. */
class Conversation {
  readonly #command: string;
  readonly #child: LineProcess;
  readonly #signal: AbortSignal | undefined;
  readonly #hangUp = () => void this.#child.close();

  constructor(command: string, child: LineProcess, signal: AbortSignal | undefined) {
    this.#command = command;
    this.#child = child;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#hangUp);
    if (signal?.aborted) this.#hangUp();
  }

  async ask<T>(request: EnvRequest, read: (answer: Record<string, unknown>) => T): Promise<T> {
    try {
      return read(parseAnswer(await this.#child.ask(JSON.stringify(request))));
    } catch (error) {
      await this.close();
      if (!(error instanceof ProtocolError || error instanceof LineProcessError)) throw error;
      throw new FileError(
        `Cannot ${request.command} environment command "${this.#command}": ${error.message}`,
      );
    }
  }

  close(): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#hangUp);
    return this.#child.close();
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
    const transition = await this.#conversation.ask(
      { command: "step", action: Array.from(action) },
      (answer) => {
        readObservation(answer, this.observation);
        return readOutcome(answer);
      },
    );
    this.#steps++;
    if (this.#steps >= this.spec.maxEpisodeSteps) transition.truncated = true;
    if (transition.terminated || transition.truncated) this.#running = false;
    return transition;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#conversation.close();
  }
}
