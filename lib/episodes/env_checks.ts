/**
 * The checks that every environment makes on what it is handed, in one place, so that an environment
 * of this program and one in a child process refuse the same things in the same words.
 */

import type { EnvSpec } from "../env.ts";

/** Checks a seed given to `reset`. @throws {RangeError} when it is not a non-negative safe integer. */
export function checkSeed(spec: EnvSpec, seed: number): void {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(
      `Cannot reset environment "${spec.id}": ` +
        `a seed must be an integer from 0 to 2^53 - 1, got ${seed}`,
    );
  }
}

/**
 * Checks an action given to `step`: its length, finite numbers, and for a discrete space the choice.
 * A number outside of a box passes, as in Gymnasium: the dynamics clip it and the costs do not.
 * @throws {TypeError} on another length.
 * @throws {RangeError} on a number that is not finite, or not a choice.
 */
export function checkAction(spec: EnvSpec, action: ArrayLike<number>): void {
  const space = spec.actionSpace;
  const size = space.kind === "discrete" ? 1 : space.low.length;
  if (action.length !== size) {
    throw new TypeError(
      `Cannot step environment "${spec.id}": ` +
        `an action must have ${size} numbers, got ${action.length}`,
    );
  }
  for (let i = 0; i < size; i++) {
    const value = action[i];
    if (!Number.isFinite(value)) {
      throw new RangeError(
        `Cannot step environment "${spec.id}": ` +
          `every number of an action must be finite, got ${value} at ${i}`,
      );
    }
    if (space.kind === "discrete" && !(Number.isInteger(value) && value >= 0 && value < space.n)) {
      throw new RangeError(
        `Cannot step environment "${spec.id}": ` +
          `an action must be an integer from 0 to ${space.n - 1}, got ${value}`,
      );
    }
  }
}

/** Makes the error of a step outside of an episode. */
export function noEpisodeError(spec: EnvSpec): RangeError {
  return new RangeError(
    `Cannot step environment "${spec.id}": no episode is running, got a step: call reset`,
  );
}

/** Makes the error of any use after `close`. */
export function closedError(spec: EnvSpec): RangeError {
  return new RangeError(
    `Cannot use environment "${spec.id}": it must be open, got a closed one`,
  );
}
