/**
 * The edge to the file system: whole-file reads with a limit, and writes that leave either the old file
 * or the new one whatever happens in between.
 *
 * A file is written under a temporary name in its own folder, synced, renamed over its target, and the
 * folder is synced, so that a rename is on disk before anything that relies on it. All calls are
 * synchronous: a run does nothing else while it saves, and nothing can change the data meanwhile.
 * Every failure of the system becomes one FileError line with the path (file_errors.ts).
 *
 * Links are followed only where the user named the path (`followLinks`). A name that the program chose
 * must be a regular file or not be there, or whoever may write to the folder could turn a write to
 * another file.
 */

import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { FileError } from "./errors.ts";
import { withFileErrors } from "./file_errors.ts";

/** How a whole file is read. */
export interface ReadOptions {
  /** The most that it may hold. */
  readonly maxBytes: number;
  /** The noun in errors. */
  readonly kind?: string;
  /** Looks at the first bytes, up to `HEAD_BYTES`, and throws where they begin no such file. */
  readonly checkHead?: (head: Uint8Array, size: number) => void;
}

/** How much of a file `checkHead` gets. */
export const HEAD_BYTES = 4096;

/**
 * Reads a whole regular file: no pipe, which may never end, and no device. Its size and its first bytes
 * are looked at before memory is taken for the rest.
 * @throws {FileError} when it cannot be read, is something else or is too long.
 */
export function readFileLimited(
  path: string,
  { maxBytes, kind = "file", checkHead }: ReadOptions,
): Uint8Array<ArrayBuffer> {
  return withFileErrors("read", { path, kind }, () => {
    using file = openRegular(path);
    const { size } = file.statSync();
    if (size > maxBytes) {
      throw new Error(`it must hold at most ${maxBytes} bytes, got ${size}`);
    }
    const head = new Uint8Array(Math.min(size, HEAD_BYTES));
    const headLength = readFully(file, head);
    checkHead?.(head.subarray(0, headLength), size);
    if (headLength === size || headLength < head.length) return head.subarray(0, headLength);
    const bytes = new Uint8Array(size);
    bytes.set(head);
    const rest = readFully(file, bytes.subarray(headLength));
    return bytes.subarray(0, headLength + rest);
  });
}

/**
 * Opens a regular file, or the one behind a link, for reading; nothing else is even opened.
 * @throws the error of the system, or one that says what is there instead: for `withFileErrors`.
 */
export function openRegular(path: string): Deno.FsFile {
  const info = Deno.statSync(path);
  if (info.isDirectory) throw new Error("it is a folder");
  assertRegular(info);
  return Deno.openSync(path, { read: true });
}

/** How a whole file is written. */
export interface WriteOptions {
  /** The noun in errors. */
  readonly kind?: string;
  /** False leaves the folder's sync to the caller's `syncFolder`. */
  readonly syncFolder?: boolean;
  /**
   * True for a path that the user named: the file behind a link is replaced, and what is no regular
   * file (a device, a pipe) is written to directly.
   */
  readonly followLinks?: boolean | undefined;
}

/**
 * Writes a whole file so that `path` holds either what it held before or all of `content`, even when the
 * process is killed or the power goes. The permissions of a file that is there stay.
 * @throws {FileError} when it cannot be written; the temporary file is removed then.
 */
export function writeFileAtomic(
  path: string,
  content: string | Uint8Array | readonly Uint8Array[],
  { kind = "file", syncFolder: sync = true, followLinks = false }: WriteOptions = {},
): void {
  const chunks = typeof content === "string"
    ? [new TextEncoder().encode(content)]
    : content instanceof Uint8Array
    ? [content]
    : content;
  withFileErrors("write", { path, kind }, () => {
    const target = followLinks ? namedTarget(path) : ownTarget(path);
    if (target.isSpecial) {
      using file = Deno.openSync(target.path, { write: true });
      return chunks.forEach((chunk) => writeFully(file, chunk));
    }
    const temporary = createTemporary(target.path);
    try {
      {
        using file = temporary.file;
        for (const chunk of chunks) writeFully(file, chunk);
        if (target.mode !== undefined) Deno.chmodSync(temporary.path, target.mode);
        file.syncSync();
      }
      Deno.renameSync(temporary.path, target.path);
    } catch (error) {
      removeIfThere(temporary.path);
      throw error;
    }
    if (sync) syncFolder(dirname(target.path));
  });
}

/** How `openOwnFile` opens. */
export interface OpenOwnOptions {
  /** Every write goes to the end. */
  readonly append?: boolean;
  /** Makes the file where it is not there. */
  readonly create?: boolean;
}

/**
 * Opens a file for reading and writing under a name that the program chose: what is there must be a
 * regular file, and no link leads elsewhere, also not one that is planted meanwhile.
 * @throws the error of the system, or one that says what is there instead: for `withFileErrors`.
 */
export function openOwnFile(
  path: string,
  { append = false, create = false }: OpenOwnOptions = {},
): Deno.FsFile {
  const expected = lstatOf(path);
  if (expected !== undefined) assertRegular(expected);
  const file = Deno.openSync(path, {
    read: true,
    ...(append ? { append } : { write: true }),
    createNew: create && expected === undefined,
  });
  if (expected === undefined || isSameFile(file.statSync(), expected)) return file;
  file.close();
  throw new Error("it must stay the same file while it is opened");
}

/** Tells whether two descriptions are those of one file: the same place on the same device. */
export function isSameFile(
  a: Pick<Deno.FileInfo, "dev" | "ino">,
  b: Pick<Deno.FileInfo, "dev" | "ino">,
): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

/**
 * Describes what a path names, a link itself and not what it leads to; undefined when it names nothing.
 * @throws the error of the system when that cannot be seen: for `withFileErrors`.
 */
export function lstatOf(path: string): Deno.FileInfo | undefined {
  return orNothing(() => Deno.lstatSync(path));
}

/** Writes a folder's entries (new names, renames, removals) to disk. Does nothing on Windows. */
export function syncFolder(path: string): void {
  if (Deno.build.os === "windows") return;
  withFileErrors("write", { path, kind: "folder" }, () => {
    using folder = Deno.openSync(path, { read: true });
    folder.syncSync();
  });
}

/**
 * Makes a folder and the folders above it, and writes their names to disk; it is no error if it is there.
 * @throws {FileError} when it cannot be made.
 */
export function makeFolder(path: string): void {
  withFileErrors("write", { path, kind: "folder" }, () => {
    const made: string[] = [];
    const isMade = (folder: string) => orNothing(() => Deno.statSync(folder)) !== undefined;
    for (let folder = path; !isMade(folder) && dirname(folder) !== folder;) {
      made.push(folder);
      folder = dirname(folder);
    }
    Deno.mkdirSync(path, { recursive: true });
    for (const folder of made) syncFolder(dirname(folder));
  });
}

/** Removes a file; it is no error if it is not there, or cannot be removed. */
export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // Left-overs are swept again later; what matters has been reported already.
  }
}

/**
 * Makes a folder of a name that the program chose, in a folder that is there.
 * @throws {FileError} when something else has that name, such as a link to another folder.
 */
export function makeOwnFolder(path: string): void {
  withFileErrors("write", { path, kind: "folder" }, () => {
    const found = lstatOf(path);
    if (found?.isDirectory) return;
    if (found !== undefined) throw new Error(`it must be a folder, got ${describe(found)}`);
    Deno.mkdirSync(path);
    syncFolder(dirname(path));
  });
}

/**
 * Removes the temporary files that killed processes left in a folder.
 * @param before Only those that were written before; without it the caller is the folder's sole user.
 */
export function removeTemporaries(folder: string, before?: Date): void {
  withFileErrors("read", { path: folder, kind: "folder" }, () => {
    for (const { name, isFile } of [...Deno.readDirSync(folder)]) {
      if (!isFile || !TEMPORARY_NAME.test(name)) continue;
      const path = join(folder, name);
      const written = before === undefined ? null : lstatOf(path)?.mtime;
      if (before === undefined || written && written < before) removeIfThere(path);
    }
  });
}

/**
 * Joins a folder and a name read from a file, so that the result lies directly in the folder.
 * @throws {FileError} when the name is empty, has a separator or a control character, or is "." or "..".
 */
export function childPath(folder: string, name: string): string {
  // deno-lint-ignore no-control-regex
  if (name === "" || name === "." || name === ".." || /[\\/:\u0000-\u001f]/.test(name)) {
    throw new FileError(
      `Cannot open file in ${JSON.stringify(folder)}: name must be a plain file name, ` +
        `got ${JSON.stringify(name)}`,
    );
  }
  return join(folder, name);
}

/** Computes the SHA-256 of bytes, or of pieces one after another, as 64 hexadecimal digits. */
export function hashHex(content: Uint8Array | readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const chunk of content instanceof Uint8Array ? [content] : content) hash.update(chunk);
  return hash.digest("hex");
}

/** Writes all bytes at the file's position, however many writes the system makes of it. */
export function writeFully(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}

/** Fills `bytes` from the file's position; returns how many there were before the end. */
export function readFully(file: Deno.FsFile, bytes: Uint8Array): number {
  let at = 0;
  while (at < bytes.length) {
    const count = file.readSync(bytes.subarray(at));
    if (count === null) break;
    at += count;
  }
  return at;
}

/**
 * Tells whether a path leads to anything.
 * @throws {FileError} when that cannot be seen, as where links lead in a circle.
 */
export function isThere(path: string): boolean {
  const info = withFileErrors("read", { path }, () => orNothing(() => Deno.statSync(path)));
  return info !== undefined;
}

function orNothing<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Lists the names in a folder, sorted. @throws {FileError} when it cannot be read. */
export function namesIn(folder: string, kind = "folder"): string[] {
  const read = () => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  return withFileErrors("read", { path: folder, kind }, read);
}

const TEMPORARY_NAME = /^\..*\.[0-9]+(-[0-9]+)?\.tmp$/;
/** A name may be taken by a process of another machine or container that has the same number. */
const MOST_TEMPORARIES = 100;

/** Makes a file beside its target that was not there before, so that no planted link is followed. */
function createTemporary(target: string): { readonly path: string; readonly file: Deno.FsFile } {
  // The name is cut so that it is never too long where the target's own is not.
  const name = target.slice(target.lastIndexOf("/") + 1).slice(0, 200).replaceAll("\\", "_");
  for (let attempt = 0;; attempt++) {
    const number = attempt === 0 ? "" : `-${attempt}`;
    const path = join(dirname(target), `.${name}.${Deno.pid}${number}.tmp`);
    try {
      return { path, file: Deno.openSync(path, { write: true, createNew: true }) };
    } catch (error) {
      const isTaken = error instanceof Deno.errors.AlreadyExists;
      if (!isTaken || attempt === MOST_TEMPORARIES) throw error;
    }
  }
}

interface Target {
  readonly path: string;
  /** What cannot be replaced, only written to: a device, a pipe. */
  readonly isSpecial: boolean;
  /** Permissions of the file that is there. */
  readonly mode: number | undefined;
}

/** Where a name leads that the user gave: links are followed, so that the file behind one is replaced. */
function namedTarget(path: string): Target {
  try {
    const real = Deno.realPathSync(path);
    const info = Deno.statSync(real);
    return { path: real, isSpecial: !info.isFile && !info.isDirectory, mode: modeOf(info) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { path, isSpecial: false, mode: undefined };
    throw error;
  }
}

/** Where a name leads that the program chose: to a regular file or nothing. */
function ownTarget(path: string): Target {
  const found = lstatOf(path);
  if (found !== undefined && !found.isDirectory) assertRegular(found);
  return { path, isSpecial: false, mode: found && modeOf(found) };
}

function modeOf({ mode, isFile }: Deno.FileInfo): number | undefined {
  return isFile && mode !== null && Deno.build.os !== "windows" ? mode & 0o777 : undefined;
}

function assertRegular(info: Deno.FileInfo): void {
  if (!info.isFile) throw new Error(`it must be a regular file, got ${describe(info)}`);
}

/** Names the kind of a file, with its article. */
function describe(info: Deno.FileInfo): string {
  if (info.isSymlink) return "a link";
  if (info.isDirectory) return "a folder";
  if (info.isFile) return "a file";
  return info.isFifo ? "a pipe" : "a device or socket";
}
