/**
 * Augmented random search, version V2-t (Mania, Guy and Recht 2018, arXiv 1803.07055, algorithm 2).
 *
 *     M = 0
 *     repeat until the budget is spent
 *       draw N directions delta_k of standard normal numbers
 *       run an episode with each of M + nu delta_k and M - nu delta_k, observations normalised by the running
 *         mean and deviation:  r+_k, r-_k
 *       keep the b directions with the greatest max(r+_k, r-_k); sigma_R = deviation of their 2 b returns
 *       M <- M + alpha / (b sigma_R) * sum over them of (r+_k - r-_k) delta_k
 *       let what was observed change mean and deviation
 *
 * Differences from the paper and its public code (modestyachts/ARS):
 *  1. Actions are tanh of the policy's outputs, scaled to the bounds, where the paper cuts them off there.
 *     Numbers of M are in units of the bounds' half range, so that small outputs act as the paper's do.
 *  2. The policy has biases as all policies of this program do; they stay 0.
 *  3. Both episodes of a direction start from the same seed. The last iterations have fewer directions where
 *     the budget holds no more.
 *  4. The paper's sizes for an environment are taken where it has some, else the public code's.
 *  5. The reward for being alive is not counted while training: as in the paper, but in every environment
 *     that tells it apart. A direction's returns may all be equal: M stays as it is then.
 */

import { runAndBook } from "./episodes.ts";
import { affordableEpisodes, trainingEnd } from "../algorithm/budget.ts";
import type { EpisodeEvent, Events, UpdateEvent } from "../algorithm/events.ts";
import { beginCycle, endCycle } from "../algorithm/measure.ts";
import type { TrainingRun } from "../algorithm/run.ts";
import { summarise } from "../numbers/statistics.ts";
import { streamFor } from "../numbers/streams.ts";
import type { PolicyParameters } from "../policy_space.ts";
import { finishWithOne, trainByCycles } from "./cycles.ts";

/** The sizes of a search. */
export interface ArsSizes {
  /** Directions of an iteration, N. */
  readonly directions: number;
  /** How many of them are followed, b. */
  readonly followed: number;
  /** Step size, alpha. */
  readonly stepSize: number;
  /** Size of the noise, nu. */
  readonly noise: number;
}

/** The defaults of the public code. */
const USUAL: ArsSizes = { directions: 8, followed: 8, stepSize: 0.02, noise: 0.03 };
/** The paper's table of V2-t, by environment without its version. */
const PUBLISHED: Readonly<Record<string, ArsSizes>> = {
  Swimmer: { directions: 1, followed: 1, stepSize: 0.02, noise: 0.01 },
  Hopper: { directions: 8, followed: 4, stepSize: 0.01, noise: 0.025 },
  HalfCheetah: { directions: 32, followed: 4, stepSize: 0.02, noise: 0.03 },
  Walker2d: { directions: 40, followed: 30, stepSize: 0.03, noise: 0.025 },
  Ant: { directions: 60, followed: 20, stepSize: 0.015, noise: 0.025 },
  Humanoid: { directions: 230, followed: 230, stepSize: 0.02, noise: 0.0075 },
};

/** Gives the sizes for an environment. */
export function arsSizes(id: string): ArsSizes {
  const name = id.replace(/-v\d+$/, "");
  return Object.hasOwn(PUBLISHED, name) ? PUBLISHED[name] : USUAL;
}

/** Trains a run by augmented random search; see `train` in lib/rivals/algorithms.ts. */
export function trainArs(run: TrainingRun): Events {
  const sizes = arsSizes(run.task.spec.id);
  return trainByCycles(run, { cycle: () => iterate(run, sizes), finish: finishWithOne });
}

/** A direction and what was reached either way. */
export interface TriedDirection {
  /** Standard normal numbers, [P]. */
  readonly delta: Float64Array;
  /** Return of M + nu delta. */
  readonly plus: number;
  /** Return of M - nu delta. */
  readonly minus: number;
}

async function* iterate(run: TrainingRun, sizes: ArsSizes): Events<EpisodeEvent | UpdateEvent> {
  const { task: { config }, tools: { learner }, tally } = run;
  const affordable = Math.floor(affordableEpisodes(run, { end: trainingEnd(run.task) }) / 2);
  const count = Math.min(sizes.directions, affordable);
  const rng = streamFor(config.seed, "noise", tally.cycles);
  const units = unitsOf(run);
  const policy = learner.state.weights;
  const cycle = beginCycle(run);
  const tried: TriedDirection[] = [];
  for (let k = 0; k < count; k++) {
    const delta = Float64Array.from(units, (unit) => unit === 0 ? 0 : rng.standardNormal());
    const start = tally.starts;
    const runWith = (sign: 1 | -1) => {
      const moved = policy.map((value, i) => value + sign * sizes.noise * units[i] * delta[i]);
      return runAndBook(run, moved as PolicyParameters, { ...cycle, start });
    };
    const plus = await runWith(1);
    yield plus.event;
    const minus = await runWith(-1);
    yield minus.event;
    const counted = (episode: typeof plus) => episode.return - episode.survivalReturn;
    tried.push({ delta, plus: counted(plus), minus: counted(minus) });
  }
  endCycle(run, cycle);
  const step = arsStep(tried, sizes);
  learner.restore({
    ...learner.state,
    weights: policy.map((value, i) => value + units[i] * step[i]),
    updates: learner.updates + 1,
  });
  const loss = -tried.reduce((sum, { plus, minus }) => sum + plus + minus, 0) / (2 * count);
  run.history.lastLoss = loss;
  yield { kind: "update", updates: learner.updates, loss };
}

/**
 * Computes how far M moves: alpha / (b sigma_R) * sum of (r+ - r-) delta over the best b directions, [P].
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { arsStep } from "./ars.ts";
 * const tried = [
 *   { delta: Float64Array.of(1, -2), plus: 3, minus: 1 }, // max 3: followed
 *   { delta: Float64Array.of(5, 5), plus: 0, minus: 2 },  // max 2: not followed
 * ];
 * // sigma_R = deviation of 3 and 1 = 1; 0.5 / (1 * 1) * (3 - 1) * delta = delta
 * const sizes = { directions: 2, followed: 1, stepSize: 0.5, noise: 0.1 };
 * assert.deepEqual([...arsStep(tried, sizes)].map((value) => value.toFixed(9)), [
 *   "1.000000000",
 *   "-2.000000000",
 * ]);
 * ```
 */
export function arsStep(tried: readonly TriedDirection[], sizes: ArsSizes): Float64Array {
  const best = [...tried]
    .sort((a, b) => Math.max(b.plus, b.minus) - Math.max(a.plus, a.minus))
    .slice(0, sizes.followed);
  const step = new Float64Array(tried[0].delta.length);
  const { std, n } = summarise(best.flatMap(({ plus, minus }) => [plus, minus]));
  // The deviation of all of them, not of a sample.
  const deviation = std * Math.sqrt((n - 1) / n);
  if (!(deviation > 0)) return step;
  for (const { delta, plus, minus } of best) {
    const factor = sizes.stepSize / (best.length * deviation) * (plus - minus);
    for (let i = 0; i < step.length; i++) step[i] += factor * delta[i];
  }
  return step;
}

/** What 1 of the paper's M is in each parameter, [P]: 1 / half range of the action, 0 for a bias. */
function unitsOf({ task: { shape, spec } }: TrainingRun): Float64Array {
  const units = new Float64Array(shape.parameterCount);
  const { sizes } = shape;
  let at = 0;
  for (let layer = 1; layer < sizes.length; layer++) {
    const [fanIn, fanOut] = [sizes[layer - 1], sizes[layer]];
    const isLast = layer === sizes.length - 1;
    for (let j = 0; j < fanOut; j++) {
      const space = spec.actionSpace;
      const unit = isLast && space.kind === "box" ? 2 / (space.high[j] - space.low[j]) : 1;
      units.fill(unit, at, at += fanIn);
    }
    at += fanOut; // the biases
  }
  return units;
}
