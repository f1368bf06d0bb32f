/**
 * HalfCheetah: a two-legged cat that runs forward in a plane.
 *
 * Action: the controls of back thigh, shin, foot and front thigh, shin, foot, -1 to 1 (times 120, 90,
 * 60, 120, 60, 30 N m).
 * Observation: [z m, torso angle rad, six joint angles rad, then the nine velocities]; the x position
 * is left out.
 * Reward: forward speed dx/dt - 0.1 sum action^2.
 * Start: positions off their initial values by U(-0.1, 0.1), velocities by 0.1 N(0, 1).
 * Termination: never.
 * Truncation: after 1000 steps.
 * Differences: none beyond those of `EpisodeEnv`.
 * Versions: v5; v4 has the same dynamics and rewards.
 *
 * Source: P. Wawrzynski 2009; Gymnasium 1.4, gymnasium/envs/mujoco/half_cheetah_v5.py,
 * half_cheetah_v4.py.
 */

import { weightedSquares } from "../float32.ts";
import { symmetricBox, unboundedBox } from "../spaces.ts";
import type { Body, BodyModel, Joint, Vector3 } from "./body_model.ts";
import type { MujocoTask } from "./mujoco_env.ts";
import { append, drawNormal, drawUniform } from "./task_parts.ts";

const FRAME_SKIP = 5;
const TIME_STEP_SECONDS = 0.01;
const STEP_SECONDS = TIME_STEP_SECONDS * FRAME_SKIP;
const CONTROL_COST_WEIGHT = 0.1;
const START_RANGE = 0.1;

const ROOT: Joint = { armature: 0, damping: 0, limited: false, stiffness: 0 };

/** One part of a leg: a hinge about y at the body's origin and a capsule turned about y. */
interface Part {
  readonly name: string;
  readonly position: Vector3;
  readonly damping: number;
  readonly stiffness: number;
  readonly range: readonly [low: number, high: number];
  readonly center: Vector3;
  readonly angle: number;
  readonly halfLength: number;
}

/** Hangs the parts on each other, the first one outermost. */
function chain([part, ...rest]: readonly Part[]): Body {
  return {
    name: part.name,
    position: part.position,
    joints: [{
      name: part.name,
      type: "hinge",
      axis: [0, 1, 0],
      damping: part.damping,
      stiffness: part.stiffness,
      range: part.range,
    }],
    geoms: [{
      name: part.name,
      type: "capsule",
      position: part.center,
      axisAngle: [0, 1, 0, part.angle],
      size: [0.046, part.halfLength],
    }],
    bodies: rest.length > 0 ? [chain(rest)] : [],
  };
}

const BACK_LEG: readonly Part[] = [
  {
    name: "bthigh",
    position: [-0.5, 0, 0],
    damping: 6,
    stiffness: 240,
    range: [-0.52, 1.05],
    center: [0.1, 0, -0.13],
    angle: -3.8,
    halfLength: 0.145,
  },
  {
    name: "bshin",
    position: [0.16, 0, -0.25],
    damping: 4.5,
    stiffness: 180,
    range: [-0.785, 0.785],
    center: [-0.14, 0, -0.07],
    angle: -2.03,
    halfLength: 0.15,
  },
  {
    name: "bfoot",
    position: [-0.28, 0, -0.14],
    damping: 3,
    stiffness: 120,
    range: [-0.4, 0.785],
    center: [0.03, 0, -0.097],
    angle: -0.27,
    halfLength: 0.094,
  },
];

const FRONT_LEG: readonly Part[] = [
  {
    name: "fthigh",
    position: [0.5, 0, 0],
    damping: 4.5,
    stiffness: 180,
    range: [-1, 0.7],
    center: [-0.07, 0, -0.12],
    angle: 0.52,
    halfLength: 0.133,
  },
  {
    name: "fshin",
    position: [-0.14, 0, -0.24],
    damping: 3,
    stiffness: 120,
    range: [-1.2, 0.87],
    center: [0.065, 0, -0.09],
    angle: -0.6,
    halfLength: 0.106,
  },
  {
    name: "ffoot",
    position: [0.13, 0, -0.18],
    damping: 1.5,
    stiffness: 60,
    range: [-0.5, 0.5],
    center: [0.045, 0, -0.07],
    angle: -0.6,
    halfLength: 0.07,
  },
];

const BODY: BodyModel = {
  name: "half_cheetah",
  source: "Gymnasium 1.4, assets/half_cheetah.xml",
  angle: "radian",
  totalMass: 14,
  options: { timeStepSeconds: TIME_STEP_SECONDS, gravity: [0, 0, -9.81] },
  defaults: {
    joint: {
      armature: 0.1,
      damping: 0.01,
      limited: true,
      stiffness: 8,
      limitReference: [0.02, 1],
      limitImpedance: [0, 0.8, 0.03],
    },
    geom: {
      contactType: 1,
      contactAffinity: 0,
      contactDimensions: 3,
      friction: [0.4, 0.1, 0.1],
      solverReference: [0.02, 1],
      solverImpedance: [0, 0.8, 0.01],
    },
    motor: { controlRange: [-1, 1] },
  },
  scene: [{
    name: "floor",
    type: "plane",
    size: [40, 40, 40],
    contactAffinity: 1,
    contactDimensions: 3,
  }],
  bodies: [{
    name: "torso",
    position: [0, 0, 0.7],
    joints: [
      { ...ROOT, name: "rootx", type: "slide", axis: [1, 0, 0] },
      { ...ROOT, name: "rootz", type: "slide", axis: [0, 0, 1] },
      { ...ROOT, name: "rooty", type: "hinge", axis: [0, 1, 0] },
    ],
    geoms: [
      { name: "torso", type: "capsule", fromTo: [-0.5, 0, 0, 0.5, 0, 0], size: [0.046] },
      {
        name: "head",
        type: "capsule",
        position: [0.6, 0, 0.1],
        axisAngle: [0, 1, 0, 0.87],
        size: [0.046, 0.15],
      },
    ],
    bodies: [chain(BACK_LEG), chain(FRONT_LEG)],
  }],
  motors: [
    { joint: "bthigh", gear: 120 },
    { joint: "bshin", gear: 90 },
    { joint: "bfoot", gear: 60 },
    { joint: "fthigh", gear: 120 },
    { joint: "fshin", gear: 60 },
    { joint: "ffoot", gear: 30 },
  ],
};

function halfCheetah(version: 4 | 5): MujocoTask {
  return {
    spec: {
      id: `HalfCheetah-v${version}`,
      observationSpace: unboundedBox(17),
      actionSpace: symmetricBox([1, 1, 1, 1, 1, 1]),
      maxEpisodeSteps: 1000,
      rewardThreshold: 4800,
      returnRange: [-100, 4000],
      source: `Gymnasium 1.4 mujoco/half_cheetah_v${version}.py`,
    },
    body: BODY,
    frameSkip: FRAME_SKIP,
    drawStart(rng, qpos, qvel) {
      drawUniform(rng, qpos, START_RANGE);
      drawNormal(rng, qvel, START_RANGE);
    },
    observe(simulation, observation) {
      append(observation, append(observation, 0, simulation.qpos, 1), simulation.qvel);
    },
    measure: (simulation) => simulation.qpos[0],
    judge(simulation, action, before, transition) {
      const forward = (simulation.qpos[0] - before) / STEP_SECONDS;
      transition.reward = forward - weightedSquares(CONTROL_COST_WEIGHT, action);
      transition.survivalReward = 0;
      transition.terminated = false;
    },
  };
}

/** HalfCheetah-v5. */
export const HALF_CHEETAH_V5: MujocoTask = halfCheetah(5);
/** HalfCheetah-v4. */
export const HALF_CHEETAH_V4: MujocoTask = halfCheetah(4);
