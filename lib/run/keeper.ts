/**
 * Keeps a run folder in step with the run while the trainer trains it: the log, the checkpoints, and
 * where both stand when the run is taken up again.
 *
 * Checkpoints are written between cycles, where the state is whole. The clock may decide when, because a run
 * ends the same wherever it was interrupted. By default the keeper saves every twentieth of the budget, but
 * not within seconds of the last save, and at least once a minute, so that an interruption costs at most a
 * minute of learning.
 */

import { CheckpointStore } from "./checkpoint/store.ts";
import { DivergedError } from "../system/errors.ts";
import { childPath } from "../system/files.ts";
import type { MetricRecord } from "./metrics.ts";
import { rebaseReports } from "../algorithm/reports.ts";
import {
  assertResumable,
  changesBetween,
  checkpointOf,
  type Machine,
  notesOf,
  type RunEnd,
  type RunNotes,
} from "./checkpoint/run_checkpoint.ts";
import { CHECKPOINT_FOLDER_NAME } from "./layout.ts";
import { HASHED_CYCLES, recordOf, startRecordOf, stateRecordOf } from "./records.ts";
import type { RunLock } from "./lock.ts";
import { EMPTY_LOG, type LogPositions, RunLog } from "./log.ts";
import type { Clock } from "../system/clock.ts";
import { spentSteps } from "../algorithm/budget.ts";
import type { RecordEvent, TrainingOutcome } from "../algorithm/events.ts";
import type { TrainingRun } from "../algorithm/run.ts";
import { type CapturedState, captureState, findNonFinite, restoreState } from "./state.ts";
import type { Config } from "../config/config.ts";
import { VERSION } from "../system/version.ts";

const SAVES_PER_RUN = 20;
const SHORTEST_INTERVAL_MS = 5_000;
const LONGEST_INTERVAL_MS = 60_000;

/** How a run is kept. */
export interface KeepOptions {
  /** Path of the run folder. */
  readonly folder: string;
  /** The lock that the caller holds on it. */
  readonly lock: Pick<RunLock, "assertHeld">;
  /** Decides when to save, and dates events. */
  readonly clock: Clock;
  /** Go on from the last checkpoint, if there is one. */
  readonly resume: boolean;
  /** False when what a finished run leaves is not there: its end is done again then. */
  readonly hasResult: boolean;
  /** Steps between checkpoints; 0 leaves it to the rule at the top of this file. */
  readonly checkpointEverySteps: number;
  /** What the updates are computed on. */
  readonly machine: Machine;
  /** Aborted to stop after the present cycle. */
  readonly signal: AbortSignal;
  /** Gets what the user should know although nothing failed. */
  readonly onWarning: (text: string) => void;
}

/** Keeps one folder. Everything that it writes by path goes where the lock is, or nowhere. */
export class RunKeeper {
  readonly #run: TrainingRun;
  /** As it was asked for; a second attempt has another. */
  readonly #config: Config;
  readonly #options: KeepOptions;
  readonly #store: CheckpointStore;
  readonly #log: RunLog;
  /** How the run ended earlier; nothing is left to do then. */
  readonly end: RunEnd | undefined;
  #savedSteps: number | undefined;
  #savedMs: number;
  /** The state at the end of the budget, once it is reached. */
  #spent: { readonly state: CapturedState; readonly log: LogPositions } | undefined;

  /**
   * Takes up a run that has just been created: restores it from the newest whole checkpoint, or starts
   * it, and opens its log there.
   * @throws {FileError} when no checkpoint is whole, or the run may not go on with this configuration.
   */
  static open(run: TrainingRun, options: KeepOptions): RunKeeper {
    const { config } = run.task;
    const path = childPath(options.folder, CHECKPOINT_FOLDER_NAME);
    const store = CheckpointStore.open(path);
    const notes = options.resume && !store.isEmpty
      ? takeUp(run, { store, path, options })
      : undefined;
    return new RunKeeper(run, { config, options, store, notes });
  }

  private constructor(
    run: TrainingRun,
    { config, options, store, notes }: {
      config: Config;
      options: KeepOptions;
      store: CheckpointStore;
      notes: RunNotes | undefined;
    },
  ) {
    this.#run = run;
    this.#config = config;
    this.#options = options;
    this.#store = store;
    this.#savedMs = options.clock.monotonicMs();
    this.#savedSteps = notes && spentSteps(run);
    const isLonger = notes !== undefined && config.steps > notes.config.steps;
    const end = options.hasResult ? notes?.end : undefined;
    this.end = isLonger ? undefined : end;
    if (end && isLonger) {
      Object.assign(run.tally, end.counters);
      this.#savedSteps = undefined;
    }
    const from = end?.log ?? notes?.log ?? EMPTY_LOG;
    this.#log = RunLog.open(options.folder, { clock: options.clock, from });
    this.#log.warnings.forEach(options.onWarning);
    if (notes === undefined) {
      this.#log.begin(config);
      this.#write(startRecordOf(run));
    } else if (!this.end) this.#noteChanges(notes);
  }

  /** Records what changed since the checkpoint that can change results. */
  #noteChanges({ config, machine, version }: RunNotes): void {
    const changes = changesBetween(config, this.#config);
    if (version !== VERSION) changes.push({ name: "version", from: version, to: VERSION });
    for (const key of ["device", "threads"] as const) {
      const [from, to] = [machine[key], this.#options.machine[key]];
      if (from !== to) changes.push({ name: key, from, to });
    }
    if (changes.length === 0) return;
    if (changes.some(({ name }) => name === "steps")) rebaseReports(this.#run);
    this.#write({ kind: "run", step: spentSteps(this.#run), changes } as unknown as MetricRecord);
    this.#savedSteps = undefined;
  }

  /** Writes a record. */
  record(event: RecordEvent): void {
    this.#write(recordOf(this.#run, event));
  }

  /**
   * Saves the whole state after a cycle when it is time to, or when the signal asks to stop.
   * @returns false when it asks: everything is saved then.
   */
  async endCycle(): Promise<boolean> {
    const { tools: { learner }, tally } = this.#run;
    if (HASHED_CYCLES.includes(tally.cycles)) {
      await learner.download();
      this.#write(stateRecordOf(this.#run));
    }
    const isStopped = this.#options.signal.aborted;
    if (isStopped || this.#isDue()) {
      await learner.download();
      this.#save();
    }
    return !isStopped;
  }

  /**
   * Saves the state from which the end of the run can be done, and done again.
   * @returns false when the signal asks to stop.
   */
  async saveSpent(): Promise<boolean> {
    await this.#run.tools.learner.download();
    if (this.#savedSteps !== spentSteps(this.#run)) this.#save();
    this.#spent = { state: captureState(this.#run), log: this.#log.sync() };
    return !this.#options.signal.aborted;
  }

  /**
   * Notes that the run is finished, and how; its results must be on disk.
   * @throws {FileError} when that cannot be written; the end is done again at the next start.
   */
  finish({ finalReturn }: TrainingOutcome): RunEnd {
    this.#options.lock.assertHeld();
    const { tally: counters, tools: { learner } } = this.#run;
    const { state, log } = this.#spent!;
    this.#log.end(spentSteps(this.#run));
    const end = { counters, updates: learner.updates, log: this.#log.sync(), finalReturn };
    this.#store.save(this.#content(state, { log, end }));
    return end;
  }

  /**
   * Appends what a finished session says of itself, such as times. No checkpoint counts it, so that
   * another session takes it away before it goes on.
   */
  note(kind: string, values: Readonly<Record<string, unknown>>): void {
    this.#write({ kind, step: spentSteps(this.#run), ...values } as MetricRecord);
  }

  /** Records how long the session has spent on each purpose so far. */
  recordTimes(seconds: Readonly<Record<string, number>>): void {
    this.#log.recordTimes(spentSteps(this.#run), seconds);
  }

  /** Environment step of the last checkpoint; undefined when there is none. */
  get savedSteps(): number | undefined {
    return this.#savedSteps;
  }

  /** Closes the files of the folder. */
  close(): void {
    this.#log.close();
  }

  /** Closes the files at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  #write({ kind, step, ...values }: MetricRecord): void {
    this.#log.record(kind, step, values);
  }

  #isDue(): boolean {
    const { clock, checkpointEverySteps } = this.#options;
    const steps = spentSteps(this.#run) - (this.#savedSteps ?? 0);
    if (checkpointEverySteps > 0) return steps >= checkpointEverySteps;
    const elapsed = clock.monotonicMs() - this.#savedMs;
    return elapsed >= LONGEST_INTERVAL_MS ||
      elapsed >= SHORTEST_INTERVAL_MS && steps >= this.#run.task.config.steps / SAVES_PER_RUN;
  }

  #save(): void {
    const run = this.#run;
    const steps = spentSteps(run);
    const bad = findNonFinite(run);
    if (bad !== undefined) {
      throw new DivergedError(
        `Cannot continue training: every number of the state must be finite, got one that is not ` +
          `in ${bad} at step ${steps}`,
      );
    }
    this.#options.lock.assertHeld();
    const log = this.#log.sync();
    this.#store.save(this.#content(captureState(run), { log, end: undefined }));
    this.#savedSteps = steps;
    this.#savedMs = this.#options.clock.monotonicMs();
  }

  #content(state: CapturedState, notes: Pick<RunNotes, "log" | "end">) {
    return checkpointOf(state, {
      config: this.#config,
      machine: this.#options.machine,
      ...notes,
    });
  }
}

function takeUp(
  run: TrainingRun,
  { store, path, options }: { store: CheckpointStore; path: string; options: KeepOptions },
): RunNotes {
  const loaded = store.load();
  loaded.warnings.forEach(options.onWarning);
  const notes = notesOf(loaded, path);
  assertResumable(options.folder, notes.config, run.task.config);
  if (notes.version !== VERSION) {
    options.onWarning(
      `Checkpoint ${
        JSON.stringify(path)
      } was written by version ${notes.version}: the run may not ` +
        `end as it would have without the change to ${VERSION}`,
    );
  }
  restoreState(run, loaded, path);
  return notes;
}
