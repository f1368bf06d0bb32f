/**
 * The way that the generator's best policy has come, from what random policies do to what it can do now.
 *
 * After every cycle the policy that its rollouts were drawn around is noted with what they returned. It begins
 * with the worst policy of the first cycle: the generator is to give that, too (lib/algorithm/consolidation.ts).
 * What is handed out as the best is chosen among places on it (lib/algorithm/selection.ts).
 */

import type { StoredPolicy } from "../policy_space.ts";

/** A policy on the way. */
export interface Milestone {
  /** Its numbers, [P]; they belong to the milestone. */
  readonly policy: StoredPolicy;
  /** What it returned, or what rollouts around it did, survival bonus included. */
  readonly return: number;
}

/** The milestones of a way that returned more than all before them. */
export function recordsOf(way: readonly Milestone[]): Milestone[] {
  let best = -Infinity;
  return way.filter((milestone) => {
    if (!(milestone.return > best)) return false;
    best = milestone.return;
    return true;
  });
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
