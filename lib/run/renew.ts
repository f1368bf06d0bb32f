/**
 * Keeps RUN/report.html up to date while a run trains: renewed after evaluations, but never so often
 * that it takes more than a fiftieth of the time, and at the end of the session. A report that cannot be
 * written is a warning, not the end of a run.
 */

import type { Clock } from "../system/clock.ts";
import { FileError } from "../system/errors.ts";

/** What is renewed and who is told. */
export interface RenewOptions {
  /** The run folder. */
  readonly folder: string;
  /** Writes the report of a run folder. */
  readonly writeReport: (folder: string) => Promise<unknown>;
  /** Paces the reports. */
  readonly clock: Clock;
  /** Gets what went wrong. */
  readonly onWarning?: (text: string) => void;
}

/** The pause after a report, as a multiple of the time that it took. */
const PAUSE_COSTS = 50;

/** Renews the report of one run folder. */
export class ReportRenewer {
  readonly #options: RenewOptions;
  #shownEvaluations = 0;
  #notBeforeMs = -Infinity;

  /** Takes a folder; nothing is read before the first report. */
  constructor(options: RenewOptions) {
    this.#options = options;
  }

  /** Renews the report when there are new evaluations and the last report is long enough ago. */
  async whenDue({ history }: {
    readonly history: { readonly evaluations: ArrayLike<unknown> };
  }): Promise<void> {
    const { length } = history.evaluations;
    if (length === this.#shownEvaluations) return;
    if (this.#options.clock.monotonicMs() < this.#notBeforeMs) return;
    this.#shownEvaluations = length;
    await this.now();
  }

  /** Renews the report. */
  async now(): Promise<void> {
    const { folder, writeReport, clock, onWarning } = this.#options;
    const started = clock.monotonicMs();
    try {
      await writeReport(folder);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      onWarning?.(error.message);
    }
    const ended = clock.monotonicMs();
    this.#notBeforeMs = ended + PAUSE_COSTS * (ended - started);
  }
}
