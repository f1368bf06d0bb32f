/**
 * Finds the best policy by measuring.
 *
 * "The best return seen" is the luckiest noisy episode, and what the generator puts out for that command may be
 * bad. So policies compete in fresh episodes: what the generator puts out for the goals of rollouts, without
 * noise, and the best stored ones. All of them play the same episodes. Each round has an equal part of what
 * training left of the budget; after a round the worse half leaves (successive halving), until one of the last
 * two wins.
 */

import { summarise } from "../numbers/statistics.ts";
import type { GeneratedPolicy, StoredPolicy } from "../policy_space.ts";
import { affordableEpisodes, choosing } from "./budget.ts";
import type { Events, PhaseEvent } from "./events.ts";
import { goalsOf } from "./goals.ts";
import { generate, measurePaid } from "./measure.ts";
import { currentNormaliser, recall, type TrainingRun } from "./run.ts";

/** Policies that compete; as many again join of those that ran more than once. */
const CANDIDATES = 6;

/** The policy that won. */
export interface Winner {
  /** Its numbers, [P]. */
  readonly policy: StoredPolicy;
  /** Its measured mean return as a scaled command. */
  readonly command: number;
  /** The same mean as a return, survival bonus included. */
  readonly meanReturn: number;
}

interface Candidate {
  readonly policy: GeneratedPolicy;
  readonly returns: number[];
  readonly storedReturns: number[];
}

/**
 * Lets candidates compete within what is left of the budget.
 * @returns undefined when not even one episode fits.
 */
export async function* selectBest(run: TrainingRun): Events<PhaseEvent, Winner | undefined> {
  const { task: { frame, scale } } = run;
  const affordable = affordableEpisodes(run);
  if (affordable < 1) return undefined;
  // Half of what is affordable for the first round, the rest to make the last ones sure.
  const room = Math.max(1, Math.floor(affordable / 2));
  let field = await makeCandidates(run, room);
  const mean = ({ returns }: Candidate) => summarise(returns).mean;
  for (let rounds = roundsOf(field.length); rounds > 0; rounds--) {
    const left = affordableEpisodes(run);
    if (left < field.length) break;
    const episodes = Math.max(1, Math.floor(left / (rounds * field.length)));
    const results = await measurePaid(run, field.map(({ policy }) => policy), { episodes });
    field.forEach(({ returns, storedReturns }, i) => {
      returns.push(...results[i].returns);
      storedReturns.push(...results[i].storedReturns);
    });
    field.sort((a, b) => mean(b) - mean(a));
    if (rounds > 1) field = field.slice(0, betterHalf(field.length));
    yield choosing(run);
  }
  const [winner] = field;
  return {
    policy: frame.toRaw(winner.policy, currentNormaliser(run)),
    command: scale.scale(summarise(winner.storedReturns).mean),
    meanReturn: mean(winner),
  };
}

/** How many go on to the next round: half, and at least two. */
function betterHalf(count: number): number {
  return Math.max(2, Math.ceil(count / 2));
}

/** Rounds until one of two wins. */
function roundsOf(count: number): number {
  return count <= 2 ? 1 : 1 + roundsOf(betterHalf(count));
}

/**
 * Makes the candidates: one half are the best stored policies, the other what the generator puts out for the
 * goals. As many again join, if there is room, of the stored ones that ran more than once: their return is no
 * luck.
 */
async function makeCandidates(run: TrainingRun, room: number): Promise<Candidate[]> {
  const { buffer } = run.attempt;
  const count = Math.min(CANDIDATES, room);
  const best = buffer.top(Math.floor(count / 2));
  const sure = buffer.top(buffer.size).filter(({ episodes }) => episodes > 1)
    .slice(0, Math.min(count, room - count));
  const stored = [...new Set([...best, ...sure])].map((entry) => recall(run, entry));
  const goals = goalsOf(run).slice(0, count - best.length);
  const generated = await generate(run, goals.map(({ scaledReturn }) => scaledReturn));
  // Stored ones first: on a tie they have been measured before.
  return [...stored, ...generated].map((policy) => ({ policy, returns: [], storedReturns: [] }));
}
