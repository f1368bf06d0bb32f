/**
 * Where a run's time went, from its event file: metrics.jsonl holds no times, but TensorBoard's events
 * do, one for each record, written when what it tells of is complete. So the time between two events
 * was spent on what the later one tells of.
 */

import { FileError } from "../system/errors.ts";
import { childPath, readFileLimited } from "../system/files.ts";
import { decodeTfevents, type ScalarEvent } from "../formats/tfevents.ts";

/** Seconds by what they were spent on. */
export type TimesByPurpose = Readonly<Record<string, number>>;

/** What the time before an event of a kind was spent on. */
const PURPOSE_OF_KIND: ReadonlyMap<string, string> = new Map([
  ["update", "updates"],
  ["episode", "training episodes"],
  ["evaluation", "evaluations"],
  ["curve", "sweeps and calibration"],
]);
const OTHER = "everything else";

/** Reports are made again and again: an event file that takes long to read is left out. */
const MAX_BYTES = 2 ** 25;
/** A pause this long, and this many times the kind's median, is a run that was stopped and resumed. */
const PAUSE_SECONDS = 60;
const PAUSE_MEDIANS = 20;

/** Sums the times of a run up; undefined when it has no event file that can be read. */
export function timesOf(folder: string): TimesByPurpose | undefined {
  const name = [...Deno.readDirSync(folder)].map((entry) => entry.name)
    .filter((file) => /^events\.out\.tfevents\./.test(file)).sort().at(-1);
  if (name === undefined) return undefined;
  try {
    const path = childPath(folder, name);
    const bytes = readFileLimited(path, { maxBytes: MAX_BYTES, kind: "event file" });
    return sumTimes(decodeTfevents(bytes, { name: path }).events);
  } catch (error) {
    if (error instanceof FileError) return undefined;
    throw error;
  }
}

/**
 * Books the time between events on what the later one tells of. Pauses and clocks that went back are
 * left out.
 */
export function sumTimes(
  events: readonly Pick<ScalarEvent, "wallTimeSeconds" | "scalars">[],
): TimesByPurpose {
  const intervals = new Map<string, number[]>();
  for (let i = 1; i < events.length; i++) {
    const seconds = events[i].wallTimeSeconds - events[i - 1].wallTimeSeconds;
    if (!(seconds >= 0)) continue;
    const [tag = ""] = events[i].scalars.keys();
    const purpose = PURPOSE_OF_KIND.get(tag.slice(0, tag.indexOf("/"))) ?? OTHER;
    if (!intervals.has(purpose)) intervals.set(purpose, []);
    intervals.get(purpose)!.push(seconds);
  }
  return Object.fromEntries([...intervals].map(([purpose, seconds]) => {
    const median = seconds.toSorted((a, b) => a - b)[seconds.length >> 1];
    const longest = Math.max(PAUSE_SECONDS, PAUSE_MEDIANS * median);
    return [purpose, seconds.reduce((sum, value) => value > longest ? sum : sum + value, 0)];
  }));
}
