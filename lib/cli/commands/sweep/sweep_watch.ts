/**
 * How far the runs of a sweep are together. Each tells its share on stderr, end of training and all, as it tells
 * anybody; a run counts by its budget of steps, and one that was finished before the sweep not at all.
 */

import type { SweepRun } from "../../../sweep/expand.ts";
import { parseProgress, type ProgressState, secondsLeftAt } from "../../progress.ts";

/** What is known of a run that goes on. */
interface Going {
  readonly startedMs: number;
  share: number;
  phase: string | undefined;
}

/** Watches the runs of a sweep. */
export class SweepWatch {
  readonly #runs: readonly SweepRun[];
  readonly #startedMs: number;
  readonly #going = new Map<SweepRun, Going>();
  readonly #isFinished: (run: SweepRun) => boolean;
  #ended = 0;
  #failed = 0;
  #doneSteps = 0;
  readonly #steps: number;
  /** What was left when something was last heard; it only passes until then. */
  #forecast: { readonly seconds: number | undefined; readonly ms: number };

  /**
   * Starts where none has begun.
   * @param isFinished tells of a run that was finished before
   */
  constructor(
    runs: readonly SweepRun[],
    { now, isFinished }: { readonly now: number; readonly isFinished: (run: SweepRun) => boolean },
  ) {
    this.#runs = runs;
    this.#startedMs = now;
    this.#forecast = { seconds: undefined, ms: now };
    const finished = new Set(runs.filter(isFinished));
    this.#isFinished = (run) => finished.has(run);
    this.#steps = sumOf(runs.map((run) => this.#weight(run)));
  }

  /** Notes that a run has been started. */
  start(run: SweepRun, now: number): void {
    this.#going.set(run, { startedMs: now, share: 0, phase: undefined });
  }

  /** Takes a line into account that a run wrote. */
  hear(run: SweepRun, line: string, now: number): void {
    const told = parseProgress(line);
    const going = this.#going.get(run);
    if (!told || !going) return;
    Object.assign(going, told);
    this.#forecast = { seconds: this.#left(now), ms: now };
  }

  /** Notes that a run has ended. */
  end(
    run: SweepRun,
    { isFailure, now }: { readonly isFailure: boolean; readonly now: number },
  ): void {
    this.#going.delete(run);
    this.#ended++;
    this.#doneSteps += this.#weight(run);
    if (isFailure) this.#failed++;
    this.#forecast = { seconds: this.#left(now), ms: now };
  }

  /** How far all of them are. */
  state(now: number): ProgressState {
    const phases = [...this.#going.values()].map(({ phase }) => phase ?? "starting");
    const { seconds, ms } = this.#forecast;
    const secondsLeft = seconds && Math.max(0, seconds - (now - ms) / 1000);
    return {
      phase: "ended",
      done: this.#ended,
      total: this.#runs.length,
      whole: { share: this.#share(), secondsLeft },
      facts: [
        ...(this.#failed > 0 ? [["failed", String(this.#failed)] as const] : []),
        ...(phases.length > 0 ? [["now", phases.join(", ")] as const] : []),
      ],
    };
  }

  /** Undefined where all were finished before. */
  #share(): number | undefined {
    const going = [...this.#going].map(([run, { share }]) => share * this.#weight(run));
    return this.#steps > 0 ? (this.#doneSteps + sumOf(going)) / this.#steps : undefined;
  }

  /** With none waiting the last of the present runs ends it; the others share the machine until then. */
  #left(now: number): number | undefined {
    const overall = secondsLeftAt(this.#share() ?? 0, (now - this.#startedMs) / 1000);
    if (this.#ended + this.#going.size < this.#runs.length) return overall;
    const own = [...this.#going.values()].map(({ share, startedMs }) =>
      secondsLeftAt(share, (now - startedMs) / 1000)
    );
    return own.some((seconds) => seconds === undefined) ? overall : Math.max(0, ...own as number[]);
  }

  #weight(run: SweepRun): number {
    return this.#isFinished(run) ? 0 : run.config.steps;
  }
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
