/**
 * Pendulum-v1: swing a pendulum up and hold it there with a weak motor.
 *
 * Action: the torque, -2 to 2 N m; beyond that it is clipped.
 * Observation: [cos angle, sin angle, angle' rad/s], rounded to float32; the state is float64.
 * Reward: -(angle^2 + 0.1 angle'^2 + 0.001 torque^2), angle in [-pi, pi) with 0 upright, all from
 * before the step.
 * Start: angle from U(-pi, pi), angle' from U(-1, 1).
 * Termination: never.
 * Truncation: after 200 steps.
 * Differences: Gymnasium squares with pow, which now and then differs from a product in the last bit.
 * Versions: v1.
 *
 * Source: Gymnasium 1.4, gymnasium/envs/classic_control/pendulum.py.
 */

import type { EnvSpec, Transition } from "../lib/env.ts";
import type { Rng } from "../lib/numbers/rng.ts";
import { EpisodeEnv } from "./episode.ts";
import { isFloat32 } from "./float32.ts";
import { symmetricBox } from "./spaces.ts";

const GRAVITY_METERS_PER_SECOND2 = 10;
const MASS_KILOGRAMS = 1;
const LENGTH_METERS = 1;
const TIME_STEP_SECONDS = 0.05;
const TORQUE_LIMIT_NEWTON_METERS = 2;
const SPEED_LIMIT_RADIANS_PER_SECOND = 8;
const START_SPEED_RANGE = 1;

/** What Pendulum-v1 is. */
export const PENDULUM_SPEC: EnvSpec = {
  id: "Pendulum-v1",
  observationSpace: symmetricBox([1, 1, SPEED_LIMIT_RADIANS_PER_SECOND]),
  actionSpace: symmetricBox([TORQUE_LIMIT_NEWTON_METERS]),
  maxEpisodeSteps: 200,
  returnRange: [-1700, 0],
  source: "Gymnasium 1.4 classic_control/pendulum.py",
};

/** Takes whole turns off, into [-pi, pi), with the sign rule of Python's remainder. */
function normalizeAngle(angle: number): number {
  const turn = 2 * Math.PI;
  const remainder = (angle + Math.PI) % turn;
  return (remainder < 0 ? remainder + turn : remainder) - Math.PI;
}

/** A running Pendulum-v1; its state is [angle, angle'] in float64. */
export class Pendulum extends EpisodeEnv {
  readonly #state = new Float64Array(2);

  constructor() {
    super(PENDULUM_SPEC);
  }

  /** Copies [angle, angle'] in float64. */
  state(): Float64Array {
    return this.#state.slice();
  }

  /** Puts back what `state` copied. */
  setState(state: ArrayLike<number>): void {
    this.checkState(state, 2);
    this.#state.set(state);
    this.#observe();
  }

  /** Draws the start; see the head of this file. */
  protected override start(rng: Rng): void {
    this.#state[0] = rng.uniform(-Math.PI, Math.PI);
    this.#state[1] = rng.uniform(-START_SPEED_RANGE, START_SPEED_RANGE);
    this.#observe();
  }

  /** Takes one step; see the head of this file. */
  protected override advance(action: ArrayLike<number>, transition: Transition): void {
    const angle = this.#state[0];
    const speed = this.#state[1];
    const limit = TORQUE_LIMIT_NEWTON_METERS;
    const torque = Math.min(Math.max(action[0], -limit), limit);
    const inertia = MASS_KILOGRAMS * LENGTH_METERS ** 2;
    let effort = 0.001 * (torque * torque);
    let drive = 3 / inertia * torque;
    if (isFloat32(action)) {
      effort = Math.fround(Math.fround(0.001) * Math.fround(torque * torque));
      drive = Math.fround(drive);
    }
    const normalized = normalizeAngle(angle);
    transition.reward = -(normalized * normalized + 0.1 * (speed * speed) + effort);
    transition.survivalReward = 0;
    transition.terminated = false;
    const acceleration = 3 * GRAVITY_METERS_PER_SECOND2 / (2 * LENGTH_METERS) * Math.sin(angle) +
      drive;
    const bound = SPEED_LIMIT_RADIANS_PER_SECOND;
    const newSpeed = Math.min(Math.max(speed + acceleration * TIME_STEP_SECONDS, -bound), bound);
    this.#state[0] = angle + newSpeed * TIME_STEP_SECONDS;
    this.#state[1] = newSpeed;
    this.#observe();
  }

  #observe(): void {
    this.observation[0] = Math.fround(Math.cos(this.#state[0]));
    this.observation[1] = Math.fround(Math.sin(this.#state[0]));
    this.observation[2] = Math.fround(this.#state[1]);
  }
}
