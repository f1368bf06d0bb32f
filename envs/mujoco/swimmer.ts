/**
 * Swimmer: three links that swim through a viscous fluid.
 *
 * Action: the controls of the two joints' motors, -1 to 1 (times 150 N m).
 * Observation: [heading rad, two joint angles rad, x' m/s, y' m/s, heading' rad/s, joints' rad/s];
 * the position is left out.
 * Reward: forward speed dx/dt - 1e-4 sum action^2.
 * Start: each number of position and velocity from U(-0.1, 0.1).
 * Termination: never.
 * Truncation: after 1000 steps.
 * Differences: none beyond those of `EpisodeEnv`.
 * Versions: v5; v4 has the same dynamics and rewards.
 *
 * Source: R. Coulom 2002; Gymnasium 1.4, gymnasium/envs/mujoco/swimmer_v5.py, swimmer_v4.py.
 */

import { weightedSquares } from "../float32.ts";
import { symmetricBox, unboundedBox } from "../spaces.ts";
import type { BodyModel, Geom, Joint } from "./body_model.ts";
import type { MujocoTask } from "./mujoco_env.ts";
import { append, drawUniform } from "./task_parts.ts";

const FRAME_SKIP = 4;
const TIME_STEP_SECONDS = 0.01;
const STEP_SECONDS = TIME_STEP_SECONDS * FRAME_SKIP;
const CONTROL_COST_WEIGHT = 1e-4;
const START_RANGE = 0.1;

const LINK: Geom = { type: "capsule", density: 1000, size: [0.1] };
const ROTOR: Joint = { type: "hinge", axis: [0, 0, 1], limited: true, range: [-100, 100] };

const BODY: BodyModel = {
  name: "swimmer",
  source: "Gymnasium 1.4, assets/swimmer.xml",
  angle: "degree",
  options: { timeStepSeconds: TIME_STEP_SECONDS, integrator: "RK4", density: 4000, viscosity: 0.1 },
  defaults: {
    joint: { armature: 0.1 },
    geom: { contactType: 0, contactAffinity: 0, contactDimensions: 1 },
  },
  scene: [{
    name: "floor",
    type: "plane",
    position: [0, 0, -0.1],
    size: [40, 40, 0.1],
    contactDimensions: 3,
  }],
  bodies: [{
    name: "torso",
    joints: [
      { name: "slider1", type: "slide", axis: [1, 0, 0] },
      { name: "slider2", type: "slide", axis: [0, 1, 0] },
      { name: "free_body_rot", type: "hinge", axis: [0, 0, 1] },
    ],
    geoms: [{ ...LINK, fromTo: [1.5, 0, 0, 0.5, 0, 0] }],
    bodies: [{
      name: "mid",
      position: [0.5, 0, 0],
      joints: [{ ...ROTOR, name: "motor1_rot" }],
      geoms: [{ ...LINK, fromTo: [0, 0, 0, -1, 0, 0] }],
      bodies: [{
        name: "back",
        position: [-1, 0, 0],
        joints: [{ ...ROTOR, name: "motor2_rot" }],
        geoms: [{ ...LINK, fromTo: [0, 0, 0, -1, 0, 0] }],
      }],
    }],
  }],
  motors: [
    { joint: "motor1_rot", gear: 150, controlRange: [-1, 1] },
    { joint: "motor2_rot", gear: 150, controlRange: [-1, 1] },
  ],
};

function swimmer(version: 4 | 5): MujocoTask {
  return {
    spec: {
      id: `Swimmer-v${version}`,
      observationSpace: unboundedBox(8),
      actionSpace: symmetricBox([1, 1]),
      maxEpisodeSteps: 1000,
      rewardThreshold: 360,
      returnRange: [-100, 365],
      source: `Gymnasium 1.4 mujoco/swimmer_v${version}.py`,
    },
    body: BODY,
    frameSkip: FRAME_SKIP,
    drawStart(rng, qpos, qvel) {
      drawUniform(rng, qpos, START_RANGE);
      drawUniform(rng, qvel, START_RANGE);
    },
    observe(simulation, observation) {
      append(observation, append(observation, 0, simulation.qpos, 2), simulation.qvel);
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

/** Swimmer-v5. */
export const SWIMMER_V5: MujocoTask = swimmer(5);
/** Swimmer-v4. */
export const SWIMMER_V4: MujocoTask = swimmer(4);
