/**
 * The body of Humanoid: torso, waist and pelvis, two legs of three parts, two arms of two.
 *
 * The sides are not mirror images in every number (armature of the hips, stiffness of the knees,
 * axes of the elbows), so that each side is given what differs.
 *
 * Source: Tassa, Erez and Todorov 2012; Gymnasium 1.4, assets/humanoid.xml.
 */

import type { Body, BodyModel, Joint, Vector3 } from "./body_model.ts";

/** Simulation step of Humanoid. */
export const HUMANOID_TIME_STEP_SECONDS = 0.003;

type Range = readonly [low: number, high: number];

function hinge(name: string, axis: Vector3, range: Range, rest: Joint): Joint {
  return { name, type: "hinge", axis, range, ...rest };
}

interface Leg {
  readonly side: "right" | "left";
  /** +1 for left: the sign of y. */
  readonly y: 1 | -1;
  readonly hipYArmature: number;
  readonly kneeStiffness: number | undefined;
}

function leg({ side, y, hipYArmature, kneeStiffness }: Leg): Body {
  const outward = side === "left" ? -1 : 1; // the left hip's x and z axes point the other way
  const knee: Joint = { armature: 0.006 };
  return {
    name: `${side}_thigh`,
    position: [0, 0.1 * y, -0.04],
    joints: [
      hinge(`${side}_hip_x`, [outward, 0, 0], [-25, 5], {
        armature: 0.01,
        damping: 5,
        stiffness: 10,
      }),
      hinge(`${side}_hip_z`, [0, 0, outward], [-60, 35], {
        armature: 0.01,
        damping: 5,
        stiffness: 10,
      }),
      hinge(`${side}_hip_y`, [0, 1, 0], [-110, 20], {
        armature: hipYArmature,
        damping: 5,
        stiffness: 20,
      }),
    ],
    geoms: [{
      name: `${side}_thigh1`,
      type: "capsule",
      fromTo: [0, 0, 0, 0, -0.01 * y, -0.34],
      size: [0.06],
    }],
    bodies: [{
      name: `${side}_shin`,
      position: [0, -0.01 * y, -0.403],
      joints: [{
        ...hinge(`${side}_knee`, [0, -1, 0], [-160, -2], knee),
        position: [0, 0, 0.02],
        ...(kneeStiffness === undefined ? {} : { stiffness: kneeStiffness }),
      }],
      geoms: [
        { name: `${side}_shin1`, type: "capsule", fromTo: [0, 0, 0, 0, 0, -0.3], size: [0.049] },
      ],
      bodies: [{
        name: `${side}_foot`,
        position: [0, 0, -0.45],
        geoms: [{ name: `${side}_foot`, type: "sphere", position: [0, 0, 0.1], size: [0.075] }],
      }],
    }],
  };
}

interface Arm {
  readonly side: "right" | "left";
  readonly y: 1 | -1;
  readonly shoulderAxes: readonly [Vector3, Vector3];
  readonly shoulderRange: Range;
  readonly elbowAxis: Vector3;
  readonly upperSize: readonly number[];
}

function arm({ side, y, shoulderAxes, shoulderRange, elbowAxis, upperSize }: Arm): Body {
  return {
    name: `${side}_upper_arm`,
    position: [0, 0.17 * y, 0.06],
    joints: [
      hinge(`${side}_shoulder1`, shoulderAxes[0], shoulderRange, {
        armature: 0.0068,
        stiffness: 1,
      }),
      hinge(`${side}_shoulder2`, shoulderAxes[1], shoulderRange, {
        armature: 0.0051,
        stiffness: 1,
      }),
    ],
    geoms: [{
      name: `${side}_uarm1`,
      type: "capsule",
      fromTo: [0, 0, 0, 0.16, 0.16 * y, -0.16],
      size: upperSize,
    }],
    bodies: [{
      name: `${side}_lower_arm`,
      position: [0.18, 0.18 * y, -0.18],
      joints: [hinge(`${side}_elbow`, elbowAxis, [-90, 50], { armature: 0.0028, stiffness: 0 })],
      geoms: [
        {
          name: `${side}_larm`,
          type: "capsule",
          fromTo: [0.01, -0.01 * y, 0.01, 0.17, -0.17 * y, 0.17],
          size: [0.031],
        },
        { name: `${side}_hand`, type: "sphere", position: [0.18, -0.18 * y, 0.18], size: [0.04] },
      ],
    }],
  };
}

const WAIST: Joint = { armature: 0.02, damping: 5 };

const PELVIS: Body = {
  name: "pelvis",
  position: [0, 0, -0.165],
  quaternion: [1, 0, -0.002, 0],
  joints: [{
    ...hinge("abdomen_x", [1, 0, 0], [-35, 35], { ...WAIST, stiffness: 10 }),
    position: [0, 0, 0.1],
  }],
  geoms: [
    { name: "butt", type: "capsule", fromTo: [-0.02, -0.07, 0, -0.02, 0.07, 0], size: [0.09] },
  ],
  bodies: [
    leg({ side: "right", y: -1, hipYArmature: 0.008, kneeStiffness: undefined }),
    leg({ side: "left", y: 1, hipYArmature: 0.01, kneeStiffness: 1 }),
  ],
};

const TORSO: Body = {
  name: "torso",
  position: [0, 0, 1.4],
  joints: [{ name: "root", type: "free", armature: 0, damping: 0, limited: false, stiffness: 0 }],
  geoms: [
    { name: "torso1", type: "capsule", fromTo: [0, -0.07, 0, 0, 0.07, 0], size: [0.07] },
    { name: "head", type: "sphere", position: [0, 0, 0.19], size: [0.09] },
    {
      name: "uwaist",
      type: "capsule",
      fromTo: [-0.01, -0.06, -0.12, -0.01, 0.06, -0.12],
      size: [0.06],
    },
  ],
  bodies: [
    {
      name: "lwaist",
      position: [-0.01, 0, -0.26],
      quaternion: [1, 0, -0.002, 0],
      joints: [
        {
          ...hinge("abdomen_z", [0, 0, 1], [-45, 45], { ...WAIST, stiffness: 20 }),
          position: [0, 0, 0.065],
        },
        {
          ...hinge("abdomen_y", [0, 1, 0], [-75, 30], { ...WAIST, stiffness: 10 }),
          position: [0, 0, 0.065],
        },
      ],
      geoms: [
        { name: "lwaist", type: "capsule", fromTo: [0, -0.06, 0, 0, 0.06, 0], size: [0.06] },
      ],
      bodies: [PELVIS],
    },
    arm({
      side: "right",
      y: -1,
      shoulderAxes: [[2, 1, 1], [0, -1, 1]],
      shoulderRange: [-85, 60],
      elbowAxis: [0, -1, 1],
      upperSize: [0.04, 0.16],
    }),
    arm({
      side: "left",
      y: 1,
      shoulderAxes: [[2, -1, 1], [0, 1, 1]],
      shoulderRange: [-60, 85],
      elbowAxis: [0, -1, -1],
      upperSize: [0.04],
    }),
  ],
};

/** The model that Humanoid-v4 and -v5 share. */
export const HUMANOID_BODY: BodyModel = {
  name: "humanoid",
  source: "Gymnasium 1.4, assets/humanoid.xml",
  angle: "degree",
  options: {
    timeStepSeconds: HUMANOID_TIME_STEP_SECONDS,
    integrator: "RK4",
    solver: "PGS",
    iterations: 50,
  },
  defaults: {
    joint: { armature: 1, damping: 1, limited: true },
    geom: { contactType: 1, contactAffinity: 1, contactDimensions: 1, margin: 0.001 },
    motor: { controlRange: [-0.4, 0.4] },
  },
  scene: [{
    name: "floor",
    type: "plane",
    size: [20, 20, 0.125],
    contactDimensions: 3,
    friction: [1, 0.1, 0.1],
  }],
  bodies: [TORSO],
  motors: [
    { joint: "abdomen_y", gear: 100 },
    { joint: "abdomen_z", gear: 100 },
    { joint: "abdomen_x", gear: 100 },
    ...["right", "left"].flatMap((side) => [
      { joint: `${side}_hip_x`, gear: 100 },
      { joint: `${side}_hip_z`, gear: 100 },
      { joint: `${side}_hip_y`, gear: 300 },
      { joint: `${side}_knee`, gear: 200 },
    ]),
    ...["right", "left"].flatMap((side) =>
      ["shoulder1", "shoulder2", "elbow"].map((part) => ({ joint: `${side}_${part}`, gear: 25 }))
    ),
  ],
  tendons: ["left", "right"].map((side) => ({
    name: `${side}_hipknee`,
    terms: [
      { joint: `${side}_hip_y`, coefficient: -1 },
      { joint: `${side}_knee`, coefficient: 1 },
    ],
  })),
};
