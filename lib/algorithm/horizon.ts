/**
 * How far siblings run: to the end of their episodes, or only as far as tells who is better.
 *
 * Only the order of siblings teaches the noise and the generator. Where the first part of an episode orders them
 * as the whole does, a cycle of such parts costs less, and the budget holds more cycles. Whole cycles measure it:
 * how far the order by a part agrees with the order by the whole, among those that start alike (Kendall's rank
 * correlation), and which share of the steps the part would have cost. The progress of a cycle goes with the
 * first, the number of cycles with the second; the part that promises most is taken. After some cycles of parts
 * comes a whole one, which also tells what the policies return. An episode that ends within its part is whole, and
 * stored as such. A part that would not have seen how an episode ended agrees with nothing: who falls later is not
 * better.
 *
 * An eighth of the time limit is too short to be among the parts: on HalfCheetah it agreed (0.6) and led to a
 * dive at the start (tests/experiments/NOTEBOOK.md).
 */

import type { Episode } from "../episodes/rollout.ts";
import { type Compared, worthOf } from "./exploration.ts";

/** Parts of the time limit. */
export const PARTS = [1 / 4, 1 / 2] as const;
/** Cycles of parts after a whole one. */
const PARTS_IN_A_ROW = 8;
/** An order that agrees less than this leads elsewhere. */
const LEAST_AGREEMENT = 0.5;
/** Progress for the steps that a part must promise beside whole episodes: cycles of parts leave no returns. */
const LEAST_PROMISE = 1.5;
/** Whole cycles before a part is believed. */
const LEAST_CYCLES = 3;
/** The weight of the last whole cycle, once there have been some. */
const LATEST = 0.5;

/** What whole cycles have shown. */
export interface Horizon {
  /** Whole cycles so far. */
  cycles: number;
  /** Cycles of parts since the last of them. */
  since: number;
  /** Rank correlation of each part with the whole, -1 to 1; a mean that forgets. */
  readonly agreement: Float64Array;
  /** Share of the steps that each part costs; likewise. */
  readonly cost: Float64Array;
}

/** What is known before the first cycle: nothing. */
export function createHorizon(): Horizon {
  const [agreement, cost] = [new Float64Array(PARTS.length), new Float64Array(PARTS.length)];
  return { cycles: 0, since: 0, agreement, cost };
}

/** Gives the steps that siblings of the next cycle run; Infinity for whole episodes. */
export function stepsToRun({ cycles, since, agreement, cost }: Horizon, maxSteps: number): number {
  if (cycles < LEAST_CYCLES || since >= PARTS_IN_A_ROW) return Infinity;
  let [best, steps] = [LEAST_PROMISE, Infinity];
  for (const [i, part] of PARTS.entries()) {
    const promise = agreement[i] / cost[i];
    if (agreement[i] < LEAST_AGREEMENT || promise <= best) continue;
    [best, steps] = [promise, Math.ceil(part * maxSteps)];
  }
  return steps;
}

/** An episode that ran to its end, with what it earned on the way. */
export type WholeEpisode = Compared & Pick<Required<Episode>, "length" | "rewards" | "terminated">;

/** Learns from a whole cycle what parts of its episodes would have told. */
export function learnHorizon(
  horizon: Horizon,
  episodes: readonly WholeEpisode[],
  maxSteps: number,
): void {
  const whole = worthOf(episodes);
  const total = episodes.reduce((sum, { length }) => sum + length, 0);
  const weight = Math.max(LATEST, 1 / (horizon.cycles + 1));
  PARTS.forEach((part, i) => {
    const steps = Math.ceil(part * maxSteps);
    const worth = worthOf(episodes.map((episode) => partOf(episode, steps)));
    const cost = episodes.reduce((sum, { length }) => sum + Math.min(length, steps), 0) / total;
    const isBlind = episodes.some(({ terminated, length }) => terminated && length > steps);
    const agreement = isBlind ? 0 : agreementOf(worth, whole, episodes);
    horizon.agreement[i] += weight * (agreement - horizon.agreement[i]);
    horizon.cost[i] += weight * (cost - horizon.cost[i]);
  });
  horizon.cycles++;
  horizon.since = 0;
}

/** An episode as it compares after so many steps. */
function partOf({ start, rewards }: WholeEpisode, steps: number): Compared {
  let [total, survivalReturn] = [0, 0];
  for (let at = 0; at < Math.min(rewards.length, 2 * steps); at += 2) {
    total += rewards[at];
    survivalReturn += rewards[at + 1];
  }
  return { start, return: total, survivalReturn };
}

/** Kendall's rank correlation of two orders of episodes that started alike; 0 where none are to be told apart. */
function agreementOf(
  a: readonly number[],
  b: readonly number[],
  episodes: readonly Compared[],
): number {
  let [sum, pairs] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < i; j++) {
      if (episodes[i].start !== episodes[j].start) continue;
      sum += Math.sign(a[i] - a[j]) * Math.sign(b[i] - b[j]);
      pairs++;
    }
  }
  return pairs === 0 ? 0 : sum / pairs;
}
