/**
 * Episodes in several environments side by side, from this thread: for environments in child processes,
 * which are waited for. A child of this program's own plays several (`Env.beside`). An episode depends on its
 * policy, its normaliser and its seed alone, so the results are the same for any number of environments.
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

/** What more lanes are made of. */
export interface LaneParts {
  /** Makes an environment like the first, in a process of its own. */
  readonly makeEnv: () => Promise<Env>;
  /** Makes a policy like the first. */
  readonly makePolicy: () => Policy | Promise<Policy>;
}

/** Tasks that are played, in order as far as lanes are free. */
interface Play<T> {
  readonly count: number;
  readonly play: (lane: Lane, task: number) => Promise<T>;
  readonly signal: AbortSignal | undefined;
  readonly results: T[];
  next: number;
  failure?: { readonly task: number; readonly error: unknown };
}

/** Lanes of one or more processes, all but the first opened when there is work for them. */
export class Lanes {
  readonly #count: number;
  readonly #makeEnv: LaneParts["makeEnv"];
  #makePolicy: LaneParts["makePolicy"];
  /** Lanes by process. */
  readonly #processes: Lane[][];

  /**
   * Makes the lanes of `count` processes.
   * @param first is open already
   */
  constructor(count: number, first: Lane, parts: LaneParts) {
    this.#count = count;
    this.#makeEnv = parts.makeEnv;
    this.#makePolicy = parts.makePolicy;
    this.#processes = [[first]];
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
    const plan: Play<T> = { count, play, signal, results: new Array<T>(count), next: 0 };
    const busy = Math.min(this.#count, count);
    await Promise.all(Array.from({ length: busy }, (_, index) => this.#use(index, busy, plan)));
    if (plan.failure !== undefined) throw plan.failure.error;
    return plan.results;
  }

  /** Gives every lane, opened or not, a policy of another kind; none may be playing. */
  usePolicies(makePolicy: () => Policy): void {
    this.#makePolicy = makePolicy;
    for (const lanes of this.#processes) {
      lanes?.forEach(({ env }, i) => lanes[i] = { env, policy: makePolicy() });
    }
  }

  /** Closes the environments of lanes that were opened. */
  async close(): Promise<void> {
    for (const lanes of this.#processes) await lanes[0]?.env.close();
  }

  /** Plays tasks in the lanes of a process, as many side by side as leave some for the other processes. */
  async #use<T>(index: number, busy: number, plan: Play<T>): Promise<void> {
    const lanes = this.#processes[index] ??= [];
    const share = Math.ceil(plan.count / busy);
    await attempt(plan, plan.next, async () => {
      if (lanes.length === 0) lanes.push(await this.#open(await this.#makeEnv()));
    });
    // The first episode tells the environment what it costs.
    if (lanes.length === 1) await work(plan, lanes[0], 1);
    if (plan.failure !== undefined) return;
    const wanted = Math.min(share, plan.count - plan.next);
    await attempt(plan, plan.next, () => this.#widen(lanes, wanted));
    await Promise.all(lanes.slice(0, share).map((lane) => work(plan, lane)));
  }

  /** Opens lanes in a process that has fewer than `count`, as far as it can. */
  async #widen(lanes: Lane[], count: number): Promise<void> {
    if (lanes.length >= count) return;
    for (const env of await lanes[0].env.beside?.(count) ?? []) lanes.push(await this.#open(env));
  }

  async #open(env: Env): Promise<Lane> {
    return { env, policy: await this.#makePolicy() };
  }
}

/** Plays tasks in a lane until none is left, or for as many as are wanted. */
async function work<T>(plan: Play<T>, lane: Lane | undefined, most = Infinity): Promise<void> {
  for (let done = 0; done < most && lane && plan.failure === undefined; done++) {
    if (plan.next >= plan.count) return;
    const task = plan.next++;
    await attempt(plan, task, async () => {
      plan.results[task] = await plan.play(lane, task);
      if (lane.env.beside === undefined) await nextTurn(); // lets signals arrive; a child is waited for
      plan.signal?.throwIfAborted();
    });
  }
}

/** Does something for a task; of several that fail the one counts that would have come first, however fast each was. */
async function attempt<T>(plan: Play<T>, task: number, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (plan.failure === undefined || task < plan.failure.task) plan.failure = { task, error };
  }
}

/** Creates a runner that plays in lanes. It does not own them. */
export function createParallelRunner(lanes: Lanes): EpisodeRunner {
  return {
    async run(jobs, normaliser, { signal, observed = false, onEpisode } = {}) {
      const tasks = jobs.flatMap(({ parameters, seeds, limit }) =>
        seeds.map((seed) => ({ parameters, seed, limit }))
      );
      const play = async ({ env, policy }: Lane, task: number): Promise<Episode> => {
        const { parameters, seed, limit } = tasks[task];
        policy.normalise(normaliser);
        policy.load(parameters);
        const episode = await playEpisode(env, policy, { seed, observed, limit });
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
