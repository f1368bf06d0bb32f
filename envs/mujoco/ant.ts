/**
 * Ant: a sphere on four legs that walks in space.
 *
 * Action: the controls of hip and ankle of legs 4, 1, 2, 3, -1 to 1 (times 150 N m).
 * Observation: [z m, orientation quaternion, eight joint angles rad, 14 velocities]; v5 adds the
 * external forces on the 13 bodies (6 each), clipped to +-1. The x and y positions are left out.
 * Reward: the torso's forward speed dx/dt + 1 for being healthy - 0.5 sum action^2; v5 also
 * - 5e-4 sum (clipped external forces)^2.
 * Start: positions off their initial values by U(-0.1, 0.1), velocities by 0.1 N(0, 1).
 * Termination: unhealthy: a number of the state is not finite, or z outside of [0.2, 1] m.
 * Truncation: after 1000 steps.
 * Differences: none beyond those of `EpisodeEnv`.
 * Versions: v5; v4 observes and pays for no forces and pays the 1 on the terminating step too.
 *
 * Source: Schulman et al. 2015 (arXiv 1506.02438); Gymnasium 1.4, gymnasium/envs/mujoco/ant_v5.py,
 * ant_v4.py.
 */

import { weightedSquares } from "../float32.ts";
import { symmetricBox, unboundedBox } from "../spaces.ts";
import type { Body, BodyModel, Geom, Joint, Vector3 } from "./body_model.ts";
import type { MujocoTask } from "./mujoco_env.ts";
import type { Simulation } from "./simulation.ts";
import { allFinite, append, appendClipped, drawNormal, drawUniform } from "./task_parts.ts";

const FRAME_SKIP = 5;
const TIME_STEP_SECONDS = 0.01;
const STEP_SECONDS = TIME_STEP_SECONDS * FRAME_SKIP;
const CONTROL_COST_WEIGHT = 0.5;
const CONTACT_COST_WEIGHT = 5e-4;
const CONTACT_FORCE_LIMIT = 1;
const HEALTHY_REWARD = 1;
const HEALTHY_LOW_METERS = 0.2;
const HEALTHY_HIGH_METERS = 1;
const START_RANGE = 0.1;
/** Numbers per body in cfrc_ext; body 0 is the world. */
const FORCE_SIZE = 6;
/** Where the torso's x lies in xpos: body 1. */
const TORSO_X = 3;

/** One leg towards (x, y), each +-1: a strut, a hip about z and an ankle. */
function leg(
  index: number,
  names: { leg: string; upper: string; lower: string },
  [x, y]: readonly [x: 1 | -1, y: 1 | -1],
  ankle: { axis: Vector3; range: readonly [low: number, high: number] },
): Body {
  const strut: Geom = { type: "capsule", fromTo: [0, 0, 0, 0.2 * x, 0.2 * y, 0], size: [0.08] };
  const hip: Joint = { type: "hinge", axis: [0, 0, 1], range: [-30, 30] };
  return {
    name: names.leg,
    geoms: [{ ...strut, name: `aux_${index}_geom` }],
    bodies: [{
      name: `aux_${index}`,
      position: [0.2 * x, 0.2 * y, 0],
      joints: [{ ...hip, name: `hip_${index}` }],
      geoms: [{ ...strut, name: names.upper }],
      bodies: [{
        position: [0.2 * x, 0.2 * y, 0],
        joints: [{ name: `ankle_${index}`, type: "hinge", ...ankle }],
        geoms: [{
          name: names.lower,
          type: "capsule",
          fromTo: [0, 0, 0, 0.4 * x, 0.4 * y, 0],
          size: [0.08],
        }],
      }],
    }],
  };
}

const LEGS: readonly Body[] = [
  leg(
    1,
    { leg: "front_left_leg", upper: "left_leg_geom", lower: "left_ankle_geom" },
    [1, 1],
    { axis: [-1, 1, 0], range: [30, 70] },
  ),
  leg(
    2,
    { leg: "front_right_leg", upper: "right_leg_geom", lower: "right_ankle_geom" },
    [-1, 1],
    { axis: [1, 1, 0], range: [-70, -30] },
  ),
  leg(
    3,
    { leg: "back_leg", upper: "back_leg_geom", lower: "third_ankle_geom" },
    [-1, -1],
    { axis: [-1, 1, 0], range: [-70, -30] },
  ),
  leg(
    4,
    { leg: "right_back_leg", upper: "rightback_leg_geom", lower: "fourth_ankle_geom" },
    [1, -1],
    { axis: [1, 1, 0], range: [30, 70] },
  ),
];

const BODY: BodyModel = {
  name: "ant",
  source: "Gymnasium 1.4, assets/ant.xml",
  angle: "degree",
  options: { timeStepSeconds: TIME_STEP_SECONDS, integrator: "RK4" },
  defaults: {
    joint: { armature: 1, damping: 1, limited: true },
    geom: {
      contactAffinity: 0,
      contactDimensions: 3,
      density: 5,
      friction: [1, 0.5, 0.5],
      margin: 0.01,
    },
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
    position: [0, 0, 0.75],
    joints: [
      { name: "root", type: "free", armature: 0, damping: 0, limited: false, margin: 0.01 },
    ],
    geoms: [{ name: "torso_geom", type: "sphere", size: [0.25] }],
    bodies: LEGS,
  }],
  motors: [4, 1, 2, 3].flatMap((index) => [
    { joint: `hip_${index}`, gear: 150, controlRange: [-1, 1] as const },
    { joint: `ankle_${index}`, gear: 150, controlRange: [-1, 1] as const },
  ]),
};

function contactCost(simulation: Simulation): number {
  const forces = simulation.view("cfrc_ext");
  let sum = 0;
  for (let i = 0; i < forces.length; i++) {
    const force = Math.min(Math.max(forces[i], -CONTACT_FORCE_LIMIT), CONTACT_FORCE_LIMIT);
    sum += force * force;
  }
  return CONTACT_COST_WEIGHT * sum;
}

function isHealthy(simulation: Simulation): boolean {
  const height = simulation.qpos[2];
  return height >= HEALTHY_LOW_METERS && height <= HEALTHY_HIGH_METERS &&
    allFinite(simulation.qpos) && allFinite(simulation.qvel);
}

function ant(version: 4 | 5): MujocoTask {
  return {
    spec: {
      id: `Ant-v${version}`,
      observationSpace: unboundedBox(version === 5 ? 105 : 27),
      actionSpace: symmetricBox(new Array(8).fill(1)),
      maxEpisodeSteps: 1000,
      rewardThreshold: 6000,
      returnRange: [-100, 3000],
      source: `Gymnasium 1.4 mujoco/ant_v${version}.py`,
    },
    body: BODY,
    frameSkip: FRAME_SKIP,
    drawStart(rng, qpos, qvel) {
      drawUniform(rng, qpos, START_RANGE);
      drawNormal(rng, qvel, START_RANGE);
    },
    observe(simulation, observation) {
      const next = append(observation, append(observation, 0, simulation.qpos, 2), simulation.qvel);
      if (version === 4) return;
      const forces = simulation.view("cfrc_ext");
      appendClipped(observation, next, forces, CONTACT_FORCE_LIMIT, FORCE_SIZE);
    },
    measure: (simulation) => simulation.view("xpos")[TORSO_X],
    judge(simulation, action, before, transition) {
      const forward = (simulation.view("xpos")[TORSO_X] - before) / STEP_SECONDS;
      transition.terminated = !isHealthy(simulation);
      transition.survivalReward = version === 5 && transition.terminated ? 0 : HEALTHY_REWARD;
      let costs = weightedSquares(CONTROL_COST_WEIGHT, action);
      if (version === 5) costs += contactCost(simulation);
      transition.reward = forward + transition.survivalReward - costs;
    },
  };
}

/** Ant-v5. */
export const ANT_V5: MujocoTask = ant(5);
/** Ant-v4. */
export const ANT_V4: MujocoTask = ant(4);
