/**
 * The line that the generator learns at the end (lib/algorithm/consolidation.ts): from the worst policy of the first
 * cycle to the winner.
 *
 * Three lines compete, and a few episodes tell which serves requests best. The straight one is often the smoothest
 * (Swimmer, Reacher). By way of where search began it avoids a place that stands still (Hopper). And by way of each
 * policy that beat all before it goes in small steps where the others cross a cliff, as where the action is the
 * largest of several outputs, whatever their size (CartPole).
 */

import { risingFit } from "../numbers/isotonic.ts";
import { summarise } from "../numbers/statistics.ts";
import type { StoredPolicy } from "../policy_space.ts";
import { calibrationSteps } from "./budget.ts";
import type { Events, PhaseEvent } from "./events.ts";
import { measure } from "./measure.ts";
import { currentNormaliser, type TrainingRun } from "./run.ts";
import type { Winner } from "./selection.ts";
import { recordsOf } from "./way.ts";

/** Corners of a line, from command 0 to command 1, in equal parts of the commands: two or more policies. */
export type Line = readonly StoredPolicy[];

/** Where lines are looked at: four more places chose the same line in seven of eight runs (2026-11-27). */
const PLACES = [1 / 2, 1 / 4, 3 / 4];
/** Looking ends once it has cost half of what is left for calibration; a quarter stays, however long episodes are. */
const LEFT = { usually: 0.5, least: 0.25 };
/** Returns all over the range that a line should have something near to. */
const REQUESTS = 21;

/** Chooses the line to a winner, by one episode for each of a few places where the calibration can spare them. */
export async function* chooseLine(run: TrainingRun, winner: Winner): Events<PhaseEvent, Line> {
  const { task: { spec, frame }, experience: { way, floor }, tally } = run;
  const lines = linesTo(winner, run);
  const normaliser = currentNormaliser(run);
  const total = calibrationSteps(run);
  const cost = lines.length * spec.maxEpisodeSteps;
  const firstEpisode = tally.noiseFreeEpisodes++;
  const seen: { place: number; returns: readonly number[] }[] = [];
  for (const place of PLACES) {
    const left = calibrationSteps(run);
    if (left < LEFT.usually * total || left - cost < LEFT.least * total) break;
    yield { kind: "phase", phase: "choosing", done: seen.length, total: PLACES.length };
    const results = await measure(
      run,
      lines.map((line) => frame.toNormalised(policyAt(line, place), normaliser)),
      { episodes: 1, purpose: "choice", firstEpisode, account: "noiseFree", paired: true },
    );
    seen.push({ place, returns: results.map(([episode]) => episode.return) });
  }
  // Without a look the line whose corners have returned something is the one that is known.
  if (seen.length === 0) return lines[lines.length - 1];
  seen.sort((a, b) => a.place - b.place);
  const ends = [way[0].return, winner.meanReturn];
  const gaps = lines.map((_, line) => {
    const between = seen.map(({ returns }) => returns[line]);
    // What falls again is met by luck.
    return meanGap(risingFit([ends[0], ...between, ends[1]]), [floor, ends[1]]);
  });
  return lines[gaps.indexOf(Math.min(...gaps))];
}

/** The lines that compete; the first wins where nothing tells them apart. None has a corner in an excluded band. */
function linesTo(
  { policy, meanReturn }: Winner,
  { task: { config: { buffer } }, experience }: TrainingRun,
): Line[] {
  const [low = Infinity, high = -Infinity] = buffer.exclude;
  const way = experience.way.filter((each) => !(each.return > low && each.return <= high));
  const [worst = policy, first = worst] = way.map((each) => each.policy);
  const records = recordsOf(way.filter((each) => each.return < meanReturn));
  return [
    [worst, policy],
    [worst, first, policy],
    [...records.map((each) => each.policy), policy],
  ].filter((line) => line.length > 1);
}

/** The policy of a command on a line, [P]. */
export function policyAt(line: Line, command: number): StoredPolicy {
  const parts = line.length - 1;
  const part = Math.min(parts - 1, Math.max(0, Math.floor(command * parts)));
  const share = command * parts - part;
  const [from, to] = [line[part], line[part + 1]];
  return from.map((value, i) => value + share * (to[i] - value)) as StoredPolicy;
}

/** How far requests all over a range are from the nearest of some returns, on average. */
export function meanGap(
  returns: readonly number[],
  [low, high]: readonly [number, number],
): number {
  const gaps = Array.from({ length: REQUESTS }, (_, i) => {
    const wanted = low + (high - low) * i / (REQUESTS - 1);
    return Math.min(...returns.map((value) => Math.abs(value - wanted)));
  });
  return summarise(gaps).mean;
}
