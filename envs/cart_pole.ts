/**
 * CartPole-v1: a pole on a cart that is pushed left or right.
 *
 * Action: 0 pushes the cart to the left with 10 N, 1 to the right.
 * Observation: [x m, x' m/s, angle rad, angle' rad/s], rounded to float32; the state is float64.
 * Reward: 1 per step, the last one included.
 * Start: each number from U(-0.05, 0.05).
 * Termination: |x| > 2.4 m or |angle| > 12 degrees.
 * Truncation: after 500 steps.
 * Differences: none beyond those of `EpisodeEnv`.
 * Versions: v1 (v0 has a limit of 200 steps).
 *
 * Source: Barto, Sutton and Anderson 1983; R. V. Florian 2005 (equations 23 and 24);
 * Gymnasium 1.4, gymnasium/envs/classic_control/cartpole.py.
 */

import type { EnvSpec, Transition } from "../lib/env.ts";
import type { Rng } from "../lib/numbers/rng.ts";
import { EpisodeEnv } from "./episode.ts";
import { symmetricBox } from "./spaces.ts";

const GRAVITY_METERS_PER_SECOND2 = 9.8;
const CART_MASS_KILOGRAMS = 1.0;
const POLE_MASS_KILOGRAMS = 0.1;
const TOTAL_MASS_KILOGRAMS = POLE_MASS_KILOGRAMS + CART_MASS_KILOGRAMS;
const POLE_HALF_LENGTH_METERS = 0.5;
const POLE_MASS_LENGTH = POLE_MASS_KILOGRAMS * POLE_HALF_LENGTH_METERS;
const FORCE_NEWTONS = 10.0;
const TIME_STEP_SECONDS = 0.02;
const POSITION_LIMIT_METERS = 2.4;
const ANGLE_LIMIT_RADIANS = 12 * 2 * Math.PI / 360;
const START_RANGE = 0.05;

/** What CartPole-v1 is. */
export const CART_POLE_SPEC: EnvSpec = {
  id: "CartPole-v1",
  observationSpace: symmetricBox([
    2 * POSITION_LIMIT_METERS,
    Infinity,
    2 * ANGLE_LIMIT_RADIANS,
    Infinity,
  ]),
  actionSpace: { kind: "discrete", n: 2 },
  maxEpisodeSteps: 500,
  rewardThreshold: 475,
  returnRange: [0, 500],
  source: "Gymnasium 1.4 classic_control/cartpole.py; Barto, Sutton and Anderson 1983",
};

/** A running CartPole-v1; its state is the four numbers in float64. */
export class CartPole extends EpisodeEnv {
  readonly #state = new Float64Array(4);

  constructor() {
    super(CART_POLE_SPEC);
  }

  /** Copies [x, x', angle, angle'] in float64. */
  state(): Float64Array {
    return this.#state.slice();
  }

  /** Puts back what `state` copied. */
  setState(state: ArrayLike<number>): void {
    this.checkState(state, 4);
    this.#state.set(state);
    this.#observe();
  }

  /** Draws the start; see the head of this file. */
  protected override start(rng: Rng): void {
    rng.fillUniform(this.#state, -START_RANGE, START_RANGE);
    this.#observe();
  }

  /** Takes one step; see the head of this file. */
  protected override advance(action: ArrayLike<number>, transition: Transition): void {
    const state = this.#state;
    const x = state[0];
    const velocity = state[1];
    const angle = state[2];
    const angularVelocity = state[3];
    const force = action[0] === 1 ? FORCE_NEWTONS : -FORCE_NEWTONS;
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    const shared = (force + POLE_MASS_LENGTH * (angularVelocity * angularVelocity) * sin) /
      TOTAL_MASS_KILOGRAMS;
    const angularAcceleration = (GRAVITY_METERS_PER_SECOND2 * sin - cos * shared) /
      (POLE_HALF_LENGTH_METERS *
        (4 / 3 - POLE_MASS_KILOGRAMS * (cos * cos) / TOTAL_MASS_KILOGRAMS));
    const acceleration = shared -
      POLE_MASS_LENGTH * angularAcceleration * cos / TOTAL_MASS_KILOGRAMS;
    // Explicit Euler: the positions move with the velocities from before the step.
    state[0] = x + TIME_STEP_SECONDS * velocity;
    state[1] = velocity + TIME_STEP_SECONDS * acceleration;
    state[2] = angle + TIME_STEP_SECONDS * angularVelocity;
    state[3] = angularVelocity + TIME_STEP_SECONDS * angularAcceleration;
    this.#observe();
    transition.reward = 1;
    transition.survivalReward = 0; // the whole task is to stay up: nothing to take out
    transition.terminated = Math.abs(state[0]) > POSITION_LIMIT_METERS ||
      Math.abs(state[2]) > ANGLE_LIMIT_RADIANS;
  }

  #observe(): void {
    for (let i = 0; i < 4; i++) this.observation[i] = Math.fround(this.#state[i]);
  }
}
