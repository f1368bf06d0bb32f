/**
 * What a run says of itself, in two files: metrics.jsonl, which holds everything, for programs and people, and an
 * event file for TensorBoard, with what is worth a plot (lib/run/board.ts).
 *
 * A checkpoint records how long both files are, and a resumed run rolls them back to there, so that
 * metrics.jsonl ends up the same, byte for byte, as if the run had never stopped. It holds no times for
 * that reason; the event file does, because TensorBoard wants them.
 */

import type { Clock } from "../system/clock.ts";
import { childPath, namesIn } from "../system/files.ts";
import type { Config } from "../config/config.ts";
import { beginHparams, endHparams, HPARAMS_PLUGIN } from "../formats/hparams.ts";
import { TfeventsWriter } from "../formats/tfevents.ts";
import { eventsFileName, isOwnEventsFile, METRICS_FILE_NAME } from "./layout.ts";
import { Board, COMPARED, hparamsOf } from "./board.ts";
import { type MetricRecord, MetricsWriter } from "./metrics.ts";

/** How long the files of a log are, in bytes. */
export interface LogPositions {
  /** Length of metrics.jsonl. */
  readonly metricsBytes: number;
  /** Length of the event file. */
  readonly eventsBytes: number;
}

/** The positions of a log that holds nothing. */
export const EMPTY_LOG: LogPositions = { metricsBytes: 0, eventsBytes: 0 };

/** Appends records to both files of a run folder; their only writer. */
export class RunLog {
  readonly #metrics: MetricsWriter;
  readonly #events: TfeventsWriter;
  readonly #clock: Clock;
  readonly #board = new Board();
  /** What was odd about the files when they were opened, for the user to read. */
  readonly warnings: readonly string[];

  private constructor(metrics: MetricsWriter, events: TfeventsWriter, clock: Clock) {
    this.#metrics = metrics;
    this.#events = events;
    this.#clock = clock;
    this.warnings = metrics.warnings;
  }

  /**
   * Opens or makes both files and cuts them to `from`.
   * @throws {FileError} when they cannot be opened.
   */
  static open(
    folder: string,
    { clock, from }: { readonly clock: Clock; readonly from: LogPositions },
  ): RunLog {
    const wallTimeSeconds = clock.epochMs() / 1000;
    const metrics = MetricsWriter.open(childPath(folder, METRICS_FILE_NAME), {
      resumeAtByte: from.metricsBytes,
    });
    try {
      const known = namesIn(folder).filter(isOwnEventsFile);
      const name = known.at(-1) ?? eventsFileName(wallTimeSeconds);
      const events = TfeventsWriter.open(childPath(folder, name), {
        wallTimeSeconds,
        resumeAtByte: from.eventsBytes,
      });
      return new RunLog(metrics, events, clock);
    } catch (error) {
      metrics.close();
      throw error;
    }
  }

  /**
   * Appends one record to both files.
   * @throws {FileError} when it cannot be written.
   */
  record(kind: string, step: number, values: Readonly<Record<string, unknown>>): void {
    this.#metrics.write({ kind, step, ...values } as MetricRecord);
    for (const point of this.#board.pointsOf({ kind, step, ...values } as MetricRecord)) {
      this.#events.write(point.scalars, { step: point.step, wallTimeSeconds: this.#now() });
    }
  }

  /**
   * Tells TensorBoard what a run that begins is made with.
   * @throws {FileError} when it cannot be written.
   */
  begin(config: Config): void {
    const startSeconds = this.#now();
    const summaries = beginHparams(hparamsOf(config), { metrics: COMPARED, startSeconds });
    this.#events.writePlugin(HPARAMS_PLUGIN, summaries, { step: 0, wallTimeSeconds: startSeconds });
  }

  /**
   * Tells TensorBoard that the run has ended well.
   * @throws {FileError} when it cannot be written.
   */
  end(step: number): void {
    const endSeconds = this.#now();
    const summaries = endHparams({ endSeconds });
    this.#events.writePlugin(HPARAMS_PLUGIN, summaries, { step, wallTimeSeconds: endSeconds });
  }

  /**
   * Appends seconds by purpose to the event file alone: metrics.jsonl holds nothing of the clock.
   * @throws {FileError} when they cannot be written.
   */
  recordTimes(step: number, seconds: Readonly<Record<string, number>>): void {
    const scalars = Object.fromEntries(
      Object.entries(seconds).map(([purpose, value]) => [`seconds/${purpose}`, value]),
    );
    this.#events.write(scalars, { step, wallTimeSeconds: this.#now() });
  }

  #now(): number {
    return this.#clock.epochMs() / 1000;
  }

  /**
   * Waits until every record is on disk; then gives the lengths that a checkpoint may rely on.
   * @throws {FileError} when the system reports that they are not.
   */
  sync(): LogPositions {
    this.#metrics.sync();
    this.#events.sync();
    return { metricsBytes: this.#metrics.position, eventsBytes: this.#events.position };
  }

  /** Closes both files; the log is not usable afterwards. */
  close(): void {
    this.#metrics.close();
    this.#events.close();
  }
}
