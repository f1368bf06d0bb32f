/** What the system says of a file, as one line for people: a FileError. */

import { FileError } from "./errors.ts";

/** What is done to a file, as errors say it. */
export type FileAction = "read" | "write" | "open" | "remove";

const REASONS: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "there is no such file or folder"],
  ["EACCES", "permission is denied"],
  ["EPERM", "permission is denied"],
  ["EROFS", "the file system is read-only"],
  ["EISDIR", "it is a folder"],
  ["ENOTDIR", "a part of its path is not a folder"],
  ["ENOTEMPTY", "the folder is not empty"],
  ["EEXIST", "it is there already"],
  ["ENOSPC", "there is no space left on the device"],
  ["EDQUOT", "the disk quota is used up"],
  ["EFBIG", "it is larger than the file system or the limit of the process allows"],
  ["EMFILE", "too many files are open"],
  ["ENFILE", "too many files are open"],
  ["ENAMETOOLONG", "its name is too long"],
  ["ELOOP", "its path holds too many links"],
  ["EIO", "the device reports an input or output error"],
  ["EBUSY", "it is in use"],
  ["EINVAL", "its name is not valid"],
]);

/**
 * Turns whatever a file operation threw into a FileError; a FileError is returned as it is.
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { fileErrorOf } from "./file_errors.ts";
 * const error = fileErrorOf({ code: "ENOSPC" }, "write", { path: "a.bin", kind: "checkpoint" });
 * assert.equal(error.message, 'Cannot write checkpoint "a.bin": there is no space left on the device');
 * ```
 */
export function fileErrorOf(
  error: unknown,
  action: FileAction,
  { path, kind = "file" }: { readonly path: string; readonly kind?: string },
): FileError {
  if (error instanceof FileError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  let reason = typeof code === "string" ? REASONS.get(code) : undefined;
  if (error instanceof Deno.errors.NotCapable) reason = "this program is not permitted to go there";
  reason ??= (error instanceof Error ? error.message : String(error))
    .replace(/ \(os error [0-9]+\)$/, "");
  return new FileError(`Cannot ${action} ${kind} ${JSON.stringify(path)}: ${reason}`, {
    cause: error,
  });
}

/**
 * Runs a file operation and turns what it throws into a FileError.
 * @throws {FileError} when `operation` throws.
 */
export function withFileErrors<T>(
  action: FileAction,
  file: { readonly path: string; readonly kind?: string },
  operation: () => T,
): T {
  try {
    return operation();
  } catch (error) {
    throw fileErrorOf(error, action, file);
  }
}
