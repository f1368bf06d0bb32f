/**
 * InvertedDoublePendulum: two poles, one on the other, on a cart that a force moves along a rail.
 *
 * Action: the control of the cart's motor, -1 to 1 (times 500 N).
 * Observation: [x m, sin of the two angles, cos of the two angles, three velocities clipped to +-10,
 * the rail's constraint force on the cart clipped to +-10]; v4 has the constraint force of all three
 * joints.
 * Reward: 10 for being up - (0.01 x_tip^2 + (z_tip - 2)^2) - (1e-3 angle1'^2 + 5e-3 angle2'^2).
 * Start: positions from U(-0.1, 0.1), velocities from 0.1 N(0, 1).
 * Termination: the tip is no higher than 1 m.
 * Truncation: after 1000 steps.
 * Differences: none beyond those of `EpisodeEnv`.
 * Versions: v5; v4 pays the 10 on the terminating step too.
 *
 * Source: Gymnasium 1.4, gymnasium/envs/mujoco/inverted_double_pendulum_v5.py and _v4.py.
 */

import { symmetricBox, unboundedBox } from "../spaces.ts";
import type { BodyModel, Geom, Joint } from "./body_model.ts";
import type { MujocoTask } from "./mujoco_env.ts";
import { appendClipped, drawNormal, drawUniform } from "./task_parts.ts";

const HEALTHY_REWARD = 10;
const LOWEST_TIP_METERS = 1;
const OBSERVED_LIMIT = 10;
const START_RANGE = 0.1;

const POLE: Geom = { type: "capsule", size: [0.045, 0.3], fromTo: [0, 0, 0, 0, 0, 0.6] };
const HINGE: Joint = { type: "hinge", axis: [0, 1, 0] };

const BODY: BodyModel = {
  name: "inverted_double_pendulum",
  source: "Gymnasium 1.4, assets/inverted_double_pendulum.xml",
  angle: "degree",
  options: { timeStepSeconds: 0.01, integrator: "RK4", gravity: [1e-5, 0, -9.81] },
  defaults: {
    joint: { damping: 0.05 },
    geom: { contactType: 0, friction: [1, 0.1, 0.1] },
  },
  scene: [
    { name: "floor", type: "plane", position: [0, 0, -3], size: [40, 40, 40] },
    { name: "rail", type: "capsule", size: [0.02, 1], quaternion: [0.707, 0, 0.707, 0] },
  ],
  bodies: [{
    name: "cart",
    joints: [{
      name: "slider",
      type: "slide",
      axis: [1, 0, 0],
      limited: true,
      margin: 0.01,
      range: [-1, 1],
    }],
    geoms: [
      { name: "cart", type: "capsule", size: [0.1, 0.1], quaternion: [0.707, 0, 0.707, 0] },
    ],
    bodies: [{
      name: "pole",
      joints: [{ ...HINGE, name: "hinge" }],
      geoms: [{ ...POLE, name: "cpole" }],
      bodies: [{
        name: "pole2",
        position: [0, 0, 0.6],
        joints: [{ ...HINGE, name: "hinge2" }],
        geoms: [{ ...POLE, name: "cpole2" }],
        sites: [{ name: "tip", position: [0, 0, 0.6], size: [0.01, 0.01] }],
      }],
    }],
  }],
  motors: [{ joint: "slider", gear: 500, controlRange: [-1, 1] }],
};

function invertedDoublePendulum(version: 4 | 5): MujocoTask {
  const forces = version === 5 ? 1 : 3; // constraint forces observed
  return {
    spec: {
      id: `InvertedDoublePendulum-v${version}`,
      observationSpace: unboundedBox(8 + forces),
      actionSpace: symmetricBox([1]),
      maxEpisodeSteps: 1000,
      rewardThreshold: 9100,
      returnRange: [0, 9400],
      source: `Gymnasium 1.4 mujoco/inverted_double_pendulum_v${version}.py`,
    },
    body: BODY,
    frameSkip: 5,
    drawStart(rng, qpos, qvel) {
      drawUniform(rng, qpos, START_RANGE);
      drawNormal(rng, qvel, START_RANGE);
    },
    observe(simulation, observation) {
      const qpos = simulation.qpos;
      observation[0] = qpos[0];
      for (let i = 1; i < 3; i++) {
        observation[i] = Math.sin(qpos[i]);
        observation[2 + i] = Math.cos(qpos[i]);
      }
      appendClipped(observation, 5, simulation.qvel, OBSERVED_LIMIT);
      const constraint = simulation.view("qfrc_constraint");
      for (let i = 0; i < forces; i++) {
        observation[8 + i] = Math.min(Math.max(constraint[i], -OBSERVED_LIMIT), OBSERVED_LIMIT);
      }
    },
    measure: () => 0,
    judge(simulation, _action, _before, transition) {
      const tip = simulation.view("site_xpos");
      const x = tip[0];
      const z = tip[2];
      const qvel = simulation.qvel;
      transition.terminated = z <= LOWEST_TIP_METERS;
      transition.survivalReward = version === 5 && transition.terminated ? 0 : HEALTHY_REWARD;
      const distancePenalty = 0.01 * (x * x) + (z - 2) * (z - 2);
      const speedPenalty = 1e-3 * (qvel[1] * qvel[1]) + 5e-3 * (qvel[2] * qvel[2]);
      transition.reward = transition.survivalReward - distancePenalty - speedPenalty;
    },
  };
}

/** InvertedDoublePendulum-v5. */
export const INVERTED_DOUBLE_PENDULUM_V5: MujocoTask = invertedDoublePendulum(5);
/** InvertedDoublePendulum-v4. */
export const INVERTED_DOUBLE_PENDULUM_V4: MujocoTask = invertedDoublePendulum(4);
