/** A Python with Gymnasium, where there is one, for tests of `--env gym:ID`. */

import { join } from "node:path";

const PYTHON = Deno.env.get("UDRLPG_PYTHON") || "python3";

/** Tells whether Python has Gymnasium. */
export function hasGymnasium(): boolean {
  return pythonHas("gymnasium");
}

/** Tells whether Python has a module. */
export function pythonHas(module: string): boolean {
  try {
    const args = ["-c", `import ${module}`];
    return new Deno.Command(PYTHON, { args, stderr: "null" }).outputSync().success;
  } catch {
    return false; // There is no Python.
  }
}

/** Registers a test that needs Gymnasium; left out, with its reason in its name, where there is none. */
export function gymTest(name: string, fn: () => Promise<void>): void {
  const there = hasGymnasium();
  const reason = there ? "" : " (left out: Python has no Gymnasium, see UDRLPG_PYTHON)";
  Deno.test({ name: name + reason, ignore: !there, fn });
}

/**
 * Writes a program that starts Python with other surroundings; gives its path.
 * @param options.without leaves out all installed packages
 * @param options.modules is a folder whose modules can be imported
 */
export async function writePython(
  folder: string,
  { without = false, modules = "" }: { without?: boolean; modules?: string },
): Promise<string> {
  const path = join(folder, "python");
  const line = `PYTHONPATH='${modules}' exec '${PYTHON}'${without ? " -S" : ""} "$@"`;
  await Deno.writeTextFile(path, `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  return path;
}
