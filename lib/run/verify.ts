/**
 * Replays the beginning of a run from its configuration and compares it with what the run recorded.
 *
 * Everything in metrics.jsonl follows from configuration, version and machine, so the replay must
 * give the same lines: every return, every loss, and after some early cycles the hash of the whole
 * state, weights and stored policies included. A run that does not match was computed by another program or
 * on a machine that rounds otherwise, or it is not what it claims to be.
 */

import type { Config } from "../config/config.ts";
import type { EnvRegistry } from "../env.ts";
import { FileError } from "../system/errors.ts";
import { assertWholeGenerator } from "../generator/generator_file.ts";
import { childPath, isThere } from "../system/files.ts";
import type { MetricRecord } from "./metrics.ts";
import { type ReadMetricRecord, readMetrics } from "./metrics_reader.ts";
import type { ModelTable } from "../model.ts";
import type { SessionOptions } from "../onnx/session.ts";
import { readRunConfig } from "./folder.ts";
import { GENERATOR_FILE_NAME, METRICS_FILE_NAME } from "./layout.ts";
import { startIn } from "./start_file.ts";
import { HASHED_CYCLES, recordOf, startRecordOf, stateRecordOf } from "./records.ts";
import { isRecord } from "../algorithm/events.ts";
import { train } from "../rivals/algorithms.ts";
import { createRun, type TrainingRun } from "../algorithm/run.ts";

/** What a replay needs. */
export interface VerifyOptions {
  /** Makes the environment. */
  readonly registry: EnvRegistry;
  /** Makes the networks. */
  readonly models: ModelTable;
  /** Device and threads: those of the run, or numbers may be rounded otherwise. */
  readonly session: SessionOptions;
  /** Cycles to replay after the warm-up; fewer when the run has fewer. */
  readonly cycles?: number;
  /** Aborted to stop the replay. */
  readonly signal?: AbortSignal;
  /** Called after every record that was compared. */
  readonly onRecord?: (progress: ReplayProgress) => void;
}

/** How far a replay is. */
export interface ReplayProgress {
  /** Records that were compared. */
  readonly done: number;
  /** Records that there are to compare. */
  readonly total: number;
  /** The cycle that is replayed, 0 in the warm-up. */
  readonly cycle: number;
}

/** How a replay compares. */
export interface Verification {
  /** True when every compared record is the same. */
  readonly matches: boolean;
  /** Cycles that were replayed. */
  readonly cycles: number;
  /** Records that were compared, up to and including the first that differs. */
  readonly records: number;
  /** How many of them were hashes of the whole state. */
  readonly hashes: number;
  /** The first record that differs, as JSON. */
  readonly difference?: { readonly recorded: string; readonly replayed: string };
}

const DEFAULT_CYCLES = 8;

/**
 * Replays the first cycles of the run in a folder; the folder is only read.
 * @throws {FileError} when it is not a run, its generator is not what its checksum says, or its
 * configuration does not fit this program.
 */
export async function verifyRun(folder: string, options: VerifyOptions): Promise<Verification> {
  const { records } = readMetrics(childPath(folder, METRICS_FILE_NAME));
  if (records.length === 0) {
    throw new FileError(
      `Cannot verify run ${JSON.stringify(folder)}: its metrics must hold a record, got none`,
    );
  }
  const generator = childPath(folder, GENERATOR_FILE_NAME);
  if (isThere(generator)) assertWholeGenerator(generator);
  const comparison = new Comparison(records.filter((record) => record.changes === undefined));
  const config = firstConfig(readRunConfig(folder), records);
  await using parts = new AsyncDisposableStack();
  const env = parts.adopt(await options.registry.make(config.env), (env) => env.close());
  const { models, session } = options;
  const run = createRun(config, { env, models, session, start: startIn(folder, config)?.start });
  parts.defer(() => run.tools.learner.close());
  await replay(run, { comparison, options });
  return { cycles: run.tally.cycles, ...comparison.result };
}

async function replay(
  run: TrainingRun,
  { comparison, options }: { comparison: Comparison; options: VerifyOptions },
): Promise<void> {
  const { cycles = DEFAULT_CYCLES, signal, onRecord } = options;
  const total = comparison.recordsOf(cycles);
  comparison.compare(startRecordOf(run));
  let updated = 0;
  for await (const event of train(run)) {
    if (isRecord(event)) {
      comparison.compare(recordOf(run, event));
      const cycle = updated + (run.tools.learner.updates > 0 ? 1 : 0);
      onRecord?.({ done: comparison.result.records, total, cycle: Math.min(cycle, cycles) });
    }
    if (event.kind === "spent") return;
    if (event.kind !== "cycle") continue;
    signal?.throwIfAborted();
    const cycle = run.tally.cycles;
    if (HASHED_CYCLES.includes(cycle)) {
      await run.tools.learner.download();
      comparison.compare(stateRecordOf(run));
    }
    if (run.tools.learner.updates > 0) updated++;
    if (updated >= cycles || !comparison.goesOn) return;
  }
}

/** The configuration that a run began with: its budget may have been changed since. */
function firstConfig(config: Config, records: readonly ReadMetricRecord[]): Config {
  for (const { changes } of records) {
    if (!Array.isArray(changes)) continue;
    for (const change of changes as { name?: unknown; from?: unknown }[]) {
      if (change?.name === "steps" && typeof change.from === "number") {
        return { ...config, steps: change.from };
      }
    }
  }
  return config;
}

/** Compares records one by one with those of a run. */
class Comparison {
  readonly #recorded: readonly ReadMetricRecord[];
  #at = 0;
  #hashes = 0;
  #difference: { recorded: string; replayed: string } | undefined;

  constructor(recorded: readonly ReadMetricRecord[]) {
    this.#recorded = recorded;
  }

  /** False once a record differs or there is nothing left to compare with. */
  get goesOn(): boolean {
    return this.#difference === undefined && this.#at < this.#recorded.length;
  }

  /** Counts the records up to the end of so many cycles with updates: the update comes first in a cycle. */
  recordsOf(cycles: number): number {
    let seen = 0;
    const end = this.#recorded.findIndex(({ kind }) => kind === "update" && ++seen > cycles);
    return end < 0 ? this.#recorded.length : end;
  }

  get result(): Omit<Verification, "cycles"> {
    return {
      matches: this.#difference === undefined,
      records: this.#at,
      hashes: this.#hashes,
      ...(this.#difference ? { difference: this.#difference } : {}),
    };
  }

  compare(record: MetricRecord): void {
    // An interrupted run may have stopped anywhere: its last cycle need not be whole.
    if (!this.goesOn) return;
    const recorded = JSON.stringify(this.#recorded[this.#at++]);
    const replayed = JSON.stringify(record);
    if (recorded !== replayed) this.#difference = { recorded, replayed };
    else if (record.kind === "state") this.#hashes++;
  }
}
