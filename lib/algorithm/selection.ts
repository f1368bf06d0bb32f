/**
 * Which policy is handed out as the best one, found by measuring.
 *
 * Rollouts move the generator's policy to and fro, most where returns vary from start to start, and the mean of
 * several places on its way is often better than the last one (Polyak averaging). And what rollouts follow need
 * not be what returns most: where a part is paid for being alive, a policy that moves falls, and the one that it
 * began with stands (Ant). So the last policy, means over the end of the way, its best place and its first one
 * play the same fresh episodes without noise; what returns most wins.
 */

import { summarise } from "../numbers/statistics.ts";
import type { GeneratedPolicy, StoredPolicy } from "../policy_space.ts";
import { affordableEpisodes, choiceEnd, isSettled } from "./budget.ts";
import type { Events, PhaseEvent } from "./events.ts";
import { measure } from "./measure.ts";
import { currentNormaliser, type TrainingRun } from "./run.ts";
import type { Milestone } from "./way.ts";

/** How much of the end of the way competes besides the last policy: means over so many cycles. */
const SPANS = [5, 15];
/** More episodes would tell differences that nobody cares for. */
const MOST_EPISODES = 50;

/** A policy that won. */
export interface Winner {
  /** Its numbers, [P]. */
  readonly policy: StoredPolicy;
  /** Its mean return, survival bonus included: measured, or what the last rollouts returned. */
  readonly meanReturn: number;
}

/**
 * Lets the last policy and means over the way compete within the choice's share of the budget. As many compete as
 * it pays an episode for; the last policy wins unmeasured where it pays for none.
 * @param last the generator's policy for the best command
 */
export async function* selectBest(
  run: TrainingRun,
  last: GeneratedPolicy,
): Events<PhaseEvent, Winner> {
  const { task: { frame }, experience: { way }, tally } = run;
  yield { kind: "phase", phase: "choosing", done: 0, total: 1 };
  const normaliser = currentNormaliser(run);
  const affordable = affordableEpisodes(run, { end: choiceEnd(run.task) });
  if (affordable < 1 || isSettled(run)) {
    return { policy: frame.toRaw(last, normaliser), meanReturn: way[way.length - 1].return };
  }
  const field = candidates(way, frame.toRaw(last, normaliser)).slice(0, affordable);
  const episodes = Math.min(MOST_EPISODES, Math.floor(affordable / field.length));
  const results = await measure(
    run,
    field.map((policy) => frame.toNormalised(policy, normaliser)),
    {
      episodes,
      purpose: "choice",
      firstEpisode: tally.noiseFreeEpisodes,
      account: "noiseFree",
      paired: true,
    },
  );
  tally.noiseFreeEpisodes += episodes;
  const means = results.map((result) => summarise(result.map((each) => each.return)).mean);
  const best = means.indexOf(Math.max(...means));
  return { policy: field[best], meanReturn: means[best] };
}

/** Who competes, the likeliest first; the way's own first place is a policy below where it began. */
function candidates(way: readonly Milestone[], last: StoredPolicy): StoredPolicy[] {
  const line = [...way.map(({ policy }) => policy), last];
  const [short, long] = SPANS.map((span) => span <= line.length ? [meanOf(line.slice(-span))] : []);
  const places = way.slice(1);
  const best = places.reduce<Milestone | undefined>(
    (a, b) => a && a.return >= b.return ? a : b,
    undefined,
  );
  const first = places[0];
  const kept = [best, first].flatMap((place) => place ? [place.policy] : []);
  return [...new Set([last, ...short, ...kept, ...long])];
}

/** The mean of policies, number by number. */
function meanOf(policies: readonly StoredPolicy[]): StoredPolicy {
  const mean = new Float32Array(policies[0].length);
  for (const policy of policies) {
    for (let i = 0; i < mean.length; i++) mean[i] += policy[i] / policies.length;
  }
  return mean as StoredPolicy;
}
