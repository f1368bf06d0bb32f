/**
 * One episode of one policy.
 *
 * An episode's result depends on the policy, its normaliser and the seed alone, never on what ran before
 * it: seeds come from lib/numbers/streams.ts.
 */

import { DivergedError } from "../system/errors.ts";
import type { Env } from "../env.ts";
import type { Policy } from "../model.ts";
import { addObservation, type Moments } from "./normaliser.ts";
import { noteState, type RecentStates } from "./recent_states.ts";

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
}

/**
 * Runs one episode from a seed. Allocates nothing per step.
 *
 * @param moments when given, every observation that the policy acts on is added to it
 * @param states when given, the ring takes note of the same observations
 * @throws {DivergedError} when an observation, an action or a reward is not finite. The observation
 * that ends an episode may be anything: nobody acts on it.
 */
export async function runEpisode(
  env: Env,
  policy: Policy,
  { seed, moments, states }: {
    seed: number;
    moments?: Moments | undefined;
    states?: RecentStates | undefined;
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
    if (moments) addObservation(moments, observation);
    if (states) noteState(states, observation);
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
    if (transition.terminated || transition.truncated) {
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
