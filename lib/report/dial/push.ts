/** Pushing what a dial shows: the force of a pointer that drags at a stroke of the picture. */

import type { Env, StatefulEnv } from "../../env.ts";
import type { Scene } from "../play/scene.ts";

/** An environment whose bodies can be pushed. */
interface PushableEnv extends Env {
  /** Pushes a shape until it is pushed otherwise: [x, y, z] in m/s^2. */
  push(geom: number, acceleration: readonly [number, number, number]): void;
}

/** Where a pointer drags. */
export interface Drag {
  /** Number of the stroke. */
  readonly stroke: number;
  /** How far it pulls to the right, in metres of the picture. */
  readonly dx: number;
  /** And up. */
  readonly dy: number;
}

/** m/s^2 for a metre of dragging; about twice as strong as gravity. */
const PULL = 20;
/** Farther is not stronger. */
const MAX_METERS = 1.5;

/** Changes a state [numbers] under a pull (ax, ay) in m/s^2 that lasts so many seconds. */
type Shove = (
  state: Float64Array,
  pull: {
    readonly ax: number;
    readonly ay: number;
    readonly seconds: number;
    readonly stroke: number;
  },
) => void;

/** What a pull does to the classic tasks, whose states are their own. */
const SHOVES: Readonly<Record<string, Shove>> = {
  // [x, x', angle, angle']; the cart is the fourth stroke, the pole 1 m long.
  "CartPole-v1": (state, { ax, ay, seconds, stroke }) => {
    if (stroke <= 3) state[1] += ax * seconds;
    else state[3] += (ax * Math.cos(state[2]) - ay * Math.sin(state[2])) * seconds;
  },
  // [angle from upright, angle']; the tip is at (-sin, cos) and speeds stay within 8 rad/s.
  "Pendulum-v1": (state, { ax, ay, seconds }) => {
    const turn = -Math.sin(state[0]) * ay - Math.cos(state[0]) * ax;
    state[1] = Math.max(-8, Math.min(8, state[1] + turn * seconds));
  },
  // [position, speed per step], at most 0.07.
  "MountainCarContinuous-v0": (state, { ax, seconds }) => {
    state[1] = Math.max(-0.07, Math.min(0.07, state[1] + 0.02 * ax * seconds));
  },
  // [angle 1, angle 2, angle 1', angle 2']; the first link hangs at (sin, -cos).
  "Acrobot-v1": (state, { ax, ay, seconds }) => {
    state[2] += (Math.cos(state[0]) * ax + Math.sin(state[0]) * ay) * seconds;
  },
};

/** Pushes an environment for the next step; `undefined` lets it go. */
export function pushEnv(env: Env, scene: Scene, drag: Drag | undefined): void {
  const length = Math.hypot(drag?.dx ?? 0, drag?.dy ?? 0);
  const share = length > MAX_METERS ? MAX_METERS / length : 1;
  const [ax, ay] = [(drag?.dx ?? 0) * share * PULL, (drag?.dy ?? 0) * share * PULL];
  if ("push" in env && scene.geoms !== undefined) {
    const geom = scene.geoms[drag?.stroke ?? 0];
    (env as PushableEnv).push(geom, scene.isFromAbove ? [ax, ay, 0] : [ax, 0, ay]);
    return;
  }
  if (drag === undefined || !Object.hasOwn(SHOVES, env.spec.id)) return;
  const stateful = env as StatefulEnv;
  const state = stateful.state();
  SHOVES[env.spec.id](state, { ax, ay, seconds: scene.stepSeconds, stroke: drag.stroke });
  stateful.setState(state);
}
