/**
 * The end of a run: the best policy by measurement, the whole range learnt evenly, and the curve that
 * requests are answered through.
 *
 * The survey's and the selection's steps count towards the budget. The curve changes nothing but the
 * command that a request leads to, and the last evaluation changes nothing at all.
 */

import { calibrate } from "./calibrate.ts";
import { consolidate } from "./consolidation.ts";
import { measureReturn } from "../episodes/evaluate.ts";
import { goalsOf } from "./goals.ts";
import { measureCommands } from "./probe.ts";
import { selectBest } from "./selection.ts";
import { survey } from "./survey.ts";
import type { TrainingObserver, TrainingOutcome } from "./observer.ts";
import type { TrainingRun } from "./run.ts";

/** Surveys, selects, consolidates, calibrates and evaluates a trained run. */
export async function finish(
  run: TrainingRun,
  observer: TrainingObserver,
): Promise<TrainingOutcome> {
  const { config } = run;
  const steady = await survey(run);
  const winner = await selectBest(run);
  await consolidate(run, { winner, steady, observer });
  // Without consolidation the generator has not learnt the winner: the goal is what it knows best.
  const learnt = config.consolidation.updates > 0 ? winner : undefined;
  const bestCommand = learnt?.command ?? goalsOf(run)[0].scaledReturn;
  const [episodes] = await measureCommands(run, {
    commands: [bestCommand],
    episodes: config.evaluation.finalEpisodes,
    purpose: "verification",
    firstEpisode: 0,
    account: "evaluation",
  });
  const finalReturn = measureReturn(episodes);
  const { mean, std, n } = finalReturn;
  const calibration = await calibrate(run, { command: bestCommand, mean, std, n });
  observer.record("curve", { final: true, points: calibration.points });
  observer.record("evaluation", { final: true, command: bestCommand, ...finalReturn });
  return { calibration, finalReturn };
}
