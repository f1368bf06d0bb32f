/** How far a run is, seen from outside by whoever started it: nothing is locked and nothing written. */

import { childPath, isThere, openRegular } from "../system/files.ts";
import { parseRecord } from "../run/metrics_reader.ts";
import { GENERATOR_FILE_NAME, METRICS_FILE_NAME } from "../run/layout.ts";

/** The state of a run folder. */
export type RunState = "new" | "started" | "finished";

/** The longest ordinary record is a curve's; a longer last line counts as no news. */
const TAIL_BYTES = 2 ** 17;
const LINE_END = 0x0a;

/** Tells how far a run folder is; a folder that cannot be seen counts as new. */
export function runStateOf(folder: string): RunState {
  try {
    if (isThere(childPath(folder, GENERATOR_FILE_NAME))) return "finished";
    return isThere(childPath(folder, METRICS_FILE_NAME)) ? "started" : "new";
  } catch {
    return "new";
  }
}

/** Reads the step of the last whole record of a run that may be going on; 0 when there is none. */
export function lastStepOf(folder: string): number {
  let tail: Uint8Array;
  try {
    using file = openRegular(childPath(folder, METRICS_FILE_NAME));
    const { size } = file.statSync();
    file.seekSync(Math.max(0, size - TAIL_BYTES), Deno.SeekMode.Start);
    const bytes = new Uint8Array(Math.min(size, TAIL_BYTES));
    tail = bytes.subarray(0, file.readSync(bytes) ?? 0);
  } catch {
    return 0; // not there yet
  }
  for (let end = tail.lastIndexOf(LINE_END); end >= 0;) {
    const start = tail.lastIndexOf(LINE_END, end - 1);
    const record = parseRecord(tail.subarray(start + 1, end));
    if (record !== undefined) return record.step;
    if (start < 0 || end === 0) return 0;
    end = start;
  }
  return 0;
}
