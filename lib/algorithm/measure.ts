/** Running policies: for training, with everything that an episode changes, or several times without noise. */

import { countSteps, type EvaluationJob, playInOrder } from "../episodes/evaluate.ts";
import {
  addObservation,
  createMoments,
  foresee,
  mergeMoments,
  type Moments,
} from "../episodes/normaliser.ts";
import { noteState } from "../episodes/recent_states.ts";
import { type Episode, playEpisode } from "../episodes/rollout.ts";
import type { EnvSpec } from "../env.ts";
import type { NormaliserState, Policy } from "../model.ts";
import { episodeSeed, type Purpose, streamFor } from "../numbers/streams.ts";
import { type GeneratedPolicy, type StoredPolicy, toPolicyOrder } from "../policy_space.ts";
import { DivergedError } from "../system/errors.ts";
import { isPublished, spentSteps } from "./budget.ts";
import type { EpisodeEvent, PartEvent } from "./events.ts";
import type { Compared, Sibling } from "./exploration.ts";
import { currentNormaliser, type StepCounts, type TrainingRun } from "./run.ts";

/** Generates policies without noise: one row of [P] for each command. */
export function generate(
  { task: { config }, tools: { learner }, tally }: TrainingRun,
  commands: readonly number[],
): Promise<GeneratedPolicy[]> {
  const rng = streamFor(config.seed, "latent", tally.episodes);
  return learner.generate(commands, { rng });
}

/** A training episode that was run and stored. */
export interface StoredEpisode extends Episode {
  /** As in Episode; always there. */
  readonly rewards: Float64Array;
  /** The policy as it is stored, [P]. */
  readonly policy: StoredPolicy;
  /** Number of its start. */
  readonly start: number;
  /** What the run tells of it. */
  readonly event: EpisodeEvent;
}

/** What holds for all rollouts of a cycle. */
export interface CycleContext {
  /** The normaliser that its policies use. */
  readonly normaliser: NormaliserState;
  /** Gathers the observations of its episodes. */
  readonly seen: Moments;
}

/** Begins a cycle: its policies see through the same normaliser, whatever its episodes show. */
export function beginCycle(run: TrainingRun): CycleContext {
  const { experience: { moments }, tally } = run;
  [tally.lastRollouts, tally.longest] = [0, 0];
  return { normaliser: currentNormaliser(run), seen: createMoments(moments.mean.length) };
}

/** Prepares the first cycle of a run for what its first episode begins with, which costs no step. */
export async function prepareFirstCycle(
  { task: { config }, tools: { env }, experience: { moments } }: TrainingRun,
  { normaliser }: CycleContext,
): Promise<void> {
  if (moments.count > 0) return;
  await env.reset(episodeSeed(config.seed, "training", 0));
  foresee(normaliser, env.observation);
}

/** Ends a cycle: what its episodes showed changes the normaliser of the next. */
export function endCycle({ experience, tally }: TrainingRun, { seen }: CycleContext): void {
  mergeMoments(experience.moments, seen);
  tally.cycles++;
}

/** The first part of a training episode: what it returned says how it compares, not what its policy returns. */
export interface PartialEpisode extends Compared {
  /** What the run tells of it. */
  readonly event: PartEvent;
}

/** What a sibling has run. */
export type Rollout = StoredEpisode | PartialEpisode;

/** Tells whole episodes from parts. */
export function isWhole(rollout: Rollout): rollout is StoredEpisode {
  return rollout.event.kind === "episode";
}

/**
 * Runs a training episode with each of some policies, on whatever the run has for it, and stores each policy under
 * its return. An episode that goes on after `limit` steps is left there, and nothing is stored of it. Where an episode
 * runs changes nothing: what they show is taken note of in their order.
 * @throws {DivergedError} when a policy or its return is not finite; nothing is stored of it then.
 */
export async function* runSiblings(
  run: TrainingRun,
  siblings: readonly Sibling[],
  { cycle, limit }: { cycle: CycleContext; limit: number },
): AsyncGenerator<Rollout> {
  if (siblings.length === 1) return yield await runAndStore(run, siblings[0], cycle);
  let place = 0;
  for await (const episode of playSiblings(run, siblings, { cycle, limit })) {
    yield take(run, { sibling: siblings[place++], episode, cycle, limit });
  }
}

/** Plays episodes of siblings, or their first steps, with what they saw. */
function playSiblings(
  run: TrainingRun,
  siblings: readonly Sibling[],
  { cycle: { normaliser }, limit }: { cycle: CycleContext; limit: number },
): AsyncGenerator<Episode> {
  const { task: { config }, tools: { runner, model } } = run;
  const jobs = siblings.map(({ policy, start }): EvaluationJob => {
    assertFinite(policy, { run, what: "policy" });
    return {
      parameters: toPolicyOrder(model, policy),
      seeds: [episodeSeed(config.seed, "training", start)],
      ...(limit < Infinity ? { limit } : {}),
    };
  });
  return playInOrder(runner, jobs, { normaliser, observed: true });
}

/** Runs one training episode with a policy, here, and stores it. See `runSiblings`. */
export async function runAndStore(
  run: TrainingRun,
  sibling: Sibling,
  cycle: CycleContext,
): Promise<StoredEpisode> {
  return store(run, { sibling, episode: await playHere(run, sibling, cycle), cycle });
}

/** Runs a training episode with a policy, here, as far as siblings ran. See `runSiblings`. */
export async function runAgain(
  run: TrainingRun,
  sibling: Sibling,
  { cycle, limit }: { cycle: CycleContext; limit: number },
): Promise<Rollout> {
  const episode = await playHere(run, sibling, cycle, limit);
  return take(run, { sibling, episode, cycle, limit });
}

async function playHere(
  run: TrainingRun,
  sibling: Sibling,
  { normaliser }: CycleContext,
  limit?: number,
): Promise<Episode> {
  const { task: { config }, tools: { env, policy, model } } = run;
  assertFinite(sibling.policy, { run, what: "policy" });
  policy.normalise(normaliser);
  policy.load(toPolicyOrder(model, sibling.policy));
  const seed = episodeSeed(config.seed, "training", sibling.start);
  const acting = isPublished(config) ? movingNormaliser(run) : policy;
  return await playEpisode(env, acting, { seed, observed: true, limit });
}

/** The training policy with a normaliser that follows every observation before it is acted on. */
function movingNormaliser(run: TrainingRun): Policy {
  const { policy } = run.tools;
  return {
    ...policy,
    act(observation, action) {
      addObservation(run.experience.moments, observation);
      policy.normalise(currentNormaliser(run));
      return policy.act(observation, action);
    },
  };
}

/** The steps that an episode may have, and whose time limit ends it. */
export interface Room {
  /** Steps after which it is left where it is. */
  readonly limit: number;
  /** Has the time limit. */
  readonly spec: Pick<EnvSpec, "maxEpisodeSteps">;
}

/** Tells whether an episode ended, and was not left at the limit. */
export function isOver(
  { terminated, length }: Pick<Episode, "terminated" | "length">,
  { limit, spec }: Room,
): boolean {
  return terminated || length < limit || length >= spec.maxEpisodeSteps;
}

/** Stores an episode that is over, or counts the part of it that was run. */
function take(
  run: TrainingRun,
  { sibling, episode, cycle, limit }: {
    sibling: Sibling;
    episode: Episode;
    cycle: CycleContext;
    limit: number;
  },
): Rollout {
  const { task: { spec }, tally } = run;
  const { return: value, survivalReturn, length } = episode;
  if (isOver(episode, { limit, spec })) return store(run, { sibling, episode, cycle });
  assertFinite([value], { run, what: "return" });
  look(run, episode.observations!, cycle);
  tally.parts++;
  countRollout(run, { start: sibling.start, length });
  return { return: value, survivalReturn, start: sibling.start, event: { kind: "part", length } };
}

/** Stores the policy of an episode that is over, and takes note of what it saw. */
function store(
  run: TrainingRun,
  { sibling: { policy: generated, start }, episode: { observations, ...episode }, cycle }: {
    sibling: Sibling;
    episode: Episode;
    cycle: CycleContext;
  },
): StoredEpisode {
  const { task: { scale, frame }, experience, tally } = run;
  assertFinite([episode.return], { run, what: "return" });
  look(run, observations!, cycle);
  book(run, { ...episode, start });
  const stored = frame.toRaw(generated, cycle.normaliser);
  const storedReturn = scale.scale(episode);
  const entry = experience.buffer.add(stored, storedReturn);
  return {
    ...episode,
    rewards: episode.rewards!,
    policy: stored,
    start,
    event: {
      kind: "episode",
      episode: tally.episodes,
      return: episode.return,
      length: episode.length,
      scaledReturn: storedReturn,
      stored: entry !== undefined,
    },
  };
}

/** Takes note of the observations of an episode, [length, S], where the normaliser has not followed them already. */
function look(
  { task: { config }, experience: { states } }: TrainingRun,
  observations: Float64Array,
  { seen }: CycleContext,
): void {
  const size = seen.mean.length;
  for (let at = 0; at < observations.length; at += size) {
    const observation = observations.subarray(at, at + size);
    if (!isPublished(config)) addObservation(seen, observation);
    if (states) noteState(states, observation);
  }
}

/** Counts a training episode. */
export function book(run: TrainingRun, episode: Episode & { readonly start: number }): void {
  const { tally, history } = run;
  countRollout(run, episode);
  tally.episodes++;
  history.returns.push(episode.return);
  history.lastReturn = episode.return;
  history.bestReturn = Math.max(history.bestReturn, episode.return);
}

function countRollout(
  { tally }: TrainingRun,
  { start, length }: { readonly start: number; readonly length: number },
): void {
  tally.starts = Math.max(tally.starts, start + 1);
  tally.lastRollouts++;
  tally.longest = Math.max(tally.longest, length);
  tally.steps.training += length;
}

function assertFinite(
  values: ArrayLike<number>,
  { run, what }: { run: TrainingRun; what: "policy" | "return" },
): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    throw new DivergedError(
      `Cannot continue training: every number of the ${what} must be finite, got ${values[i]} at ` +
        `index ${i}, step ${spentSteps(run)}, episode ${run.tally.episodes}`,
    );
  }
}

/** How to measure policies without noise. */
export interface MeasureOptions {
  /** Episodes for each policy. */
  readonly episodes: number;
  /** Names the stream of seeds. */
  readonly purpose: Purpose;
  /** Number of the first episode in that stream: no two measurements should share seeds. */
  readonly firstEpisode: number;
  /** What the steps are booked as. */
  readonly account: keyof StepCounts;
  /** Runs all on the same episodes, so that they are compared on equal terms. */
  readonly paired?: boolean;
  /** Steps after which an episode is left where it is; it runs to its end when absent. */
  readonly limit?: number;
}

/** Runs the policies of commands without noise and books the steps: episodes by command. */
export async function measureCommands(
  run: TrainingRun,
  commands: readonly number[],
  options: MeasureOptions,
): Promise<Episode[][]> {
  return await measure(run, await generate(run, commands), options);
}

/** Runs given policies and books the steps: episodes by policy. */
export async function measure(
  run: TrainingRun,
  policies: readonly GeneratedPolicy[],
  { episodes, purpose, firstEpisode, account, paired = false, limit }: MeasureOptions,
): Promise<Episode[][]> {
  const { task: { config }, tools: { model, runner }, tally } = run;
  const jobs = policies.map((policy, index): EvaluationJob => {
    const first = firstEpisode + (paired ? 0 : index * episodes);
    return {
      parameters: toPolicyOrder(model, policy),
      seeds: Array.from(
        { length: episodes },
        (_, i) => episodeSeed(config.seed, purpose, first + i),
      ),
      limit,
    };
  });
  const results = await runner.run(jobs, currentNormaliser(run));
  for (const result of results) tally.steps[account] += countSteps(result);
  return results;
}
