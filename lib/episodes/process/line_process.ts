/**
 * A child process that answers lines with lines: started without a shell, with a time limit for each
 * answer, bounded lines, and an end that leaves nothing behind.
 *
 * The child leads a process group of its own, so that its own children end with it, and so that a
 * Ctrl-C in the terminal reaches this program alone, which then closes the child in order. If this
 * program dies without a word, the child's input ends, which is a well-behaved child's sign to go; a
 * second process (guard.ts) ends one that stays.
 *
 * Time in which this program or the child is stopped, as by Ctrl-Z, is not the child's.
 */

import { joinBytes } from "../../system/bytes.ts";
import { systemClock } from "../../system/clock.ts";
import { LONGEST_LINE_BYTES } from "./env_protocol.ts";
import { type Guard, startGuard } from "./guard.ts";

/** How much of the child's standard error is kept for its error message, in bytes. */
const KEPT_ERROR_BYTES = 4096;
/** How often the time for an answer is counted; a longer pause is one in which this program stood still. */
const TICK_MS = 100;
/** How long a child's output may go on after its end: a process that it left behind may hold it open. */
const DRAIN_MS = 500;

/** Something that the child did; the message says what it must do and what it did. */
export class LineProcessError extends Error {
  /** The class, as error texts name it. */
  override readonly name = "LineProcessError";
  /** What the user can do. */
  readonly advice: string | undefined;

  /** Makes the error of a child. */
  constructor(message: string, advice?: string) {
    super(message);
    this.advice = advice;
  }
}

/** How a child is run. */
export interface LineProcessOptions {
  /** How long it may take for each answer. */
  readonly timeoutSeconds: number;
  /** How long it may take to go by itself once its input has ended. */
  readonly graceSeconds: number;
  /** The only variables that it gets; those of this program when absent. */
  readonly env?: Readonly<Record<string, string>>;
}

interface Waiting {
  resolve(line: string): void;
  reject(error: Error): void;
}

/** A running child. */
export class LineProcess {
  readonly #child: Deno.ChildProcess;
  readonly #guard: Guard | undefined;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<Uint8Array>;
  readonly #errors: ReadableStreamDefaultReader<Uint8Array>;
  readonly #options: LineProcessOptions;
  readonly #reading: Promise<void>;
  readonly #readingErrors: Promise<void>;
  readonly #kill = () => this.#signal("SIGKILL");
  #waiting: Waiting | undefined;
  #failure: Error | undefined;
  #errorTail = new Uint8Array(0);
  #ended = false;

  /**
   * Starts the program `words[0]` with the other words as arguments.
   * @throws {Deno.errors.NotFound | Deno.errors.NotCapable | Deno.errors.PermissionDenied} when it
   * cannot be started.
   */
  constructor(words: readonly string[], options: LineProcessOptions) {
    this.#options = options;
    this.#child = new Deno.Command(words[0], {
      args: words.slice(1),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      detached: Deno.build.os !== "windows",
      ...(options.env ? { env: options.env, clearEnv: true } : {}),
    }).spawn();
    this.#guard = startGuard(this.#child.pid, options.graceSeconds);
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.getReader();
    this.#errors = this.#child.stderr.getReader();
    this.#reading = this.#read();
    this.#readingErrors = this.#readErrors();
    globalThis.addEventListener("unload", this.#kill);
    this.#child.status.then(() => this.#drain());
  }

  /**
   * Sends a line and waits for the line that answers it.
   * @throws {LineProcessError} when the child is silent for too long, dies, sends too much, or sent
   * something unasked; the child is then ended.
   */
  async ask(line: string): Promise<string> {
    if (this.#failure !== undefined) throw this.#failure;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#waiting = { resolve, reject };
    const stopWatching = this.#watch();
    // A child that has gone cannot be written to; the end of its output says why.
    this.#input.write(new TextEncoder().encode(`${line}\n`)).catch(() => {});
    try {
      return await promise;
    } finally {
      stopWatching();
    }
  }

  /** Ends the child: first its input, then, after the grace, by force; waits until it is gone. */
  async close(): Promise<void> {
    this.#failure ??= new LineProcessError("the child must be open, got a closed one");
    this.#waiting?.reject(this.#failure); // closed from outside, while somebody waits
    this.#waiting = undefined;
    await this.#input.close().catch(() => {});
    const killing = setTimeout(this.#kill, 1000 * this.#options.graceSeconds);
    await this.#child.status;
    clearTimeout(killing);
    this.#signal("SIGKILL"); // what the child itself may have left in its group
    await Promise.all([this.#reading, this.#readingErrors]);
    await this.#guard?.release();
    globalThis.removeEventListener("unload", this.#kill);
  }

  /** Counts the time for an answer; gives what ends the counting. */
  #watch(): () => void {
    const { timeoutSeconds } = this.#options;
    const clock = systemClock();
    const tick = Math.min(TICK_MS, 1000 * timeoutSeconds / 4);
    let left = 1000 * timeoutSeconds;
    let last = clock.monotonicMs();
    const timer = setInterval(() => {
      const now = clock.monotonicMs();
      left -= Math.min(now - last, 2 * tick);
      last = now;
      if (left > 0) return;
      if (isStopped(this.#child.pid)) left = 1000 * timeoutSeconds;
      else {
        this.#fail(
          `the child must answer within ${timeoutSeconds} s, got nothing`,
          "--env-timeout gives it more time",
        );
      }
    }, tick);
    return () => clearInterval(timer);
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

  #fail(what: string, advice?: string): void {
    this.#failure ??= new LineProcessError(what, advice);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#signal("SIGKILL");
    waiting?.reject(this.#failure);
  }

  #deliver(line: string): void {
    const waiting = this.#waiting;
    if (waiting === undefined) {
      return this.#fail(`the child must speak only when asked, got ${line.slice(0, 80)}`);
    }
    this.#waiting = undefined;
    waiting.resolve(line);
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

  /** Cuts the child's output into lines until it ends. */
  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let pending = ""; // the beginning of a line that has not ended
    try {
      for (;;) {
        const { value, done } = await this.#output.read();
        if (done) break;
        if (this.#failure !== undefined) continue; // drained, so that the child can go
        const pieces = (pending + decoder.decode(value, { stream: true })).split("\n");
        pending = pieces.pop()!;
        for (const line of pieces) this.#deliver(line);
        if (pending.length > LONGEST_LINE_BYTES) {
          this.#fail(`a line must be no longer than ${LONGEST_LINE_BYTES} bytes, got more`);
          pending = "";
        }
      }
    } catch (error) {
      this.#fail(`the child's output must be readable, got ${error}`);
    }
    if (this.#failure !== undefined) return;
    const status = await this.#child.status;
    await this.#readingErrors;
    const end = status.signal === null ? `exit code ${status.code}` : `signal ${status.signal}`;
    const lines = new TextDecoder().decode(this.#errorTail).trim().split("\n");
    const last = lines[lines.length - 1].slice(0, 200);
    this.#fail(`the child must keep running, got ${end}${last === "" ? "" : ` (${last})`}`);
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

/** Whether a process is stopped, as by SIGSTOP, where the system tells. */
function isStopped(pid: number): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return /^[Tt]/.test(stat.slice(stat.lastIndexOf(")") + 2)); // the name before may hold anything
  } catch {
    return false;
  }
}
