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
  describeSpec,
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
  const connect = async (): Promise<Connection> => {
    const child = start(program, { timeoutSeconds, graceSeconds, ...(env ? { env } : {}) });
    const conversation = new Conversation(child, { ...options, title, graceSeconds });
    const spec = await conversation.ask({ command: "describe" }, (answer) => {
      const refusal = readRefusal(answer);
      if (refusal !== undefined) throw new UsageError(`Cannot create ${title}: ${refusal}`);
      const described = readDescription(id === undefined ? answer : { ...answer, id }, title);
      readNotes(answer).forEach(onNote);
      return command === undefined ? described : { ...described, command };
    });
    return { spec, conversation };
  };
  const first = await connect();
  const { restarts = { left: 0 }, onRestart = () => {} } = options;
  return new ProcessEnv(first, { title, connect, restarts, onRestart });
}

/** A child that has said what it plays. */
interface Connection {
  readonly spec: EnvSpec;
  readonly conversation: Conversation;
}

type ConversationOptions = EnvCommandOptions & {
  readonly title: string;
  readonly graceSeconds: number;
};

/** The child is gone, or says that it failed: a fresh one may do better. */
class ChildLostError extends FileError {}

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
      const { title, signal } = this.#options;
      const isSilent = error instanceof LineProcessError;
      const advice = isSilent && error.advice !== undefined ? `: ${error.advice}` : "";
      const isLost = isSilent || error.isChilds;
      throw new (isLost && !signal?.aborted ? ChildLostError : FileError)(
        `Cannot ${request.command} ${title}: ${error.message}${place}${advice}`,
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

/** What an environment needs to go on with a fresh child. */
interface Restarting {
  readonly title: string;
  readonly connect: () => Promise<Connection>;
  readonly restarts: { left: number };
  readonly onRestart: (text: string) => void;
}

/** A step as it was played, to play it again. */
interface PlayedStep {
  readonly action: readonly number[];
  readonly reward: number;
}

/**
 * The environment on this side of the pipe. Where a child is lost, a fresh one plays the episode again from
 * its seed, with the same actions, up to the step that was lost; then it goes on as if nothing had been.
 */
class ProcessEnv implements Env {
  readonly spec: EnvSpec;
  readonly observation: Float64Array;
  readonly #restarting: Restarting;
  #conversation: Conversation;
  /** The steps of the present episode, kept where a child may be replaced. */
  #played: PlayedStep[] = [];
  #seed: number | undefined;
  #episodes = 0;
  #steps = 0;
  #running = false;
  #closed = false;

  constructor({ spec, conversation }: Connection, restarting: Restarting) {
    this.spec = spec;
    this.observation = new Float64Array(spec.observationSpace.low.length);
    this.#conversation = conversation;
    this.#restarting = restarting;
  }

  async reset(seed?: number): Promise<void> {
    if (this.#closed) throw closedError(this.spec);
    if (seed !== undefined) checkSeed(this.spec, seed);
    this.#running = false;
    this.#seed = seed;
    if (this.#steps > 0 || this.#episodes === 0) this.#episodes++;
    this.#steps = 0;
    this.#played = [];
    await this.#surviving(() => this.#reset());
    this.#running = true;
  }

  async step(action: ArrayLike<number>): Promise<Transition> {
    if (this.#closed) throw closedError(this.spec);
    if (!this.#running) throw noEpisodeError(this.spec);
    checkAction(this.spec, action);
    const isLast = this.#steps + 1 >= this.spec.maxEpisodeSteps;
    const numbers = Array.from(action);
    const transition = await this.#surviving(() => this.#step(numbers, isLast));
    this.#steps++;
    if (this.#restarting.restarts.left > 0) {
      this.#played.push({ action: numbers, reward: transition.reward });
    }
    if (isLast) transition.truncated = true;
    if (transition.terminated || transition.truncated) this.#running = false;
    return transition;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#conversation.close();
  }

  #reset(): Promise<void> {
    const seed = this.#seed;
    return this.#conversation.ask(
      { command: "reset", ...(seed === undefined ? {} : { seed }) },
      (answer) => readObservation(answer, this.observation),
      ` at the start of ${this.#episode()}`,
    );
  }

  #step(action: readonly number[], isLast: boolean): Promise<Transition> {
    return this.#conversation.ask(
      { command: "step", action },
      (answer) => {
        const outcome = readOutcome(answer);
        const isEnd = isLast || outcome.terminated || outcome.truncated;
        // Nobody acts on the observation that ends an episode: it may be anything.
        if (isEnd) copyObservation(answer, this.observation);
        else readObservation(answer, this.observation);
        return outcome;
      },
      ` in step ${this.#steps + 1} of ${this.#episode()}`,
    );
  }

  #episode(): string {
    const seed = this.#seed === undefined ? "" : `, seed ${this.#seed}`;
    return `episode ${this.#episodes}${seed}`;
  }

  /** Does what a child is asked for; a fresh one does it where the child is lost. */
  async #surviving<T>(ask: () => Promise<T>): Promise<T> {
    const { restarts, onRestart } = this.#restarting;
    let expected: Float64Array | undefined;
    for (;;) {
      try {
        if (expected !== undefined) await this.#restart(expected);
        return await ask();
      } catch (error) {
        if (!(error instanceof ChildLostError) || this.#closed || restarts.left < 1) throw error;
        restarts.left--;
        onRestart(
          `${error.message}: a fresh child plays the episode again, of which ${restarts.left} are left`,
        );
        expected ??= Float64Array.from(this.observation);
      }
    }
  }

  /** Starts a fresh child and brings it to where the lost one was, with the observation that was there. */
  async #restart(expected: Float64Array): Promise<void> {
    const { title, connect } = this.#restarting;
    const { spec, conversation } = await connect();
    this.#conversation = conversation;
    if (describeSpec(spec) !== describeSpec(this.spec)) {
      await conversation.close();
      throw new FileError(
        `Cannot restart ${title}: every child must be alike, got one that differs`,
      );
    }
    if (!this.#running) return;
    this.#steps = 0;
    await this.#reset();
    for (const { action, reward } of this.#played) {
      const again = await this.#step(action, false);
      this.#steps++;
      if (again.reward === reward && !again.terminated && !again.truncated) continue;
      await this.#failToRepeat(conversation);
    }
    if (expected.some((value, i) => value !== this.observation[i])) {
      await this.#failToRepeat(conversation);
    }
  }

  async #failToRepeat(conversation: Conversation): Promise<never> {
    await conversation.close();
    throw new FileError(
      `Cannot restart ${this.#restarting.title}: an episode must be the same again from its seed and ` +
        `actions, got another one in step ${this.#steps} of ${this.#episode()}`,
    );
  }
}
