/**
 * What every environment here shares: the order of reset and step, the checks on seed and action,
 * the random stream and the time limit. An environment proper only says how an episode starts and
 * what one step does.
 *
 * Differences from Gymnasium, for all environments: stepping after the end is an error, not a
 * warning; an action with a non-finite number is an error; the first reset without a seed uses seed 0
 * instead of the system's entropy. An action outside of the box is taken as it is, as Gymnasium
 * does: the dynamics clip it and the costs do not. Arithmetic on an action is float64, which is what
 * Gymnasium does with a float64 array; with a float32 array its costs carry float32 rounding.
 */

import type { EnvSpec, StatefulEnv, Transition } from "../lib/env.ts";
import { Rng } from "../lib/rng.ts";

/** The seed of a first reset that names none. */
const DEFAULT_SEED = 0;

/** The base of every environment in `envs/`. */
export abstract class EpisodeEnv implements StatefulEnv {
  readonly spec: EnvSpec;
  readonly observation: Float64Array;
  readonly #transition: Transition = {
    reward: 0,
    survivalReward: 0,
    terminated: false,
    truncated: false,
  };
  #rng: Rng | undefined;
  #steps = 0;
  #running = false;
  #closed = false;

  protected constructor(spec: EnvSpec) {
    this.spec = spec;
    this.observation = new Float64Array(spec.observationSpace.low.length);
  }

  /** Draws the start from `rng`, puts it in place and fills `observation`. */
  protected abstract start(rng: Rng): void;

  /** Takes one step: fills `observation` and every field of `transition` but `truncated`. */
  protected abstract advance(action: ArrayLike<number>, transition: Transition): void;

  /** Frees what lies outside of the garbage collector's reach; called once. */
  protected release(): void {}

  abstract state(): Float64Array;
  abstract setState(state: ArrayLike<number>): void;

  reset(seed?: number): void {
    this.#checkOpen();
    if (seed !== undefined) {
      if (!Number.isSafeInteger(seed) || seed < 0) {
        throw new RangeError(
          `Cannot reset environment "${this.spec.id}": ` +
            `a seed must be an integer from 0 to 2^53 - 1, got ${seed}`,
        );
      }
      this.#rng = Rng.fromSeed(seed);
    }
    this.#rng ??= Rng.fromSeed(DEFAULT_SEED);
    this.#steps = 0;
    this.#running = true;
    this.start(this.#rng);
  }

  step(action: ArrayLike<number>): Transition {
    if (!this.#running) {
      this.#checkOpen();
      throw new RangeError(
        `Cannot step environment "${this.spec.id}": no episode is running, got a step: call reset`,
      );
    }
    this.#checkAction(action);
    const transition = this.#transition;
    this.advance(action, transition);
    this.#steps++;
    transition.truncated = this.#steps >= this.spec.maxEpisodeSteps;
    if (transition.terminated || transition.truncated) this.#running = false;
    return transition;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#running = false;
    this.release();
  }

  /** Checks a state handed to `setState`. */
  protected checkState(state: ArrayLike<number>, size: number): void {
    this.#checkOpen();
    if (state.length !== size) {
      throw new TypeError(
        `Cannot set state of environment "${this.spec.id}": ` +
          `a state must have ${size} numbers, got ${state.length}`,
      );
    }
    for (let i = 0; i < size; i++) {
      if (!Number.isFinite(state[i])) {
        throw new RangeError(
          `Cannot set state of environment "${this.spec.id}": ` +
            `every number must be finite, got ${state[i]} at ${i}`,
        );
      }
    }
  }

  #checkOpen(): void {
    if (this.#closed) {
      throw new RangeError(
        `Cannot use environment "${this.spec.id}": it must be open, got a closed one`,
      );
    }
  }

  #checkAction(action: ArrayLike<number>): void {
    const space = this.spec.actionSpace;
    const size = space.kind === "discrete" ? 1 : space.low.length;
    if (action.length !== size) {
      throw new TypeError(
        `Cannot step environment "${this.spec.id}": ` +
          `an action must have ${size} numbers, got ${action.length}`,
      );
    }
    for (let i = 0; i < size; i++) {
      const value = action[i];
      if (!Number.isFinite(value)) {
        throw new RangeError(
          `Cannot step environment "${this.spec.id}": ` +
            `every number of an action must be finite, got ${value} at ${i}`,
        );
      }
      if (
        space.kind === "discrete" && !(Number.isInteger(value) && value >= 0 && value < space.n)
      ) {
        throw new RangeError(
          `Cannot step environment "${this.spec.id}": ` +
            `an action must be an integer from 0 to ${space.n - 1}, got ${value}`,
        );
      }
    }
  }
}
