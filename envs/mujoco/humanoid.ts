/**
 * Humanoid: a body with two legs and two arms that walks in space.
 *
 * Action: 17 controls of abdomen, hips, knees, shoulders and elbows, -0.4 to 0.4 (gears 25 to 300).
 * Observation: positions without x and y (22), velocities (23), then per body its inertia about the
 * centre of mass (10) and its velocity (6), the joint torques, and per body the external forces (6);
 * v5 leaves out the world's rows and the free joint's torques (348), v4 has them (376).
 * Reward: 1.25 x forward speed of the centre of mass + 5 for being healthy - 0.1 sum control^2; v5
 * also - min(5e-7 sum external force^2, 10).
 * Start: each number of position and velocity off its initial value by U(-0.01, 0.01).
 * Termination: unhealthy: z outside of (1, 2) m.
 * Truncation: after 1000 steps.
 * Differences: none beyond those of `EpisodeEnv`.
 * Versions: v5; v4 pays the 5 on the terminating step too, and nothing for contacts.
 *
 * Source: Gymnasium 1.4, gymnasium/envs/mujoco/humanoid_v5.py, humanoid_v4.py.
 */

import { symmetricBox, unboundedBox } from "../spaces.ts";
import { HUMANOID_BODY, HUMANOID_TIME_STEP_SECONDS } from "./humanoid_body.ts";
import type { MujocoTask } from "./mujoco_env.ts";
import type { Simulation } from "./simulation.ts";
import { append, drawUniform, sumOfSquares } from "./task_parts.ts";

const FRAME_SKIP = 5;
const STEP_SECONDS = HUMANOID_TIME_STEP_SECONDS * FRAME_SKIP;
const FORWARD_WEIGHT = 1.25;
const CONTROL_COST_WEIGHT = 0.1;
const CONTACT_COST_WEIGHT = 5e-7;
const LARGEST_CONTACT_COST = 10;
const HEALTHY_REWARD = 5;
const HEALTHY_LOW_METERS = 1;
const HEALTHY_HIGH_METERS = 2;
const START_RANGE = 0.01;
const CONTROL_LIMIT = 0.4;
const CONTROLS = 17;
/** Numbers per body in cinert, cvel and cfrc_ext, and of the free joint in qfrc_actuator. */
const INERTIA_SIZE = 10;
const VELOCITY_SIZE = 6;
const FORCE_SIZE = 6;
const FREE_JOINT_SIZE = 6;

/** The x of the body's centre of mass in metres. */
function centerX(simulation: Simulation): number {
  const masses = simulation.bodyMasses;
  const centers = simulation.view("xipos");
  let moment = 0;
  let total = 0;
  for (let i = 0; i < masses.length; i++) {
    moment += masses[i] * centers[3 * i];
    total += masses[i];
  }
  return moment / total;
}

function humanoid(version: 4 | 5): MujocoTask {
  const skip = version === 5 ? 1 : 0; // rows of the world and the free joint left out
  return {
    spec: {
      id: `Humanoid-v${version}`,
      observationSpace: unboundedBox(version === 5 ? 348 : 376),
      actionSpace: symmetricBox(new Array(CONTROLS).fill(CONTROL_LIMIT)),
      maxEpisodeSteps: 1000,
      returnRange: [0, 6000],
      source: `Gymnasium 1.4 mujoco/humanoid_v${version}.py`,
    },
    body: HUMANOID_BODY,
    frameSkip: FRAME_SKIP,
    drawStart(rng, qpos, qvel) {
      drawUniform(rng, qpos, START_RANGE);
      drawUniform(rng, qvel, START_RANGE);
    },
    observe(simulation, observation) {
      let next = append(observation, 0, simulation.qpos, 2);
      next = append(observation, next, simulation.qvel);
      next = append(observation, next, simulation.view("cinert"), skip * INERTIA_SIZE);
      next = append(observation, next, simulation.view("cvel"), skip * VELOCITY_SIZE);
      next = append(observation, next, simulation.view("qfrc_actuator"), skip * FREE_JOINT_SIZE);
      append(observation, next, simulation.view("cfrc_ext"), skip * FORCE_SIZE);
    },
    measure: centerX,
    judge(simulation, _action, before, transition) {
      const forward = (centerX(simulation) - before) / STEP_SECONDS;
      const height = simulation.qpos[2];
      const healthy = height > HEALTHY_LOW_METERS && height < HEALTHY_HIGH_METERS;
      transition.terminated = !healthy;
      transition.survivalReward = version === 5 && !healthy ? 0 : HEALTHY_REWARD;
      let costs = CONTROL_COST_WEIGHT * sumOfSquares(simulation.ctrl);
      if (version === 5) {
        const contact = CONTACT_COST_WEIGHT * sumOfSquares(simulation.view("cfrc_ext"));
        costs += Math.min(contact, LARGEST_CONTACT_COST);
      }
      transition.reward = FORWARD_WEIGHT * forward + transition.survivalReward - costs;
    },
  };
}

/** Humanoid-v5. */
export const HUMANOID_V5: MujocoTask = humanoid(5);
/** Humanoid-v4. */
export const HUMANOID_V4: MujocoTask = humanoid(4);
