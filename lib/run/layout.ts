/** The names of everything in a run folder: the one place that knows them. */

/** The resolved configuration. */
export const CONFIG_FILE_NAME = "config.toml";

/** The policies that the run begins with, where there are some. */
export const START_FILE_NAME = "start.safetensors";

/** The records of the run, a JSON object per line. */
export const METRICS_FILE_NAME = "metrics.jsonl";

/** What training leaves in the end. */
export const GENERATOR_FILE_NAME = "generator.safetensors";

/** The list of what is in a folder of generated policies; the same as CSV beside it. */
export const MANIFEST_FILE_NAME = "manifest.json";

/** The page of charts. */
export const REPORT_FILE_NAME = "report.html";

/** The folder of checkpoints. */
export const CHECKPOINT_FOLDER_NAME = "checkpoint";

/** The lock; a folder that holds nothing else counts as empty. */
export const LOCK_FILE_NAME = ".lock";

/**
 * Makes a file name of an environment's id, which anybody may have chosen: it names no other folder and
 * hides nowhere.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { fileNameOf } from "./layout.ts";
 * assert.deepEqual(["CartPole-v1", "../x/y", ".."].map(fileNameOf), ["CartPole-v1", "_x_y", "_"]);
 * ```
 */
export function fileNameOf(id: string): string {
  const clean = id.replace(/^\.+/, "_").replace(/[^\p{L}\p{N}._-]+/gu, "_").replace(/_+/g, "_");
  return [...clean].slice(0, MOST_CHARACTERS).join("");
}

/** Of an id in a name: a character takes up to four bytes of the 255 that file systems allow. */
const MOST_CHARACTERS = 50;
const EVENTS_PREFIX = "events.out.tfevents.";
const EVENTS_NAME = /^events\.out\.tfevents\.[0-9]+\.udrlpg$/;

/** Names an event file by the time when it was begun, by which TensorBoard tells files of runs apart. */
export function eventsFileName(epochSeconds: number): string {
  return `${EVENTS_PREFIX}${Math.max(0, Math.floor(epochSeconds))}.udrlpg`;
}

/** Tells whether a file of this name is an event file that this program began. */
export function isOwnEventsFile(name: string): boolean {
  return EVENTS_NAME.test(name);
}

/** Tells whether a file of this name is an event file of any program. */
export function isEventsFile(name: string): boolean {
  return name.startsWith(EVENTS_PREFIX);
}

/**
 * Names a policy that was generated for a return; `ending` begins with a dot. Of means that were measured the
 * last digits are rounding errors and left out.
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { policyFileName } from "./layout.ts";
 * assert.equal(policyFileName(60.150000000000006, ".onnx"), "policy-60.15.onnx");
 * ```
 */
export function policyFileName(requestedReturn: number, ending: string): string {
  return `policy-${Number(requestedReturn.toPrecision(12))}${ending}`;
}
