/**
 * Which programs of files the user has agreed to run: the commands of --env-command, and the modules of
 * `gym:MODULE:ID`.
 *
 * A file may come from anybody, so a command in it is run only where the same user has typed the same one
 * before, in the same folder (a relative command means another program elsewhere), or gives --trust. What was
 * typed is remembered by hashes in the user's cache folder; without one, nothing is.
 */

import { join } from "node:path";
import { cacheFolder } from "../system/cache_folder.ts";
import { hashHex, makeFolder, readFileLimited, writeFileAtomic } from "../system/files.ts";

const FILE_NAME = "agreed-commands";
/** The latest are kept. */
const MOST_REMEMBERED = 1000;
const MAX_BYTES = 2 ** 18;

/** Remembers what the user has typed. */
export class Consents {
  readonly #folder: string | undefined;
  readonly #workFolder: string;

  /**
   * Opens what is remembered.
   * @param env reads an environment variable
   * @param workFolder the folder that commands are typed in
   */
  constructor(env: (name: string) => string | undefined, workFolder: string = Deno.cwd()) {
    this.#folder = cacheFolder(env);
    this.#workFolder = workFolder;
  }

  /** Tells whether the user has typed this before, here. */
  has(command: string): boolean {
    return this.#read().includes(this.#hash(command));
  }

  /** Remembers that the user has typed this here; where that is not possible, it will be asked again. */
  remember(command: string): void {
    const hash = this.#hash(command);
    const known = this.#read();
    if (this.#folder === undefined || known.at(-1) === hash) return;
    const kept = [...known.filter((other) => other !== hash), hash].slice(-MOST_REMEMBERED);
    try {
      makeFolder(this.#folder);
      writeFileAtomic(join(this.#folder, FILE_NAME), kept.join("\n") + "\n", {
        kind: "list of commands",
      });
    } catch {
      // A home that cannot be written.
    }
  }

  #hash(command: string): string {
    return hashHex(new TextEncoder().encode(`${this.#workFolder}\0${command}`));
  }

  #read(): string[] {
    if (this.#folder === undefined) return [];
    try {
      const path = join(this.#folder, FILE_NAME);
      const bytes = readFileLimited(path, { maxBytes: MAX_BYTES, kind: "list of commands" });
      return new TextDecoder().decode(bytes).split("\n").filter((line) => line !== "");
    } catch {
      return [];
    }
  }
}
