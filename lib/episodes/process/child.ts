/**
 * A child process that is talked to: started without a shell, with a time limit for each answer, and an end
 * that leaves nothing behind.
 *
 * The child leads a process group of its own, so that its own children end with it, and so that a
 * Ctrl-C in the terminal reaches this program alone, which then closes the child in order. If this
 * program dies without a word, the child's input ends, which is a well-behaved child's sign to go; a
 * second process (guard.ts) ends one that stays.
 */

import { joinBytes } from "../../system/bytes.ts";
import { AnswerWatch } from "./answer_watch.ts";
import { type Guard, startGuard } from "./guard.ts";

/** How much of the child's standard error is kept for its error message, in bytes. */
const KEPT_ERROR_BYTES = 4096;
/** How long a child's output may go on after its end: a process that it left behind may hold it open. */
const DRAIN_MS = 500;
/** How much of the child's output is read at once, in bytes. */
const READ_BYTES = 1 << 16;

/** Something that the child did; the message says what it must do and what it did. */
export class ChildError extends Error {
  /** The class, as error texts name it. */
  override readonly name = "ChildError";
  /** What the user can do. */
  readonly advice: string | undefined;

  /** Makes the error of a child. */
  constructor(message: string, advice?: string) {
    super(message);
    this.advice = advice;
  }
}

/** How a child is run. */
export interface ChildOptions {
  /** How long it may take for each answer. */
  readonly timeoutSeconds: number;
  /** How long it may take to go by itself once its input has ended, and to answer after `stopping`. */
  readonly graceSeconds: number;
  /** The only variables that it gets; those of this program when absent. */
  readonly env?: Readonly<Record<string, string>>;
  /** Aborted when the work is to stop soon: an answer that takes longer than the grace fails with its reason. */
  readonly stopping?: AbortSignal | undefined;
}

/** Who talks to the child. */
export interface Talker {
  /** Takes what the child put out; the bytes are valid during the call. */
  take(bytes: Uint8Array): void;
  /** Learns that no answer will come any more. */
  lose(error: Error): void;
  /** Gives what came last that was no answer. */
  heard?(): string | undefined;
}

/** A running child. */
export class Child {
  readonly #child: Deno.ChildProcess;
  readonly #talker: Talker;
  readonly #guard: Guard | undefined;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamBYOBReader;
  readonly #errors: ReadableStreamDefaultReader<Uint8Array>;
  readonly #options: ChildOptions;
  readonly #watch: AnswerWatch;
  readonly #reading: Promise<void>;
  readonly #readingErrors: Promise<void>;
  readonly #kill = () => this.#signal("SIGKILL");
  #failure: Error | undefined;
  #errorTail = new Uint8Array(0);
  #ended = false;

  /**
   * Starts the program `words[0]` with the other words as arguments.
   * @throws {Deno.errors.NotFound | Deno.errors.NotCapable | Deno.errors.PermissionDenied} when it
   * cannot be started.
   */
  constructor(words: readonly string[], options: ChildOptions, talker: Talker) {
    this.#options = options;
    this.#talker = talker;
    this.#child = new Deno.Command(words[0], {
      args: words.slice(1),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      detached: Deno.build.os !== "windows",
      ...(options.env ? { env: options.env, clearEnv: true } : {}),
    }).spawn();
    this.#guard = startGuard(this.#child.pid, options.graceSeconds);
    this.#watch = new AnswerWatch({
      ...options,
      pid: this.#child.pid,
      onLate: (isStopping) => this.fail(this.#lateError(isStopping)),
    });
    this.#input = this.#child.stdin.getWriter();
    // Reading into the same memory costs half of what the default reader does.
    this.#output = this.#child.stdout.getReader({ mode: "byob" });
    this.#errors = this.#child.stderr.getReader();
    this.#reading = this.#read();
    this.#readingErrors = this.#readErrors();
    globalThis.addEventListener("unload", this.#kill);
    this.#child.status.then(() => this.#drain());
  }

  /** Why no answer will come any more; undefined while all is well. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /**
   * Sends something that is to be answered.
   * @param parts how many times the time of one answer the child has for it
   */
  send(bytes: Uint8Array<ArrayBuffer>, parts = 1): void {
    this.#watch.begin(parts);
    // A child that has gone cannot be written to; the end of its output says why.
    this.#input.write(bytes).catch(() => {});
  }

  /** Takes note that something that was sent has been answered, the oldest first. */
  answered(): void {
    this.#watch.end();
  }

  /** Ends the child by force, for what it did; the first reason counts. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#signal("SIGKILL");
    this.#lose();
  }

  /** Ends the child: first its input, then, after the grace, by force; waits until it is gone. */
  async close(): Promise<void> {
    this.#failure ??= new ChildError("the child must be open, got a closed one");
    this.#lose(); // closed from outside, while somebody waits
    await this.#input.close().catch(() => {});
    const killing = setTimeout(this.#kill, 1000 * this.#options.graceSeconds);
    await this.#child.status;
    clearTimeout(killing);
    this.#signal("SIGKILL"); // what the child itself may have left in its group
    await Promise.all([this.#reading, this.#readingErrors]);
    await this.#guard?.release();
    globalThis.removeEventListener("unload", this.#kill);
  }

  #lateError(isStopping: boolean): Error {
    const { stopping, timeoutSeconds } = this.#options;
    const heard = this.#talker.heard?.();
    return isStopping ? stopping!.reason : new ChildError(
      `the child must answer within ${timeoutSeconds} s, got ${
        heard === undefined ? "nothing" : JSON.stringify(heard)
      }`,
      "--env-timeout gives it more time",
    );
  }

  #lose(): void {
    this.#watch.close();
    this.#talker.lose(this.#failure!);
  }

  /** Sends a signal to the child's group; to the child alone where there are no groups. */
  #signal(signal: Deno.Signal): void {
    try {
      if (Deno.build.os !== "windows") Deno.kill(-this.#child.pid, signal);
      else if (!this.#ended) this.#child.kill(signal);
    } catch (error) {
      // A group takes the permission for every program; otherwise nobody is left to receive it.
      if (error instanceof Deno.errors.NotCapable && !this.#ended) this.#child.kill(signal);
    }
  }

  /** Stops to read what the child said a moment after its end. */
  #drain(): void {
    this.#ended = true;
    const draining = setTimeout(() => {
      this.#output.cancel().catch(() => {});
      this.#errors.cancel().catch(() => {});
    }, DRAIN_MS);
    Promise.all([this.#reading, this.#readingErrors]).then(() => clearTimeout(draining));
  }

  /** Hands the child's output over until it ends, then says how it ended. */
  async #read(): Promise<void> {
    let memory = new ArrayBuffer(READ_BYTES);
    try {
      for (;;) {
        const { value, done } = await this.#output.read(new Uint8Array(memory));
        if (done || value === undefined) break;
        // Drained after a failure, so that the child can go.
        if (this.#failure === undefined) this.#talker.take(value);
        memory = value.buffer;
      }
    } catch (error) {
      this.fail(new ChildError(`the child's output must be readable, got ${error}`));
    }
    if (this.#failure !== undefined) return;
    const status = await this.#child.status;
    await this.#readingErrors;
    const end = status.signal === null ? `exit code ${status.code}` : `signal ${status.signal}`;
    const lines = new TextDecoder().decode(this.#errorTail).trim().split("\n");
    const last = lines[lines.length - 1].slice(0, 200) || (this.#talker.heard?.() ?? "");
    const said = last === "" ? "" : ` (${last})`;
    this.fail(new ChildError(`the child must keep running, got ${end}${said}`));
  }

  async #readErrors(): Promise<void> {
    try {
      for (;;) {
        const { value, done } = await this.#errors.read();
        if (done) return;
        this.#errorTail = joinBytes([this.#errorTail, value]).slice(-KEPT_ERROR_BYTES);
      }
    } catch {
      // The tail is only decoration.
    }
  }
}
