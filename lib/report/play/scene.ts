/**
 * Scenes: an environment's present state as strokes in a plane, which is all that the player draws.
 *
 * A stroke is a line with a width: a capsule seen from the side, a sphere when both ends are the same
 * point, a box when its ends are cut. Lengths are metres, y points up on the screen.
 */

import type { Env } from "../../env.ts";
import { classicScene } from "./classic_scene.ts";
import { geometryScene, isGeometryEnv } from "./geometry_scene.ts";

/** What a stroke stands for; the page gives each its colour. */
export const TONES = ["body", "other", "mark", "line"] as const;
/** One of them. */
export type Tone = (typeof TONES)[number];

/** The look of a stroke. */
export interface Stroke {
  /** In metres. */
  readonly width: number;
  /** What it stands for. */
  readonly tone: Tone;
  /** Ends cut off at the end points instead of round. */
  readonly isCut?: boolean;
}

/** A drawable environment. */
export interface Scene {
  /** Simulated seconds in one step. */
  readonly stepSeconds: number;
  /** In the order in which they are painted. */
  readonly strokes: readonly Stroke[];
  /** Height of the ground, undefined when there is none. */
  readonly ground?: number;
  /** For each stroke the shape that it is of, in an environment that tells its shapes. */
  readonly geoms?: readonly number[];
  /** Whether the screen shows the x and y axes, and not x and z. */
  readonly isFromAbove?: boolean;
  /** True where the strokes stand for numbers, and no lengths. */
  readonly isAbstract?: boolean;
  /** Writes the end points of every stroke, [strokes, 4] as x1, y1, x2, y2. */
  place(points: Float64Array): void;
}

/** Seconds per step of environments that do not say. */
const UNKNOWN_STEP_SECONDS = 0.05;

/** Makes the scene of an environment: its own geometry, a drawing made for it, or its observation. */
export function sceneOf(env: Env): Scene {
  if (isGeometryEnv(env)) return geometryScene(env);
  return classicScene(env) ?? observationScene(env);
}

/** Draws each number of the observation as a bar, squeezed into -1 to 1. */
function observationScene({ observation }: Env): Scene {
  const strokes = Array.from(
    observation,
    (): Stroke => ({ width: 0.8, tone: "body", isCut: true }),
  );
  return {
    stepSeconds: UNKNOWN_STEP_SECONDS,
    isAbstract: true,
    strokes: [...strokes, { width: 0.02, tone: "line" }],
    place(points) {
      observation.forEach((value, i) => points.set([i, 0, i, Math.tanh(value)], 4 * i));
      points.set([-0.5, 0, observation.length - 0.5, 0], 4 * observation.length);
    },
  };
}
