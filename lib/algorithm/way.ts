/**
 * The way that the generator's best policy has come, from what random policies do to what it can do now.
 *
 * After every cycle the policy that its rollouts were drawn around is noted with what they returned. These
 * policies follow each other in small steps, and so do their returns: between two of them a blend of their
 * weights returns something in between, which cannot be said of two policies that happen to return the same.
 * So it is this line that the generator learns at the end, with the share of the way's rise as the command
 * (lib/algorithm/consolidation.ts): command 0 is where random policies are, 1 the best one.
 */

import { risingBlocks } from "../numbers/isotonic.ts";
import type { StoredPolicy } from "../policy_space.ts";

/** A policy on the way. */
export interface Milestone {
  /** Its numbers, [P]; they belong to the milestone. */
  readonly policy: StoredPolicy;
  /** What it returned, or what rollouts around it did, survival bonus included. */
  readonly return: number;
}

/** So many milestones are kept; a line bends less than that. */
export const MOST_MILESTONES = 256;

/**
 * Adds a milestone to a way, in place. Where it has become too long, the one leaves whose neighbours are
 * closest to each other in return; first and last stay.
 */
export function addMilestone(way: Milestone[], milestone: Milestone): void {
  way.push(milestone);
  if (way.length <= MOST_MILESTONES) return;
  const gap = (i: number) => Math.abs(way[i + 1].return - way[i - 1].return);
  let least = 1;
  for (let i = 2; i < way.length - 1; i++) if (gap(i) < gap(least)) least = i;
  way.splice(least, 1);
}

/** A policy that the generator is to give for a command. */
export interface Station {
  /** The command, from 0 to 1. */
  readonly command: number;
  /** The policy, [P]. */
  readonly policy: StoredPolicy;
}

/**
 * The stations of a way: the share of its rise that each stage has reached, and where it was at the end of the
 * stage. Returns that fall for a while belong to one stage with what rose before: a detour is no way to
 * anywhere. A way without a rise has one station.
 */
export function stationsOf(way: readonly Milestone[]): Station[] {
  const stages = risingBlocks(way.map((milestone) => milestone.return));
  const [low, high] = [stages[0].mean, stages[stages.length - 1].mean];
  return stages.map(({ mean, last }) => ({
    command: high > low ? (mean - low) / (high - low) : 1,
    policy: way[last].policy,
  }));
}
