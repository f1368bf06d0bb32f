/**
 * One episode of one policy.
 *
 * Every episode starts from a seed of its own, derived from (run seed, purpose, number), so that an
 * episode's result depends on nothing that ran before it: a run can be resumed between any two
 * episodes, and evaluations give the same numbers on any number of workers.
 */

import { DivergedError } from "../system/errors.ts";
import type { Env } from "../env.ts";
import type { Policy } from "../model.ts";
import { addObservation, type Moments } from "./normaliser.ts";
import { Rng } from "../numbers/rng.ts";

/** What a random stream is for; part of its seed. The numbers are fixed: results depend on them. */
export const PURPOSE = {
  initialisation: 0,
  warmup: 1,
  training: 2,
  noise: 3,
  batch: 4,
  evaluation: 5,
  sweep: 6,
  curve: 7,
  verification: 8,
  latent: 9,
  calibration: 10,
  consolidation: 11,
  goal: 12,
} as const;

/** Names a purpose of a random stream. */
export type Purpose = keyof typeof PURPOSE;

/** Derives the stream for one use: the same three numbers always give the same stream. */
export function streamFor(seed: number, purpose: Purpose, number: number): Rng {
  return Rng.fromSeed([seed, PURPOSE[purpose], number]);
}

/** Derives an environment seed in 0..2^32 - 1 for one episode. */
export function episodeSeed(seed: number, purpose: Purpose, number: number): number {
  return streamFor(seed, purpose, number).nextUint32();
}

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
 * @throws {DivergedError} when an observation, an action or a reward is not finite. The observation
 * that ends an episode may be anything: nobody acts on it.
 */
export async function runEpisode(
  env: Env,
  policy: Policy,
  { seed, moments }: { seed: number; moments?: Moments },
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
