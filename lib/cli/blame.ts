/**
 * Whose fault a bad value is. What reads values throws RangeError and TypeError; only the command knows
 * whether the user typed them or a file holds them.
 */

import { FileError, UsageError } from "../system/errors.ts";

/**
 * Reads what the user typed; `advice` follows the message.
 * @throws {UsageError} in place of a RangeError or TypeError.
 */
export function asUsage<T>(read: () => T, advice = ""): T {
  return blaming(read, (message) => new UsageError(message + advice));
}

/**
 * Reads what a file says; `name` says which, where the message does not.
 * @throws {FileError} in place of a RangeError or TypeError.
 */
export function asFileError<T>(read: () => T, name?: string): T {
  const start = (message: string) =>
    name === undefined ? message : `Cannot use ${name}: c${message.slice(1)}`;
  return blaming(read, (message) => new FileError(start(message)));
}

function blaming<T>(read: () => T, errorOf: (message: string) => Error): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) throw errorOf(error.message);
    throw error;
  }
}
