/**
 * Simple drawings of the classic control tasks, from their observations. Shapes and sizes follow the
 * tasks' own constants (Gymnasium 1.4, classic_control), widths are chosen to be seen.
 */

import type { Env } from "../../env.ts";
import type { Scene, Stroke } from "./scene.ts";

type MakeScene = (observation: ArrayLike<number>) => Scene;

/** Makes the drawing of a task; undefined when there is none for it. */
export function classicScene({ spec, observation }: Env): Scene | undefined {
  return Object.hasOwn(SCENES, spec.id) ? SCENES[spec.id](observation) : undefined;
}

const AXLE: Stroke = { width: 0.08, tone: "line" };

/** Places along the mountain car's track, in metres. */
const HILL = Array.from({ length: 37 }, (_, i) => -1.2 + i * 0.05);

function heightAt(x: number): number {
  return 0.45 * Math.sin(3 * x) + 0.55;
}

const SCENES: Readonly<Record<string, MakeScene>> = {
  "CartPole-v1": (observation) => ({
    stepSeconds: 0.02,
    strokes: [
      { width: 0.02, tone: "line" }, // the track
      { width: 0.02, tone: "mark" }, // its ends
      { width: 0.02, tone: "mark" },
      { width: 0.3, tone: "other", isCut: true }, // the cart
      { width: 0.09, tone: "body" }, // the pole, 1 m
    ],
    place(points) {
      const [x, angle] = [observation[0], observation[2]];
      points.set([-2.6, 0, 2.6, 0, -2.4, -0.15, -2.4, 0.15, 2.4, -0.15, 2.4, 0.15]);
      points.set([x - 0.25, 0, x + 0.25, 0], 12);
      points.set([x, 0.15, x + Math.sin(angle), 0.15 + Math.cos(angle)], 16);
    },
  }),
  "Pendulum-v1": (observation) => ({
    stepSeconds: 0.05,
    strokes: [{ width: 0.02, tone: "mark" }, { width: 0.2, tone: "body" }, AXLE],
    place(points) {
      const [cos, sin] = [observation[0], observation[1]]; // of the angle from upright
      points.set([0, 1.15, 0, 1.25, 0, 0, -sin, cos, 0, 0, 0, 0]);
    },
  }),
  "MountainCarContinuous-v0": (observation) => ({
    stepSeconds: 1 / 30,
    strokes: [
      ...HILL.slice(1).map((): Stroke => ({ width: 0.012, tone: "line" })),
      { width: 0.015, tone: "mark" }, // the flag
      { width: 0.06, tone: "body" }, // the car
    ],
    place(points) {
      HILL.slice(1).forEach((x, i) =>
        points.set([HILL[i], heightAt(HILL[i]), x, heightAt(x)], 4 * i)
      );
      const [x, at] = [observation[0], 4 * (HILL.length - 1)];
      const slope = Math.atan(1.35 * Math.cos(3 * x)); // the height's derivative
      const [dx, dy] = [0.04 * Math.cos(slope), 0.04 * Math.sin(slope)];
      const y = heightAt(x) + 0.036;
      points.set([0.45, heightAt(0.45), 0.45, heightAt(0.45) + 0.2], at);
      points.set([x - dx, y - dy, x + dx, y + dy], at + 4);
    },
  }),
  "Acrobot-v1": (observation) => ({
    stepSeconds: 0.2,
    strokes: [
      { width: 0.02, tone: "mark" }, // the height to reach
      { width: 0.2, tone: "body" },
      { width: 0.2, tone: "other" },
      AXLE,
    ],
    place(points) {
      const [cos1, sin1, cos2, sin2] = Array.from(observation);
      // The second angle is relative to the first link: sin and cos of their sum.
      const sin = sin1 * cos2 + cos1 * sin2;
      const cos = cos1 * cos2 - sin1 * sin2;
      points.set([-2.2, 1, 2.2, 1, 0, 0, sin1, -cos1]);
      points.set([sin1, -cos1, sin1 + sin, -cos1 - cos, 0, 0, 0, 0], 8);
    },
  }),
};
