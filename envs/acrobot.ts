/**
 * Acrobot-v1: swing two links up by a torque on the joint between them.
 *
 * Action: 0, 1, 2 for a torque of -1, 0, 1 N m.
 * Observation: [cos a, sin a, cos b, sin b, a' rad/s, b' rad/s] for the angles a (first link, 0
 * hanging down) and b (second link against the first), rounded to float32; the state is float64.
 * Reward: -1 per step, 0 for the step that terminates.
 * Start: each of a, b, a', b' from U(-0.1, 0.1), rounded to float32.
 * Termination: the tip is a link's length above the base: -cos a - cos(a + b) > 1.
 * Truncation: after 500 steps.
 * Differences: Gymnasium squares with pow, which now and then differs from a product in the last bit.
 * Versions: v1.
 *
 * Source: Sutton and Barto, "Reinforcement Learning", the book's equations; Gymnasium 1.4,
 * gymnasium/envs/classic_control/acrobot.py; the float32 kernels are NumPy 2.4's (at reset the
 * observation is computed in float32).
 */

import type { EnvSpec, Transition } from "../lib/env.ts";
import type { Rng } from "../lib/numbers/rng.ts";
import { EpisodeEnv } from "./episode.ts";
import { symmetricBox } from "./spaces.ts";

const GRAVITY_METERS_PER_SECOND2 = 9.8;
const TIME_STEP_SECONDS = 0.2;
const FIRST_SPEED_LIMIT = 4 * Math.PI;
const SECOND_SPEED_LIMIT = 9 * Math.PI;
const START_RANGE = 0.1;
/** Both links: mass 1 kg, length 1 m, inertia 1 kg m^2; the centre of mass is half-way. */
const CENTER_METERS = 0.5;
const INERTIA = 1;

/** What Acrobot-v1 is. */
export const ACROBOT_SPEC: EnvSpec = {
  id: "Acrobot-v1",
  observationSpace: symmetricBox([1, 1, 1, 1, FIRST_SPEED_LIMIT, SECOND_SPEED_LIMIT]),
  actionSpace: { kind: "discrete", n: 3 },
  maxEpisodeSteps: 500,
  rewardThreshold: -100,
  returnRange: [-500, 0],
  source: "Gymnasium 1.4 classic_control/acrobot.py; Sutton and Barto",
};

/** Writes the time derivative of y = [a, b, a', b'] under `torque` to `out`. */
function derive(y: Float64Array, torque: number, out: Float64Array): void {
  const cosB = Math.cos(y[1]);
  const sinB = Math.sin(y[1]);
  const firstSpeed = y[2];
  const secondSpeed = y[3];
  const lc2 = CENTER_METERS * CENTER_METERS;
  const d1 = lc2 + (1 + lc2 + 2 * CENTER_METERS * cosB) + INERTIA + INERTIA;
  const d2 = (lc2 + CENTER_METERS * cosB) + INERTIA;
  const phi2 = CENTER_METERS * GRAVITY_METERS_PER_SECOND2 * Math.cos(y[0] + y[1] - Math.PI / 2);
  const phi1 = -CENTER_METERS * (secondSpeed * secondSpeed) * sinB -
    2 * CENTER_METERS * secondSpeed * firstSpeed * sinB +
    (CENTER_METERS + 1) * GRAVITY_METERS_PER_SECOND2 * Math.cos(y[0] - Math.PI / 2) + phi2;
  const second = (torque + d2 / d1 * phi1 - CENTER_METERS * (firstSpeed * firstSpeed) * sinB -
    phi2) / (lc2 + INERTIA - d2 * d2 / d1);
  out[0] = firstSpeed;
  out[1] = secondSpeed;
  out[2] = -(d2 * second + phi1) / d1;
  out[3] = second;
}

/** Takes whole turns off until the angle lies in [-pi, pi]. */
function wrap(angle: number): number {
  while (angle > Math.PI) angle -= 2 * Math.PI;
  while (angle < -Math.PI) angle += 2 * Math.PI;
  return angle;
}

function clip(value: number, limit: number): number {
  return Math.min(Math.max(value, -limit), limit);
}

/** Multiplies and adds with one rounding to float32; the product is exact in float64. */
function fused(a: number, b: number, c: number): number {
  return Math.fround(a * b + c);
}

/** NumPy's float32 sine for |x| <= pi/4 (the coefficients are float32 numbers). */
function sinFloat32(x: number): number {
  const square = Math.fround(x * x);
  let sum = fused(2.8404097065504175e-6, square, -0.00019856491417158395);
  sum = fused(sum, square, 0.008333397097885609);
  sum = fused(sum, square, -0.1666666716337204);
  return fused(fused(sum, square, 0), x, x);
}

/** NumPy's float32 cosine for |x| <= pi/4 (the coefficients are float32 numbers). */
function cosFloat32(x: number): number {
  const square = Math.fround(x * x);
  let sum = fused(2.4372266125283204e-5, square, -0.001388652017340064);
  sum = fused(sum, square, 0.04166661947965622);
  return fused(fused(sum, square, -0.5), square, 1);
}

/** A running Acrobot-v1; its state is [a, b, a', b'] in float64. */
export class Acrobot extends EpisodeEnv {
  readonly #state = new Float64Array(4);
  readonly #point = new Float64Array(4);
  readonly #slopes = [0, 1, 2, 3].map(() => new Float64Array(4));

  constructor() {
    super(ACROBOT_SPEC);
  }

  /** Copies [a, b, a', b'] in float64. */
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
    const state = this.#state;
    for (let i = 0; i < 4; i++) state[i] = Math.fround(rng.uniform(-START_RANGE, START_RANGE));
    this.#observe();
    for (let i = 0; i < 2; i++) {
      this.observation[2 * i] = cosFloat32(state[i]);
      this.observation[2 * i + 1] = sinFloat32(state[i]);
    }
  }

  /** Takes one step; see the head of this file. */
  protected override advance(action: ArrayLike<number>, transition: Transition): void {
    const state = this.#state;
    this.#integrate(action[0] - 1);
    state[0] = wrap(state[0]);
    state[1] = wrap(state[1]);
    state[2] = clip(state[2], FIRST_SPEED_LIMIT);
    state[3] = clip(state[3], SECOND_SPEED_LIMIT);
    this.#observe();
    transition.terminated = -Math.cos(state[0]) - Math.cos(state[1] + state[0]) > 1;
    transition.reward = transition.terminated ? 0 : -1;
    transition.survivalReward = 0;
  }

  /** Takes one classical Runge-Kutta step of fourth order. */
  #integrate(torque: number): void {
    const state = this.#state;
    const point = this.#point;
    const [k1, k2, k3, k4] = this.#slopes;
    const half = TIME_STEP_SECONDS / 2;
    derive(state, torque, k1);
    for (let i = 0; i < 4; i++) point[i] = state[i] + half * k1[i];
    derive(point, torque, k2);
    for (let i = 0; i < 4; i++) point[i] = state[i] + half * k2[i];
    derive(point, torque, k3);
    for (let i = 0; i < 4; i++) point[i] = state[i] + TIME_STEP_SECONDS * k3[i];
    derive(point, torque, k4);
    for (let i = 0; i < 4; i++) {
      state[i] += TIME_STEP_SECONDS / 6 * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]);
    }
  }

  #observe(): void {
    const state = this.#state;
    for (let i = 0; i < 2; i++) {
      this.observation[2 * i] = Math.fround(Math.cos(state[i]));
      this.observation[2 * i + 1] = Math.fround(Math.sin(state[i]));
      this.observation[4 + i] = Math.fround(state[2 + i]);
    }
  }
}
