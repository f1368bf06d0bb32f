/** The exploring episode: a generated policy, noise on its weights, one episode, one stored pair. */

import { attemptProgress, isLate } from "./attempt_plan.ts";
import type { Config } from "../config/config.ts";
import { DivergedError } from "../system/errors.ts";
import type { Goal } from "./goals.ts";
import { noiseDeviations } from "./noise.ts";
import { createMoments, mergeMoments } from "../episodes/normaliser.ts";
import { type Episode, episodeSeed, runEpisode, streamFor } from "../episodes/rollout.ts";
import { fallingCosine } from "../numbers/schedule.ts";
import { summarise } from "../numbers/statistics.ts";
import { currentNormaliser, spentSteps, storedPolicy, type TrainingRun } from "./run.ts";
import { toPolicyOrder } from "../policy_space.ts";

/** How a rollout explores: away from where it is, or around a good policy. */
export type NoiseKind = "wide" | "fine";

/**
 * What tells the two kinds apart. Around a policy that walks, what improves it lies at a tenth or less
 * of the sigma that finds another way to walk.
 */
interface NoiseRule {
  /** A success is a return that keeps this share of the way from a random policy's to the goal. */
  readonly keptShare: number;
  /** Deviation of the logarithm of the factor that each episode draws. */
  readonly spread: (rollout: Config["rollout"]) => number;
  /** What the part of the attempt that is over makes of sigma. */
  readonly schedule: (run: TrainingRun) => number;
  /** Where successes leave their mark. */
  readonly factor: "noiseFactor" | "fineFactor";
}

const NOISE: { readonly [K in NoiseKind]: NoiseRule } = {
  wide: {
    keptShare: 0.5,
    spread: ({ noiseSpread }) => noiseSpread,
    schedule(run) {
      const { finalNoiseShare } = run.config.rollout;
      return finalNoiseShare + (1 - finalNoiseShare) * fallingCosine(attemptProgress(run));
    },
    factor: "noiseFactor",
  },
  fine: {
    keptShare: 0.9,
    spread: ({ noiseSpread }) => noiseSpread / 2,
    schedule: () => 1,
    factor: "fineFactor",
  },
};

/**
 * Adds Gaussian noise to a policy in generator order, [P], in place. Draws one uniform number, late in a
 * run two, and 1 + P normal ones from the stream of this episode. With a spread, episodes explore at many
 * scales: most near the present sigma, a few far out of a plateau.
 * @returns the kind of noise, or undefined when this episode explores without any.
 */
export function addNoise(run: TrainingRun, row: Float32Array): NoiseKind | undefined {
  const { config, counters, attempt } = run;
  const rng = streamFor(config.seed, "noise", counters.episodes);
  if (rng.random() >= config.rollout.noiseProbability) return undefined;
  const kind = isLate(run) && rng.random() < config.rollout.fineShare ? "fine" : "wide";
  const { spread, schedule, factor } = NOISE[kind];
  const scale = Math.exp(spread(config.rollout) * rng.standardNormal()) * attempt[factor] *
    schedule(run);
  const deviations = noiseDeviations(run);
  const limit = sizeLimit(run, row);
  for (let i = 0; i < row.length; i++) row[i] += scale * deviations[i] * rng.standardNormal();
  shrinkTo(row, limit);
  return kind;
}

/**
 * Gives the root mean square that noise may leave a policy's weights at. Noise makes weights larger, step by
 * step, and large ones saturate tanh: the policy only ever pushes as hard as it can, noise of any size
 * changes nothing about it, and exploration has come to an end.
 */
function sizeLimit(
  { config: { rollout: { weightLimit } } }: TrainingRun,
  row: Float32Array,
): number {
  return weightLimit === 0 ? Infinity : Math.max(weightLimit, rootMeanSquare(row));
}

/** Scales a policy down to a root mean square of its weights, in place. */
function shrinkTo(row: Float32Array, limit: number): void {
  if (limit === Infinity) return;
  const factor = limit / rootMeanSquare(row);
  if (factor < 1) row.forEach((value, i) => row[i] = value * factor);
}

function rootMeanSquare(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

/** How fast successes change the noise: the factor's logarithm moves by this times their surplus. */
const ADAPTATION = 0.1;
/** The noise stays between these multiples of its configured size. */
const LEAST_NOISE = 0.1;
const MOST_NOISE = 5;

/**
 * Adapts a kind of noise to the outcome of an episode with it, so that the configured share of them
 * succeeds: on a plateau, where nothing that is tried matters, noise grows until it leads away; around
 * a fragile gait it shrinks until it does not break it. (The success rule of evolution strategies, with
 * "not broken" in place of "better".)
 */
export function adaptNoise(
  { config, attempt }: TrainingRun,
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

/** What `runAndStore` tells of its episode. */
export interface StoredEpisode {
  /** Sum of rewards, survival bonus included. */
  readonly return: number;
  /** Simulated steps. */
  readonly length: number;
  /** The stored return on the scale of commands. */
  readonly scaledReturn: number;
  /** False when the buffer turned the policy away. */
  readonly stored: boolean;
}

/**
 * Runs one training episode with a policy in generator order, [P], and stores it under its return.
 * @throws {DivergedError} when the policy or its return is not finite; nothing is stored then.
 */
export async function runAndStore(
  run: TrainingRun,
  row: Float32Array,
  { updateNormaliser }: { updateNormaliser: boolean },
): Promise<StoredEpisode> {
  const normaliser = currentNormaliser(run);
  const { episode, scaledReturn, survival } = await runTraining(run, row, { updateNormaliser });
  const stored = row.slice();
  run.frame.toRaw(stored, normaliser);
  const entry = run.attempt.buffer.add(stored, { scaledReturn, survival, step: spentSteps(run) });
  return {
    return: episode.return,
    length: episode.length,
    scaledReturn,
    stored: entry !== undefined,
  };
}

/**
 * Tells whether the next rollout runs a stored policy again. Late in a run hardly anything new is found and
 * most of what looks better was lucky: there it may be due more often.
 */
export function isRefreshDue(run: TrainingRun): boolean {
  const { config: { rollout }, counters } = run;
  const every = isLate(run) ? rollout.lateRefreshEvery : rollout.refreshEvery;
  return every > 0 && counters.episodes % every === 0;
}

/** The best stored policies compete for being run again. */
const REFRESH_CANDIDATES = 10;

/**
 * Runs a stored policy again and averages its return: of the best ones, the one that was measured in
 * the fewest episodes. A return that was luck comes down; the best of many noisy episodes always is
 * partly luck.
 * @throws {DivergedError} when its return is not finite.
 */
export async function refreshBest(
  run: TrainingRun,
  { updateNormaliser }: { updateNormaliser: boolean },
): Promise<StoredEpisode> {
  const entry = run.attempt.buffer.top(REFRESH_CANDIDATES)
    .reduce((least, other) => (other.episodes < least.episodes ? other : least));
  const row = storedPolicy(run, entry);
  const { episode, scaledReturn, survival } = await runTraining(run, row, { updateNormaliser });
  const episodes = entry.episodes + 1;
  run.attempt.buffer.relabel(entry, {
    scaledReturn: (entry.scaledReturn * entry.episodes + scaledReturn) / episodes,
    survival: (entry.survival * entry.episodes + survival) / episodes,
    step: spentSteps(run),
    episodes,
  });
  return { return: episode.return, length: episode.length, scaledReturn, stored: true };
}

/** Runs a policy in generator order for one training episode and books it. */
async function runTraining(
  run: TrainingRun,
  row: Float32Array,
  { updateNormaliser }: { updateNormaliser: boolean },
): Promise<{ episode: Episode; scaledReturn: number; survival: number }> {
  const { config, env, policy, model, attempt, scale, counters, history } = run;
  assertFinite(row, { run, what: "policy" });
  policy.normalise(currentNormaliser(run));
  policy.load(toPolicyOrder(model, row));
  const seen = createMoments(attempt.moments.mean.length);
  const seed = episodeSeed(config.seed, "training", counters.episodes);
  const episode = await runEpisode(
    env,
    policy,
    updateNormaliser ? { seed, moments: seen } : { seed },
  );
  assertFinite([episode.return], { run, what: "return" });
  mergeMoments(attempt.moments, seen);
  attempt.episodes++;
  counters.episodes++;
  counters.steps.training += episode.length;
  history.returns.push(episode.return);
  history.lastReturn = episode.return;
  history.bestReturn = Math.max(history.bestReturn, episode.return);
  return {
    episode,
    scaledReturn: scale.scale(scale.storedReturn(episode)),
    survival: scale.survival(episode),
  };
}

function assertFinite(
  values: ArrayLike<number>,
  { run, what }: { run: TrainingRun; what: "policy" | "return" },
): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    throw new DivergedError(
      `Cannot continue training: every number of the ${what} must be finite, got ${values[i]} at ` +
        `index ${i}, step ${spentSteps(run)}, episode ${run.counters.episodes}`,
    );
  }
}
