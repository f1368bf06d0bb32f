/**
 * Reacher: an arm of two links that brings its tip to a target.
 *
 * Action: the controls of the two joints' motors, -1 to 1 (times 200 N m).
 * Observation: [cos and sin of the two angles, target x, y m, two angular velocities rad/s, tip -
 * target m]; two coordinates of the difference in v5, three in v4.
 * Reward: -|tip - target| - sum action^2.
 * Start: angles from U(-0.1, 0.1), target from U(-0.2, 0.2)^2 until it lies within 0.2 m, angular
 * velocities from U(-0.005, 0.005).
 * Termination: never.
 * Truncation: after 50 steps.
 * Differences: none beyond those of `EpisodeEnv`.
 * Versions: v5; v4 measures the distance before the step instead of after it.
 *
 * Source: Gymnasium 1.4, gymnasium/envs/mujoco/reacher_v5.py, reacher_v4.py.
 */

import { weightedSquares } from "../float32.ts";
import { symmetricBox, unboundedBox } from "../spaces.ts";
import type { BodyModel, Geom, Joint } from "./body_model.ts";
import type { MujocoTask } from "./mujoco_env.ts";
import type { Simulation } from "./simulation.ts";
import { drawUniform } from "./task_parts.ts";

const FRAME_SKIP = 2;
const TIME_STEP_SECONDS = 0.01;
const START_RANGE = 0.1;
const START_SPEED_RANGE = 5e-3;
const TARGET_RADIUS_METERS = 0.2;
/** Where the positions of tip and target begin in xpos: bodies 3 and 4. */
const TIP = 9;
const TARGET = 12;

const BORDER: Geom = { type: "capsule", size: [0.02], contactAffinity: 0 };
const SLIDE: Joint = {
  type: "slide",
  armature: 0,
  damping: 0,
  stiffness: 0,
  limited: true,
  range: [-0.27, 0.27],
};

const BODY: BodyModel = {
  name: "reacher",
  source: "Gymnasium 1.4, assets/reacher.xml",
  angle: "radian",
  options: { timeStepSeconds: TIME_STEP_SECONDS, integrator: "RK4", gravity: [0, 0, -9.81] },
  defaults: {
    joint: { armature: 1, damping: 1, limited: true },
    geom: { contactType: 0, friction: [1, 0.1, 0.1] },
  },
  scene: [
    { name: "ground", type: "plane", size: [1, 1, 10], contactType: 0, contactAffinity: 0 },
    { ...BORDER, name: "sideS", fromTo: [-0.3, -0.3, 0.01, 0.3, -0.3, 0.01] },
    { ...BORDER, name: "sideE", fromTo: [0.3, -0.3, 0.01, 0.3, 0.3, 0.01] },
    { ...BORDER, name: "sideN", fromTo: [-0.3, 0.3, 0.01, 0.3, 0.3, 0.01] },
    { ...BORDER, name: "sideW", fromTo: [-0.3, -0.3, 0.01, -0.3, 0.3, 0.01] },
    {
      name: "root",
      type: "cylinder",
      fromTo: [0, 0, 0, 0, 0, 0.02],
      size: [0.011],
      contactType: 0,
      contactAffinity: 0,
    },
  ],
  bodies: [
    {
      name: "body0",
      position: [0, 0, 0.01],
      joints: [{ name: "joint0", type: "hinge", axis: [0, 0, 1], limited: false }],
      geoms: [{ name: "link0", type: "capsule", fromTo: [0, 0, 0, 0.1, 0, 0], size: [0.01] }],
      bodies: [{
        name: "body1",
        position: [0.1, 0, 0],
        joints: [{ name: "joint1", type: "hinge", axis: [0, 0, 1], limited: true, range: [-3, 3] }],
        geoms: [{ name: "link1", type: "capsule", fromTo: [0, 0, 0, 0.1, 0, 0], size: [0.01] }],
        bodies: [{
          name: "fingertip",
          position: [0.11, 0, 0],
          geoms: [{ name: "fingertip", type: "sphere", size: [0.01], contactType: 0 }],
        }],
      }],
    },
    {
      name: "target",
      position: [0.1, -0.1, 0.01],
      joints: [
        { ...SLIDE, name: "target_x", axis: [1, 0, 0], reference: 0.1 },
        { ...SLIDE, name: "target_y", axis: [0, 1, 0], reference: -0.1 },
      ],
      geoms: [
        { name: "target", type: "sphere", size: [0.009], contactType: 0, contactAffinity: 0 },
      ],
    },
  ],
  motors: [
    { joint: "joint0", gear: 200, controlRange: [-1, 1] },
    { joint: "joint1", gear: 200, controlRange: [-1, 1] },
  ],
};

/** Distance from tip to target in metres. */
function distance(simulation: Simulation): number {
  const xpos = simulation.view("xpos");
  const x = xpos[TIP] - xpos[TARGET];
  const y = xpos[TIP + 1] - xpos[TARGET + 1];
  const z = xpos[TIP + 2] - xpos[TARGET + 2];
  return Math.sqrt(x * x + y * y + z * z);
}

function reacher(version: 4 | 5): MujocoTask {
  const observed = version === 5 ? 2 : 3; // coordinates of tip - target
  return {
    spec: {
      id: `Reacher-v${version}`,
      observationSpace: unboundedBox(8 + observed),
      actionSpace: symmetricBox([1, 1]),
      maxEpisodeSteps: 50,
      rewardThreshold: -3.75,
      returnRange: [-100, 0],
      source: `Gymnasium 1.4 mujoco/reacher_v${version}.py`,
    },
    body: BODY,
    frameSkip: FRAME_SKIP,
    drawStart(rng, qpos, qvel) {
      drawUniform(rng, qpos, START_RANGE);
      do {
        qpos[2] = rng.uniform(-TARGET_RADIUS_METERS, TARGET_RADIUS_METERS);
        qpos[3] = rng.uniform(-TARGET_RADIUS_METERS, TARGET_RADIUS_METERS);
      } while (!(Math.sqrt(qpos[2] * qpos[2] + qpos[3] * qpos[3]) < TARGET_RADIUS_METERS));
      drawUniform(rng, qvel, START_SPEED_RANGE);
      qvel[2] = 0;
      qvel[3] = 0;
    },
    observe(simulation, observation) {
      const { qpos, qvel } = simulation;
      const xpos = simulation.view("xpos");
      for (let i = 0; i < 2; i++) {
        observation[i] = Math.cos(qpos[i]);
        observation[2 + i] = Math.sin(qpos[i]);
        observation[4 + i] = qpos[2 + i];
        observation[6 + i] = qvel[i];
      }
      for (let i = 0; i < observed; i++) observation[8 + i] = xpos[TIP + i] - xpos[TARGET + i];
    },
    measure: distance,
    judge(simulation, action, before, transition) {
      const paid = version === 5 ? distance(simulation) : before;
      transition.reward = -paid - weightedSquares(1, action);
      transition.survivalReward = 0;
      transition.terminated = false;
    },
  };
}

/** Reacher-v5. */
export const REACHER_V5: MujocoTask = reacher(5);
/** Reacher-v4. */
export const REACHER_V4: MujocoTask = reacher(4);
