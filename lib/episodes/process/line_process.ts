/**
 * A child that answers lines with lines, which are bounded. An answer begins as a JSON object does; other lines
 * are what an environment or a library prints, and are passed over.
 */

import { Child, ChildError, type ChildOptions } from "./child.ts";
import { LONGEST_LINE_BYTES } from "./env_protocol.ts";

/** How an answer begins; a dictionary that Python prints has other quotation marks. */
const ANSWER_START = /^\s*\{\s*["}]/;
/** How much is told of a line that is no answer, in characters. */
const LONGEST_QUOTE = 80;

/** How a child of lines is run. */
export interface LineOptions extends ChildOptions {
  /** Told once when a line comes that is no answer. */
  readonly onPrinted?: ((line: string) => void) | undefined;
}

interface Waiting {
  resolve(line: string): void;
  reject(error: Error): void;
}

/** A running child. */
export class LineProcess {
  readonly #child: Child;
  readonly #decoder = new TextDecoder();
  readonly #encoder = new TextEncoder();
  /** The beginning of a line that has not ended. */
  #pending = "";
  #waiting: Waiting | undefined;
  /** The last line that was no answer. */
  #printed: string | undefined;
  readonly #onPrinted: LineOptions["onPrinted"];

  /** Starts the program, see `Child`. */
  constructor(words: readonly string[], options: LineOptions) {
    this.#onPrinted = options.onPrinted;
    this.#child = new Child(words, options, {
      take: (bytes) => this.#take(bytes),
      lose: (error) => {
        this.#waiting?.reject(error);
        this.#waiting = undefined;
      },
      heard: () => this.#printed,
    });
  }

  /**
   * Sends a line and waits for the line that answers it.
   * @throws {ChildError} when the child is silent for too long, dies, sends too much, or sent
   * something unasked; the child is then ended.
   */
  async ask(line: string): Promise<string> {
    if (this.#child.failure !== undefined) throw this.#child.failure;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#waiting = { resolve, reject };
    this.#child.send(this.#encoder.encode(`${line}\n`));
    return await promise;
  }

  /** Ends the child, see `Child`. */
  close(): Promise<void> {
    return this.#child.close();
  }

  /** Cuts the child's output into lines. */
  #take(bytes: Uint8Array): void {
    const pieces = (this.#pending + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#pending = pieces.pop()!;
    for (const line of pieces) this.#deliver(line);
    if (this.#pending.length <= LONGEST_LINE_BYTES) return;
    this.#pending = "";
    this.#child.fail(
      new ChildError(`a line must be no longer than ${LONGEST_LINE_BYTES} bytes, got more`),
    );
  }

  #deliver(line: string): void {
    if (!ANSWER_START.test(line)) return this.#passOver(line);
    const waiting = this.#waiting;
    if (waiting === undefined) {
      return this.#child.fail(
        new ChildError(`the child must speak only when asked, got ${line.slice(0, 80)}`),
      );
    }
    this.#waiting = undefined;
    this.#child.answered();
    waiting.resolve(line);
  }

  #passOver(line: string): void {
    const shown = line.replace(/\p{Cc}/gu, " ").trim().slice(0, LONGEST_QUOTE);
    if (shown === "") return;
    if (this.#printed === undefined) this.#onPrinted?.(shown);
    this.#printed = shown;
  }
}
