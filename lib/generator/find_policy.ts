/**
 * From a wanted return to a policy that was seen to earn it.
 *
 * The calibration turns the return into a command; the policy for it is then run for a number of
 * episodes. With a tolerance the search goes on, within a budget of episodes, until the confidence
 * interval of a candidate's mean lies inside the wanted return +- the tolerance, in more episodes the
 * more candidates were tried. A candidate whose mean is there but whose interval is too wide is run for
 * more, fresh, episodes, if a few are likely to be enough, or more after many candidates: a policy of
 * steadier returns is worth looking for. Otherwise the calibration's next best answers are tried, then
 * other commands by bisection between what is surely too low and what is surely too high. Where commands
 * are exhausted, as at a cliff of the curve, or none reaches the wanted return, two things take turns: a
 * blend of the weights of the nearest policies on either side, which is run until it is surely on one of
 * them itself, and noise of several sizes on the weights of the closest candidate. The closest is the one
 * whose interval reaches least far from the wanted return: a wild policy's mean may lie anywhere.
 */

import { answersFor, type CalibratedCommand } from "./calibration.ts";
import type { EpisodeRunner, MeasuredReturn } from "../episodes/evaluate.ts";
import { measureReturn } from "../episodes/evaluate.ts";
import type { TrainedGenerator } from "./generator_file.ts";
import { type Episode, episodeSeed, streamFor } from "../episodes/rollout.ts";
import { toPolicyOrder } from "../policy_space.ts";

/** What is wanted of `findPolicy`. */
export interface FindOptions {
  /** The wanted mean return. */
  readonly requested: number;
  /** Episodes of one measurement of a candidate. */
  readonly episodes: number;
  /** How far the confidence interval may reach from the requested return; no search without it. */
  readonly tolerance?: number;
  /** Episodes that the whole search may run. */
  readonly episodeBudget: number;
  /** Seed of latents and environments. */
  readonly seed: number;
  /** Runs the episodes. */
  readonly runner: EpisodeRunner;
  /** Told after each measurement of a candidate. */
  readonly onCandidate?: (candidate: Candidate) => void;
}

/** A policy that was generated and measured. */
export interface Candidate {
  /** Scaled command that it, or what its weights were made from, was generated for. */
  readonly command: number;
  /** In policy order, [P]. */
  readonly parameters: Float32Array;
  /** What it returned, and the environment seeds of its episodes. */
  readonly measured: MeasuredReturn & { readonly seeds: readonly number[] };
}

/** The best candidate, and whether it is good enough. */
export interface FoundPolicy extends Candidate {
  /** The calibrated command that the search started from. */
  readonly start: CalibratedCommand;
  /** True when no tolerance was given or the confidence interval lies within it. */
  readonly accepted: boolean;
  /** Episodes that the search ran. */
  readonly episodes: number;
}

/** The calibration's answers that are tried before the search makes up commands of its own. */
const ANSWERS = 8;
/** How many grid steps around the calibrated command the search looks at first. */
const FIRST_STEP = 0.5;
/** Deviations of the noise that is tried then, in units of 1 / sqrt(fan-in) of a weight's layer. */
const NOISE_SHARES = [0.05, 0.2, 1, 4, 0.1, 0.5, 2, 0.02];
/** Deviation of the place of a blend on the way between two policies, so that none is tried twice. */
const BLEND_DEVIATION = 0.15;
/** No blend comes closer than this share of the way to what it is made of. */
const BLEND_MARGIN = 0.05;
/** Measurements after which a blend is left where it may still be on either side. */
const BLEND_PATIENCE = 10;
/** Measurements that making one candidate sure is worth, for every candidate that was tried. */
const PATIENCE = 3;

/**
 * Measurements that a candidate must be sure in. Of many candidates one looks steady by luck: what falls
 * in one of ten episodes does so in none of the first ten every third time.
 */
function confirmations(candidates: number): number {
  return 2 + Math.floor(Math.log2(candidates));
}

/** A candidate with everything that was measured of it. */
interface Trial {
  readonly command: number;
  readonly parameters: Float32Array;
  /** Whether it is what the generator puts out for its command, and no blend and without noise. */
  readonly isGenerated: boolean;
  readonly episodes: Episode[];
}

/**
 * Generates and measures policies for a wanted return. The n-th episode of every candidate has the same
 * seed, so candidates are compared on equal terms.
 */
export async function findPolicy(
  generator: TrainedGenerator,
  options: FindOptions,
): Promise<FoundPolicy> {
  const { requested, tolerance, seed, runner } = options;
  const [start, ...others] = answersFor(generator.calibration, requested).slice(0, ANSWERS);
  const untried = start.within ? others.map(({ command }) => command) : [];
  const trials: Trial[] = [];
  let spent = 0;
  let perturbations = 0;

  /** Runs the next episodes of a trial: the first ones of a new trial, more of a known one. */
  const run = async (trial: Trial): Promise<void> => {
    const first = trial.episodes.length;
    const seeds = seedsOf(seed, { first, count: options.episodes });
    const jobs = [{ parameters: trial.parameters, seeds }];
    trial.episodes.push(...(await runner.run(jobs, generator.normaliser))[0]);
    spent += options.episodes;
    if (first === 0) trials.push(trial);
    options.onCandidate?.(candidateOf(trial, seed));
  };
  const generate = async (command: number): Promise<Trial> => {
    const rng = streamFor(seed, "latent", spent);
    const [row] = await generator.pass.run(generator.values, { commands: [command], rng });
    const parameters = toPolicyOrder(generator.model, row);
    return { command, parameters, isGenerated: true, episodes: [] };
  };
  const perturb = ({ command, parameters }: Trial): Trial => {
    const rng = streamFor(seed, "noise", spent);
    const { scale } = generator.shape;
    const share = NOISE_SHARES[perturbations++ % NOISE_SHARES.length];
    const moved = parameters.map((x, i) => x + share * scale[i] * rng.standardNormal());
    return { command, parameters: moved, isGenerated: false, episodes: [] };
  };
  const closest = (among: readonly Trial[]): Trial =>
    among.reduce((a, b) => (reachOf(b, requested) < reachOf(a, requested) ? b : a));
  const nearestOn = (side: -1 | 1): Trial | undefined => {
    const there = trials.filter((trial) => sideOf(trial, requested) === side);
    const miss = (trial: Trial) => Math.abs(meanOf(trial) - requested);
    return there.sort((a, b) => miss(a) - miss(b))[0];
  };
  const blend = (): Trial | undefined => {
    const [low, high] = [nearestOn(-1), nearestOn(1)];
    if (!low || !high) return undefined;
    const rng = streamFor(seed, "noise", spent);
    const straight = (requested - meanOf(low)) / (meanOf(high) - meanOf(low));
    const share = straight + BLEND_DEVIATION * rng.standardNormal();
    return blendOf(low, high, Math.min(1 - BLEND_MARGIN, Math.max(BLEND_MARGIN, share)));
  };
  const isOpen = (trial: Trial): boolean =>
    sideOf(trial, requested) === 0 && trial.episodes.length < BLEND_PATIENCE * options.episodes;
  const lacking = (trial: Trial): number =>
    missing(trial, options, confirmations(trials.length) * options.episodes);
  const accepts = (trial: Trial): boolean => tolerance === undefined || lacking(trial) === 0;

  let blended: Trial | undefined;
  await run(await generate(start.command));
  while (!trials.some(accepts) && spent + options.episodes <= options.episodeBudget) {
    const surest = trials.reduce((a, b) => lacking(b) < lacking(a) ? b : a);
    const affordable = Math.min(
      PATIENCE * options.episodes * trials.length,
      options.episodeBudget - spent,
    );
    if (lacking(surest) <= affordable) {
      await run(surest);
      continue;
    }
    const next = untried.shift() ??
      (start.within ? nextCommand(trials, { requested, generator }) : undefined);
    if (next !== undefined) await run(await generate(next));
    else if (blended && isOpen(blended)) await run(blended);
    else {
      blended = trials.length % 2 === 1 ? blend() : undefined;
      await run(blended ?? perturb(closest(trials)));
    }
  }
  const accepted = trials.filter(accepts);
  const best = closest(accepted.length > 0 ? accepted : trials);
  return { ...candidateOf(best, seed), start, accepted: accepted.length > 0, episodes: spent };
}

/** The policy whose weights are a share of the way from one to another. */
function blendOf(from: Trial, to: Trial, share: number): Trial {
  return {
    command: (share < 0.5 ? from : to).command,
    parameters: from.parameters.map((x, i) => x + share * (to.parameters[i] - x)),
    isGenerated: false,
    episodes: [],
  };
}

function seedsOf(seed: number, { first, count }: { first: number; count: number }): number[] {
  return Array.from({ length: count }, (_, i) => episodeSeed(seed, "verification", first + i + 1));
}

/**
 * Estimates how many more episodes would make a trial sure, its confidence interval within the tolerance
 * after no less than `least` of them: infinitely many where its mean is outside.
 */
function missing(
  { episodes }: Trial,
  { requested, tolerance = 0 }: Pick<FindOptions, "requested" | "tolerance">,
  least: number,
): number {
  const { mean, std, ci95: [low, high], n } = measureReturn(episodes);
  const room = tolerance - Math.abs(mean - requested);
  if (room < 0 || (room === 0 && std > 0)) return Infinity;
  // The interval narrows with the root of the number of episodes.
  const needed = std === 0 ? n : n * ((high - low) / 2 / room) ** 2;
  return Math.max(0, needed - n, least - n);
}

function meanOf({ episodes }: Trial): number {
  return measureReturn(episodes).mean;
}

/** Where a trial's mean may lie: its 95 % interval, or what one episode, which has none, returned. */
function intervalOf({ episodes }: Trial): readonly [low: number, high: number] {
  const { mean, n, ci95 } = measureReturn(episodes);
  return n > 1 ? ci95 : [mean, mean];
}

/** How far from the wanted return a trial's mean may lie. */
function reachOf(trial: Trial, requested: number): number {
  return Math.max(...intervalOf(trial).map((bound) => Math.abs(bound - requested)));
}

/** Whether a trial's mean is surely below the wanted return (-1), surely above it (1), or neither (0). */
function sideOf(trial: Trial, requested: number): number {
  const [low, high] = intervalOf(trial);
  return low > requested ? 1 : high < requested ? -1 : 0;
}

function candidateOf({ command, parameters, episodes }: Trial, seed: number): Candidate {
  const seeds = seedsOf(seed, { first: 0, count: episodes.length });
  return { command, parameters, measured: { ...measureReturn(episodes), seeds } };
}

/**
 * Chooses the next command: halfway between the closest two measured commands of which one is surely too
 * low and one too high, the next grid point outwards while all means are on one side; undefined when those
 * two have come so close that their policies hardly differ, or what lies between them is there already.
 */
function nextCommand(
  trials: readonly Trial[],
  { requested, generator }: { requested: number; generator: TrainedGenerator },
): number | undefined {
  const candidates = trials.filter(({ isGenerated }) => isGenerated);
  const { points } = generator.calibration;
  const gaps = points.slice(1).map(({ command }, i) => command - points[i].command);
  const grid = gaps.length > 0 ? Math.max(...gaps) : 0.01; // where nothing was refined
  const sorted = [...candidates].sort((a, b) => a.command - b.command);
  let [narrowest, next]: [number, number | undefined] = [Infinity, undefined];
  for (let i = 1; i < sorted.length; i++) {
    const [a, b] = [sorted[i - 1], sorted[i]];
    const brackets = sideOf(a, requested) * sideOf(b, requested) < 0;
    const width = b.command - a.command;
    // Below a 4096th of a grid step neighbouring policies hardly differ.
    if (brackets && width < narrowest && width > grid / 4096) {
      [narrowest, next] = [width, (a.command + b.command) / 2];
    }
  }
  if (next !== undefined || isBracketed(sorted, requested)) return next;
  const step = grid * FIRST_STEP;
  const first = candidates[0];
  const lowest = sorted[0].command;
  // Both ways in turn, first where a rising curve has the return; there is nothing below command 0.
  const upwards = candidates.length % 2 === (meanOf(first) < requested ? 1 : 0);
  return upwards || lowest <= 0
    ? sorted[sorted.length - 1].command + step
    : Math.max(0, lowest - step);
}

function isBracketed(trials: readonly Trial[], requested: number): boolean {
  const means = trials.map(meanOf);
  return Math.min(...means) <= requested && Math.max(...means) >= requested;
}
