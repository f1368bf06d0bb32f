/** The versions of the program and of what it is made of, without loading any of it. */

import { readFileSync } from "node:fs";
import project from "../../deno.json" with { type: "json" };

/** Semantic version, such as "0.1.0". */
export const VERSION: string = project.version;

/** What a report of a problem should say. */
export interface Versions {
  /** The program's version. */
  readonly version: string;
  /** Commit of the sources; "unknown" where neither a build nor a checkout tells it. */
  readonly commit: string;
  /** Version of Deno. */
  readonly deno: string;
  /** Version of the package onnxruntime-node. */
  readonly onnxruntime: string;
  /** Version of the package of MuJoCo in WebAssembly. */
  readonly mujoco: string;
}

/** Collects the versions; a built program's deno.json says its commit. */
export function readVersions(): Versions {
  const { imports, commit } = project as typeof project & { readonly commit?: string };
  const pinned = (specifier: string) => specifier.slice(specifier.lastIndexOf("@") + 1);
  return {
    version: VERSION,
    commit: commit ?? readCheckoutCommit(new URL("../.git/", import.meta.url)),
    deno: Deno.version.deno,
    onnxruntime: pinned(imports["onnxruntime-node"]),
    mujoco: pinned(imports["@mujoco/mujoco"]),
  };
}

/**
 * Writes the versions as lines, the program's own first.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { readVersions, versionLines } from "./version.ts";
 * const lines = versionLines({ ...readVersions(), version: "1.2.3", commit: "abc" });
 * assert.equal(lines[0], "udrlpg 1.2.3");
 * assert.equal(lines[1], "commit abc");
 * ```
 */
export function versionLines(versions: Versions): string[] {
  return [
    `udrlpg ${versions.version}`,
    `commit ${versions.commit}`,
    `deno ${versions.deno}`,
    `onnxruntime ${versions.onnxruntime}`,
    `mujoco ${versions.mujoco}`,
  ];
}

/** Reads the commit that a .git folder is at, or "unknown". */
export function readCheckoutCommit(git: URL): string {
  try {
    const read = (file: string) => readFileSync(new URL(file, git), "utf8");
    const head = read("HEAD").trim();
    if (!head.startsWith("ref: ")) return commitIn(head);
    const branch = head.slice("ref: ".length);
    try {
      return commitIn(read(branch));
    } catch {
      const line = read("packed-refs").split("\n").find((line) => line.endsWith(` ${branch}`));
      return commitIn(line ?? "");
    }
  } catch {
    return "unknown";
  }
}

function commitIn(text: string): string {
  return /^[0-9a-f]{40,64}/.exec(text)?.[0] ?? "unknown";
}
