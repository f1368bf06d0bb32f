/**
 * Which policy is handed out as the best one, found by measuring.
 *
 * Rollouts move the generator's policy to and fro, most where returns vary from start to start, and the mean of
 * several places on its way is often better than the last one (Polyak averaging). A single rollout may be better
 * than what is blended from it and others, or may have been lucky. And what rollouts follow need not be what
 * returns most: where a part is paid for being alive, a policy that moves falls, and the one that it began with
 * stands (Ant). So the last policy, the stored ones that returned most, means over the end of the way, its best
 * place, its first one and where the first attempt stood when a second began play the same fresh episodes without
 * noise, in rounds that the better half survives.
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
/** So many stored policies compete, those that returned most. */
const MOST_STORED = 4;
/** As many compete as it pays so many episodes for, but two at least. */
const LEAST_EPISODES = 3;
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
 * Lets policies compete within the choice's share of the budget. The last policy wins unmeasured where it does not
 * pay for an episode of each of two.
 * @param last the generator's policy for the best command
 */
export async function* selectBest(
  run: TrainingRun,
  last: GeneratedPolicy,
): Events<PhaseEvent, Winner> {
  const { task: { frame }, experience: { way }, tally } = run;
  yield { kind: "phase", phase: "choosing", done: 0, total: 1 };
  const normaliser = currentNormaliser(run);
  const episodesLeft = () => affordableEpisodes(run, { end: choiceEnd(run.task) });
  const affordable = isSettled(run) ? 0 : episodesLeft();
  const size = Math.max(Math.min(2, affordable), Math.floor(affordable / LEAST_EPISODES));
  let field = candidates(run, frame.toRaw(last, normaliser)).slice(0, size)
    .map((policy): Contender => ({ policy, returns: [] }));
  if (field.length < 2) {
    return { policy: frame.toRaw(last, normaliser), meanReturn: way[way.length - 1].return };
  }
  while (true) {
    const rounds = Math.ceil(Math.log2(field.length));
    const left = Math.floor(episodesLeft() / field.length);
    const episodes = Math.min(
      MOST_EPISODES - field[0].returns.length,
      Math.max(1, Math.floor(left / rounds)),
    );
    if (left < 1 || episodes < 1) break;
    const results = await measure(
      run,
      field.map(({ policy }) => frame.toNormalised(policy, normaliser)),
      {
        episodes,
        purpose: "choice",
        firstEpisode: tally.noiseFreeEpisodes,
        account: "noiseFree",
        paired: true,
      },
    );
    tally.noiseFreeEpisodes += episodes;
    results.forEach((result, i) => field[i].returns.push(...result.map((each) => each.return)));
    field = field.toSorted((a, b) => meanOfReturns(b) - meanOfReturns(a))
      .slice(0, Math.max(2, Math.ceil(field.length / 2)));
  }
  return { policy: field[0].policy, meanReturn: meanOfReturns(field[0]) };
}

/** A policy that competes. */
interface Contender {
  readonly policy: StoredPolicy;
  /** What it returned so far. */
  readonly returns: number[];
}

function meanOfReturns({ returns }: Contender): number {
  return summarise(returns).mean;
}

/** Who competes, the likeliest first; the way's own first place is a policy below where it began. */
function candidates(
  { experience: { way, buffer, earlier } }: TrainingRun,
  last: StoredPolicy,
): StoredPolicy[] {
  const line = [...way.map(({ policy }) => policy), last];
  const [short, long] = SPANS.map((span) => span <= line.length ? [meanOf(line.slice(-span))] : []);
  const places = way.slice(1);
  const best = places.reduce<Milestone | undefined>(
    (a, b) => a && a.return >= b.return ? a : b,
    undefined,
  );
  const first = places[0];
  const kept = [
    ...[best, first].flatMap((place) => place ? [place.policy] : []),
    ...(earlier ? [earlier] : []),
  ];
  const [top, ...others] = buffer.drawable()
    .toSorted((a, b) => b.scaledReturn - a.scaledReturn)
    .slice(0, MOST_STORED)
    .map(({ slot }) => buffer.row(slot).slice() as StoredPolicy);
  return [...new Set([...short, ...(top ? [top] : []), last, ...long, ...kept, ...others])];
}

/** The mean of policies, number by number. */
function meanOf(policies: readonly StoredPolicy[]): StoredPolicy {
  const mean = new Float32Array(policies[0].length);
  for (const policy of policies) {
    for (let i = 0; i < mean.length; i++) mean[i] += policy[i] / policies.length;
  }
  return mean as StoredPolicy;
}
