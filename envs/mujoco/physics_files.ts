/** MuJoCo's module as files, for pages that play an environment. */

import type { PhysicsFiles } from "../../lib/env.ts";
import { stripWasm } from "../../lib/formats/strip_wasm.ts";
import { withFileErrors } from "../../lib/system/file_errors.ts";

/**
 * Reads the engine, without what only debuggers read.
 * @throws {FileError} when the package is not there.
 */
export function readPhysicsFiles(): PhysicsFiles {
  const script = new URL(import.meta.resolve("@mujoco/mujoco"));
  const wasm = new URL("mujoco.wasm", script);
  return withFileErrors("read", { path: script.pathname, kind: "physics engine" }, () => ({
    script: Deno.readTextFileSync(script),
    wasm: stripWasm(Deno.readFileSync(wasm)),
  }));
}
