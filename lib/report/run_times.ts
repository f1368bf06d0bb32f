/**
 * Where a run's time went, from its event file: each session writes how many seconds it has spent on each
 * purpose so far, and a value that is less than the one before begins another session.
 */

import { FileError } from "../system/errors.ts";
import { childPath, namesIn } from "../system/files.ts";
import { readTfevents, type ScalarEvent } from "../formats/tfevents.ts";
import { isEventsFile } from "../run/layout.ts";
import { TIME_PURPOSES, type TimePurpose } from "../run/pace.ts";

/** Seconds by what they were spent on; purposes that took none are left out. */
export type TimesByPurpose = Readonly<Partial<Record<TimePurpose, number>>>;

/** Reports are made again and again: an event file that takes long to read is left out. */
const MAX_BYTES = 2 ** 25;
/** Sessions say once a report what they have spent. */
const MAX_EVENTS = 100_000;

/** Sums the times of a run up; undefined when it has no event file that can be read. */
export function timesOf(folder: string): TimesByPurpose | undefined {
  const name = namesIn(folder).filter(isEventsFile).at(-1);
  if (name === undefined) return undefined;
  try {
    const path = childPath(folder, name);
    if (Deno.statSync(path).size > MAX_BYTES) return undefined;
    const told: Pick<ScalarEvent, "scalars">[] = [];
    readTfevents(path, ({ scalars }) => {
      const isTime = scalars.keys().some((tag) => tag.startsWith("seconds/"));
      if (isTime && told.length < MAX_EVENTS) told.push({ scalars });
    });
    return sumTimes(told);
  } catch (error) {
    if (error instanceof FileError) return undefined;
    throw error;
  }
}

/** Sums what the sessions of a run say that they have spent. */
export function sumTimes(events: readonly Pick<ScalarEvent, "scalars">[]): TimesByPurpose {
  const times = TIME_PURPOSES.flatMap((purpose): [TimePurpose, number][] => {
    let [sum, last] = [0, 0];
    for (const { scalars } of events) {
      const seconds = scalars.get(`seconds/${purpose}`);
      if (seconds === undefined || !(seconds >= 0)) continue;
      sum += seconds < last ? seconds : seconds - last;
      last = seconds;
    }
    return sum > 0 ? [[purpose, sum]] : [];
  });
  return Object.fromEntries(times);
}
