/**
 * The one place that reads the time. Everything that needs it takes a `Clock`, so that tests can pass
 * one that they move by hand.
 */

/** Tells the time. */
export interface Clock {
  /** Milliseconds that never run backwards, from an unspecified start: for durations and rates. */
  monotonicMs(): number;
  /** Milliseconds since 1970-01-01 UTC: for dates in files. */
  epochMs(): number;
}

/** Makes the clock of the machine. */
export function systemClock(): Clock {
  return {
    monotonicMs: () => performance.now(),
    epochMs: () => Date.now(),
  };
}

/**
 * Writes a duration for people, in the two largest units: "0.4 s", "12 s", "3 min 20 s", "2 h 5 min",
 * "3 d 4 h".
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatDuration } from "./clock.ts";
 * assert.equal(formatDuration(200), "3 min 20 s");
 * ```
 */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "?";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
