/**
 * One process per run folder. The lock is the operating system's own advisory lock on a file in the
 * folder, so it ends with the process however that ends, and a crash never blocks the next start. The
 * file itself stays and names its last holder; removing it would let two processes lock two files of
 * one name.
 */

import { join } from "node:path";
import { FileError } from "../system/errors.ts";
import { fileErrorOf, withFileErrors } from "../system/files.ts";
import { LOCK_FILE_NAME } from "./layout.ts";

const MAX_HOLDER_BYTES = 32;

/** A held lock: keep it for as long as the run folder is written to. */
export interface RunLock {
  /** Lets go of the folder; nothing happens the second time. */
  release(): void;
  /** Lets go of the folder at the end of a `using` block. */
  [Symbol.dispose](): void;
}

/**
 * Takes the run folder for this process; the folder must be there.
 * @throws {FileError} when another process holds it: `Cannot open run "x": another udrlpg (process 123)
 * is using it`; or when the lock file cannot be written.
 */
export function lockRun(folder: string): RunLock {
  const path = join(folder, LOCK_FILE_NAME);
  const run = { path: folder, kind: "run" };
  const file = withFileErrors(
    "open",
    run,
    () => Deno.openSync(path, { read: true, write: true, create: true }),
  );
  let isHeld = false;
  try {
    isHeld = file.tryLockSync(true);
    if (!isHeld) {
      throw new FileError(`Cannot open run ${JSON.stringify(folder)}: ${holderOf(file)}`);
    }
    file.truncateSync(0);
    file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
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
  return { release, [Symbol.dispose]: release };
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
