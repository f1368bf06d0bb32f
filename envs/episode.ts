/**
 * What every environment here shares: the order of reset and step, the checks on seed and action,
 * the random stream and the time limit. An environment proper only says how an episode starts and
 * what one step does.
 *
 * Differences from Gymnasium, for all environments: stepping after the end is an error, not a
 * warning; an action with a non-finite number is an error; the first reset without a seed uses seed 0
 * instead of the system's entropy. As in Gymnasium, an action outside of the box is taken: the dynamics
 * clip it and the costs do not; and arithmetic on an action is float32 for a Float32Array, else
 * float64 (see float32.ts).
 */

import type { EnvSpec, StatefulEnv, Transition } from "../lib/env.ts";
import { checkAction, checkSeed, closedError, noEpisodeError } from "../lib/episodes/env_checks.ts";
import { Rng } from "../lib/numbers/rng.ts";

/** The seed of a first reset that names none. */
const DEFAULT_SEED = 0;

/** The base of every environment in `envs/`. */
export abstract class EpisodeEnv implements StatefulEnv {
  /** What the environment is. */
  readonly spec: EnvSpec;
  /** The current observation, [S]; filled by `start`, `advance` and `setState`. */
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

  /** Makes the observation array from the specification. */
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

  /** Copies the physics state. */
  abstract state(): Float64Array;
  /** Puts a state back and observes it; the step counter is left as it is. */
  abstract setState(state: ArrayLike<number>): void;

  /**
   * Starts an episode; see `Env.reset`.
   * @throws {RangeError} when the seed is not a non-negative safe integer.
   */
  reset(seed?: number): void {
    this.#checkOpen();
    if (seed !== undefined) {
      checkSeed(this.spec, seed);
      this.#rng = Rng.fromSeed(seed);
    }
    this.#rng ??= Rng.fromSeed(DEFAULT_SEED);
    this.#steps = 0;
    this.#running = true;
    this.start(this.#rng);
  }

  /**
   * Advances by one action; see `Env.step`.
   * @throws {RangeError} on a number that is not finite or not a choice, or when no episode is running.
   * @throws {TypeError} on an action of another length.
   */
  step(action: ArrayLike<number>): Transition {
    if (!this.#running) {
      this.#checkOpen();
      throw noEpisodeError(this.spec);
    }
    checkAction(this.spec, action);
    const transition = this.#transition;
    this.advance(action, transition);
    this.#steps++;
    transition.truncated = this.#steps >= this.spec.maxEpisodeSteps;
    if (transition.terminated || transition.truncated) this.#running = false;
    return transition;
  }

  /** Frees what the environment holds; a second call does nothing. */
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
    if (this.#closed) throw closedError(this.spec);
  }
}
