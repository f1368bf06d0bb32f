/**
 * One training session of a run folder: makes the run, lets the trainer train it, and keeps the folder
 * up to date.
 *
 * The folder holds config.toml (the resolved configuration), metrics.jsonl, TensorBoard events and,
 * at the end, generator.safetensors. Nothing is written before everything that can be checked is.
 */

import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import { renderConfig } from "./config_file.ts";
import type { EnvRegistry } from "./env.ts";
import { FileError } from "./errors.ts";
import { childPath, makeFolder, writeFileAtomic } from "./files.ts";
import type { MeasuredReturn } from "./evaluate.ts";
import { GENERATOR_FILE_NAME, saveGenerator } from "./generator_file.ts";
import { type MetricRecord, MetricsWriter } from "./metrics.ts";
import type { ModelTable } from "./model.ts";
import type { SessionOptions } from "./onnx/session.ts";
import { lockRun } from "./run_lock.ts";
import { train, type TrainingObserver } from "./trainer.ts";
import {
  createRun,
  currentNormaliser,
  spentSteps,
  type StepCounts,
  type TrainingRun,
} from "./training_run.ts";

/** What a session needs besides the configuration. */
export interface SessionContext {
  readonly registry: EnvRegistry;
  readonly models: ModelTable;
  /** The run folder. */
  readonly folder: string;
  readonly preset: string;
  readonly session: SessionOptions;
  readonly clock: Clock;
  /** Aborted to stop after the present cycle. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

/** How far a run is. */
export interface Progress {
  readonly steps: number;
  readonly budget: number;
  readonly episodes: number;
  readonly updates: number;
  readonly bestReturn: number;
  readonly lastReturn: number;
  readonly lastEvaluation: MeasuredReturn | undefined;
  readonly bufferFill: number;
  readonly loss: number;
}

/** How a session ended, under the keys that scripts rely on. */
export interface TrainResult {
  readonly env: string;
  readonly preset: string;
  readonly seed: number;
  readonly steps: number;
  readonly episodes: number;
  readonly updates: number;
  readonly run: string;
  readonly bestReturn: number;
  /** Absent when the session was stopped before the end. */
  readonly finalReturn?: MeasuredReturn;
  readonly wallSeconds: number;
  readonly device: string;
  /** Simulated steps by purpose. */
  readonly stepsByPurpose: StepCounts;
  /** False when the session was stopped before the end. */
  readonly finished: boolean;
}

/**
 * Trains in a run folder.
 * @throws {FileError} when the folder is not empty or cannot be written.
 * @throws {DivergedError} when training becomes non-finite.
 */
export async function trainInFolder(config: Config, context: SessionContext): Promise<TrainResult> {
  const { folder, clock } = context;
  const started = clock.monotonicMs();
  const env = await context.registry.make(config.env);
  const run = createRun(config, { env, models: context.models, session: context.session });
  prepareFolder(folder);
  using _lock = lockRun(folder);
  writeFileAtomic(childPath(folder, "config.toml"), renderConfig(config), {
    kind: "configuration",
  });
  const metrics = MetricsWriter.open(childPath(folder, "metrics.jsonl"));
  const observer: TrainingObserver = {
    record: (kind, values) =>
      metrics.write({ kind, step: spentSteps(run), ...values } as MetricRecord),
    betweenCycles() {
      context.onProgress(progressOf(run));
      return !context.signal.aborted;
    },
  };
  try {
    const outcome = await train(run, observer);
    if (outcome) {
      saveGenerator(childPath(folder, GENERATOR_FILE_NAME), {
        model: run.model,
        content: {
          config,
          weights: run.learner.state.weights,
          normaliser: currentNormaliser(run),
          calibration: outcome.calibration,
          seenReturns: Float32Array.from(run.history.returns),
          provenance: {
            preset: context.preset,
            steps: spentSteps(run),
            episodes: run.counters.episodes,
            updates: run.learner.updates,
          },
        },
      });
    }
    return {
      env: config.env,
      preset: context.preset,
      seed: config.seed,
      steps: spentSteps(run),
      episodes: run.counters.episodes,
      updates: run.learner.updates,
      run: folder,
      bestReturn: run.history.bestReturn,
      ...(outcome ? { finalReturn: outcome.finalReturn } : {}),
      wallSeconds: (clock.monotonicMs() - started) / 1000,
      device: context.session.device ?? "cpu",
      stepsByPurpose: run.counters.steps,
      finished: outcome !== undefined,
    };
  } finally {
    metrics.close();
    await run.learner.close();
    await env.close();
  }
}

function prepareFolder(folder: string): void {
  makeFolder(folder);
  const [first] = Deno.readDirSync(folder);
  if (first !== undefined) {
    throw new FileError(
      `Cannot train in "${folder}": the folder must be empty, got "${first.name}" and perhaps more: ` +
        `continue with --resume or choose another --out`,
    );
  }
}

function progressOf(run: TrainingRun): Progress {
  const { history, counters, learner, buffer, config } = run;
  return {
    steps: spentSteps(run),
    budget: config.steps,
    episodes: counters.episodes,
    updates: learner.updates,
    bestReturn: history.bestReturn,
    lastReturn: history.lastReturn,
    lastEvaluation: history.evaluations.at(-1)?.measured,
    bufferFill: buffer.size,
    loss: history.lastLoss,
  };
}
