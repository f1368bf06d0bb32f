/**
 * Walker2d: two legs under a torso that walk forward in a plane.
 *
 * Action: the controls of right thigh, leg, foot and left thigh, leg, foot, -1 to 1 (times 100 N m).
 * Observation: [z m, torso angle rad, six joint angles rad, then the nine velocities], velocities
 * clipped to +-10; the x position is left out.
 * Reward: forward speed dx/dt + 1 for being healthy - 1e-3 sum action^2.
 * Start: each number of position and velocity off its initial value by U(-0.005, 0.005).
 * Termination: unhealthy: z outside of (0.8, 2) m or |torso angle| >= 1 rad.
 * Truncation: after 1000 steps.
 * Differences: none beyond those of `EpisodeEnv`.
 * Versions: v5; v4 pays the 1 on the terminating step too, and its right foot has friction 0.9
 * instead of 1.9.
 *
 * Source: Gymnasium 1.4, gymnasium/envs/mujoco/walker2d_v5.py, walker2d_v4.py.
 */

import { weightedSquares } from "../float32.ts";
import { symmetricBox, unboundedBox } from "../spaces.ts";
import type { Body, BodyModel, Joint } from "./body_model.ts";
import type { MujocoTask } from "./mujoco_env.ts";
import { append, appendClipped, drawUniform } from "./task_parts.ts";

const FRAME_SKIP = 4;
const TIME_STEP_SECONDS = 0.002;
const STEP_SECONDS = TIME_STEP_SECONDS * FRAME_SKIP;
const CONTROL_COST_WEIGHT = 1e-3;
const HEALTHY_REWARD = 1;
const HEALTHY_LOW_METERS = 0.8;
const HEALTHY_HIGH_METERS = 2;
const HEALTHY_ANGLE_RADIANS = 1;
const OBSERVED_SPEED_LIMIT = 10;
const START_RANGE = 5e-3;
const RIGHT_FOOT_FRICTION = { 4: 0.9, 5: 1.9 } as const;
const LEFT_FOOT_FRICTION = 1.9;

const HINGE: Joint = { type: "hinge", axis: [0, -1, 0] };
const ROOT: Joint = { armature: 0, damping: 0, limited: false };

/** One leg; `side` is what its names have after the part's name. */
function leg(side: "" | "_left", footFriction: number): Body {
  return {
    name: `thigh${side}`,
    position: [0, 0, -0.19999999999999996],
    joints: [{ ...HINGE, name: `thigh${side}_joint`, range: [-150, 0] }],
    geoms: [{
      name: `thigh${side}_geom`,
      type: "capsule",
      position: [0, 0, -0.22500000000000009],
      size: [0.05, 0.22500000000000003],
      friction: [0.9],
    }],
    bodies: [{
      name: `leg${side}`,
      position: [0, 0, -0.70000000000000007],
      joints: [{ ...HINGE, name: `leg${side}_joint`, position: [0, 0, 0.25], range: [-150, 0] }],
      geoms: [{ name: `leg${side}_geom`, type: "capsule", size: [0.04, 0.25], friction: [0.9] }],
      bodies: [{
        name: `foot${side}`,
        position: [0.2, 0, -0.35],
        joints: [{
          ...HINGE,
          name: `foot${side}_joint`,
          position: [-0.2, 0, 0.1],
          range: [-45, 45],
        }],
        geoms: [{
          name: `foot${side}_geom`,
          type: "capsule",
          position: [-0.1, 0, 0.1],
          quaternion: [0.70710678118654757, 0, -0.70710678118654746, 0],
          size: [0.06, 0.1],
          friction: [footFriction],
        }],
      }],
    }],
  };
}

function body(version: 4 | 5): BodyModel {
  return {
    name: "walker2d",
    source: "Gymnasium 1.4, assets/walker2d_v5.xml (v5), assets/walker2d.xml (v4)",
    angle: "degree",
    options: { timeStepSeconds: TIME_STEP_SECONDS, integrator: "RK4" },
    defaults: {
      joint: { armature: 0.01, damping: 0.1, limited: true },
      geom: {
        contactType: 1,
        contactAffinity: 0,
        contactDimensions: 3,
        density: 1000,
        friction: [0.7, 0.1, 0.1],
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
      position: [0, 0, 1.25],
      joints: [
        { ...ROOT, name: "rootx", type: "slide", axis: [1, 0, 0], position: [0, 0, -1.25] },
        {
          ...ROOT,
          name: "rootz",
          type: "slide",
          axis: [0, 0, 1],
          position: [0, 0, -1.25],
          reference: 1.25,
        },
        { ...ROOT, name: "rooty", type: "hinge", axis: [0, 1, 0] },
      ],
      geoms: [
        { name: "torso_geom", type: "capsule", size: [0.05, 0.19999999999999996], friction: [0.9] },
      ],
      bodies: [leg("", RIGHT_FOOT_FRICTION[version]), leg("_left", LEFT_FOOT_FRICTION)],
    }],
    motors: ["", "_left"].flatMap((side) =>
      ["thigh", "leg", "foot"].map((part) => ({
        joint: `${part}${side}_joint`,
        gear: 100,
        controlRange: [-1, 1] as const,
      }))
    ),
  };
}

function walker2d(version: 4 | 5): MujocoTask {
  return {
    spec: {
      id: `Walker2d-v${version}`,
      observationSpace: unboundedBox(17),
      actionSpace: symmetricBox([1, 1, 1, 1, 1, 1]),
      maxEpisodeSteps: 1000,
      returnRange: [-100, 3000],
      source: `Gymnasium 1.4 mujoco/walker2d_v${version}.py`,
    },
    body: body(version),
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
      const qpos = simulation.qpos;
      const forward = (qpos[0] - before) / STEP_SECONDS;
      const healthy = qpos[1] > HEALTHY_LOW_METERS && qpos[1] < HEALTHY_HIGH_METERS &&
        Math.abs(qpos[2]) < HEALTHY_ANGLE_RADIANS;
      transition.terminated = !healthy;
      transition.survivalReward = version === 5 && !healthy ? 0 : HEALTHY_REWARD;
      transition.reward = forward + transition.survivalReward -
        weightedSquares(CONTROL_COST_WEIGHT, action);
    },
  };
}

/** Walker2d-v5. */
export const WALKER2D_V5: MujocoTask = walker2d(5);
/** Walker2d-v4. */
export const WALKER2D_V4: MujocoTask = walker2d(4);
