/**
 * An archive of policies becomes a generator: policies that somebody else has trained, such as the checkpoints
 * of a run, are measured, and take the place of the way that a run's own best policy has come (way.ts). What
 * follows is the end of every run: the generator is fitted to the way, and requests are calibrated.
 *
 *     measure  every policy in the same episodes, round by round, within training's share of the budget
 *     order    as given, which is the way of a run whose checkpoints they are, or by return
 *     match    hidden neurons of each policy to those of the next one (lib/generator/match_neurons.ts)
 *     fit      weights, or what policies do on the states that the episodes showed
 *
 * Which order and which fit obey better is found by trying (`tryPlan`). Checkpoints in their order blend into
 * each other, while two that happen to return the same may be far apart; of policies out of several runs the
 * order says nothing. Measured: tests/experiments/NOTEBOOK.md.
 */

import type { Config } from "../config/config.ts";
import { createMoments, mergeMoments, type Moments } from "../episodes/normaliser.ts";
import type { RecentStates } from "../episodes/recent_states.ts";
import { runEpisode } from "../episodes/rollout.ts";
import { matchNeurons } from "../generator/match_neurons.ts";
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
import { conclude } from "./trainer.ts";
import type { Winner } from "./selection.ts";
import { addMilestone, MOST_MILESTONES } from "./way.ts";

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
      moments: seen,
      states: experience.states,
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

/** Puts an archive in the place of what a new run would have seen; gives the best policy. */
function adopt(
  run: TrainingRun,
  { policies: given, moments, states, episodes }: MeasuredArchive,
  order: Plan["order"],
): Winner {
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
  const best = experience.way.reduce((a, b) => (b.return > a.return ? b : a));
  experience.floor = Math.min(...experience.way.map((one) => one.return));
  experience.goal = best.return;
  return { policy: best.policy, meanReturn: best.return };
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
  { order }: Pick<Plan, "order">,
): Events {
  const winner = adopt(run, archive, order);
  for (const episode of archive.episodes) yield episode;
  yield { kind: "cycle" };
  yield { kind: "spent" };
  yield* consolidate(run, winner);
  yield* conclude(run);
}

/** Commands of a trial. */
const TRIAL_COMMANDS = 9;
/** Episodes of each: returns of middling policies vary much. */
const TRIAL_EPISODES = 5;

/**
 * Fits a generator to an archive and measures how far its policies are from what their commands mean: the mean
 * distance, as a share of the archive's rise. The episodes come on top of the budget.
 */
export async function tryPlan(
  config: Config,
  parts: RunParts,
  { archive, order }: { readonly archive: MeasuredArchive } & Pick<Plan, "order">,
): Promise<number> {
  const run = createRun(config, parts);
  try {
    const winner = adopt(run, archive, order);
    for await (const _ of consolidate(run, winner));
    const { floor, goal } = run.experience;
    const commands = Array.from(
      { length: TRIAL_COMMANDS },
      (_, i) => i / (TRIAL_COMMANDS - 1),
    );
    const results = await measureCommands(run, commands, {
      episodes: TRIAL_EPISODES,
      purpose: "choice",
      firstEpisode: 0,
      account: "noiseFree",
      paired: true,
    });
    const misses = results.map((episodes, i) => {
      const { mean } = summarise(episodes.map((episode) => episode.return));
      return Math.abs(mean - (floor + commands[i] * (goal - floor)));
    });
    return summarise(misses).mean / (goal - floor || 1);
  } finally {
    await run.tools.learner.close();
  }
}

/** Archives that are larger lose what lies closest together. */
export const MOST_POLICIES: number = MOST_MILESTONES;
