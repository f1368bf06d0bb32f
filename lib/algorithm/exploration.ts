/** Exploration: noise on the weights of a generated policy, its kinds, its size, and how that adapts. */

import type { Config } from "../config/config.ts";
import { summarise } from "../numbers/statistics.ts";
import { streamFor } from "../numbers/streams.ts";
import type { GeneratedPolicy } from "../policy_space.ts";
import { isLate, noiseShare } from "./budget.ts";
import type { Goal } from "./goals.ts";
import type { TrainingRun } from "./run.ts";

/** How a rollout explores: away from where it is, or around a good policy. */
export type NoiseKind = "wide" | "fine";

/**
 * The differences between the two kinds. What improves a policy that walks lies within a tenth of the sigma
 * that finds another way to walk.
 */
interface NoiseRule {
  /** A rollout succeeds when it keeps this share of the way from a random policy's return to the goal. */
  readonly keptShare: number;
  /** Deviation of the logarithm of the factor that each episode draws. */
  readonly spread: (rollout: Config["rollout"]) => number;
  /** The factor on sigma at this point of the attempt. */
  readonly schedule: (run: TrainingRun) => number;
  /** The field that holds the factor that successes adapt. */
  readonly factor: "noiseFactor" | "fineFactor";
}

const NOISE: { readonly [K in NoiseKind]: NoiseRule } = {
  wide: {
    keptShare: 0.5,
    spread: ({ noiseSpread }) => noiseSpread,
    schedule: noiseShare,
    factor: "noiseFactor",
  },
  fine: {
    keptShare: 0.9,
    spread: ({ noiseSpread }) => noiseSpread / 2,
    schedule: () => 1,
    factor: "fineFactor",
  },
};

/** Share of late rollouts that explore finely; the others may still find another way. */
const FINE_SHARE = 0.8;

/**
 * Adds Gaussian noise to a policy, [P], in place. With a spread, episodes explore at many scales: most near
 * the present sigma, a few far out of a plateau. Draws one uniform number, two late in a run, and 1 + P
 * normal ones from the stream of this episode.
 * @returns the kind of noise.
 */
export function addNoise(run: TrainingRun, policy: GeneratedPolicy): NoiseKind {
  const { task: { config }, attempt, tally } = run;
  const rng = streamFor(config.seed, "noise", tally.episodes);
  rng.random(); // left unused, so that a seed keeps its noise
  const kind = isLate(run) && rng.random() < FINE_SHARE ? "fine" : "wide";
  const { spread, schedule, factor } = NOISE[kind];
  const scale = Math.exp(spread(config.rollout) * rng.standardNormal()) * attempt[factor] *
    schedule(run);
  const limit = sizeLimit(run, policy);
  // Rounded to float32, as the weights are.
  const sigma = Math.fround(config.rollout.noiseScale);
  for (let i = 0; i < policy.length; i++) policy[i] += scale * sigma * rng.standardNormal();
  shrinkTo(policy, limit);
  return kind;
}

/**
 * Gives the greatest root mean square that noise may leave a policy's weights at. Noise makes weights larger
 * step by step, and large weights saturate tanh: such a policy pushes as hard as it can whatever it sees,
 * noise no longer changes what it does, and exploration ends.
 */
function sizeLimit(
  { task: { config: { rollout: { weightLimit } } } }: TrainingRun,
  policy: GeneratedPolicy,
): number {
  return weightLimit === 0 ? Infinity : Math.max(weightLimit, rootMeanSquare(policy));
}

/** Scales a policy down to a root mean square of its weights, in place. */
function shrinkTo(policy: GeneratedPolicy, limit: number): void {
  if (limit === Infinity) return;
  const factor = limit / rootMeanSquare(policy);
  if (factor < 1) policy.forEach((value, i) => policy[i] = value * factor);
}

function rootMeanSquare(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

/** The logarithm of the factor moves by this times the surplus of successes. */
const ADAPTATION = 0.1;
/** The noise stays between these multiples of its configured size. */
const LEAST_NOISE = 0.1;
const MOST_NOISE = 5;

/**
 * Adapts a kind of noise to the outcome of an episode, so that the configured share of episodes succeeds. On
 * a plateau, where nothing matters, noise grows until it leads away; around a fragile gait it shrinks until
 * it does not break it. (The success rule of evolution strategies, with "not broken" in place of "better".)
 */
export function adaptNoise(
  { task: { config }, attempt }: TrainingRun,
  { kind, scaledReturn, goals }: {
    kind: NoiseKind;
    scaledReturn: number;
    goals: readonly Goal[];
  },
): void {
  const { successShare } = config.rollout;
  if (successShare === 0) return;
  const { keptShare, factor } = NOISE[kind];
  const goal = summarise(goals.map((each) => each.scaledReturn)).mean;
  const bar = attempt.startReturn + keptShare * (goal - attempt.startReturn);
  const surplus = (scaledReturn >= bar ? 1 : 0) - successShare;
  const next = attempt[factor] * Math.exp(ADAPTATION * surplus);
  attempt[factor] = Math.min(MOST_NOISE, Math.max(LEAST_NOISE, next));
}
