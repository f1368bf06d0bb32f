/**
 * Hopper: one leg of four links that hops forward in a plane.
 *
 * Action: the controls of thigh, leg and foot motors, -1 to 1 (times 200 N m).
 * Observation: [z m, torso angle rad, three joint angles rad, then the six velocities], velocities
 * clipped to +-10; the x position is left out.
 * Reward: forward speed dx/dt + 1 for being healthy - 1e-3 sum action^2.
 * Start: each number of position and velocity off its initial value by U(-0.005, 0.005).
 * Termination: unhealthy: some number of the state but x and z outside of (-100, 100), z <= 0.7 m, or
 * |torso angle| >= 0.2 rad.
 * Truncation: after 1000 steps.
 * Differences: none beyond those of `EpisodeEnv`.
 * Versions: v5; v4 pays the 1 on the terminating step too.
 *
 * Source: Erez, Tassa and Todorov 2011; Gymnasium 1.4, gymnasium/envs/mujoco/hopper_v5.py,
 * hopper_v4.py.
 */

import { weightedSquares } from "../float32.ts";
import { symmetricBox, unboundedBox } from "../spaces.ts";
import type { BodyModel } from "./body_model.ts";
import type { MujocoTask } from "./mujoco_env.ts";
import type { Simulation } from "./simulation.ts";
import { append, appendClipped, drawUniform } from "./task_parts.ts";

const FRAME_SKIP = 4;
const TIME_STEP_SECONDS = 0.002;
const STEP_SECONDS = TIME_STEP_SECONDS * FRAME_SKIP;
const CONTROL_COST_WEIGHT = 1e-3;
const HEALTHY_REWARD = 1;
const HEALTHY_STATE_LIMIT = 100;
const HEALTHY_HEIGHT_METERS = 0.7;
const HEALTHY_ANGLE_RADIANS = 0.2;
const OBSERVED_SPEED_LIMIT = 10;
const START_RANGE = 5e-3;

const BODY: BodyModel = {
  name: "hopper",
  source: "Gymnasium 1.4, assets/hopper.xml",
  angle: "degree",
  options: { timeStepSeconds: TIME_STEP_SECONDS, integrator: "RK4" },
  defaults: {
    joint: { armature: 1, damping: 1, limited: true },
    geom: {
      contactType: 1,
      contactAffinity: 1,
      contactDimensions: 1,
      margin: 0.001,
      solverImpedance: [0.8, 0.8, 0.01],
      solverReference: [0.02, 1],
    },
  },
  scene: [{ name: "floor", type: "plane", size: [20, 20, 0.125], contactDimensions: 3 }],
  bodies: [{
    name: "torso",
    position: [0, 0, 1.25],
    joints: [
      {
        name: "rootx",
        type: "slide",
        axis: [1, 0, 0],
        position: [0, 0, -1.25],
        armature: 0,
        damping: 0,
        limited: false,
      },
      {
        name: "rootz",
        type: "slide",
        axis: [0, 0, 1],
        position: [0, 0, -1.25],
        reference: 1.25,
        armature: 0,
        damping: 0,
        limited: false,
      },
      { name: "rooty", type: "hinge", axis: [0, 1, 0], armature: 0, damping: 0, limited: false },
    ],
    geoms: [
      { name: "torso_geom", type: "capsule", size: [0.05, 0.19999999999999996], friction: [0.9] },
    ],
    bodies: [{
      name: "thigh",
      position: [0, 0, -0.19999999999999996],
      joints: [{ name: "thigh_joint", type: "hinge", axis: [0, -1, 0], range: [-150, 0] }],
      geoms: [{
        name: "thigh_geom",
        type: "capsule",
        position: [0, 0, -0.22500000000000009],
        size: [0.05, 0.22500000000000003],
        friction: [0.9],
      }],
      bodies: [{
        name: "leg",
        position: [0, 0, -0.70000000000000007],
        joints: [{
          name: "leg_joint",
          type: "hinge",
          axis: [0, -1, 0],
          position: [0, 0, 0.25],
          range: [-150, 0],
        }],
        geoms: [{ name: "leg_geom", type: "capsule", size: [0.04, 0.25], friction: [0.9] }],
        bodies: [{
          name: "foot",
          position: [0.13, 0, -0.35],
          joints: [{
            name: "foot_joint",
            type: "hinge",
            axis: [0, -1, 0],
            position: [-0.13, 0, 0.1],
            range: [-45, 45],
          }],
          geoms: [{
            name: "foot_geom",
            type: "capsule",
            position: [-0.065, 0, 0.1],
            quaternion: [0.70710678118654757, 0, -0.70710678118654746, 0],
            size: [0.06, 0.195],
            friction: [2],
          }],
        }],
      }],
    }],
  }],
  motors: ["thigh_joint", "leg_joint", "foot_joint"].map((joint) => ({
    joint,
    gear: 200,
    controlRange: [-1, 1],
  })),
};

function isHealthy(simulation: Simulation): boolean {
  const { qpos, qvel } = simulation;
  for (let i = 2; i < qpos.length; i++) {
    if (!(Math.abs(qpos[i]) < HEALTHY_STATE_LIMIT)) return false;
  }
  for (let i = 0; i < qvel.length; i++) {
    if (!(Math.abs(qvel[i]) < HEALTHY_STATE_LIMIT)) return false;
  }
  return qpos[1] > HEALTHY_HEIGHT_METERS && qpos[1] < Infinity &&
    Math.abs(qpos[2]) < HEALTHY_ANGLE_RADIANS;
}

function hopper(version: 4 | 5): MujocoTask {
  return {
    spec: {
      id: `Hopper-v${version}`,
      observationSpace: unboundedBox(11),
      actionSpace: symmetricBox([1, 1, 1]),
      maxEpisodeSteps: 1000,
      rewardThreshold: 3800,
      returnRange: [-100, 3000],
      source: `Gymnasium 1.4 mujoco/hopper_v${version}.py`,
    },
    body: BODY,
    frameSkip: FRAME_SKIP,
    drawStart(rng, qpos, qvel) {
      drawUniform(rng, qpos, START_RANGE);
      drawUniform(rng, qvel, START_RANGE);
    },
    observe(simulation, observation) {
      const next = append(observation, 0, simulation.qpos, 1);
      appendClipped(observation, next, simulation.qvel, OBSERVED_SPEED_LIMIT);
    },
    measure: (simulation) => simulation.qpos[0],
    judge(simulation, action, before, transition) {
      const forward = (simulation.qpos[0] - before) / STEP_SECONDS;
      transition.terminated = !isHealthy(simulation);
      transition.survivalReward = version === 5 && transition.terminated ? 0 : HEALTHY_REWARD;
      transition.reward = forward + transition.survivalReward -
        weightedSquares(CONTROL_COST_WEIGHT, action);
    },
  };
}

/** Hopper-v5. */
export const HOPPER_V5: MujocoTask = hopper(5);
/** Hopper-v4. */
export const HOPPER_V4: MujocoTask = hopper(4);
