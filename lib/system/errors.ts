/**
 * The errors that end the program with an exit code of their own, and the one place that turns any
 * thrown value into an exit code and a line for stderr.
 *
 * Everything that is none of these classes is a bug in the program: exit code 1, and its line begins
 * with "Internal error:". A boundary that meets a RangeError or TypeError caused by what a user typed
 * turns it into a UsageError; this module does not guess, because the JavaScript engine throws those
 * classes too.
 */

import { shorten } from "./words.ts";

/** The signals that end a run after saving. */
export type InterruptSignal = "SIGHUP" | "SIGINT" | "SIGTERM";

/** What the program exits with after a signal: 128 and the signal's number. */
export const SIGNAL_EXIT_CODES: { readonly [S in InterruptSignal]: number } = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
};

/** Ends the program because it was called wrongly: an unknown option, a value out of range. */
export class UsageError extends Error {
  /** The class, as stack traces print it. */
  override readonly name = "UsageError";
  /** What the program exits with. */
  readonly exitCode = 2;
}

/** Ends the program because a file is missing, damaged, not writable or not what it should be. */
export class FileError extends Error {
  /** The class, as stack traces print it. */
  override readonly name = "FileError";
  /** What the program exits with. */
  readonly exitCode = 3;
}

/** Ends training because a number became non-finite; the last good checkpoint stays. */
export class DivergedError extends Error {
  /** The class, as stack traces print it. */
  override readonly name = "DivergedError";
  /** What the program exits with. */
  readonly exitCode = 4;
}

/** Ends a search because no command reaches the asked return within the tolerance. */
export class UnreachableReturnError extends Error {
  /** The class, as stack traces print it. */
  override readonly name = "UnreachableReturnError";
  /** What the program exits with. */
  readonly exitCode = 5;
}

/** Ends a command that a signal stopped, after everything was saved. */
export class InterruptedError extends Error {
  /** The class, as stack traces print it. */
  override readonly name = "InterruptedError";
  /** What the program exits with. */
  readonly exitCode: number;
  /** The signal that stopped the command. */
  readonly signal: InterruptSignal;

  /** Makes the error of a signal. */
  constructor(message: string, signal: InterruptSignal) {
    super(message);
    this.signal = signal;
    this.exitCode = SIGNAL_EXIT_CODES[signal];
  }
}

/** Every error that carries its own exit code. */
export type ExitError =
  | UsageError
  | FileError
  | DivergedError
  | UnreachableReturnError
  | InterruptedError;

/** Tells whether an error carries its own exit code, so that its message is meant for the user. */
export function isExitError(error: unknown): error is ExitError {
  return error instanceof UsageError || error instanceof FileError ||
    error instanceof DivergedError || error instanceof UnreachableReturnError ||
    error instanceof InterruptedError;
}

/**
 * Gives the exit code that a thrown value stands for: its own, or 1 for a bug.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { exitCodeOf, FileError } from "./errors.ts";
 * assert.equal(exitCodeOf(new FileError("Cannot read \"x\": no such file")), 3);
 * assert.equal(exitCodeOf(new Error("oops")), 1);
 * ```
 */
export function exitCodeOf(error: unknown): number {
  return isExitError(error) ? error.exitCode : 1;
}

/** Gives the one line for stderr: the message of an ExitError, or "Internal error: ..." for a bug; cut. */
export function errorLineOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (isExitError(error) || message.startsWith("Internal error:")) return oneLine(message);
  const name = error instanceof Error && error.name !== "Error" ? `${error.name}: ` : "";
  return oneLine(`Internal error: ${name}${message}`);
}

/** Makes one line of a text; control characters, which a terminal would obey, become spaces. */
function oneLine(message: string): string {
  // deno-lint-ignore no-control-regex
  return shorten(message).replace(/\s*[\u0000-\u001f\u007f-\u009f\u2028\u2029]+\s*/g, " ").trim();
}
