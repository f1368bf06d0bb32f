/**
 * Measures which command earns which return, from command 0 to above the best one.
 *
 * First on an even grid, then halfway between the neighbours whose means differ most, until none differ
 * much. Then requests are rehearsed: returns all over the range are asked for, and what the answers earn
 * is added to what was known of their commands, so that a lucky measurement does not stay the answer.
 */

import {
  type Calibration,
  type CalibrationPoint,
  commandFor,
  reachableRange,
} from "../generator/calibration.ts";
import { goldenBetween } from "../numbers/golden.ts";
import { measureCommands } from "./probe.ts";
import { joinSummaries, summarise } from "../numbers/statistics.ts";
import type { TrainingRun } from "./run.ts";

/** The curve is measured up to this multiple of the best command. */
const HIGHEST_COMMAND = 1.1;
/** Commands that are measured between two looks at the curve, so that workers have something to share. */
const GROUP = 8;

/** Measures the curve of a trained run, given what its best command returned. */
export async function calibrate(run: TrainingRun, best: CalibrationPoint): Promise<Calibration> {
  const { commands: count, refinements, rehearsals, episodes } = run.config.calibration;
  let measured = 0;
  const known = new Map([[best.command, best]]);
  const calibration = (): Calibration => ({
    points: [...known.values()].sort((a, b) => a.command - b.command),
    bestCommand: best.command,
    bestReturn: known.get(best.command)!.mean,
  });
  const measure = async (commands: readonly number[]): Promise<void> => {
    const results = await measureCommands(run, {
      commands,
      episodes,
      purpose: "calibration",
      firstEpisode: measured,
      account: "calibration",
    });
    measured += commands.length * episodes;
    results.forEach((result, i) => {
      const command = commands[i];
      const summary = summarise(result.map((episode) => episode.return));
      const before = known.get(command);
      known.set(command, { command, ...(before ? joinSummaries(before, summary) : summary) });
    });
  };
  const top = best.command * HIGHEST_COMMAND;
  await measure(Array.from({ length: count }, (_, i) => top * i / (count - 1)));
  for (let left = refinements; left > 0; left -= GROUP) {
    const commands = steepestMidpoints(calibration().points, Math.min(left, GROUP));
    if (commands.length === 0) break;
    await measure(commands);
  }
  for (let asked = 0; asked < rehearsals; asked += GROUP) {
    const now = calibration();
    const range = reachableRange(now);
    const answers = new Set<number>();
    for (let i = asked; i < Math.min(asked + GROUP, rehearsals); i++) {
      answers.add(commandFor(now, goldenBetween(i, range)).command);
    }
    await measure([...answers]);
  }
  return calibration();
}

/** Neighbours whose means differ by less than this share of the curve's height need nothing between. */
const FINE_ENOUGH = 0.02;

/**
 * Commands halfway between the neighbours whose means differ most, steepest first; none where all of
 * the curve is fine enough.
 */
export function steepestMidpoints(points: readonly CalibrationPoint[], count: number): number[] {
  const means = points.map(({ mean }) => mean);
  const enough = FINE_ENOUGH * (Math.max(...means) - Math.min(...means));
  const gaps = points.slice(1).map((b, i) => {
    const a = points[i];
    return { middle: (a.command + b.command) / 2, rise: Math.abs(b.mean - a.mean) };
  });
  return gaps
    .filter(({ rise }) => rise > enough)
    .sort((a, b) => b.rise - a.rise)
    .slice(0, count)
    .map(({ middle }) => middle);
}
