/**
 * A file that only grows while a run goes on, and that a resumed run rolls back to where its checkpoint
 * stood: the lines or records written after the checkpoint are written again, so that the file of an
 * interrupted run ends up the same as that of an unbroken one.
 *
 * Every append is one write, so that a kill tears at most the last piece. A write that fails half-way
 * (a full disk) is taken back. Syncing is left to the caller: before a checkpoint records `position`,
 * the bytes up to it must be on disk.
 */

import { fileErrorOf, withFileErrors } from "./file_errors.ts";
import { openOwnFile, writeFully } from "./files.ts";

/** How an append-only file is opened. */
export interface AppendOptions {
  /** The noun in errors. */
  readonly kind: string;
  /** Cuts the file to this many bytes; without it the file goes on at its end. */
  readonly resumeAtByte?: number;
}

/** An open append-only file; the only writer of its path. */
export class AppendFile {
  /** Where the file is. */
  readonly path: string;
  readonly #kind: string;
  readonly #file: Deno.FsFile;
  #position: number;

  private constructor(path: string, kind: string, file: Deno.FsFile, position: number) {
    this.path = path;
    this.#kind = kind;
    this.#file = file;
    this.#position = position;
  }

  /**
   * Opens or makes the file and cuts it to `resumeAtByte`. A file that is shorter stays as it is.
   * @throws {FileError} when it cannot be opened.
   */
  static open(path: string, { kind, resumeAtByte }: AppendOptions): AppendFile {
    return withFileErrors("open", { path, kind }, () => {
      const file = openOwnFile(path, { append: true, create: true });
      try {
        const { size } = file.statSync();
        const position = Math.min(size, resumeAtByte ?? size);
        if (position < size) file.truncateSync(position);
        return new AppendFile(path, kind, file, position);
      } catch (error) {
        file.close();
        throw error;
      }
    });
  }

  /** The length of the file in bytes: what a checkpoint records. */
  get position(): number {
    return this.#position;
  }

  /**
   * Appends all bytes with one write.
   * @throws {FileError} when not all of them could be written; the file is as before then.
   */
  append(bytes: Uint8Array): void {
    try {
      writeFully(this.#file, bytes);
    } catch (error) {
      try {
        this.#file.truncateSync(this.#position);
      } catch {
        // The next open repairs the torn end.
      }
      throw fileErrorOf(error, "write", { path: this.path, kind: this.#kind });
    }
    this.#position += bytes.length;
  }

  /**
   * Waits until everything appended is on disk.
   * @throws {FileError} when the system reports that it is not.
   */
  sync(): void {
    withFileErrors("write", { path: this.path, kind: this.#kind }, () => this.#file.syncSync());
  }

  /** Closes the file; it is not usable afterwards. */
  close(): void {
    this.#file.close();
  }

  /** Closes the file at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}
