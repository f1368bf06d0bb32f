/**
 * A child that plays several environments side by side and talks in the messages of frames.ts.
 *
 * What the environments are asked for is gathered into messages, so that the way to the child and back is
 * paid once for many steps. Two messages are on the way where there is enough to do, each with half of the
 * environments: the child works on one while this program works on the answers to the other.
 */

import { Child, ChildError, type ChildOptions } from "./child.ts";
import { LONGEST_LINE_BYTES, ProtocolError, quote } from "./env_protocol.ts";
import { setImmediate } from "node:timers";
import { FLAGS, type Frame, FrameReader, ROW_HEAD, writeFrame } from "./frames.ts";

/** Messages that may be on the way. */
const MOST_MESSAGES = 2;

interface Waiting<T> {
  resolve(answer: T): void;
  reject(error: Error): void;
}

/** What a message that was sent is to be answered by. */
type Awaited =
  | { readonly text: Waiting<string> }
  | { readonly rows: readonly Waiting<Float64Array>[] };

/** What went wrong with an environment: what it says, or what it gave. */
type RowFailure = { readonly error: string } | { readonly broken: string };

function failureOf(failure: RowFailure): ProtocolError {
  return "error" in failure
    ? new ProtocolError(`the child must not fail, got ${quote(failure.error)}`, { isChilds: true })
    : new ProtocolError(failure.broken);
}

/** A running child. */
export class FrameProcess {
  readonly #child: Child;
  readonly #reader = new FrameReader();
  /** What was sent, the oldest first. */
  #awaited: Awaited[] = [];
  /** Rows that are gathered for the next message, and who waits for their answers. */
  #rows: number[] = [];
  #waiting: Waiting<Float64Array>[] = [];
  #askedColumns = 0;
  #answeredColumns = 0;
  /** Environments whose answers came in this turn and that have not been asked for more yet. */
  #answered = 0;
  #isTurnEnding = false;

  /** Starts the program, see `Child`. */
  constructor(words: readonly string[], options: ChildOptions) {
    this.#child = new Child(words, options, {
      take: (bytes) => this.#take(bytes),
      lose: (error) => this.#lose(error),
    });
  }

  /**
   * Sends a text and waits for the text that answers it.
   * @throws {ChildError} when the child is silent for too long, dies, or breaks the protocol; it is ended then.
   */
  ask(text: string): Promise<string> {
    if (this.#child.failure !== undefined) return Promise.reject(this.#child.failure);
    const { promise, ...waiting } = Promise.withResolvers<string>();
    this.#awaited.push({ text: waiting });
    this.#child.send(writeFrame({ numbers: new Float64Array(0), rows: 0, text }));
    return promise;
  }

  /** Says how many numbers an action and an observation have. */
  lay({ actionNumbers, observationNumbers }: {
    actionNumbers: number;
    observationNumbers: number;
  }): void {
    this.#askedColumns = ROW_HEAD + actionNumbers;
    this.#answeredColumns = ROW_HEAD + observationNumbers;
  }

  /**
   * Sends a row, with others, and waits for the row that answers it.
   * @throws {ChildError} as `ask` does. @throws {ProtocolError} when this environment alone failed.
   */
  exchange(environment: number, kind: number, numbers: ArrayLike<number>): Promise<Float64Array> {
    if (this.#child.failure !== undefined) return Promise.reject(this.#child.failure);
    const { promise, ...waiting } = Promise.withResolvers<Float64Array>();
    const rows = this.#rows;
    rows.push(environment, kind);
    for (let i = 0; i < this.#askedColumns - ROW_HEAD; i++) rows.push(numbers[i] ?? 0);
    this.#waiting.push(waiting);
    if (this.#answered > 0) this.#answered--;
    const isHalf = 2 * this.#waiting.length >= this.#countPlayed();
    if (isHalf && this.#awaited.length < MOST_MESSAGES) this.#send();
    else this.#endTurn();
    return promise;
  }

  /** Ends the child, see `Child`. */
  close(): Promise<void> {
    return this.#child.close();
  }

  /** Sends what was gathered once nobody adds to it, unless the child has enough to do with little less. */
  #endTurn(): void {
    if (this.#isTurnEnding) return;
    this.#isTurnEnding = true;
    setImmediate(() => {
      this.#isTurnEnding = false;
      this.#answered = 0;
      const gathered = this.#waiting.length;
      const isEnough = 4 * gathered >= this.#countPlayed();
      if (gathered > 0 && this.#awaited.length < (isEnough ? MOST_MESSAGES : 1)) this.#send();
    });
  }

  /** How many environments are being played. */
  #countPlayed(): number {
    return this.#awaited.reduce(
      (sum, each) => "rows" in each ? sum + each.rows.length : sum,
      this.#waiting.length + this.#answered,
    );
  }

  #send(): void {
    const rows = this.#waiting;
    const frame = writeFrame({ numbers: Float64Array.from(this.#rows), rows: rows.length });
    this.#awaited.push({ rows });
    this.#rows = [];
    this.#waiting = [];
    this.#child.send(frame, rows.length);
  }

  #take(bytes: Uint8Array): void {
    try {
      const mostRows = this.#awaited.reduce(
        (most, awaited) => "rows" in awaited ? Math.max(most, awaited.rows.length) : most,
        0,
      );
      const limits = { columns: this.#answeredColumns, mostRows, mostText: LONGEST_LINE_BYTES };
      for (const frame of this.#reader.take(bytes, limits)) this.#deliver(frame);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#child.fail(new ChildError(error.message));
    }
  }

  #deliver({ numbers, text }: Frame): void {
    const awaited = this.#awaited.shift();
    if (awaited === undefined) {
      throw new ProtocolError(`the child must speak only when asked, got ${text.slice(0, 80)}`);
    }
    this.#child.answered();
    if ("text" in awaited) return awaited.text.resolve(text);
    const columns = this.#answeredColumns;
    if (numbers.length !== awaited.rows.length * columns) {
      throw new ProtocolError(
        `an answer must have ${awaited.rows.length} rows, got ${numbers.length / columns}`,
      );
    }
    this.#answered += awaited.rows.length;
    const errors = text === "" ? [] : JSON.parse(text) as RowFailure[];
    awaited.rows.forEach((waiting, i) => {
      const row = numbers.subarray(i * columns, (i + 1) * columns);
      if (row[1] === FLAGS.failed) waiting.reject(failureOf(errors.shift()!));
      else waiting.resolve(row);
    });
    this.#endTurn();
  }

  #lose(error: Error): void {
    for (const awaited of this.#awaited) {
      if ("text" in awaited) awaited.text.reject(error);
      else awaited.rows.forEach((waiting) => waiting.reject(error));
    }
    this.#waiting.forEach((waiting) => waiting.reject(error));
    this.#awaited = [];
    this.#waiting = [];
    this.#rows = [];
  }
}
