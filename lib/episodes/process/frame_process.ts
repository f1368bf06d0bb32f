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

/** Who waits for a row. */
export interface RowTaker {
  /** Takes the numbers that answer it; they are valid during the call. */
  take(row: Float64Array): void;
  /** Learns that there will be none. */
  fail(error: Error): void;
}

/** What a message that was sent is to be answered by. */
type Awaited =
  | { readonly text: PromiseWithResolvers<string> }
  | { readonly rows: readonly RowTaker[] };

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
  #waiting: RowTaker[] = [];
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
    const answer = Promise.withResolvers<string>();
    this.#awaited.push({ text: answer });
    this.#child.send(writeFrame({ numbers: [], rows: 0, text }));
    return answer.promise;
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
   * Sends a row, with others; `taker` takes the row that answers it, or learns of a `ChildError` as `ask` throws it,
   * or of a `ProtocolError` when this environment alone failed.
   */
  exchange(
    taker: RowTaker,
    { environment, kind, numbers }: {
      environment: number;
      kind: number;
      numbers: ArrayLike<number>;
    },
  ): void {
    if (this.#child.failure !== undefined) return taker.fail(this.#child.failure);
    const rows = this.#rows;
    rows.push(environment, kind);
    for (let i = 0; i < this.#askedColumns - ROW_HEAD; i++) rows.push(numbers[i] ?? 0);
    this.#waiting.push(taker);
    if (this.#answered > 0) this.#answered--;
    const isHalf = 2 * this.#waiting.length >= this.#countPlayed();
    if (isHalf && this.#awaited.length < MOST_MESSAGES) this.#send();
    else this.#endTurn();
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
    const frame = writeFrame({ numbers: this.#rows, rows: rows.length });
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
    awaited.rows.forEach((taker, i) => {
      const row = numbers.subarray(i * columns, (i + 1) * columns);
      if (row[1] === FLAGS.failed) taker.fail(failureOf(errors.shift()!));
      else taker.take(row);
    });
    // Those that were answered ask again in this turn; if none does, what waits is not to wait for them.
    if (this.#waiting.length > 0) this.#endTurn();
  }

  #lose(error: Error): void {
    const [awaited, waiting] = [this.#awaited, this.#waiting];
    // Whoever learns of it may close the child, which tells again.
    this.#awaited = [];
    this.#waiting = [];
    this.#rows = [];
    for (const each of awaited) {
      if ("text" in each) each.text.reject(error);
      else each.rows.forEach((taker) => taker.fail(error));
    }
    waiting.forEach((taker) => taker.fail(error));
  }
}
