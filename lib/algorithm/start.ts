/**
 * Policies that a run begins with: those of an archive, which are all that it learns from, or a start for training.
 *
 *     measure  every policy in the same episodes, round by round: an archive within training's share of the budget,
 *              a start for training within a small part of it, the untrained generator's policy among them
 *     match    hidden neurons of each policy to those of the next one (lib/generator/match_neurons.ts)
 *     line     through each policy that beat all before it: in the order in which they were given (checkpoints in
 *              their order blend into each other), or by return
 *     fit      weights all along the line, or what its corners do on the states that the episodes showed, which
 *              does not depend on how neurons stand
 *
 * Buffer, way, normaliser and the best command begin there, and training goes on from it like after any cycle.
 */

import { addObservation, createMoments, mergeMoments } from "../episodes/normaliser.ts";
import { createRecentStates, noteState } from "../episodes/recent_states.ts";
import { runEpisode } from "../episodes/rollout.ts";
import { matchNeurons } from "../generator/match_neurons.ts";
import { summarise } from "../numbers/statistics.ts";
import { episodeSeed } from "../numbers/streams.ts";
import {
  type PolicyParameters,
  type PolicyVector,
  type StoredPolicy,
  toGeneratorOrder,
  toPolicyOrder,
} from "../policy_space.ts";
import { consolidate } from "./consolidation.ts";
import type { EpisodeEvent, Events } from "./events.ts";
import {
  type GivenPolicy,
  type MeasuredPolicies,
  type MeasuredPolicy,
  measuringEnd,
  type Start,
} from "./given.ts";
import type { Line } from "./line.ts";
import { generate } from "./measure.ts";
import { currentNormaliser, type TrainingRun } from "./run.ts";
import { addMilestone, recordsOf } from "./way.ts";

/**
 * Runs policies in turn, each in the same episodes, as long as the budget holds another episode. Nothing of the run
 * changes but what its policy object holds.
 * @throws the signal's reason when it is aborted.
 */
export async function measurePolicies(
  { task: { config, spec, shape }, tools: { env, policy } }: TrainingRun,
  given: readonly GivenPolicy[],
  { end, signal, onEpisode }: {
    /** Steps that are not to be exceeded once each policy has played. */
    readonly end: number;
    readonly signal?: AbortSignal;
    /** Hears of the steps so far. */
    readonly onEpisode?: (steps: number) => void;
  },
): Promise<MeasuredPolicies> {
  const [size] = shape.sizes;
  const [moments, states] = [createMoments(size), createRecentStates(size)];
  const returns = given.map((): number[] => []);
  const episodes: EpisodeEvent[] = [];
  const identity = { mean: new Float64Array(size), deviation: new Float64Array(size).fill(1) };
  policy.normalise(identity);
  let steps = 0;
  const isAffordable = () => steps + spec.maxEpisodeSteps <= end;
  for (let turn = 0; turn < given.length || isAffordable(); turn++) {
    signal?.throwIfAborted();
    const place = turn % given.length;
    // With the identity as normaliser both frames are one.
    policy.load(given[place].parameters as Float32Array as PolicyParameters);
    const round = Math.floor(turn / given.length);
    const episode = await runEpisode(env, policy, {
      seed: episodeSeed(config.seed, "training", round),
      see(observation) {
        addObservation(moments, observation);
        noteState(states, observation);
      },
    });
    steps += episode.length;
    returns[place].push(episode.return);
    episodes.push({
      kind: "episode",
      episode: turn + 1,
      return: episode.return,
      length: episode.length,
      scaledReturn: episode.return,
      stored: true,
    });
    onEpisode?.(steps);
  }
  return {
    policies: given.map((one, i) => ({ ...one, measured: summarise(returns[i]) })),
    moments,
    states,
    episodes,
  };
}

/** Measures what a run begins with. */
export async function measureStart(
  run: TrainingRun,
  start: Omit<Start, "order">,
  told: { readonly signal?: AbortSignal; readonly onEpisode?: (steps: number) => void } = {},
): Promise<MeasuredPolicies> {
  const given = start.use === "archive"
    ? start.policies
    : [await untrained(run), ...start.policies];
  return await measurePolicies(run, given, {
    ...told,
    end: measuringEnd(run.task.config, start),
  });
}

/** The policy that training would begin with otherwise: requests are to reach down to it. */
async function untrained(run: TrainingRun): Promise<GivenPolicy> {
  const { task: { frame }, tools: { model } } = run;
  const [policy] = await generate(run, [1]);
  const raw = frame.toRaw(policy, currentNormaliser(run));
  return { name: "untrained", parameters: toPolicyOrder(model, raw) };
}

/** Puts measured policies in the place of what a new run would have seen; gives the line through them. */
export function adopt(
  run: TrainingRun,
  { policies: given, moments, states, episodes }: MeasuredPolicies,
  order: Start["order"],
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
  tally.starts = Math.ceil(episodes.length / given.length);
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
  const network = { ...shape, activation: config.policy.activation };
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

/** Tells whether a run has yet to take up what it begins with. */
export function isToBegin({ task: { start }, tally }: TrainingRun): boolean {
  return start !== undefined && tally.cycles === 0;
}

/** Takes up what a run begins with: its first cycle. */
export async function* begin(run: TrainingRun): Events {
  const { task: { start, frame }, experience, tally } = run;
  const { order, measured = await measureStart(run, start!) } = start!;
  const line = adopt(run, measured, order);
  for (const episode of measured.episodes) yield episode;
  yield* fit(run, line);
  const best = frame.toNormalised(line[line.length - 1], currentNormaliser(run));
  experience.followed = best;
  tally.lastRollouts = measured.policies.length;
  tally.cycles = 1;
}

/** Fits the generator to a line through policies of which nobody knows what lies between them. */
export function fit(run: TrainingRun, line: Line): Events {
  return consolidate(run, line, { atCorners: run.task.config.update.loss === "function" });
}

/** Tells whether all that a run has learnt from is an archive, whose line its generator has learnt already. */
export function isArchive({ task: { start }, tally }: TrainingRun): boolean {
  return start?.use === "archive" && tally.cycles === 1;
}
