/**
 * An archive of policies becomes a generator: policies that somebody else has trained, such as the checkpoints
 * of a run, are measured, and the generator learns a line through them (line.ts), as at the end of every run.
 *
 *     measure  every policy in the same episodes, round by round, within training's share of the budget
 *     match    hidden neurons of each policy to those of the next one (lib/generator/match_neurons.ts)
 *     line     through each policy that beat all before it, in the order in which they were given (checkpoints in
 *              their order blend into each other), or through all of them by return
 *     fit      weights all along the line, or what its corners do on the states that the episodes showed, which
 *              does not depend on how neurons stand
 *
 * Which line and which fit serve requests better is found by trying (`tryPlan`).
 */

import type { Config } from "../config/config.ts";
import {
  addObservation,
  createMoments,
  mergeMoments,
  type Moments,
} from "../episodes/normaliser.ts";
import { noteState, type RecentStates } from "../episodes/recent_states.ts";
import { runEpisode } from "../episodes/rollout.ts";
import { matchNeurons } from "../generator/match_neurons.ts";
import { risingFit } from "../numbers/isotonic.ts";
import { summarise, type Summary } from "../numbers/statistics.ts";
import { episodeSeed } from "../numbers/streams.ts";
import {
  type PolicyParameters,
  type PolicyVector,
  type RawParameters,
  type StoredPolicy,
  toGeneratorOrder,
  toPolicyOrder,
} from "../policy_space.ts";
import { affordableEpisodes, trainingEnd } from "./budget.ts";
import { consolidate } from "./consolidation.ts";
import type { EpisodeEvent, Events } from "./events.ts";
import { measureCommands } from "./measure.ts";
import { createRun, currentNormaliser, type RunParts, type TrainingRun } from "./run.ts";
import { conclude } from "./conclusion.ts";
import { type Line, meanGap } from "./line.ts";
import { addMilestone, MOST_MILESTONES, recordsOf } from "./way.ts";

/** One policy of an archive. */
export interface ArchivePolicy {
  /** What it is called. */
  readonly name: string;
  /** For raw observations, in policy order, [P]. */
  readonly parameters: RawParameters;
}

/** A policy and what it returned. */
export interface MeasuredPolicy extends ArchivePolicy {
  /** Over the episodes that all have played. */
  readonly measured: Summary;
}

/** An archive after its episodes. */
export interface MeasuredArchive {
  /** In the order in which they were given. */
  readonly policies: readonly MeasuredPolicy[];
  /** Statistics of all observations. */
  readonly moments: Moments;
  /** Observations for comparing what policies do. */
  readonly states: RecentStates;
  /** The episodes, in order. */
  readonly episodes: readonly EpisodeEvent[];
}

/**
 * Measures an archive within training's share of a run's budget.
 * @param run one whose loss compares what policies do; it is not usable afterwards
 */
export async function measureArchive(
  run: TrainingRun,
  archive: readonly ArchivePolicy[],
  { signal, onEpisode }: {
    readonly signal: AbortSignal;
    /** Hears of the steps so far. */
    readonly onEpisode: (steps: number) => void;
  },
): Promise<MeasuredArchive> {
  const { task: { config, shape }, tools: { env, policy }, experience, tally: { steps } } = run;
  const seen = createMoments(shape.sizes[0]);
  const returns = archive.map((): number[] => []);
  const episodes: EpisodeEvent[] = [];
  policy.normalise({
    mean: new Float64Array(shape.sizes[0]),
    deviation: new Float64Array(shape.sizes[0]).fill(1),
  });
  const end = trainingEnd(run.task);
  for (let turn = 0; affordableEpisodes(run, { end }) >= 1; turn++) {
    signal.throwIfAborted();
    const place = turn % archive.length;
    // With the identity as normaliser both frames are one.
    policy.load(archive[place].parameters as Float32Array as PolicyParameters);
    const round = Math.floor(turn / archive.length);
    const episode = await runEpisode(env, policy, {
      seed: episodeSeed(config.seed, "training", round),
      see(observation) {
        addObservation(seen, observation);
        if (experience.states) noteState(experience.states, observation);
      },
    });
    steps.training += episode.length;
    returns[place].push(episode.return);
    episodes.push({
      kind: "episode",
      episode: turn + 1,
      return: episode.return,
      length: episode.length,
      scaledReturn: episode.return,
      stored: true,
    });
    onEpisode(steps.training);
  }
  return {
    policies: archive.map((one, i) => ({ ...one, measured: summarise(returns[i]) })),
    moments: seen,
    states: experience.states!,
    episodes,
  };
}

/** Puts an archive in the place of what a new run would have seen; gives the line through it. */
function adopt(
  run: TrainingRun,
  { policies: given, moments, states, episodes }: MeasuredArchive,
  order: Plan["order"],
): Line {
  const { experience, tally, history } = run;
  const policies = order === "given" ? given : given.toSorted(byReturn);
  mergeMoments(experience.moments, moments);
  if (experience.states) {
    experience.states.rows.set(states.rows);
    experience.states.seen = states.seen;
  }
  for (const { return: total, length } of episodes) {
    tally.steps.training += length;
    history.returns.push(total);
    history.bestReturn = Math.max(history.bestReturn, total);
    history.lastReturn = total;
  }
  tally.episodes = episodes.length;
  tally.starts = episodes.length;
  matched(run, policies).forEach((policy, i) => {
    const { mean } = policies[i].measured;
    addMilestone(experience.way, { policy, return: mean });
    experience.buffer.add(policy, mean);
  });
  const rising = recordsOf(experience.way);
  const worst = experience.way.reduce((a, b) => (b.return < a.return ? b : a));
  experience.floor = worst.return;
  experience.goal = rising[rising.length - 1].return;
  // Where nothing rises there are still a worst one and a best one.
  const line = rising.length > 1 ? rising : [worst, rising[0]];
  return line.map(({ policy }) => policy);
}

function byReturn(a: MeasuredPolicy, b: MeasuredPolicy): number {
  return a.measured.mean - b.measured.mean;
}

/** Gives the policies as they are stored, the neurons of each in the order of those of the next one. */
function matched(
  { task: { shape, config, frame }, tools: { model }, ...run }: TrainingRun,
  policies: readonly MeasuredPolicy[],
): StoredPolicy[] {
  const normaliser = currentNormaliser(run);
  const network = { sizes: shape.sizes, activation: config.policy.activation };
  let reference: Float32Array | undefined;
  const stored = policies.toReversed().map(({ parameters }) => {
    const own = frame.toNormalised(toGeneratorOrder(model, parameters), normaliser);
    const ordered = toPolicyOrder(model, own);
    reference = reference ? matchNeurons(ordered, reference, network) : ordered;
    const place = reference as PolicyVector<"policy", "normalised">;
    return frame.toRaw(toGeneratorOrder(model, place), normaliser);
  });
  return stored.reverse();
}

/** What a generator can be fitted to. */
export const FITS = ["weights", "function"] as const;
/** One of them. */
export type Fit = (typeof FITS)[number];

/** How a generator is made of an archive. */
export interface Plan {
  /** What it is fitted to; the configuration's `update.loss`. */
  readonly fit: Fit;
  /** Which way the policies make. */
  readonly order: "given" | "byReturn";
}

/** Fits the generator to an archive and calibrates it: what a run does in place of training. */
export async function* distill(
  run: TrainingRun,
  archive: MeasuredArchive,
  { fit, order }: Plan,
): Events {
  const line = adopt(run, archive, order);
  for (const episode of archive.episodes) yield episode;
  yield { kind: "cycle" };
  yield { kind: "spent" };
  yield* consolidate(run, line, { atCorners: fit === "function" });
  yield* conclude(run);
}

/** Commands of a trial. */
const TRIAL_COMMANDS = 21;
/** Episodes of each: returns of middling policies vary much. */
const TRIAL_EPISODES = 2;

/**
 * Fits a generator to an archive and measures how far requests all over the archive's range are from what it has
 * to offer, on average, as a share of that range. The episodes come on top of the budget.
 */
export async function tryPlan(
  config: Config,
  parts: RunParts,
  { archive, plan: { fit, order } }: {
    readonly archive: MeasuredArchive;
    readonly plan: Plan;
  },
): Promise<number> {
  const run = createRun(config, parts);
  try {
    const line = adopt(run, archive, order);
    for await (const _ of consolidate(run, line, { atCorners: fit === "function" }));
    const { floor, goal } = run.experience;
    const results = await measureCommands(
      run,
      Array.from({ length: TRIAL_COMMANDS }, (_, i) => i / (TRIAL_COMMANDS - 1)),
      {
        episodes: TRIAL_EPISODES,
        purpose: "choice",
        firstEpisode: 0,
        account: "noiseFree",
        paired: true,
      },
    );
    const means = results.map((episodes) => summarise(episodes.map((one) => one.return)).mean);
    // What falls again is met by luck.
    return meanGap(risingFit(means), [floor, goal]) / (goal - floor || 1);
  } finally {
    await run.tools.learner.close();
  }
}

/** Archives that are larger lose what lies closest together. */
export const MOST_POLICIES: number = MOST_MILESTONES;
