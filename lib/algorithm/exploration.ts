/**
 * Exploration: which policies a cycle of rollouts runs, and which of them did best.
 *
 * Fixed noise is the published method's: one rollout, the same sigma for every weight. Adapted noise
 * (lib/algorithm/adapted_noise.ts) draws several policies around one centre and needs nothing but their order.
 */

import { summarise } from "../numbers/statistics.ts";
import { streamFor } from "../numbers/streams.ts";
import type { GeneratedPolicy } from "../policy_space.ts";
import { type Direction, drawDirections, winnerShares } from "./adapted_noise.ts";
import { siblingCount } from "./budget.ts";
import type { TrainingRun } from "./run.ts";

/** A policy to run. */
export interface Sibling {
  /** Its numbers, [P]. */
  readonly policy: GeneratedPolicy;
  /** How it differs from the centre, where noise adapts. */
  readonly direction?: Direction;
  /** Which of the run's noises that is of. */
  readonly part?: number;
  /** Siblings of one group start their episodes alike: the number of the start. */
  readonly start: number;
}

/**
 * So many siblings start alike. More tell better who is better from that start; fewer make a cycle see more
 * starts, and what is good from one start alone is soon forgotten. Two mirrored pairs.
 */
export const GROUP_SIZE = 4;

/** Draws the policies of a cycle around its centre. */
export function drawSiblings(run: TrainingRun, centre: GeneratedPolicy): Sibling[] {
  const { task: { config, unit, explored }, experience: { noise }, tally } = run;
  const rng = streamFor(config.seed, "noise", tally.cycles);
  if (!noise) {
    const sigma = run.tools.learner.updates > 0 ? config.rollout.noiseScale : 0;
    const policy = centre.map((value) => value + sigma * rng.standardNormal()) as GeneratedPolicy;
    return [{ policy, start: tally.starts }];
  }
  const count = siblingCount(run);
  const partOf = (i: number) => Math.floor(i / 2) % noise.length;
  const places = Array.from({ length: count }, (_, i) => i);
  const drawn = noise.map((each, part) =>
    drawDirections(each, rng, places.filter((i) => partOf(i) === part).length)
  );
  return places.map((i) => {
    const part = partOf(i);
    const direction = drawn[part].shift()!;
    const policy = centre.slice() as GeneratedPolicy;
    explored[part].forEach((place, j) =>
      policy[place] += noise[part].sigma * unit[place] * direction.shaped[j]
    );
    return { policy, direction, part, start: tally.starts + startOf(i, count) };
  });
}

/** The group of a sibling; a last group that would be small joins the one before. */
function startOf(index: number, count: number): number {
  return Math.min(Math.floor(index / GROUP_SIZE), Math.max(0, Math.floor(count / GROUP_SIZE) - 1));
}

/** What is known of an episode when siblings are compared. */
export interface Compared {
  /** Sum of rewards. */
  readonly return: number;
  /** The part of it that was paid for being alive. */
  readonly survivalReturn: number;
  /** Number of the start. */
  readonly start: number;
}

/** A sibling that did better than most. */
export interface BetterSibling {
  /** Its place in the cycle. */
  readonly place: number;
  /** How much it is to be followed; the shares of a cycle sum to 1. */
  readonly share: number;
}

/**
 * Finds the better half of a cycle, best first, by how much better each did than those that started alike.
 * Siblings that did equally well have equal shares, so that a cycle in which nobody is better points nowhere.
 * @param among the places of those that are asked for; all when absent
 */
export function findBetterHalf(
  episodes: readonly Compared[],
  among: readonly number[] = [...episodes.keys()],
): BetterSibling[] {
  const worth = worthOf(episodes);
  const surplus = worth.map((value, i) => {
    const alike = worth.filter((_, j) => episodes[j].start === episodes[i].start);
    return value - alike.reduce((sum, other) => sum + other, 0) / alike.length;
  });
  const order = among.toSorted((a, b) => surplus[b] - surplus[a]);
  const shares = winnerShares(among.length);
  return order.map((place) => {
    const equal = order.flatMap((other, rank) => surplus[other] === surplus[place] ? [rank] : []);
    const sum = equal.reduce((total, rank) => total + (shares[rank] ?? 0), 0);
    return { place, share: sum / equal.length };
  }).filter(({ share }) => share > 0);
}

/** The mean of the better siblings by their shares, [P]. */
export function blend(
  siblings: readonly Sibling[],
  better: readonly BetterSibling[],
): GeneratedPolicy {
  const mean = new Float32Array(siblings[0].policy.length) as GeneratedPolicy;
  for (const { place, share } of better) {
    siblings[place].policy.forEach((value, i) => mean[i] += share * value);
  }
  return mean;
}

/**
 * Finds the episode that stands out of a cycle: worth more above the second best than that is above the mean.
 * @returns its place and the second best's; undefined when none does
 */
export function findOutstanding(
  episodes: readonly Compared[],
): { place: number; second: number } | undefined {
  const worth = worthOf(episodes);
  const [place, second] = [...worth.keys()].sort((a, b) => worth[b] - worth[a] || a - b);
  const mean = worth.reduce((sum, value) => sum + value, 0) / worth.length;
  if (!(worth[place] - worth[second] > worth[second] - mean)) return undefined;
  return { place, second };
}

/**
 * What an episode is worth: its return. Where a part is paid for being alive and something can be earned besides,
 * standing still is worth much and leads nowhere, and the rest alone pays for a dive that ends at once. There
 * being alive counts up to the median of the cycle: falling early costs, standing longer than others earns
 * nothing. And it counts so much that it tells siblings apart no more than the rest does: else balance is learnt
 * first, and what moves falls.
 */
export function worthOf(episodes: readonly Compared[]): number[] {
  const earned = episodes.map((each) => each.return - each.survivalReturn);
  const survivals = episodes.map((each) => each.survivalReturn);
  if (survivals.every((value) => value === 0) || !earned.some((value) => value > 0)) {
    return episodes.map((each) => each.return);
  }
  const median = survivals.toSorted((a, b) => a - b)[Math.floor(survivals.length / 2)];
  const capped = survivals.map((value) => Math.min(value, median));
  const [ofRest, ofLife] = [summarise(earned).std, summarise(capped).std];
  const weight = ofLife > ofRest ? ofRest / ofLife : 1;
  return earned.map((value, i) => value + weight * capped[i]);
}
