/** Where a command's words go: results to stdout, everything else to stderr. */

import type { Clock } from "../system/clock.ts";
import type { TextStream } from "./program.ts";
import { Progress, type ProgressMode } from "./progress.ts";

/** Options that every command has. */
export interface OutputOptions {
  /** Results are JSON documents. */
  readonly json: boolean;
  /** Progress and notes are left out. */
  readonly quiet: boolean;
  /** The value of NO_COLOR: colours and the progress bar are off when it is not empty. */
  readonly noColor: string | undefined;
}

/** Writes results and notes as the global options ask for. */
export class Output {
  /** Results are JSON documents. */
  readonly json: boolean;
  /** Progress and notes are left out. */
  readonly quiet: boolean;
  /** Whether results on stdout may be coloured. */
  readonly color: boolean;
  readonly #stdout: TextStream;
  readonly #stderr: TextStream;
  readonly #clock: Clock;
  readonly #mode: ProgressMode;
  #progress: Progress | undefined;

  /** Writes to the streams; the clock paces progress. */
  constructor(
    { stdout, stderr, clock }: { stdout: TextStream; stderr: TextStream; clock: Clock },
    { json, quiet, noColor }: OutputOptions,
  ) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#clock = clock;
    this.json = json;
    this.quiet = quiet;
    const plain = noColor !== undefined && noColor !== "";
    this.color = stdout.isTerminal && !plain;
    this.#mode = quiet ? "none" : stderr.isTerminal && !plain ? "bar" : "lines";
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

  /** Writes a result: the document with --json, the text otherwise. */
  result(document: unknown, text: () => string): void {
    this.#progress?.clear();
    this.#stdout.write(this.json ? `${JSON.stringify(document)}\n` : withNewline(text()));
  }

  /** Writes text to stdout whatever the options say: for what is itself a document. */
  raw(text: string): void {
    this.#stdout.write(text);
  }

  /** Tells the user something that is no result; nothing with --quiet. */
  note(text: string): void {
    if (this.quiet) return;
    this.#progress?.clear();
    this.#stderr.write(withNewline(text));
  }

  /** Warns the user, with --quiet too: what went differently from what was asked. */
  warn(text: string): void {
    this.#progress?.clear();
    this.#stderr.write(withNewline(`Warning: ${text}`));
  }
}

function withNewline(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}

/**
 * Lays rows out as columns, two spaces apart; numbers are aligned to the right.
 * @param rows Cells as text; the first row is the heading.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatTable } from "./output.ts";
 * assert.equal(formatTable([["id", "n"], ["a", "10"]]), "id   n\na   10\n");
 * ```
 */
export function formatTable(rows: readonly (readonly string[])[]): string {
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
    return cells.join("  ").trimEnd() + "\n";
  }).join("");
}

function isNumeric(cell: string): boolean {
  return cell === "" || cell === "-" || /^-?[0-9][0-9.,e+-]*$/.test(cell);
}
