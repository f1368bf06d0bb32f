/** Records episodes as the player's page shows them. */

import type { Env, Transition } from "../../env.ts";
import type { Policy } from "../../model.ts";
import { type Episode, runEpisode } from "../../episodes/rollout.ts";
import type { Summary } from "../../numbers/statistics.ts";
import { type Scene, sceneOf, type Stroke } from "./scene.ts";

/** One recorded episode. */
export interface Recording {
  /** Plain text over the picture. */
  readonly title: string;
  /** Id of the environment. */
  readonly env: string;
  /** Seed of the episode. */
  readonly seed: number;
  /** The return that was asked for; null when none was. */
  readonly requested: number | null;
  /** What the policy returns over fresh episodes. */
  readonly measured: Summary;
  /** Whether the strokes are bars of observations, and no picture in metres. */
  readonly isAbstract: boolean;
  /** Sum of rewards over the whole episode. */
  readonly return: number;
  /** Steps of the episode; there is one frame more. */
  readonly steps: number;
  /** Whether the task ended it, and not the time limit. */
  readonly terminated: boolean;
  /** Simulated seconds in one step. */
  readonly stepSeconds: number;
  /** Height of the ground in metres; null when there is none. */
  readonly ground: number | null;
  /** What is painted, in this order. */
  readonly strokes: readonly Stroke[];
  /** End points of the strokes that never move, in units of 1 / UNITS_PER_METER m; else null. */
  readonly fixed: readonly (readonly number[] | null)[];
  /** One list per frame: x1, y1, x2, y2 of every stroke that moves, in the same units. */
  readonly frames: readonly (readonly number[])[];
  /** Sum of rewards up to each frame. */
  readonly returns: readonly number[];
}

/** Resolution of recorded positions. */
export const UNITS_PER_METER = 10_000;
/** Significant digits of recorded returns. */
const RETURN_DIGITS = 7;

/** What is recorded. */
export interface RecordOptions {
  /** Plain text over the picture. */
  readonly title: string;
  /** Seed of the episode. */
  readonly seed: number;
  /** The return that was asked for. */
  readonly requested?: number;
  /** What the policy returns over fresh episodes. */
  readonly measured: Summary;
}

/**
 * Runs one episode, as every other part of the program runs it, and records what there is to see.
 * @throws {DivergedError} as `runEpisode` does.
 */
export async function recordEpisode(
  env: Env,
  policy: Policy,
  { title, seed, requested, measured }: RecordOptions,
): Promise<Recording> {
  const frames: number[][] = [];
  const returns: number[] = [];
  let scene: Scene | undefined;
  let points = new Float64Array(0);
  let total = 0;
  const observed = observe(env, (reward) => {
    scene ??= sceneOf(env);
    if (points.length === 0) points = new Float64Array(4 * scene.strokes.length);
    scene.place(points);
    frames.push(Array.from(points, (value) => Math.round(value * UNITS_PER_METER)));
    returns.push(Number((total += reward).toPrecision(RETURN_DIGITS)));
  });
  const episode = await runEpisode(observed, policy, { seed });
  return {
    title,
    env: env.spec.id,
    seed,
    requested: requested ?? null,
    measured,
    isAbstract: scene!.isAbstract ?? false,
    ...endOf(episode),
    stepSeconds: scene!.stepSeconds,
    ground: scene!.ground ?? null,
    strokes: scene!.strokes,
    ...separateFixed(frames),
    returns,
  };
}

function endOf(episode: Episode): Pick<Recording, "return" | "steps" | "terminated"> {
  return { return: episode.return, steps: episode.length, terminated: episode.terminated };
}

/** Wraps an environment so that each of its states is seen. */
function observe(env: Env, see: (reward: number) => void): Env {
  return {
    spec: env.spec,
    observation: env.observation,
    async reset(seed) {
      await env.reset(seed);
      see(0);
    },
    async step(action): Promise<Transition> {
      const transition = await env.step(action);
      see(transition.reward);
      return transition;
    },
    close: () => env.close(),
  };
}

/** Takes the strokes that never move out of the frames. */
export function separateFixed(
  frames: readonly (readonly number[])[],
): Pick<Recording, "fixed" | "frames"> {
  const [first] = frames;
  const moves = Array.from(
    { length: first.length / 4 },
    (_, i) =>
      frames.some((frame) => [0, 1, 2, 3].some((k) => frame[4 * i + k] !== first[4 * i + k])),
  );
  return {
    fixed: moves.map((moving, i) => moving ? null : first.slice(4 * i, 4 * i + 4)),
    frames: frames.map((frame) => frame.filter((_, at) => moves[at >> 2])),
  };
}
