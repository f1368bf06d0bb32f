/**
 * Where a command's words go: results to stdout, everything else to stderr. What is written for people
 * goes line by line through `printableLine`, so that no text of a file makes lines of its own.
 */

import type { Clock } from "../system/clock.ts";
import { Progress, type ProgressMode } from "./progress.ts";
import { shorten } from "../system/words.ts";
import { printable, printableJson, printableLine, type TextStream } from "./text_stream.ts";

/** What decides how a command writes. */
export interface OutputOptions {
  /** Results are JSON documents. */
  readonly json: boolean;
  /** Progress and notes are left out. */
  readonly quiet: boolean;
  /** Reads an environment variable: NO_COLOR, and TERM, where "dumb" stands for no progress bar. */
  env(name: string): string | undefined;
}

/** Writes results and notes as the global options ask for. */
export class Output {
  /** Results are JSON documents. */
  readonly json: boolean;
  /** Progress and notes are left out. */
  readonly quiet: boolean;
  readonly #stdout: TextStream;
  readonly #stderr: TextStream;
  readonly #clock: Clock;
  readonly #mode: ProgressMode;
  #progress: Progress | undefined;

  /** Writes to the streams; the clock paces progress. */
  constructor(
    { stdout, stderr, clock }: { stdout: TextStream; stderr: TextStream; clock: Clock },
    { json, quiet, env }: OutputOptions,
  ) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#clock = clock;
    this.json = json;
    this.quiet = quiet;
    const isPlain = (env("NO_COLOR") ?? "") !== "" || env("TERM") === "dumb";
    this.#mode = quiet ? "none" : stderr.isTerminal && !isPlain ? "bar" : "lines";
  }

  /** Starts to show the progress of a piece of work; `unit` is what is counted. */
  progress(unit: string): Progress {
    this.#progress?.clear();
    const options = { clock: this.#clock, mode: this.#mode, unit };
    return this.#progress = new Progress(this.#stderr, options);
  }

  /** Removes the progress bar, so that something else can be written. */
  endProgress(): void {
    this.#progress?.clear();
    this.#progress = undefined;
  }

  /** Writes a result: the document with --json, the lines otherwise. */
  result(document: unknown, lines: () => readonly string[]): void {
    this.#progress?.clear();
    this.#stdout.write(
      this.json
        ? `${printableJson(document)}\n`
        : lines().map((line) => `${printableLine(line)}\n`).join(""),
    );
  }

  /**
   * Writes what is itself a document, such as CSV or a script: as it is, but for a terminal.
   * @param value What --json prints in its place.
   */
  document(text: string, value: unknown): void {
    this.#progress?.clear();
    const plain = this.#stdout.isTerminal ? printable(text) : text;
    this.#stdout.write(this.json ? `${printableJson(value)}\n` : plain);
  }

  /** Tells the user something that is no result, in one line; nothing with --quiet. */
  note(text: string): void {
    if (!this.quiet) this.#say(text);
  }

  /** Warns the user, with --quiet too: what went differently from what was asked. */
  warn(text: string): void {
    this.#say(`Warning: ${text}`);
  }

  #say(line: string): void {
    this.#progress?.clear();
    this.#stderr.write(`${printableLine(shorten(line))}\n`);
  }
}

/**
 * Lays rows out as columns, two spaces apart; numbers are aligned to the right.
 * @param table Cells as text; the first row is the heading.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatTable } from "./output.ts";
 * assert.deepEqual(formatTable([["id", "n"], ["a", "10"]]), ["id   n", "a   10"]);
 * ```
 */
export function formatTable(table: readonly (readonly string[])[]): string[] {
  const rows = table.map((row) => row.map(printableLine));
  const columns = rows[0]?.length ?? 0;
  const widths = Array.from(
    { length: columns },
    (_, c) => Math.max(...rows.map((row) => row[c].length)),
  );
  const numeric = widths.map((_, c) => rows.slice(1).every((row) => isNumeric(row[c])));
  return rows.map((row) => {
    const cells = row.map((cell, c) =>
      numeric[c] ? cell.padStart(widths[c]) : cell.padEnd(widths[c])
    );
    return cells.join("  ").trimEnd();
  });
}

function isNumeric(cell: string): boolean {
  return cell === "" || cell === "-" || /^-?[0-9][0-9.,e+-]*$/.test(cell);
}
