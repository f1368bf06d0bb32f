/** The policies that a run begins with (lib/algorithm/start.ts), and what is known of them. */

import type { Config } from "../config/config.ts";
import type { EnvSpec } from "../env.ts";
import type { Moments } from "../episodes/normaliser.ts";
import type { RecentStates } from "../episodes/recent_states.ts";
import type { Summary } from "../numbers/statistics.ts";
import type { RawParameters } from "../policy_space.ts";
import { trainingEnd } from "./budget.ts";
import type { EpisodeEvent } from "./events.ts";
import { MOST_MILESTONES } from "./way.ts";

/** A policy that somebody has trained. */
export interface GivenPolicy {
  /** What it is called. */
  readonly name: string;
  /** For raw observations, in policy order, [P]. */
  readonly parameters: RawParameters;
}

/** What a run begins with. */
export interface Start {
  /** At least one. */
  readonly policies: readonly GivenPolicy[];
  /** Whether they are all that is learnt from, or training goes on from them. */
  readonly use: "archive" | "training";
  /** Which way they make. */
  readonly order: "given" | "byReturn";
  /** What their episodes showed, where that is known; they are run otherwise. */
  readonly measured?: MeasuredPolicies;
}

/** A policy and what it returned. */
export interface MeasuredPolicy extends GivenPolicy {
  /** Over the episodes that all have played. */
  readonly measured: Summary;
}

/** Policies after their episodes. */
export interface MeasuredPolicies {
  /** In the order in which they were given. */
  readonly policies: readonly MeasuredPolicy[];
  /** Statistics of all observations. */
  readonly moments: Moments;
  /** Observations for comparing what policies do. */
  readonly states: RecentStates;
  /** The episodes, in order. */
  readonly episodes: readonly EpisodeEvent[];
}

/** Larger archives would lose what lies closest together. */
export const MOST_POLICIES: number = MOST_MILESTONES;
/** Share of training that measures a start; each of its policies plays an episode whatever that costs. */
const START_SHARE = 0.05;

/** Gives the steps that measuring what a run begins with may take. */
export function measuringEnd(config: Config, { use }: Pick<Start, "use">): number {
  return (use === "archive" ? 1 : START_SHARE) * trainingEnd({ config });
}

/**
 * Checks that training's share of the budget holds an episode of each policy that a run begins with.
 * @throws {RangeError} naming the least budget.
 */
export function checkStart(
  config: Config,
  { spec, start: { policies, use } }: { readonly spec: EnvSpec; readonly start: Start },
): void {
  if (config.algorithm !== "udrlpg" || config.rollout.noise !== "adapted") {
    throw new RangeError(
      "Cannot create run: a run that begins with policies must have the algorithm udrlpg and " +
        `rollout.noise = "adapted", got ${config.algorithm} and "${config.rollout.noise}"`,
    );
  }
  const end = trainingEnd({ config });
  const count = use === "archive" ? policies.length : 2 * (policies.length + 1);
  const needed = count * spec.maxEpisodeSteps;
  if (end >= needed) return;
  throw new RangeError(
    `Cannot create run: the budget must hold ${count} episodes of ${spec.maxEpisodeSteps} steps for ` +
      `the ${policies.length} policies that it begins with, at least ${
        Math.ceil(needed * config.steps / end)
      } steps, got ${config.steps}`,
  );
}
