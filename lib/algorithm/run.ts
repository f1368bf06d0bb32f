/**
 * The state of a training run, in parts, so that each step names the parts that it uses.
 *
 *     task        what the run is: fixed by its configuration
 *     tools       what does the work: environment, networks, learner, episode runner
 *     experience  what it has seen: stored policies, normaliser, noise, the way it has come
 *     tally       numbers of things done
 *     history     what reports remember
 *     kept        what another algorithm keeps besides (lib/rivals/)
 *
 * The first three are an attempt: a second one makes them anew (lib/algorithm/attempts.ts).
 *
 * A checkpoint holds the last four and the learner's weights. It holds no random stream, because every use
 * of randomness derives its own (lib/numbers/streams.ts).
 */

import { adaptsNoise, checkBudget, isPublished } from "./budget.ts";
import { type BufferOptions, PolicyBuffer, REFERENCE_SIZE } from "./buffer.ts";
import type { Config } from "../config/config.ts";
import type { Env, EnvSpec } from "../env.ts";
import {
  createLocalRunner,
  type EpisodeRunner,
  type MeasuredReturn,
} from "../episodes/evaluate.ts";
import { Kept } from "../learner/kept.ts";
import { Learner } from "../learner/learner.ts";
import type { GeneratorModel, ModelTable, NormaliserState, Policy, PolicyShape } from "../model.ts";
import { createRecentStates, type RecentStates } from "../episodes/recent_states.ts";
import { createMoments, type Moments, normaliserOf } from "../episodes/normaliser.ts";
import {
  createObservationFrame,
  type GeneratedPolicy,
  type ObservationFrame,
  SAME_NUMBERS,
  type StoredPolicy,
} from "../policy_space.ts";
import { type AdaptedNoise, createAdaptedNoise } from "./adapted_noise.ts";
import { exploredPlaces, naturalSizes } from "./explored_weights.ts";
import { createHorizon, type Horizon } from "./horizon.ts";
import { checkStart, type Start } from "./given.ts";
import type { Milestone } from "./way.ts";
import type { SessionOptions } from "../onnx/session.ts";
import { createReturnScale, type ReturnScale } from "./return_scale.ts";
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
  /** Episodes of the last cycle. */
  lastRollouts: number;
  /** Steps of the longest of them, or of the part of it that was run. */
  longest: number;
  /** Evaluation intervals that passed; the next report is due when another has. */
  evaluations: number;
  /** Sweep intervals that passed, likewise. */
  sweeps: number;
  /** Episodes without noise that chose the best policy at the end. */
  noiseFreeEpisodes: number;
  /** Starts of training episodes; siblings share them. */
  starts: number;
  /** Training episodes of which only the first part was run; they are not among `episodes`. */
  parts: number;
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

/** What a run has seen. */
export interface Experience {
  /** The stored policies. */
  readonly buffer: PolicyBuffer;
  /** Statistics of training observations, [S]. */
  readonly moments: Moments;
  /** Observations of late, where the loss compares what policies do on them. */
  readonly states: RecentStates | undefined;
  /** Noise that adapts, one for each of `explored`; undefined where it is fixed. */
  readonly noise: readonly AdaptedNoise[] | undefined;
  /** The policies that rollouts were drawn around, by age. */
  readonly way: Milestone[];
  /**
   * The policy that the generator is to follow, as it would put it out, [P]: the mean of the last cycle's better half,
   * weighted by rank, or who stands out. It is not moved to the frame of a new normaliser: while that moves fast, early
   * in a run, the generator would follow the frame in place of the policies (HalfCheetah, 150k steps, seeds 1 and 2:
   * 273 and 319 moved, 1411 and 1342 not; 2026-11-26). Undefined before the first cycle and where noise is fixed.
   */
  followed: GeneratedPolicy | undefined;
  /** Mean return of the first cycle: what random policies reach. */
  floor: number;
  /** The highest mean return of any cycle's better half: what rollouts ask for. */
  goal: number;
  /** How far siblings have to run to be told apart. */
  readonly horizon: Horizon;
  /** What was done for another attempt, counted as that counts. */
  readonly before: Pick<Tally, "episodes" | "parts"> & { training: number };
  /** Mean return of each whole cycle of the attempt, survival bonus included. */
  readonly reached: number[];
  /** So many of them came before search went back to a better place. */
  lost: number;
  /** Where the first attempt stood when the second began, [P]. */
  earlier: StoredPolicy | undefined;
}

/** What a run is: nothing of it changes while it trains. */
export interface Task {
  /** Every option of the run. */
  readonly config: Config;
  /** The environment's description. */
  readonly spec: EnvSpec;
  /** What the policies look like. */
  readonly shape: PolicyShape;
  /** Converts returns into stored returns. */
  readonly scale: ReturnScale;
  /** The natural size of each weight, 1 / sqrt(fan-in + 1), in generator order, [P]. */
  readonly unit: Float32Array;
  /** The places of the weights that adapted noise moves, in generator order: the parts that take turns. */
  readonly explored: readonly Int32Array[];
  /** Moves policies between the frames of raw and of normalised observations. */
  readonly frame: ObservationFrame;
  /** The policies that it begins with, where there are some. */
  readonly start: Start | undefined;
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

/** What a run tries with policies of one kind. */
export interface Attempt {
  /** What the run is. */
  readonly task: Task;
  /** What does its work. */
  readonly tools: Tools;
  /** What it has seen. */
  readonly experience: Experience;
}

/** A run and everything it needs. */
export interface TrainingRun extends Attempt {
  /** The first attempt, while the second one tries as long. */
  parked: Attempt | undefined;
  /** Makes the second attempt, with another configuration of the policies. */
  readonly secondAttempt: (config: Config) => Attempt;
  /** Numbers of things done so far. */
  readonly tally: Tally;
  /** What reports remember. */
  readonly history: History;
  /** What another algorithm keeps besides. */
  readonly kept: Kept;
}

/** What a run is made of besides its configuration. */
export interface RunParts {
  /** The environment that training episodes run in. */
  readonly env: Env;
  /** Makes the networks. */
  readonly models: ModelTable;
  /** Device and threads of the networks. */
  readonly session: SessionOptions;
  /** Makes what runs episodes of an attempt; the run's own environment does when absent. */
  readonly makeRunner?: (attempt: Attempt) => EpisodeRunner;
  /** The policies that the run begins with; the configuration's `start` names them. */
  readonly start?: Start | undefined;
  /** Called with a line when the device computes updates in a slower way than it should. */
  readonly onWarning?: (text: string) => void;
}

/**
 * Creates the state of a run before its first episode.
 * @throws {RangeError} when the configuration does not fit the environment.
 */
export function createRun(config: Config, parts: RunParts): TrainingRun {
  const { env, start } = parts;
  const first = createAttempt(config, parts);
  checkBudget(config, env.spec);
  if (start) checkStart(config, { spec: env.spec, start });
  return {
    ...first,
    parked: undefined,
    secondAttempt: (config) => createAttempt(config, parts, { isSecond: true }),
    tally: createTally(),
    history: {
      bestReturn: -Infinity,
      lastReturn: NaN,
      lastLoss: NaN,
      evaluations: [],
      returns: [],
    },
    kept: new Kept(),
  };
}

/** Creates what is made for policies of one kind. */
function createAttempt(
  config: Config,
  parts: RunParts,
  { isSecond = false }: { readonly isSecond?: boolean } = {},
): Attempt {
  const { env, models, start } = parts;
  const shape = models.policyShape(env.spec, config.policy);
  const model = models.createGenerator(config, shape);
  const policy = models.createPolicy(env.spec, shape);
  const weights = model.initialise(streamFor(config.seed, "initialisation", 0));
  const explored = exploredPlaces(model, shape, { isSecond });
  const attempt: Attempt = {
    task: {
      config,
      spec: env.spec,
      shape,
      scale: createReturnScale(config, env.spec),
      unit: naturalSizes(model, shape),
      explored,
      frame: isPublished(config) ? SAME_NUMBERS : createObservationFrame(model, shape),
      start,
    },
    tools: {
      env,
      policy,
      model,
      models,
      learner: new Learner(model, weights, {
        batchSize: config.update.batchSize,
        session: parts.session,
        ...(parts.onWarning ? { onWarning: parts.onWarning } : {}),
      }),
      runner: createLocalRunner(env, policy),
    },
    experience: createExperience(config, { shape, explored }),
  };
  if (!parts.makeRunner) return attempt;
  return { ...attempt, tools: { ...attempt.tools, runner: parts.makeRunner(attempt) } };
}

function createTally(): Tally {
  return {
    steps: { training: 0, noiseFree: 0, calibration: 0, evaluation: 0 },
    episodes: 0,
    cycles: 0,
    lastRollouts: 0,
    longest: 0,
    evaluations: 0,
    sweeps: 0,
    noiseFreeEpisodes: 0,
    starts: 0,
    parts: 0,
    attempts: 1,
  };
}

/** Where noise adapts, policies older than this tell little of where the generator is now. */
const RECENT_POLICIES = 1000;

/** The buffer that a configuration asks for. */
export function bufferOptions(config: Config): BufferOptions {
  const { buffer, algorithm } = config;
  return algorithm === "gogepo"
    ? { ...REFERENCE_SIZE, ...buffer, kind: "fifo" }
    : adaptsNoise(config)
    ? { ...REFERENCE_SIZE, ...buffer, kind: "fifo", capacity: RECENT_POLICIES }
    : { ...REFERENCE_SIZE, ...buffer };
}

function createExperience(
  config: Config,
  { shape, explored }: Pick<Task, "shape" | "explored">,
): Experience {
  const { parameterCount, sizes: [inputs] } = shape;
  return {
    buffer: new PolicyBuffer(bufferOptions(config), parameterCount),
    moments: createMoments(inputs),
    states: config.update.loss === "weights" ? undefined : createRecentStates(inputs),
    noise: adaptsNoise(config)
      ? explored.map(({ length }) => createAdaptedNoise(length))
      : undefined,
    way: [],
    followed: undefined,
    floor: 0,
    goal: -Infinity,
    horizon: createHorizon(),
    before: { episodes: 0, parts: 0, training: 0 },
    reached: [],
    lost: 0,
    earlier: undefined,
  };
}

/** The normaliser that policies use now. */
export function currentNormaliser(
  { experience }: Pick<TrainingRun, "experience">,
): NormaliserState {
  return normaliserOf(experience.moments, { fixedEpsilon: experience.noise === undefined });
}
