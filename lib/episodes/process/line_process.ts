/**
 * A child process that answers lines with lines: started without a shell, with a time limit for each
 * answer, bounded lines, and an end that leaves nothing behind.
 *
 * The child leads a process group of its own, so that its own children end with it, and so that a
 * Ctrl-C in the terminal reaches this program alone, which then closes the child in order. If this
 * program dies without a word, the child's input ends, which is a well-behaved child's sign to go.
 */

import { joinBytes } from "../../system/bytes.ts";
import { LONGEST_LINE_BYTES } from "./env_protocol.ts";

/** How long a child may take to go by itself once its input has ended. */
const GRACE_MILLISECONDS = 1000;

/** How much of the child's standard error is kept for its error message, in bytes. */
const KEPT_ERROR_BYTES = 4096;

/** Something that the child did; the message says what it must do and what it did. */
export class LineProcessError extends Error {
  /** The class, as error texts name it. */
  override readonly name = "LineProcessError";
}

interface Waiting {
  resolve(line: string): void;
  reject(error: Error): void;
}

/** A running child. */
export class LineProcess {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #timeoutSeconds: number;
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
  constructor(words: readonly string[], { timeoutSeconds }: { timeoutSeconds: number }) {
    this.#timeoutSeconds = timeoutSeconds;
    this.#child = new Deno.Command(words[0], {
      args: words.slice(1),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      detached: Deno.build.os !== "windows",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#reading = this.#read();
    this.#readingErrors = this.#readErrors();
    globalThis.addEventListener("unload", this.#kill);
    this.#child.status.then(() => this.#ended = true);
  }

  /**
   * Sends a line and waits for the line that answers it.
   * @throws {LineProcessError} when the child is silent for too long, dies, sends too much, or sent
   * something unasked; the child is then ended.
   */
  async ask(line: string): Promise<string> {
    if (this.#failure !== undefined) throw this.#failure;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const timer = setTimeout(
      () => this.#fail(`the child must answer within ${this.#timeoutSeconds} s, got nothing`),
      1000 * this.#timeoutSeconds,
    );
    this.#waiting = { resolve, reject };
    // A child that has gone cannot be written to; the end of its output says why.
    this.#input.write(new TextEncoder().encode(`${line}\n`)).catch(() => {});
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the child: first its input, then, after a moment, by force; waits until it is gone. */
  async close(): Promise<void> {
    this.#failure ??= new LineProcessError("the child must be open, got a closed one");
    this.#waiting?.reject(this.#failure); // closed from outside, while somebody waits
    this.#waiting = undefined;
    await this.#input.close().catch(() => {});
    const killing = setTimeout(this.#kill, GRACE_MILLISECONDS);
    await this.#child.status;
    clearTimeout(killing);
    this.#signal("SIGKILL"); // what the child itself may have left in its group
    await Promise.all([this.#reading, this.#readingErrors]);
    globalThis.removeEventListener("unload", this.#kill);
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

  #fail(what: string): void {
    this.#failure ??= new LineProcessError(what);
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

  /** Cuts the child's output into lines until it ends. */
  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let pending = ""; // the beginning of a line that has not ended
    try {
      for await (const chunk of this.#child.stdout) {
        if (this.#failure !== undefined) continue; // drained, so that the child can go
        const pieces = (pending + decoder.decode(chunk, { stream: true })).split("\n");
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
      for await (const chunk of this.#child.stderr) {
        this.#errorTail = joinBytes([this.#errorTail, chunk]).slice(-KEPT_ERROR_BYTES);
      }
    } catch {
      // The tail is only decoration.
    }
  }
}
