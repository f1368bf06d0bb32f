/** How far a run is, seen from outside by whoever started it: nothing is locked and nothing written. */

import { childPath, isThere } from "../system/files.ts";
import { GENERATOR_FILE_NAME, METRICS_FILE_NAME } from "../run/layout.ts";

/** The state of a run folder. */
export type RunState = "new" | "started" | "finished";

/** Tells how far a run folder is; a folder that cannot be seen counts as new. */
export function runStateOf(folder: string): RunState {
  try {
    if (isThere(childPath(folder, GENERATOR_FILE_NAME))) return "finished";
    return isThere(childPath(folder, METRICS_FILE_NAME)) ? "started" : "new";
  } catch {
    return "new";
  }
}
