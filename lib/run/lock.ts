/**
 * One process per run folder. The lock is the operating system's own advisory lock on a file in the
 * folder, so it ends with the process however that ends, and a crash never blocks the next start. The
 * file itself stays and names its last holder; removing it would let two processes lock two files of
 * one name.
 *
 * A lock belongs to a file and not to its path: when the folder is renamed or deleted while a run is in
 * it, the lock is still held, and another run may begin at the old path. So whoever writes by path asks
 * first whether the path still leads to the file that is locked.
 */

import { join } from "node:path";
import { FileError } from "../system/errors.ts";
import { fileErrorOf, withFileErrors } from "../system/file_errors.ts";
import { isSameFile, lstatOf, openOwnFile, removeTemporaries } from "../system/files.ts";
import { LOCK_FILE_NAME } from "./layout.ts";

const MAX_HOLDER_BYTES = 32;
/** Nobody takes that long to write a file: what is older was left by a killed process. */
const LEFT_BEHIND_MS = 600_000;

/** A held lock: keep it for as long as the run folder is written to. */
export interface RunLock {
  /**
   * Checks that the folder is still the one that was locked: call it before writing there by path.
   * @throws {FileError} when the folder was moved or deleted, or something else has its lock's name.
   */
  assertHeld(): void;
  /** Lets go of the folder; nothing happens the second time. */
  release(): void;
  /** Lets go of the folder at the end of a `using` block. */
  [Symbol.dispose](): void;
}

/**
 * Takes the run folder for this process; the folder must be there. Removes temporary files that killed
 * processes left in it.
 * @throws {FileError} when another process holds it: `Cannot open run "x": another udrlpg (process 123)
 * is using it`; or when the lock file cannot be written.
 */
export function lockRun(folder: string): RunLock {
  const path = join(folder, LOCK_FILE_NAME);
  const run = { path: folder, kind: "run" };
  const file = withFileErrors("open", run, () => openLock(path));
  let isHeld = false;
  const assertHeld = () =>
    withFileErrors("write", run, () => {
      const found = lstatOf(path);
      if (found !== undefined && isSameFile(found, file.statSync())) return;
      throw new Error(
        "it must be the folder that was opened, got another one or none: it was moved or deleted " +
          "while a run was in it: resume that run where it is now",
      );
    });
  try {
    isHeld = tryLock(file);
    if (!isHeld) {
      throw new FileError(`Cannot open run ${JSON.stringify(folder)}: ${holderOf(file)}`);
    }
    file.truncateSync(0);
    file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
    assertHeld();
    const now = file.statSync().mtime?.getTime() ?? 0;
    removeTemporaries(folder, new Date(now - LEFT_BEHIND_MS));
  } catch (error) {
    file.close();
    throw fileErrorOf(error, "open", run);
  }
  const release = () => {
    if (!isHeld) return;
    isHeld = false;
    // Closing alone would leave it to a child that another thread is starting, until that one runs.
    file.unlockSync();
    file.close();
  };
  return { assertHeld, release, [Symbol.dispose]: release };
}

/** Opens the lock file, which another process may make at the same moment. */
function openLock(path: string): Deno.FsFile {
  try {
    return openOwnFile(path, { create: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    return openOwnFile(path);
  }
}

/** Takes the lock if nobody has it. Some network file systems have none, and say so in many ways. */
function tryLock(file: Deno.FsFile): boolean {
  for (;;) {
    try {
      return file.tryLockSync(true);
    } catch (error) {
      if (error instanceof Deno.errors.Interrupted) continue;
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(
        `its file system must have locks, got "${reason}": train in a folder of a local disk`,
      );
    }
  }
}

function holderOf(file: Deno.FsFile): string {
  let process = "";
  try {
    const bytes = new Uint8Array(MAX_HOLDER_BYTES);
    const count = file.readSync(bytes) ?? 0;
    const match = /^([0-9]+)\n/.exec(new TextDecoder().decode(bytes.subarray(0, count)));
    if (match !== null) process = ` (process ${match[1]})`;
  } catch {
    // Where locks are mandatory, the holder's name cannot be read.
  }
  return `another udrlpg${process} is using it`;
}
