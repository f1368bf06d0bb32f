/** The user's cache folder, for what can be made again. */

import { join } from "node:path";

/**
 * Gives the folder of this program's caches, which need not be there yet: below XDG_CACHE_HOME or
 * ~/.cache, undefined where the variables name neither.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { cacheFolder } from "./cache_folder.ts";
 * assert.equal(cacheFolder((name) => name === "HOME" ? "/home/a" : ""), "/home/a/.cache/udrlpg");
 * ```
 */
export function cacheFolder(env: (name: string) => string | undefined): string | undefined {
  const base = env("XDG_CACHE_HOME");
  if (base?.startsWith("/")) return join(base, "udrlpg");
  const home = env("HOME");
  return home ? join(home, ".cache", "udrlpg") : undefined;
}
