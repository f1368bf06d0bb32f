/**
 * Episodes of given policies: rollouts of a cycle, evaluations, sweeps, calibration, verification.
 *
 * An episode is a job of (policy, normaliser, seed) and its result depends on nothing else, so the
 * jobs can run in any order and anywhere; results come back in the order of the jobs.
 */

import { setImmediate } from "node:timers";
import type { Env, EnvSpec } from "../env.ts";
import type { NormaliserState, Policy } from "../model.ts";
import type { PolicyParameters } from "../policy_space.ts";
import { type Episode, playEpisode } from "./rollout.ts";
import { confidence95, summarise, type Summary } from "../numbers/statistics.ts";

/** One policy and the seeds of its episodes. */
export interface EvaluationJob {
  /** For the normaliser that the jobs run with, [P]. */
  readonly parameters: PolicyParameters;
  /** Seed of each episode. */
  readonly seeds: readonly number[];
  /** Steps after which an episode is left; it runs to its end when absent. */
  readonly limit?: number | undefined;
}

/** How jobs are run. */
export interface PlayOptions {
  /** Ends the call when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Keeps what the policies saw in `Episode.observations`. */
  readonly observed?: boolean;
  /** Is called with every episode once it is over, in any order; `place` counts all seeds of all jobs. */
  readonly onEpisode?: (episode: Episode, place: number) => void;
}

/** Runs jobs; what a job gives does not depend on who runs it. */
export interface EpisodeRunner {
  /**
   * Runs every seed of every job with one normaliser: episodes by job, then by seed.
   * @throws the signal's reason when it is aborted; the runner may be used again.
   * @throws {DivergedError} when an episode becomes non-finite.
   */
  run(
    jobs: readonly EvaluationJob[],
    normaliser: NormaliserState,
    options?: PlayOptions,
  ): Promise<Episode[][]>;
  /** Frees what the runner holds; it is not usable afterwards. */
  close(): Promise<void>;
}

/** Creates a runner that uses one environment in this thread. It does not own the environment. */
export function createLocalRunner(env: Env, policy: Policy): EpisodeRunner {
  return {
    async run(jobs, normaliser, { signal, observed = false, onEpisode } = {}) {
      let place = 0;
      policy.normalise(normaliser);
      const results: Episode[][] = [];
      for (const { parameters, seeds, limit } of jobs) {
        policy.load(parameters);
        const episodes: Episode[] = [];
        for (const seed of seeds) {
          const episode = await playEpisode(env, policy, { seed, observed, limit });
          episodes.push(episode);
          onEpisode?.(episode, place++);
          // Episodes never wait for anything, so signals would not arrive before the last one.
          await nextTurn();
          signal?.throwIfAborted();
        }
        results.push(episodes);
      }
      return results;
    },
    close: () => Promise.resolve(),
  };
}

/**
 * Runs jobs and gives their episodes in order, each as soon as it and all before it are over. Whoever leaves early
 * ends those that are under way.
 */
export async function* playInOrder(
  runner: EpisodeRunner,
  jobs: readonly EvaluationJob[],
  { normaliser, ...options }: PlayOptions & { readonly normaliser: NormaliserState },
): AsyncGenerator<Episode> {
  const count = jobs.reduce((sum, { seeds }) => sum + seeds.length, 0);
  const over = Array.from({ length: count }, () => Promise.withResolvers<Episode>());
  const left = new AbortController();
  const { signal } = options;
  const all = runner.run(jobs, normaliser, {
    ...options,
    signal: signal ? AbortSignal.any([signal, left.signal]) : left.signal,
    onEpisode: (episode, place) => over[place].resolve(episode),
  });
  try {
    for (const { promise } of over) {
      // What fails fails the whole call, and nothing after it is of use.
      yield await Promise.race([promise, all.then(() => promise)]);
    }
    await all;
  } finally {
    left.abort();
    await all.catch(() => {});
  }
}

/** Lets everything else that waits for this thread have its turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A measured return, as files and JSON show it. */
export interface MeasuredReturn extends Summary {
  /** 95 % confidence interval of the mean. */
  readonly ci95: readonly [low: number, high: number];
}

/** Summarises the returns of episodes (survival bonus included) with their confidence interval. */
export function measureReturn(episodes: readonly Episode[]): MeasuredReturn {
  const summary = summarise(episodes.map((episode) => episode.return));
  return { ...summary, ci95: confidence95(summary) };
}

/** Steps of the episodes that a number of them is meant for: those of MuJoCo's robots. */
const USUAL_EPISODE_STEPS = 1000;

/**
 * Gives how many episodes measure as much as `count` usual ones: more where they are shorter, since short
 * ones are cheap and their returns depend on where they start.
 */
export function asManySteps({ maxEpisodeSteps }: EnvSpec, count: number): number {
  return Math.max(count, Math.ceil(count * USUAL_EPISODE_STEPS / maxEpisodeSteps));
}

/** Sums the simulated steps of episodes. */
export function countSteps(episodes: readonly Episode[]): number {
  return episodes.reduce((sum, { length }) => sum + length, 0);
}
