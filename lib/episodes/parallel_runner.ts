/**
 * Episodes in several environments side by side, from this thread: for environments in child processes,
 * which are waited for. An episode depends on its policy, its normaliser and its seed alone, so the results
 * are the same for any number of environments.
 */

import type { Env } from "../env.ts";
import type { Policy } from "../model.ts";
import { type EpisodeRunner, nextTurn } from "./evaluate.ts";
import { type Episode, playEpisode } from "./rollout.ts";

/** Where episodes are run. */
export interface Lane {
  /** Plays one episode at a time. */
  readonly env: Env;
  /** Acts in it. */
  readonly policy: Policy;
}

/** Lanes, all but the first opened when there is work for them. */
export class Lanes {
  readonly #count: number;
  readonly #open: () => Promise<Lane>;
  readonly #lanes: Promise<Lane>[];

  /**
   * Makes `count` lanes.
   * @param first is open already
   * @param open opens another one like it
   */
  constructor(count: number, first: Lane, open: () => Promise<Lane>) {
    this.#count = count;
    this.#open = open;
    this.#lanes = [Promise.resolve(first)];
  }

  /**
   * Plays `count` tasks, in order as far as lanes are free; gives what each gave.
   * @throws what the first task threw, in their order, that threw.
   */
  async play<T>(
    count: number,
    play: (lane: Lane, task: number) => Promise<T>,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<T[]> {
    const results = new Array<T>(count);
    let next = 0;
    let failure: { readonly task: number; readonly error: unknown } | undefined;
    const work = async (index: number) => {
      let task = -1;
      try {
        const lane = await (this.#lanes[index] ??= this.#open());
        while (failure === undefined && next < count) {
          task = next++;
          results[task] = await play(lane, task);
          await nextTurn(); // lets signals arrive
          signal?.throwIfAborted();
        }
      } catch (error) {
        // Of several the one that would have come first, however fast each was.
        if (failure === undefined || task < failure.task) failure = { task, error };
      }
    };
    const busy = Math.min(this.#count, count);
    await Promise.all(Array.from({ length: busy }, (_, index) => work(index)));
    if (failure !== undefined) throw failure.error;
    return results;
  }

  /** Closes the environments of lanes that were opened. */
  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#lanes);
    for (const lane of opened) if (lane.status === "fulfilled") await lane.value.env.close();
  }
}

/** Creates a runner that plays in lanes. It does not own them. */
export function createParallelRunner(lanes: Lanes): EpisodeRunner {
  return {
    async run(jobs, normaliser, { signal, observed = false, onEpisode } = {}) {
      const tasks = jobs.flatMap(({ parameters, seeds }) =>
        seeds.map((seed) => ({ parameters, seed }))
      );
      const play = async ({ env, policy }: Lane, task: number): Promise<Episode> => {
        const { parameters, seed } = tasks[task];
        policy.normalise(normaliser);
        policy.load(parameters);
        const episode = await playEpisode(env, policy, { seed, observed });
        onEpisode?.(episode, task);
        return episode;
      };
      const episodes = await lanes.play(tasks.length, play, { signal });
      let at = 0;
      return jobs.map(({ seeds }) => episodes.slice(at, at += seeds.length));
    },
    close: () => Promise.resolve(),
  };
}
