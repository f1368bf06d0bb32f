/**
 * A tiny environment in which learning takes seconds: a point on a line that is to stand at a half.
 *
 * The state is the position p, at first U(-0.1, 0.1) from the seed. An action a in [-1, 1] moves it by
 * a / 5. A step pays 1 - |p - 0.5| after the move, of which a quarter is the survival reward. The
 * episode is truncated after ten steps and terminates when |p| > 2.
 */

import type { Env, EnvSpec, Transition } from "../../lib/env.ts";
import { Rng } from "../../lib/numbers/rng.ts";

/** Steps of an episode. */
const STEP_LIMIT = 10;
/** How far a full action moves the point. */
const STRIDE = 0.2;
const GOAL = 0.5;
/** The part of each reward that is called survival reward. */
export const TINY_SURVIVAL_REWARD = 0.25;

/** Describes the tiny environment. */
export const TINY_ENV_SPEC: EnvSpec = {
  id: "Tiny-v0",
  observationSpace: {
    kind: "box",
    low: Float64Array.of(-Infinity),
    high: Float64Array.of(Infinity),
    dtype: "float64",
  },
  actionSpace: {
    kind: "box",
    low: Float64Array.of(-1),
    high: Float64Array.of(1),
    dtype: "float32",
  },
  maxEpisodeSteps: STEP_LIMIT,
  returnRange: [-10, 10],
  source: "this file",
};

/** The tiny environment. */
export class TinyEnv implements Env {
  readonly spec = TINY_ENV_SPEC;
  readonly observation = new Float64Array(1);
  readonly #transition: Transition = {
    reward: 0,
    survivalReward: 0,
    terminated: false,
    truncated: false,
  };
  #rng = Rng.fromSeed(0);
  #step = 0;

  reset(seed?: number): void {
    if (seed !== undefined) this.#rng = Rng.fromSeed(seed);
    this.observation[0] = this.#rng.uniform(-0.1, 0.1);
    this.#step = 0;
  }

  step(action: ArrayLike<number>): Transition {
    this.observation[0] += STRIDE * action[0];
    this.#step++;
    const transition = this.#transition;
    transition.reward = 1 - Math.abs(this.observation[0] - GOAL);
    transition.survivalReward = TINY_SURVIVAL_REWARD;
    transition.terminated = Math.abs(this.observation[0]) > 2;
    transition.truncated = this.#step >= STEP_LIMIT;
    return transition;
  }

  close(): void {}
}

/** Rewards that come with the last step alone, so that no part of an episode tells anything. */
export class LateEnv extends TinyEnv {
  #sum = 0;
  override reset(seed?: number): void {
    this.#sum = 0;
    super.reset(seed);
  }
  override step(action: ArrayLike<number>): Transition {
    const { reward, ...transition } = super.step(action);
    this.#sum += reward;
    const isOver = transition.terminated || transition.truncated;
    return { ...transition, reward: isOver ? this.#sum : 0 };
  }
}

/** Rewards that are luck, whatever is done: nothing can be learnt. They come with the last step, as of `LateEnv`. */
export class LuckyEnv extends LateEnv {
  #luck = 0;
  override reset(seed?: number): void {
    super.reset(seed);
    this.#luck = this.observation[0];
  }
  override step(action: ArrayLike<number>): Transition {
    const transition = super.step(action);
    const isOver = transition.terminated || transition.truncated;
    return { ...transition, reward: isOver ? this.#luck : 0 };
  }
}
