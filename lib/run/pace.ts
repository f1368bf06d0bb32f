/**
 * Where the wall time of a training session goes, by what simulated steps are counted by as well. The time
 * between two events of the trainer was spent on what the later one tells of.
 */

import type { PhaseEvent, TrainingEvent } from "../algorithm/events.ts";
import type { Clock } from "../system/clock.ts";

/** What time is spent on; "updates" and "saving" take no simulated steps. */
export const TIME_PURPOSES = [
  "training",
  "updates",
  "choosing",
  "calibration",
  "reports",
  "saving",
] as const;
/** One of them. */
export type TimePurpose = (typeof TIME_PURPOSES)[number];

/** Seconds by purpose. */
export type SecondsByPurpose = Readonly<Record<TimePurpose, number>>;

/** Books time on purposes. */
export class Pace {
  readonly #clock: Clock;
  readonly #seconds = Object.fromEntries(TIME_PURPOSES.map((purpose) => [purpose, 0])) as Record<
    TimePurpose,
    number
  >;
  #markMs: number;

  /** Starts the first interval. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#markMs = clock.monotonicMs();
  }

  /** Books the time since the last call on a purpose, and gives it in seconds. */
  book(purpose: TimePurpose): number {
    const now = this.#clock.monotonicMs();
    const seconds = (now - this.#markMs) / 1000;
    this.#markMs = now;
    this.#seconds[purpose] += seconds;
    return seconds;
  }

  /** Seconds so far. */
  get seconds(): SecondsByPurpose {
    return { ...this.#seconds };
  }
}

/** Says what the time before an event was spent on. */
export function purposeOf(event: TrainingEvent): TimePurpose {
  switch (event.kind) {
    case "episode":
    case "part":
      return "training";
    case "update":
      return "updates";
    case "evaluation":
      return "reports";
    case "curve":
      return event.final ? "calibration" : "reports";
    case "phase":
      return purposeOfPhase(event);
    case "cycle":
    case "attempt":
    case "spent":
    case "end":
      return "saving";
  }
}

/** A phase that has just begun tells of the end of the one before. */
function purposeOfPhase({ phase, done }: PhaseEvent): TimePurpose {
  switch (phase) {
    case "choosing":
      return "choosing";
    case "fitting":
      return done === 0 ? "choosing" : "updates";
    case "measuring":
      return "updates";
    case "calibrating":
      return done === 0 ? "reports" : "calibration";
  }
}
