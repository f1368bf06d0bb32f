/**
 * MountainCarContinuous-v0: rock a weak car out of a valley.
 *
 * Action: the engine's force, -1 to 1; beyond that it is clipped, but paid for in full.
 * Observation: [x, velocity], float32; so is the state, except before the first step (float64).
 * Reward: 100 at the goal, minus 0.1 action^2 at every step.
 * Start: x from U(-0.6, -0.4), velocity 0.
 * Termination: x >= 0.45 with velocity >= 0.
 * Truncation: after 999 steps.
 * Differences: Gymnasium squares with pow, which now and then differs from a product in the last bit.
 * Versions: v0.
 *
 * Which sums are rounded to float32 follows NumPy's promotion: a Python number takes the type of the
 * state beside it, an array element (an action that was not clipped) keeps its own.
 *
 * Source: Gymnasium 1.4, gymnasium/envs/classic_control/continuous_mountain_car.py.
 */

import type { EnvSpec, Transition } from "../lib/env.ts";
import type { Rng } from "../lib/numbers/rng.ts";
import { EpisodeEnv } from "./episode.ts";
import { isFloat32 } from "./float32.ts";
import { boundedBox, symmetricBox } from "./spaces.ts";

const POWER = 0.0015;
const SLOPE = 0.0025;
const SPEED_LIMIT = 0.07;
const LEFT_END = -1.2;
const RIGHT_END = 0.6;
const GOAL_POSITION = 0.45;
const GOAL_REWARD = 100;
const EFFORT_WEIGHT = 0.1;
const START_LOW = -0.6;
const START_HIGH = -0.4;

/** What MountainCarContinuous-v0 is. */
export const MOUNTAIN_CAR_CONTINUOUS_SPEC: EnvSpec = {
  id: "MountainCarContinuous-v0",
  observationSpace: boundedBox([LEFT_END, -SPEED_LIMIT], [RIGHT_END, SPEED_LIMIT]),
  actionSpace: symmetricBox([1]),
  maxEpisodeSteps: 999,
  rewardThreshold: 90,
  returnRange: [-100, 100],
  source: "Gymnasium 1.4 classic_control/continuous_mountain_car.py",
};

/** A running MountainCarContinuous-v0; its state is [x, velocity]. */
export class MountainCarContinuous extends EpisodeEnv {
  readonly #state = new Float64Array(2);
  /** Whether Gymnasium's state array is float32 by now. */
  #rounded = false;

  constructor() {
    super(MOUNTAIN_CAR_CONTINUOUS_SPEC);
  }

  /** Copies [x, velocity]: float32 numbers, but for x before the first step. */
  state(): Float64Array {
    return this.#state.slice();
  }

  /** Puts a state back; one that float32 holds exactly goes on in float32. */
  setState(state: ArrayLike<number>): void {
    this.checkState(state, 2);
    this.#state.set(state);
    this.#rounded = Math.fround(state[0]) === state[0] && Math.fround(state[1]) === state[1];
    this.#observe();
  }

  /** Draws the start; see the head of this file. */
  protected override start(rng: Rng): void {
    this.#state[0] = rng.uniform(START_LOW, START_HIGH);
    this.#state[1] = 0;
    this.#rounded = false;
    this.#observe();
  }

  /** Takes one step; see the head of this file. */
  protected override advance(action: ArrayLike<number>, transition: Transition): void {
    const force = Math.min(Math.max(action[0], -1), 1);
    const clipped = force !== action[0];
    // The type of what is added to the state: weak for Python's numbers, else the action's.
    const single = this.#rounded && (clipped || isFloat32(action));
    const round = single ? Math.fround : keep;
    const position = this.#state[0];
    const angle = this.#rounded ? Math.fround(3 * position) : 3 * position;
    const pull = SLOPE * Math.cos(angle);
    let push = force * POWER - pull;
    if (isFloat32(action) && !clipped) {
      push = Math.fround(Math.fround(force * Math.fround(POWER)) - Math.fround(pull));
    }
    let velocity = round(this.#state[1] + round(push));
    let velocityIsWeak = false;
    if (velocity > round(SPEED_LIMIT)) {
      velocity = SPEED_LIMIT;
      velocityIsWeak = true;
    }
    if (velocity < round(-SPEED_LIMIT)) {
      velocity = -SPEED_LIMIT;
      velocityIsWeak = true;
    }
    const roundPosition = single || (this.#rounded && velocityIsWeak) ? Math.fround : keep;
    let moved = roundPosition(position + roundPosition(velocity));
    if (moved > roundPosition(RIGHT_END)) moved = RIGHT_END;
    if (moved < roundPosition(LEFT_END)) moved = LEFT_END;
    if ((moved === LEFT_END || moved === roundPosition(LEFT_END)) && velocity < 0) velocity = 0;
    transition.terminated = moved >= roundPosition(GOAL_POSITION) && velocity >= 0;
    transition.reward = (transition.terminated ? GOAL_REWARD : 0) -
      action[0] * action[0] * EFFORT_WEIGHT;
    transition.survivalReward = 0;
    this.#state[0] = Math.fround(moved);
    this.#state[1] = Math.fround(velocity);
    this.#rounded = true;
    this.#observe();
  }

  #observe(): void {
    this.observation[0] = Math.fround(this.#state[0]);
    this.observation[1] = Math.fround(this.#state[1]);
  }
}

/** Rounds nothing: the counterpart of Math.fround. */
function keep(x: number): number {
  return x;
}
