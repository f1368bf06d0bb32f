/**
 * The end of a run: the best policy by measurement, the whole range learnt evenly, and the curve that
 * requests are answered through.
 *
 * Only the selection's steps count towards the budget. The curve changes nothing but the command that a
 * request leads to, and the last evaluation changes nothing at all.
 */

import type { Calibration, CalibrationPoint } from "./calibration.ts";
import { consolidate } from "./consolidation.ts";
import { measureReturn } from "./evaluate.ts";
import { goalsOf } from "./goals.ts";
import { measureCommands } from "./probe.ts";
import { selectBest } from "./selection.ts";
import { summarise } from "./statistics.ts";
import type { TrainingObserver, TrainingOutcome } from "./training_observer.ts";
import type { TrainingRun } from "./training_run.ts";

/** The curve is measured up to this multiple of the best command. */
const HIGHEST_COMMAND = 1.1;
/** Commands of the calibration that are refined at once, so that workers have something to share. */
const REFINEMENT_GROUP = 8;

/** Selects, consolidates, calibrates and evaluates a trained run. */
export async function finish(
  run: TrainingRun,
  observer: TrainingObserver,
): Promise<TrainingOutcome> {
  const { config } = run;
  const winner = await selectBest(run);
  await consolidate(run, { winner, observer });
  // Without consolidation the generator has not learnt the winner: the goal is what it knows best.
  const learnt = config.consolidation.updates > 0 ? winner : undefined;
  const bestCommand = learnt?.command ?? goalsOf(run)[0].scaledReturn;
  const points = await measureCurve(run, bestCommand * HIGHEST_COMMAND);
  observer.record("curve", { final: true, points });
  const [episodes] = await measureCommands(run, {
    commands: [bestCommand],
    episodes: config.evaluation.finalEpisodes,
    purpose: "verification",
    firstEpisode: 0,
    account: "evaluation",
  });
  const finalReturn = measureReturn(episodes);
  observer.record("evaluation", { final: true, command: bestCommand, ...finalReturn });
  const calibration: Calibration = { points, bestCommand, bestReturn: finalReturn.mean };
  return { calibration, finalReturn };
}

/**
 * Measures the achieved return at commands from 0 to `top`: first on an even grid, then again and again
 * halfway between the neighbours whose means differ most, until none differ much.
 */
async function measureCurve(run: TrainingRun, top: number): Promise<CalibrationPoint[]> {
  const { commands: count, refinements, episodes } = run.config.calibration;
  const points: CalibrationPoint[] = [];
  const measure = async (commands: readonly number[]): Promise<void> => {
    const results = await measureCommands(run, {
      commands,
      episodes,
      purpose: "calibration",
      firstEpisode: points.length * episodes,
      account: "calibration",
    });
    results.forEach((result, i) => {
      const summary = summarise(result.map((episode) => episode.return));
      points.push({ command: commands[i], ...summary });
    });
    points.sort((a, b) => a.command - b.command);
  };
  await measure(Array.from({ length: count }, (_, i) => top * i / (count - 1)));
  for (let left = refinements; left > 0; left -= REFINEMENT_GROUP) {
    const commands = steepestMidpoints(points, Math.min(left, REFINEMENT_GROUP));
    if (commands.length === 0) break;
    await measure(commands);
  }
  return points;
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
