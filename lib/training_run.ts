/**
 * The state of a training run: everything that the trainer's steps read and change, in one place.
 *
 * What a run needs is either derived from its configuration (environment, networks, graphs, scale) or
 * changes while it trains (`learner`, `buffer`, `moments`, `counters`, `history`). The second group is
 * what a checkpoint holds; no random stream is among it, because every use of randomness derives its
 * own stream from (seed, purpose, counter).
 */

import { PolicyBuffer, type Weighting } from "./buffer.ts";
import type { Config } from "./config.ts";
import type { Env, EnvSpec } from "./env.ts";
import { createLocalRunner, type EpisodeRunner, type MeasuredReturn } from "./evaluate.ts";
import { type Batch, Learner } from "./learner.ts";
import type { GeneratorModel, ModelTable, NormaliserState, Policy, PolicyShape } from "./model.ts";
import { createMoments, type Moments, normaliserOf } from "./normaliser.ts";
import { createObservationFrame, type ObservationFrame } from "./observation_frame.ts";
import type { SessionOptions } from "./onnx/session.ts";
import { createReturnScale, type ReturnScale } from "./return_scale.ts";
import type { Rng } from "./rng.ts";
import { streamFor } from "./rollout.ts";

/** What simulated steps were spent on. Only the first two count towards the budget. */
export interface StepCounts {
  /** Exploring episodes, warm-up included. */
  training: number;
  /** Noise-free episodes that the learner learns from or is chosen by. */
  noiseFree: number;
  /** Measuring the curve that requests are calibrated by. */
  calibration: number;
  /** Reported evaluations and sweeps; nothing is learnt or chosen from them. */
  evaluation: number;
}

/** Numbers of things done so far. */
export interface Counters {
  steps: StepCounts;
  episodes: number;
  cycles: number;
  evaluations: number;
  sweeps: number;
  noiseFreeEpisodes: number;
}

/** One reported evaluation. */
export interface Evaluation {
  readonly step: number;
  readonly command: number;
  readonly measured: MeasuredReturn;
}

/** What is remembered of a run for its reports. */
export interface History {
  /** Highest return of any training episode, survival bonus included. */
  bestReturn: number;
  lastReturn: number;
  lastLoss: number;
  readonly evaluations: Evaluation[];
  /** The return of every training episode, in order. */
  readonly returns: number[];
}

/** A run and everything it needs. */
export interface TrainingRun {
  readonly config: Config;
  readonly spec: EnvSpec;
  readonly env: Env;
  readonly shape: PolicyShape;
  readonly policy: Policy;
  readonly model: GeneratorModel;
  readonly models: ModelTable;
  readonly learner: Learner;
  readonly buffer: PolicyBuffer;
  readonly moments: Moments;
  readonly scale: ReturnScale;
  readonly frame: ObservationFrame;
  readonly runner: EpisodeRunner;
  readonly counters: Counters;
  readonly history: History;
}

/** What a run is made of besides its configuration. */
export interface RunParts {
  readonly env: Env;
  readonly models: ModelTable;
  readonly session: SessionOptions;
  /** Runs evaluations; the run's own environment when absent. */
  readonly runner?: EpisodeRunner;
}

/**
 * Creates the state of a run before its first episode.
 * @throws {RangeError} when the configuration does not fit the environment.
 */
export function createRun(config: Config, parts: RunParts): TrainingRun {
  const { env, models } = parts;
  const shape = models.policyShape(env.spec, config.policy.hiddenSizes);
  const model = models.createGenerator(config, shape);
  const policy = models.createPolicy(env.spec, shape);
  checkNoise(config, model);
  checkBudget(config, env.spec);
  return {
    config,
    spec: env.spec,
    env,
    shape,
    policy,
    model,
    models,
    learner: new Learner(model, model.initialise(streamFor(config.seed, "initialisation", 0)), {
      update: config.update,
      session: parts.session,
    }),
    buffer: new PolicyBuffer(config.buffer, shape.parameterCount),
    moments: createMoments(shape.sizes[0]),
    scale: createReturnScale(config.returns, env.spec),
    frame: createObservationFrame(model, shape),
    runner: parts.runner ?? createLocalRunner(env, policy),
    counters: {
      steps: { training: 0, noiseFree: 0, calibration: 0, evaluation: 0 },
      episodes: 0,
      cycles: 0,
      evaluations: 0,
      sweeps: 0,
      noiseFreeEpisodes: 0,
    },
    history: {
      bestReturn: -Infinity,
      lastReturn: NaN,
      lastLoss: NaN,
      evaluations: [],
      returns: [],
    },
  };
}

function checkNoise({ rollout, generator, cvae }: Config, { logSigma }: GeneratorModel): void {
  if (rollout.noise !== "learnt" || logSigma !== undefined) return;
  throw new RangeError(
    'Cannot create run: rollout.noise "learnt" needs generator.kind "cvae" with cvae.loss "nll", ' +
      `got "${generator.kind}" with "${cvae.loss}"`,
  );
}

/** Without one stored policy there is nothing to learn from and no best return to ask for. */
function checkBudget({ steps, selection }: Config, { maxEpisodeSteps }: EnvSpec): void {
  if (steps * (1 - selection.budgetShare) >= maxEpisodeSteps) return;
  const least = Math.ceil(maxEpisodeSteps / (1 - selection.budgetShare));
  throw new RangeError(
    `Cannot create run: the budget must hold an episode of ${maxEpisodeSteps} steps besides the ` +
      `selection's share, at least ${least} steps, got ${steps}`,
  );
}

/** Counts the steps that the budget pays for. */
export function spentSteps({ counters: { steps } }: Pick<TrainingRun, "counters">): number {
  return steps.training + steps.noiseFree;
}

/**
 * The scaled return that rollouts aim at: the mean of the best stored policies. The reference aims at
 * the single best return seen; where returns are noisy that is a lucky episode far above the rest, and
 * the generator has learnt nothing between.
 */
export function goalOf({ buffer, config }: TrainingRun): number {
  const top = buffer.top(config.command.top);
  return top.length <= 1
    ? buffer.best
    : top.reduce((sum, { scaledReturn }) => sum + scaledReturn, 0) / top.length;
}

/** Falls from 1 to 0 over the budget as half a cosine: what schedules are made of. */
export function cosineOfBudget(run: TrainingRun): number {
  return 0.5 * (1 + Math.cos(Math.PI * Math.min(1, spentSteps(run) / run.config.steps)));
}

/** The normaliser that policies use now. */
export function currentNormaliser(run: TrainingRun): NormaliserState {
  return normaliserOf(run.moments);
}

/** Draws a batch from the buffer, its policies in the frame of the present normaliser. */
export function drawBatch(
  { buffer, frame, moments }: TrainingRun,
  rng: Rng,
  options: { size: number; weighting?: Weighting },
): Batch {
  const { entries, shares } = buffer.draw(rng, options);
  const normaliser = normaliserOf(moments);
  return {
    commands: entries.map(({ scaledReturn }) => scaledReturn),
    shares,
    writeTarget(row, out) {
      out.set(buffer.row(entries[row].slot));
      frame.toNormalised(out, normaliser);
    },
  };
}

/** Puts a policy from generator order into policy order, [P] -> [P]. */
export function toPolicyOrder(model: GeneratorModel, row: Float32Array): Float32Array {
  const parameters = new Float32Array(row.length);
  for (let i = 0; i < row.length; i++) parameters[model.order[i]] = row[i];
  return parameters;
}

/** Puts a policy from policy order into generator order, [P] -> [P]. */
export function toGeneratorOrder(model: GeneratorModel, parameters: Float32Array): Float32Array {
  return parameters.map((_, i) => parameters[model.order[i]]);
}
