/**
 * One training session of a run folder: makes the run, lets the trainer train it, and keeps the folder
 * up to date.
 *
 * The folder holds config.toml (the resolved configuration), metrics.jsonl, TensorBoard events,
 * checkpoint/, report.html and, at the end, generator.safetensors. A session checks everything that can be
 * checked before it writes. Whatever stops it, another session with `resume` takes the folder to the same end,
 * byte for byte; the report alone holds times.
 */

import type { Clock } from "../system/clock.ts";
import type { Config } from "../config/config.ts";
import type { Env, EnvRegistry, EnvSpec } from "../env.ts";
import { DivergedError } from "../system/errors.ts";
import { type EpisodeRunner, nextTurn } from "../episodes/evaluate.ts";
import { childPath, isThere } from "../system/files.ts";
import { findBlurred } from "../episodes/normaliser.ts";
import { saveGenerator } from "../generator/generator_file.ts";
import type { ModelTable } from "../model.ts";
import type { SessionOptions } from "../onnx/session.ts";
import type { Profile } from "./profile.ts";
import { ReportRenewer } from "./renew.ts";
import type { RunEnd } from "./checkpoint/run_checkpoint.ts";
import { openRunFolder, writeRunConfig } from "./folder.ts";
import { CONFIG_FILE_NAME, GENERATOR_FILE_NAME, START_FILE_NAME } from "./layout.ts";
import { type SealedStart, writeStart } from "./start_file.ts";
import { type KeepOptions, RunKeeper } from "./keeper.ts";
import { lockRun, type RunLock } from "./lock.ts";
import { train } from "../rivals/algorithms.ts";
import { spentSteps } from "../algorithm/budget.ts";
import { isRecord, type TrainingEvent, type TrainingOutcome } from "../algorithm/events.ts";
import { type Attempt, createRun, currentNormaliser, type TrainingRun } from "../algorithm/run.ts";
import { findNonFinite } from "./state.ts";
import type { WorkerModules } from "../episodes/workers/messages.ts";
import { createParallelRunner, Lanes } from "../episodes/parallel_runner.ts";
import { countWorkers, WorkerRunner } from "../episodes/workers/worker_runner.ts";
import { Pace } from "./pace.ts";
import { type Progress, ProgressWatch } from "./progress_watch.ts";
import { resultOf, type TrainResult } from "./train_result.ts";

/** What a session needs besides the configuration. */
export interface SessionContext {
  /** Makes the environment. */
  readonly registry: EnvRegistry;
  /** Makes the networks. */
  readonly models: ModelTable;
  /** The run folder. */
  readonly folder: string;
  /** Preset that the configuration came from, for the record. */
  readonly preset: string;
  /** Writes the report of a run folder, which is then renewed while it trains. */
  readonly writeReport?: (folder: string) => Promise<unknown>;
  /** Device and threads of the updates. */
  readonly session: SessionOptions;
  /** Times the session and decides when to save. */
  readonly clock: Clock;
  /** Aborted to save and stop after the present cycle. */
  readonly signal: AbortSignal;
  /** Go on from the folder's last checkpoint instead of asking for an empty folder. */
  readonly resume?: boolean;
  /** Steps between checkpoints; the rule of lib/run/keeper.ts when 0 or absent. */
  readonly checkpointEverySteps?: number;
  /** Runs episodes on workers, 0 being one per core; in this thread when absent or with 1. */
  readonly workers?: { readonly count: number; readonly modules: WorkerModules };
  /** Children that play episodes side by side where environments are in child processes; 1 when absent. */
  readonly envWorkers?: number;
  /** Times the parts of the session; the last line of the metrics then says where the time went. */
  readonly profile?: Profile;
  /** The policies that the run begins with; what is known of their episodes beside them. */
  readonly start?: SealedStart | undefined;
  /** Called after every event of the trainer. */
  readonly onProgress: (progress: Progress, event: TrainingEvent) => void;
  /** Gets what the user should know although nothing failed: a damaged checkpoint, a finished run. */
  readonly onWarning?: (text: string) => void;
}

/**
 * Trains in a run folder, from the beginning or, with `context.resume`, from its last checkpoint.
 * @throws {FileError} when the folder cannot be used: it is not empty (or holds no run, or another
 * configuration's, to resume), is in use, or cannot be written.
 * @throws {DivergedError} when training becomes non-finite; the last checkpoint stays.
 */
export async function trainInFolder(config: Config, context: SessionContext): Promise<TrainResult> {
  const started = context.clock.monotonicMs();
  const pace = new Pace(context.clock);
  await using parts = new AsyncDisposableStack();
  const env = parts.adopt(await context.registry.make(config.env), (env) => env.close());
  const stop: Stop = {};
  const run = createRun(config, {
    env,
    models: context.models,
    session: context.session,
    start: context.start?.start,
    onWarning: (text) => context.onWarning?.(text),
    makeRunner: createRunners({ env, context, stop }),
  });
  parts.defer(async () => {
    for (const { tools: { learner, runner } } of [run, ...(run.parked ? [run.parked] : [])]) {
      await learner.close();
      await runner.close();
    }
  });
  openRunFolder(config, context);
  const lock = parts.use(lockRun(context.folder));
  const keeper = parts.use(openKeeper(run, { context, lock }));
  context.profile?.time(keeper, {
    ...{ record: "files", endCycle: "files", saveSpent: "files", finish: "files" },
  });
  if (keeper.end) {
    context.onWarning?.(
      `Run ${JSON.stringify(context.folder)} is finished: there is nothing to do: give more ` +
        `--steps to go on with it`,
    );
  }
  const end = keeper.end ?? await trainToEnd(run, { keeper, context, lock, stop, pace });
  const seconds = (context.clock.monotonicMs() - started) / 1000;
  const savedSteps = keeper.savedSteps ?? 0;
  return resultOf(run, end, { context, savedSteps, seconds, secondsByPurpose: pace.seconds });
}

/**
 * Has a signal, which ends episodes, once the budget is spent: a stop throws away only the end of a run, it completes a
 * cycle.
 */
interface Stop {
  signal?: AbortSignal;
}

/** Writes the configuration and opens the folder's log and checkpoints. */
function openKeeper(
  run: TrainingRun,
  { context, lock }: { context: SessionContext; lock: RunLock },
): RunKeeper {
  const { config } = run.task;
  const written = { folder: context.folder, settings: settingsOf(context, run.task.spec) };
  if (!isThere(childPath(context.folder, CONFIG_FILE_NAME))) writeRunConfig(config, written);
  const start = childPath(context.folder, START_FILE_NAME);
  if (context.start && !isThere(start)) writeStart(start, context.start);
  const keeper = RunKeeper.open(run, keepOptions(context, lock));
  try {
    writeRunConfig(config, written);
  } catch (error) {
    keeper.close();
    throw error;
  }
  return keeper;
}

/** What the training of a session needs. */
interface Keeping {
  readonly keeper: RunKeeper;
  readonly context: SessionContext;
  readonly lock: RunLock;
  readonly stop: Stop;
  readonly pace: Pace;
}

/** Trains and saves the results; gives undefined when the signal stopped it. */
async function trainToEnd(run: TrainingRun, keeping: Keeping): Promise<RunEnd | undefined> {
  const { keeper, context, lock, pace } = keeping;
  const { profile } = context;
  const report = createRenewer(context, lock);
  // No episode yet: workers start, and load their modules while the first cycle is prepared.
  await run.tools.runner.run([], currentNormaliser(run));
  const outcome = await explainDivergence(run, keeper, () => keepInStep(run, report, keeping));
  let end: RunEnd | undefined;
  if (outcome) {
    warnOfBlurred(run, context);
    await run.tools.learner.download();
    lock.assertHeld();
    saveResult(run, outcome, context);
    end = keeper.finish(outcome);
    pace.book("saving");
    if (profile) keeper.note("profile", { seconds: profile.seconds });
  }
  await report?.now();
  return end;
}

/** Says which observations the policies hardly see. */
function warnOfBlurred({ experience: { moments } }: TrainingRun, context: SessionContext): void {
  const [first, ...more] = findBlurred(moments);
  if (first === undefined) return;
  const others = more.length === 0 ? "" : ` and ${more.length} more`;
  context.onWarning?.(
    `Observation ${first}${others} lies too far from 0 for policies to see it change: it is about ` +
      `${
        moments.mean[first]
      }, and float32 has few numbers there: subtract a constant in the environment`,
  );
}

function createRenewer(context: SessionContext, lock: RunLock): ReportRenewer | undefined {
  const { writeReport } = context;
  return writeReport && new ReportRenewer({
    ...context,
    writeReport(folder) {
      lock.assertHeld();
      return writeReport(folder);
    },
  });
}

/** Trains and writes down what the run tells; gives undefined when the signal stopped it. */
async function keepInStep(
  run: TrainingRun,
  report: ReportRenewer | undefined,
  { keeper, context, stop, pace }: Keeping,
): Promise<TrainingOutcome | undefined> {
  const { signal } = context;
  const watch = new ProgressWatch(run, pace);
  try {
    for await (const event of train(run)) {
      stop.signal?.throwIfAborted();
      watch.see(event);
      context.onProgress(watch.progress, event);
      if (isRecord(event)) {
        keeper.record(event);
        if (event.kind === "evaluation") keeper.recordTimes(pace.seconds);
      } else if (event.kind === "phase" || event.kind === "part") continue;
      else if (event.kind === "end") return event.outcome;
      else if (event.kind === "spent") {
        stop.signal = signal;
        if (!(await keeper.saveSpent())) return undefined;
      } else {
        event.kind satisfies "cycle"; // the state is whole here and nowhere else
        await nextTurn(); // lets signals arrive
        const goesOn = await keeper.endCycle();
        await report?.whenDue(run);
        watch.seeSaving();
        if (!goesOn) return undefined;
      }
    }
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
  }
  return undefined;
}

/** Adds where a run diverged and what is left of it to the error that says so. */
async function explainDivergence<T>(
  run: TrainingRun,
  keeper: RunKeeper,
  training: () => Promise<T>,
): Promise<T> {
  try {
    return await training();
  } catch (error) {
    if (!(error instanceof DivergedError)) throw error;
    await run.tools.learner.download();
    const tensor = findNonFinite(run);
    const step = keeper.savedSteps;
    throw new DivergedError(
      `${error.message}, after ${spentSteps(run)} training steps` +
        (tensor === undefined || error.message.includes(tensor) ? "" : ` (first in ${tensor})`) +
        (step === undefined
          ? ": there is no checkpoint yet"
          : `: the last good checkpoint, of step ${step}, stays`),
      { cause: error },
    );
  }
}

/**
 * Gives what makes the runner of each attempt, which holds nothing before it runs and once it is closed: environments
 * in child processes stay, policies and workers are its own. What an attempt does its work with is timed, where that
 * is asked for.
 */
function createRunners(
  { env, context, stop }: { env: Env; context: SessionContext; stop: Stop },
): (attempt: Attempt) => EpisodeRunner {
  const { workers, envWorkers = 1, registry, profile, onWarning } = context;
  const count = workers === undefined ? 1 : countWorkers(workers.count);
  profile?.time(env, { reset: "physics", step: "physics" });
  let lanes: Lanes | undefined;
  const createRunner = (
    { task: { config, spec, shape }, tools: { policy, models, runner } }: Attempt,
  ): EpisodeRunner => {
    if (env.beside !== undefined || envWorkers > 1) {
      // Whoever made the registry ends its children.
      const makePolicy = () => models.createPolicy(spec, shape);
      const makeEnv = () => registry.make(config.env);
      lanes ??= new Lanes(envWorkers, { env, policy }, { makeEnv, makePolicy });
      lanes.usePolicies(makePolicy);
      return createParallelRunner(lanes);
    }
    if (workers === undefined || count < 2) return runner;
    return new WorkerRunner({
      ...workers,
      count,
      env: config.env,
      network: config.policy,
      ...(onWarning ? { onWarning } : {}),
    });
  };
  return (attempt) => {
    const { policy, learner, runner: local } = attempt.tools;
    profile?.time(policy, { load: "policy", normalise: "policy", act: "policy" });
    profile?.time(learner, { update: "updates", generate: "generation" });
    let runner: EpisodeRunner | undefined;
    const open = (): EpisodeRunner => {
      const opened = createRunner(attempt);
      if (opened !== local) profile?.time(opened, { run: "workers" });
      return opened;
    };
    return {
      run: (jobs, normaliser, options) =>
        (runner ??= open()).run(jobs, normaliser, { ...options, ...stop }),
      async close() {
        await runner?.close();
        runner = undefined;
      },
    };
  };
}

function keepOptions(context: SessionContext, lock: RunLock): KeepOptions {
  const { folder, clock, signal, session } = context;
  return {
    folder,
    lock,
    clock,
    signal,
    resume: context.resume ?? false,
    hasResult: isThere(childPath(folder, GENERATOR_FILE_NAME)),
    checkpointEverySteps: context.checkpointEverySteps ?? 0,
    machine: { device: session.device ?? "cpu", threads: session.threads ?? 0 },
    onWarning: (text) => context.onWarning?.(text),
  };
}

/** The settings of this session that stand in config.toml. */
function settingsOf(context: SessionContext, { command }: EnvSpec): ReadonlyMap<string, unknown> {
  return new Map<string, unknown>([
    ["preset", context.preset],
    ...(command === undefined ? [] : [["envCommand", command] as const]),
    ["device", context.session.device ?? "auto"],
    ["threads", context.session.threads ?? 0],
    ["workers", context.workers?.count ?? 0],
    ["checkpointEvery", context.checkpointEverySteps ?? 0],
  ]);
}

function saveResult(
  run: TrainingRun,
  { calibration }: TrainingOutcome,
  { folder, preset }: SessionContext,
): void {
  saveGenerator(childPath(folder, GENERATOR_FILE_NAME), {
    model: run.tools.model,
    content: {
      config: run.task.config,
      command: run.task.spec.command,
      weights: run.tools.learner.state.weights,
      normaliser: currentNormaliser(run),
      calibration,
      seenReturns: Float64Array.from(run.history.returns),
      provenance: {
        preset,
        steps: spentSteps(run),
        episodes: run.tally.episodes,
        updates: run.tools.learner.updates,
      },
    },
  });
}
