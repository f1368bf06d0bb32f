/**
 * The program's two output streams, and the one place through which text reaches a terminal.
 *
 * Names of folders, ids of environments and texts of files come from anybody. A terminal obeys control
 * characters, so that such a text could move the cursor, hide lines or answer in the user's name; and
 * characters that turn the direction of writing make a line read as another one. `printableLine` shows
 * all of them as escapes. The program's own control sequences stand in `redraw` alone.
 *
 * Losing a reader is no reason to lose work: what cannot be written to the error stream, and what
 * nobody reads any more, is dropped.
 */

import { FileError } from "../system/errors.ts";

/** An output stream of the program. */
export interface TextStream {
  /** Writes text as it is, at once. */
  write(text: string): void;
  /** Writes bytes as they are: a file, for another program. */
  writeBytes(bytes: Uint8Array): void;
  /** Replaces what the last call drew on the present line; "" takes it away. */
  redraw(line: string): void;
  /** Whether a person reads it as it is written. */
  readonly isTerminal: boolean;
  /** Width of the terminal in columns, 80 where there is none. */
  columns(): number;
}

/** What a stream writes into: `Deno.stderr`, or `Deno.stdout` by way of exact_sink.ts. */
export interface Sink {
  /** Writes some of the bytes and says how many; none of them where it throws. */
  writeSync(bytes: Uint8Array): number;
  /** Whether it is a terminal. */
  isTerminal(): boolean;
}

/** How a stream is opened. */
export interface StreamOptions {
  /** What errors call it; a stream without a name drops what it cannot write. */
  readonly name?: string;
  /** Gives the width of the terminal. */
  readonly columns: () => number;
}

const DEFAULT_COLUMNS = 80;
const RETRY_MS = 5;

/**
 * Opens a stream. Its `write` throws a FileError where the device is full, if the stream has a name, and
 * waits where a reader that does not block is slow.
 */
export function openTextStream(sink: Sink, { name, columns }: StreamOptions): TextStream {
  const encoder = new TextEncoder();
  let isClosed = false;
  const isTerminal = sink.isTerminal();
  // A terminal that was closed says that it has an input or output error.
  const isUnread = (error: unknown) => isTerminal || error instanceof Deno.errors.BrokenPipe;
  const writeBytes = (all: Uint8Array): void => {
    // The last write is empty: it pushes what the sink may still keep.
    for (let [bytes, isDone] = [all, false]; !isDone && !isClosed;) {
      try {
        const taken = sink.writeSync(bytes);
        isDone = bytes.length === 0;
        bytes = bytes.subarray(taken);
      } catch (error) {
        if (error instanceof Deno.errors.WouldBlock) pause();
        else if (isUnread(error) || name === undefined) isClosed = true;
        else throw new FileError(`Cannot write to ${name}: ${reasonOf(error)}`, { cause: error });
      }
    }
  };
  const write = (text: string): void => writeBytes(encoder.encode(text));
  return {
    write,
    writeBytes,
    redraw: (line) => write(`\r${line}\x1b[K`),
    isTerminal,
    columns() {
      try {
        return columns() || DEFAULT_COLUMNS;
      } catch {
        return DEFAULT_COLUMNS;
      }
    },
  };
}

/** What the system says, in the words of the program: "no space left on device". */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/ \(os error \d+\)$/, "").replace(
    /^[A-Z](?=[a-z])/,
    (c) => c.toLowerCase(),
  );
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
}

/** Control characters but tab and line feed, and those that turn the direction of writing. */
const UNSAFE =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/**
 * Shows what a terminal would obey as escapes; line feeds stay.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { printable, printableLine } from "./text_stream.ts";
 * assert.equal(printable("a\x1b[2Jb\n"), "a\\x1b[2Jb\n");
 * assert.equal(printableLine("one\ntwo"), "one\\x0atwo");
 * ```
 */
export function printable(text: string): string {
  return text.replace(UNSAFE, escapeOf);
}

/** Makes one line of a text: as `printable`, with line feeds and tabs as escapes too. */
export function printableLine(text: string): string {
  return printable(text).replace(/[\t\n]/g, escapeOf);
}

/** Writes a value as one line of JSON that a terminal can show. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(
    UNSAFE,
    (character) => `\\u${hexOf(character).padStart(4, "0")}`,
  );
}

function escapeOf(character: string): string {
  const hex = hexOf(character);
  return hex.length <= 2 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`;
}

function hexOf(character: string): string {
  return character.charCodeAt(0).toString(16);
}
