/**
 * Counts the time that a child has for an answer. Time in which this program or the child is stopped, as by
 * Ctrl-Z, is not the child's.
 */

import { systemClock } from "../../system/clock.ts";

/** How often the time for an answer is counted; a longer pause is one in which this program stood still. */
const TICK_MS = 100;

/** What a watch is to know. */
export interface AnswerWatchOptions {
  /** The child's process. */
  readonly pid: number;
  /** How long it may take for each answer. */
  readonly timeoutSeconds: number;
  /** How long it may take for one after `stopping`. */
  readonly graceSeconds: number;
  /** Aborted when the work is to stop soon. */
  readonly stopping?: AbortSignal | undefined;
  /** Told once when an answer is late; `isStopping` when it would not have been but for `stopping`. */
  readonly onLate: (isStopping: boolean) => void;
}

/** Counts while something is to be answered. */
export class AnswerWatch {
  readonly #options: AnswerWatchOptions;
  readonly #tickMs: number;
  /** The time for each thing that was sent, the oldest first. */
  readonly #waiting: number[] = [];
  #left = Infinity;
  #leftToStop = Infinity;
  #last = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Makes a watch that waits for nothing. */
  constructor(options: AnswerWatchOptions) {
    this.#options = options;
    const { timeoutSeconds, graceSeconds } = options;
    const shortest = Math.min(timeoutSeconds, Math.max(graceSeconds, 0.1));
    this.#tickMs = Math.min(TICK_MS, 1000 * shortest / 4);
  }

  /** Takes note of something that is to be answered, after everything before it. */
  begin(parts: number): void {
    const time = 1000 * parts * this.#options.timeoutSeconds;
    this.#waiting.push(time);
    if (this.#waiting.length === 1) this.#count(time);
  }

  /** Takes note that the oldest was answered. */
  end(): void {
    this.#waiting.shift();
    const [next] = this.#waiting;
    if (next !== undefined) this.#count(next);
  }

  /** Ends all counting. */
  close(): void {
    this.#waiting.length = 0;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #count(time: number): void {
    this.#left = time;
    this.#leftToStop = Infinity;
    if (this.#timer !== undefined) return; // a timer for every answer would cost as much as the answer
    this.#last = systemClock().monotonicMs();
    this.#timer = setInterval(() => this.#tick(), this.#tickMs);
  }

  #tick(): void {
    const now = systemClock().monotonicMs();
    const passed = Math.min(now - this.#last, 2 * this.#tickMs);
    this.#last = now;
    if (this.#waiting.length === 0) return this.close();
    const { stopping, graceSeconds, pid, onLate } = this.#options;
    this.#left -= passed;
    if (stopping?.aborted) {
      if (this.#leftToStop === Infinity) this.#leftToStop = 1000 * graceSeconds;
      else this.#leftToStop -= passed;
      if (this.#leftToStop <= 0) return onLate(true);
    }
    if (this.#left > 0) return;
    if (isStopped(pid)) return void (this.#left = this.#waiting[0]);
    onLate(false);
  }
}

/** Whether a process is stopped, as by SIGSTOP, where the system tells. */
function isStopped(pid: number): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return /^[Tt]/.test(stat.slice(stat.lastIndexOf(")") + 2)); // the name before may hold anything
  } catch {
    return false;
  }
}
