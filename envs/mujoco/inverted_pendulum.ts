/**
 * InvertedPendulum: a pole on a cart that a force moves along a rail.
 *
 * Action: the control of the cart's motor, -3 to 3 (times 100 N).
 * Observation: [x m, angle rad, x' m/s, angle' rad/s].
 * Reward: 1 per step; v5 pays nothing for the step that terminates.
 * Start: each number from U(-0.01, 0.01).
 * Termination: |angle| > 0.2 rad or a non-finite observation.
 * Truncation: after 1000 steps.
 * Differences: none beyond those of `EpisodeEnv`.
 * Versions: v5; v4 pays the reward on the terminating step too.
 *
 * Source: Gymnasium 1.4, gymnasium/envs/mujoco/inverted_pendulum_v5.py, inverted_pendulum_v4.py.
 */

import type { EnvSpec } from "../../lib/env.ts";
import { symmetricBox, unboundedBox } from "../spaces.ts";
import type { BodyModel } from "./body_model.ts";
import type { MujocoTask } from "./mujoco_env.ts";
import { allFinite, drawUniform, observePositionsAndVelocities } from "./task_parts.ts";

const ANGLE_LIMIT_RADIANS = 0.2;
const START_RANGE = 0.01;

const BODY: BodyModel = {
  name: "inverted_pendulum",
  source: "Gymnasium 1.4, assets/inverted_pendulum.xml",
  angle: "degree",
  options: { timeStepSeconds: 0.02, integrator: "RK4", gravity: [0, 0, -9.81] },
  defaults: {
    joint: { armature: 0, damping: 1, limited: true },
    geom: { contactType: 0, friction: [1, 0.1, 0.1] },
  },
  scene: [
    { name: "rail", type: "capsule", size: [0.02, 1], quaternion: [0.707, 0, 0.707, 0] },
  ],
  bodies: [{
    name: "cart",
    joints: [{ name: "slider", type: "slide", axis: [1, 0, 0], range: [-1, 1] }],
    geoms: [
      { name: "cart", type: "capsule", size: [0.1, 0.1], quaternion: [0.707, 0, 0.707, 0] },
    ],
    bodies: [{
      name: "pole",
      joints: [{ name: "hinge", type: "hinge", axis: [0, 1, 0], range: [-90, 90] }],
      geoms: [
        { name: "cpole", type: "capsule", size: [0.049, 0.3], fromTo: [0, 0, 0, 0.001, 0, 0.6] },
      ],
    }],
  }],
  motors: [{ joint: "slider", gear: 100, controlRange: [-3, 3] }],
};

function invertedPendulum(version: 4 | 5): MujocoTask {
  const spec: EnvSpec = {
    id: `InvertedPendulum-v${version}`,
    observationSpace: unboundedBox(4),
    actionSpace: symmetricBox([3]),
    maxEpisodeSteps: 1000,
    rewardThreshold: 950,
    returnRange: [0, 1000],
    source: `Gymnasium 1.4 mujoco/inverted_pendulum_v${version}.py`,
  };
  return {
    spec,
    body: BODY,
    frameSkip: 2,
    drawStart(rng, qpos, qvel) {
      drawUniform(rng, qpos, START_RANGE);
      drawUniform(rng, qvel, START_RANGE);
    },
    observe: observePositionsAndVelocities,
    measure: () => 0,
    judge(_simulation, _action, _before, transition, observation) {
      transition.terminated = !allFinite(observation) ||
        Math.abs(observation[1]) > ANGLE_LIMIT_RADIANS;
      transition.reward = version === 5 && transition.terminated ? 0 : 1;
      transition.survivalReward = 0; // the whole task is to stay up: nothing to take out
    },
  };
}

/** InvertedPendulum-v5. */
export const INVERTED_PENDULUM_V5: MujocoTask = invertedPendulum(5);
/** InvertedPendulum-v4. */
export const INVERTED_PENDULUM_V4: MujocoTask = invertedPendulum(4);
