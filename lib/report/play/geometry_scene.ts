/**
 * The scene of an environment that knows its bodies' shapes: from the side, along the y axis, or from
 * above when everything lies flat, as in Swimmer and Reacher.
 */

import type { Env } from "../../env.ts";
import type { Scene, Stroke, Tone } from "./scene.ts";

/** An environment that tells the shapes of its bodies and where they are. */
export interface GeometryEnv extends Env {
  /** Simulated seconds in one step. */
  readonly stepSeconds: number;
  /** The shapes: sizes [geoms, 3] are radius and half length, or half extents. */
  geometry(): {
    readonly types: readonly string[];
    readonly names: readonly string[];
    readonly sizes: ArrayLike<number>;
  };
  /** Centres [geoms, 3] and rotation matrices [geoms, 3, 3]; long axes are the third columns. */
  geometryPoses(): {
    readonly positions: ArrayLike<number>;
    readonly rotations: ArrayLike<number>;
  };
}

/** Tells whether an environment can show its shapes. */
export function isGeometryEnv(env: Env): env is GeometryEnv {
  return "geometry" in env && "geometryPoses" in env && "stepSeconds" in env;
}

/** Bodies within this many metres of one height lie flat. */
const FLAT_METERS = 0.03;

/** A floor that is farther below the bodies is not part of the picture. */
const NEAR_METERS = 1;

/** Makes the scene; the environment must have been reset. */
export function geometryScene(env: GeometryEnv): Scene {
  const { types, names, sizes } = env.geometry();
  const drawn = types.flatMap((type, geom) => type === "plane" || type === "other" ? [] : [geom]);
  const start = env.geometryPoses();
  const heights = drawn.flatMap((geom) => {
    const half = halfLengthOf(types[geom], sizes, geom) * start.rotations[9 * geom + 8];
    return [start.positions[3 * geom + 2] - half, start.positions[3 * geom + 2] + half];
  });
  const isFlat = Math.max(...heights) - Math.min(...heights) < FLAT_METERS;
  const up = isFlat ? 1 : 2;
  const floor = types.indexOf("plane");
  const hasGround = floor >= 0 && !isFlat &&
    Math.min(...heights) - start.positions[3 * floor + 2] < NEAR_METERS;
  // What is farther from the viewer is painted first.
  const depthAxis = isFlat ? 2 : 1;
  const depth = (geom: number) => start.positions[3 * geom + depthAxis] * (isFlat ? 1 : -1);
  drawn.sort((a, b) => depth(a) - depth(b) || a - b);
  return {
    stepSeconds: env.stepSeconds,
    strokes: drawn.map((geom): Stroke => ({
      width: 2 * sizes[3 * geom],
      tone: toneOf(names[geom]),
      // A cylinder that points at the viewer is a disc.
      ...(types[geom] === "cylinder" &&
          Math.abs(start.rotations[9 * geom + 3 * depthAxis + 2]) < 0.9
        ? { isCut: true }
        : {}),
    })),
    geoms: drawn,
    isFromAbove: isFlat,
    ...(hasGround ? { ground: start.positions[3 * floor + 2] } : {}),
    place(points) {
      const { positions, rotations } = env.geometryPoses();
      drawn.forEach((geom, i) => {
        const half = halfLengthOf(types[geom], sizes, geom);
        const [dx, dy] = [rotations[9 * geom + 2] * half, rotations[9 * geom + 3 * up + 2] * half];
        const [x, y] = [positions[3 * geom], positions[3 * geom + up]];
        points.set([x - dx, y - dy, x + dx, y + dy], 4 * i);
      });
    },
  };
}

function halfLengthOf(type: string, sizes: ArrayLike<number>, geom: number): number {
  return type === "capsule" || type === "cylinder" ? sizes[3 * geom + 1] : 0;
}

function toneOf(name: string): Tone {
  if (name.includes("target")) return "mark";
  if (/rail|side|root/.test(name)) return "line";
  // One side of a body that has two: they would be one blot otherwise.
  return /left|^f(thigh|shin|foot)/.test(name) ? "other" : "body";
}
