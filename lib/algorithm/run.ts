/**
 * The state of a training run: everything that the trainer's steps read and change, in one place.
 *
 * What a run needs is either derived from its configuration (environment, networks, graphs, scale) or
 * changes while it trains (`learner`, `attempt`, `resting`, `counters`, `history`). The second group is
 * what a checkpoint holds; no random stream is among it, because every use of randomness derives its
 * own stream from (seed, purpose, counter).
 */

import { type DrawOptions, type Entry, PolicyBuffer } from "./buffer.ts";
import type { Config } from "../config/config.ts";
import type { Env, EnvSpec } from "../env.ts";
import {
  createLocalRunner,
  type EpisodeRunner,
  type MeasuredReturn,
} from "../episodes/evaluate.ts";
import { Learner, type LearnerState } from "../learner/learner.ts";
import type { Batch } from "../learner/staging.ts";
import type { GeneratorModel, ModelTable, NormaliserState, Policy, PolicyShape } from "../model.ts";
import { createMoments, type Moments, normaliserOf } from "../episodes/normaliser.ts";
import { createObservationFrame, type ObservationFrame } from "../policy_space.ts";
import type { SessionOptions } from "../onnx/session.ts";
import { createReturnScale, type ReturnScale } from "./return_scale.ts";
import type { Rng } from "../numbers/rng.ts";
import { streamFor } from "../episodes/rollout.ts";

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
  /** Simulated steps by what they were spent on. */
  steps: StepCounts;
  /** Training episodes, warm-up included. */
  episodes: number;
  /** Cycles of rollouts and updates. */
  cycles: number;
  /** Evaluation intervals that passed; the next report is due when another has. */
  evaluations: number;
  /** Sweep intervals that passed, likewise. */
  sweeps: number;
  /** Episodes without noise that chose an attempt, or the best policy at the end. */
  noiseFreeEpisodes: number;
  /** Attempts that were begun. */
  attempts: number;
}

/** One reported evaluation. */
export interface Evaluation {
  /** Training steps before it. */
  readonly step: number;
  /** The scaled command evaluated. */
  readonly command: number;
  /** What its policy returned. */
  readonly measured: MeasuredReturn;
}

/** What is remembered of a run for its reports. */
export interface History {
  /** Highest return of any training episode, survival bonus included. */
  bestReturn: number;
  /** Return of the last training episode, survival bonus included; NaN before it. */
  lastReturn: number;
  /** Mean loss of the last group of updates; NaN before the first. */
  lastLoss: number;
  /** Reported evaluations, in order. */
  readonly evaluations: Evaluation[];
  /** The return of every training episode, in order. */
  readonly returns: number[];
}

/** What an attempt has of its own, besides the generator's weights; see lib/algorithm/attempts.ts. */
export interface Attempt {
  /** The stored policies. */
  readonly buffer: PolicyBuffer;
  /** Statistics of training observations, [S]. */
  readonly moments: Moments;
  /** Counts from 0. */
  number: number;
  /** Rounds that it has had among others. */
  rounds: number;
  /** Steps of the budget when it began; as if it had never rested, until it has the rest of them. */
  startStep: number;
  /** Training episodes of it. */
  episodes: number;
  /** Mean scaled return of the warm-up so far: what random policies reach. */
  startReturn: number;
  /** What success has made of the exploration noise: a factor on its configured size. */
  noiseFactor: number;
  /** The same for the fine noise late in a run. */
  fineFactor: number;
}

/** An attempt that may be taken up again. */
export interface RestingAttempt {
  /** What it has of its own. */
  readonly attempt: Attempt;
  /** Steps that it has had. */
  readonly steps: number;
  /** Mean return of its best command without noise. */
  readonly score: number;
  /** Its generator; the vectors belong to it. */
  readonly learner: LearnerState;
}

/** A run and everything it needs. */
export interface TrainingRun {
  /** Every option of the run. */
  readonly config: Config;
  /** The environment's description. */
  readonly spec: EnvSpec;
  /** The environment that training episodes run in. */
  readonly env: Env;
  /** What the policies look like. */
  readonly shape: PolicyShape;
  /** Acts in training episodes with the parameters it is given. */
  readonly policy: Policy;
  /** The generator network. */
  readonly model: GeneratorModel;
  /** What made the networks. */
  readonly models: ModelTable;
  /** Owns the generator's weights and Adam's moments. */
  readonly learner: Learner;
  /** The present attempt. */
  attempt: Attempt;
  /** Those that may be taken up again. */
  resting: RestingAttempt[];
  /** Converts between returns and scaled commands. */
  readonly scale: ReturnScale;
  /** Gathers an episode's observations for `moments`. */
  readonly frame: ObservationFrame;
  /** Runs noise-free episodes. */
  readonly runner: EpisodeRunner;
  /** Numbers of things done so far. */
  readonly counters: Counters;
  /** What reports remember. */
  readonly history: History;
}

/** What a run is made of besides its configuration. */
export interface RunParts {
  /** The environment that training episodes run in. */
  readonly env: Env;
  /** Makes the networks. */
  readonly models: ModelTable;
  /** Device and threads of the networks. */
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
    attempt: createAttempt(config, shape),
    resting: [],
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
      attempts: 1,
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

/** Creates an attempt before its first episode. */
export function createAttempt(config: Config, shape: PolicyShape): Attempt {
  return {
    buffer: new PolicyBuffer(config.buffer, shape.parameterCount),
    moments: createMoments(shape.sizes[0]),
    number: 0,
    rounds: 0,
    startStep: 0,
    episodes: 0,
    startReturn: 0,
    noiseFactor: 1,
    fineFactor: 1,
  };
}

function checkNoise({ rollout, generator, cvae }: Config, { logSigma }: GeneratorModel): void {
  if (rollout.noise !== "learnt" || logSigma !== undefined) return;
  throw new RangeError(
    'Cannot create run: rollout.noise "learnt" needs generator.kind "cvae" with cvae.loss "nll", ' +
      `got "${generator.kind}" with "${cvae.loss}"`,
  );
}

/**
 * Checks that a budget holds one episode: without a stored policy there is nothing to learn from.
 * @throws {RangeError} naming the least budget, or the shares that leave nothing.
 */
export function checkBudget(config: Config, spec: EnvSpec): void {
  const { maxEpisodeSteps } = spec;
  const { steps, selection: { budgetShare }, consolidation: { surveyShare } } = config;
  if (budgetShare + surveyShare >= 1) {
    throw new RangeError(
      "Cannot create run: selection.budgetShare and consolidation.surveyShare must be less than 1 " +
        `together, got ${budgetShare} and ${surveyShare}`,
    );
  }
  if (steps - reservedSteps({ config, spec }) >= maxEpisodeSteps) return;
  const selectionShare = budgetShare === 0 ? 0 : Math.max(budgetShare, MAX_SELECTION_SHARE);
  const least = Math.ceil(maxEpisodeSteps / (1 - selectionShare - surveyShare));
  throw new RangeError(
    `Cannot create run: the budget must hold an episode of ${maxEpisodeSteps} steps besides what is ` +
      `kept for survey and selection, at least ${least} steps, got ${steps}`,
  );
}

/** Counts the steps that the budget pays for. */
export function spentSteps({ counters: { steps } }: Pick<TrainingRun, "counters">): number {
  return steps.training + steps.noiseFree;
}

/** However small the budget's share is, this many episodes are kept for the selection, ... */
const MIN_SELECTION_EPISODES = 6;
/** ... unless that is more than this share of the budget. */
const MAX_SELECTION_SHARE = 0.3;

/** Gives the steps of the budget that training leaves to what follows it: survey and selection. */
export function reservedSteps(run: { config: Config; spec: EnvSpec }): number {
  return surveySteps(run) + selectionSteps(run);
}

/** Gives the steps for running stored policies again before the even phase. */
export function surveySteps({ config }: { config: Config }): number {
  return config.consolidation.surveyShare * config.steps;
}

/** Gives the steps for the selection of the best policy. */
export function selectionSteps({ config, spec }: { config: Config; spec: EnvSpec }): number {
  const { budgetShare } = config.selection;
  if (budgetShare === 0) return 0;
  const least = Math.min(
    MIN_SELECTION_EPISODES * spec.maxEpisodeSteps,
    MAX_SELECTION_SHARE * config.steps,
  );
  return Math.max(budgetShare * config.steps, least);
}

/** Copies a stored policy, in generator order and the frame of the present normaliser, [P]. */
export function storedPolicy(run: TrainingRun, { slot }: Pick<Entry, "slot">): Float32Array {
  const row = run.attempt.buffer.row(slot).slice();
  run.frame.toNormalised(row, currentNormaliser(run));
  return row;
}

/** The normaliser that policies use now. */
export function currentNormaliser(run: TrainingRun): NormaliserState {
  return normaliserOf(run.attempt.moments);
}

/** Draws a batch from the buffer, its policies in the frame of the present normaliser. */
export function drawBatch(
  { attempt: { buffer, moments }, frame }: TrainingRun,
  rng: Rng,
  options: DrawOptions,
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
    keys: entries.map(({ slot }) => slot),
  };
}
