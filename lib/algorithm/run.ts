/**
 * The state of a training run, in parts, so that each step names the parts that it uses.
 *
 *     task     what the run is: fixed by its configuration
 *     tools    what does the work: environment, networks, learner, episode runner
 *     attempt  the present attempt: its policies, its normaliser, its noise
 *     resting  attempts that may be taken up again
 *     tally    numbers of things done
 *     history  what reports remember
 *
 * A checkpoint holds the last four and the learner's weights. It holds no random stream, because every use
 * of randomness derives its own (lib/numbers/streams.ts).
 */

import { checkBudget } from "./budget.ts";
import { type DrawOptions, type Entry, PolicyBuffer, REFERENCE_SIZE } from "./buffer.ts";
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
import { createRecentStates, drawStates, type RecentStates } from "../episodes/recent_states.ts";
import { createMoments, type Moments, normaliserOf } from "../episodes/normaliser.ts";
import {
  createObservationFrame,
  type GeneratedPolicy,
  type ObservationFrame,
} from "../policy_space.ts";
import type { SessionOptions } from "../onnx/session.ts";
import { createReturnScale, type ReturnScale } from "./return_scale.ts";
import type { Rng } from "../numbers/rng.ts";
import { streamFor } from "../numbers/streams.ts";

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
export interface Tally {
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
  /** Observations of late, where the loss compares what policies do on them. */
  readonly states: RecentStates | undefined;
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

/** What a run is: nothing of it changes while it trains. */
export interface Task {
  /** Every option of the run. */
  readonly config: Config;
  /** The environment's description. */
  readonly spec: EnvSpec;
  /** What the policies look like. */
  readonly shape: PolicyShape;
  /** Converts between returns and scaled commands. */
  readonly scale: ReturnScale;
  /** Moves policies between the frames of raw and of normalised observations. */
  readonly frame: ObservationFrame;
}

/** What does the work of a run. */
export interface Tools {
  /** The environment that training episodes run in. */
  readonly env: Env;
  /** Acts in training episodes with the parameters it is given. */
  readonly policy: Policy;
  /** The generator network. */
  readonly model: GeneratorModel;
  /** What made the networks. */
  readonly models: ModelTable;
  /** Owns the generator's weights and Adam's moments. */
  readonly learner: Learner;
  /** Runs noise-free episodes. */
  readonly runner: EpisodeRunner;
}

/** A run and everything it needs. */
export interface TrainingRun {
  /** What the run is. */
  readonly task: Task;
  /** What does its work. */
  readonly tools: Tools;
  /** The present attempt. */
  attempt: Attempt;
  /** Those that may be taken up again. */
  resting: RestingAttempt[];
  /** Numbers of things done so far. */
  readonly tally: Tally;
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
  const shape = models.policyShape(env.spec, config.policy);
  const model = models.createGenerator(config, shape);
  const policy = models.createPolicy(env.spec, shape);
  checkBudget(config, env.spec);
  const weights = model.initialise(streamFor(config.seed, "initialisation", 0));
  return {
    task: {
      config,
      spec: env.spec,
      shape,
      scale: createReturnScale(config.returns, env.spec),
      frame: createObservationFrame(model, shape),
    },
    tools: {
      env,
      policy,
      model,
      models,
      learner: new Learner(model, weights, {
        batchSize: config.update.batchSize,
        session: parts.session,
      }),
      runner: parts.runner ?? createLocalRunner(env, policy),
    },
    attempt: createAttempt(config, shape),
    resting: [],
    tally: createTally(),
    history: {
      bestReturn: -Infinity,
      lastReturn: NaN,
      lastLoss: NaN,
      evaluations: [],
      returns: [],
    },
  };
}

function createTally(): Tally {
  return {
    steps: { training: 0, noiseFree: 0, calibration: 0, evaluation: 0 },
    episodes: 0,
    cycles: 0,
    evaluations: 0,
    sweeps: 0,
    noiseFreeEpisodes: 0,
    attempts: 1,
  };
}

/** Creates an attempt before its first episode. */
export function createAttempt(config: Config, shape: PolicyShape): Attempt {
  return {
    buffer: new PolicyBuffer({ ...REFERENCE_SIZE, ...config.buffer }, shape.parameterCount),
    moments: createMoments(shape.sizes[0]),
    states: config.update.loss === "weights" ? undefined : createRecentStates(shape.sizes[0]),
    number: 0,
    rounds: 0,
    startStep: 0,
    episodes: 0,
    startReturn: 0,
    noiseFactor: 1,
    fineFactor: 1,
  };
}

/** The normaliser that policies use now. */
export function currentNormaliser({ attempt }: Pick<TrainingRun, "attempt">): NormaliserState {
  return normaliserOf(attempt.moments);
}

/** Copies a stored policy into the frame of the present normaliser, [P]. */
export function recall(run: TrainingRun, { slot }: Pick<Entry, "slot">): GeneratedPolicy {
  const { task: { frame }, attempt: { buffer } } = run;
  return frame.toNormalised(buffer.row(slot), currentNormaliser(run));
}

/**
 * Draws a batch from the buffer, its policies in the frame of the present normaliser, and states for it
 * where the loss needs them.
 */
export function drawBatch(run: TrainingRun, rng: Rng, options: DrawOptions): Batch {
  const { task: { frame }, tools: { model }, attempt: { buffer, states } } = run;
  const { entries, shares } = buffer.draw(rng, options);
  const normaliser = currentNormaliser(run);
  const [count] = model.lossStates ?? [0];
  return {
    commands: entries.map(({ scaledReturn }) => scaledReturn),
    shares,
    writeTarget: (row, out) =>
      void frame.toNormalised(buffer.row(entries[row].slot), normaliser, { out }),
    keys: entries.map(({ slot }) => slot),
    ...(states ? { states: drawStates(states, rng, { count, normaliser }) } : {}),
  };
}
