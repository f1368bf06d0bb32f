/**
 * One episode of one policy.
 *
 * An episode's result depends on the policy, its normaliser and the seed alone, never on what ran before
 * it: seeds come from lib/numbers/streams.ts.
 */

import { DivergedError } from "../system/errors.ts";
import type { Env } from "../env.ts";
import type { Policy } from "../model.ts";

/** What one episode gave. */
export interface Episode {
  /** Sum of rewards. */
  readonly return: number;
  /** The part of the return that was paid for being alive. */
  readonly survivalReturn: number;
  /** Simulated steps. */
  readonly length: number;
  /** True when the task ended it, false when the time limit did. */
  readonly terminated: boolean;
  /** What the policy acted on, a row for each step, [length, S]; there only where it was asked for. */
  readonly observations?: Float64Array;
  /** The reward of each step and its part for being alive, [length, 2]; there with the observations. */
  readonly rewards?: Float64Array;
}

/** Observations that there is room for at first. */
const FIRST_ROWS = 64;

/**
 * Runs one episode and keeps its observations if they are wanted: what changes with their order, whoever learns
 * from them can then do in one order, wherever each episode ran.
 */
export async function playEpisode(
  env: Env,
  policy: Policy,
  { seed, observed, limit = Infinity }: {
    seed: number;
    observed: boolean;
    limit?: number | undefined;
  },
): Promise<Episode> {
  if (!observed) return await runEpisode(env, policy, { seed, limit });
  let rows = new Float64Array(FIRST_ROWS * env.observation.length);
  let end = 0;
  const rewards: number[] = [];
  const episode = await runEpisode(env, policy, {
    seed,
    limit,
    earn: (reward, survivalReward) => void rewards.push(reward, survivalReward),
    see(observation) {
      if (end === rows.length) {
        const longer = new Float64Array(2 * rows.length);
        longer.set(rows);
        rows = longer;
      }
      rows.set(observation, end);
      end += observation.length;
    },
  });
  return { ...episode, observations: rows.slice(0, end), rewards: Float64Array.from(rewards) };
}

/**
 * Runs one episode from a seed. Allocates nothing per step.
 *
 * @param see when given, is shown every observation that the policy acts on, [S]; the array is used again
 * @param earn when given, is told every reward and its part for being alive
 * @param limit steps after which the episode is left where it is; it runs to its end when absent
 * @throws {DivergedError} when an observation, an action or a reward is not finite. The observation
 * that ends an episode may be anything: nobody acts on it.
 */
export async function runEpisode(
  env: Env,
  policy: Policy,
  { seed, see, earn, limit = Infinity }: {
    seed: number;
    see?: ((observation: Float64Array) => void) | undefined;
    earn?: ((reward: number, survivalReward: number) => void) | undefined;
    limit?: number | undefined;
  },
): Promise<Episode> {
  const started = env.reset(seed);
  if (started instanceof Promise) await started;
  const { observation, spec } = env;
  const action = new Float64Array(
    spec.actionSpace.kind === "discrete" ? 1 : spec.actionSpace.low.length,
  );
  let [total, survival, length] = [0, 0, 0];
  while (true) {
    assertFinite("observation", observation, { seed, step: length });
    if (see) see(observation);
    const acted = policy.act(observation, action);
    if (acted instanceof Promise) await acted;
    assertFinite("action", action, { seed, step: length });
    const stepped = env.step(action);
    const transition = stepped instanceof Promise ? await stepped : stepped;
    if (!Number.isFinite(transition.reward)) {
      assertFinite("reward", [transition.reward], { seed, step: length + 1 });
    }
    total += transition.reward;
    survival += transition.survivalReward;
    length++;
    if (earn) earn(transition.reward, transition.survivalReward);
    if (transition.terminated || transition.truncated || length >= limit) {
      return { return: total, survivalReturn: survival, length, terminated: transition.terminated };
    }
  }
}

function assertFinite(
  what: string,
  values: ArrayLike<number>,
  { seed, step }: { seed: number; step: number },
): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    throw new DivergedError(
      `Cannot go on with the episode: every number of the ${what} must be finite, got ${
        values[i]
      } at ` +
        `index ${i}, step ${step} of the episode with seed ${seed}`,
    );
  }
}
