/** The end of every run: what its best command returns, and which command earns which return. */

import { type MeasuredReturn, measureReturn } from "../episodes/evaluate.ts";
import type { Calibration } from "../generator/calibration.ts";
import { finalEpisodes } from "./budget.ts";
import { calibrate, type Rehearsed } from "./calibrate.ts";
import type { Events, PhaseEvent } from "./events.ts";
import { measureCommands } from "./measure.ts";
import { bestCommand } from "./batches.ts";
import type { TrainingRun } from "./run.ts";

/** Measures what a fitted generator can do: its best command, and the curve that requests are answered through. */
export async function* conclude(run: TrainingRun): Events {
  const command = bestCommand(run);
  const finalReturn = yield* measureFinal(run, command);
  const { mean, std, n } = finalReturn;
  const rehearsed = yield* calibrate(run, { command, mean, std, n });
  yield* tellEnd(run, { finalReturn, ...rehearsed });
}

/** Runs the last evaluation, of one command; nothing is learnt from it. */
export async function* measureFinal(
  run: TrainingRun,
  command: number,
): Events<PhaseEvent, MeasuredReturn> {
  yield { kind: "phase", phase: "measuring", done: 0, total: 1 };
  const [episodes] = await measureCommands(run, [command], {
    episodes: finalEpisodes(run.task),
    purpose: "verification",
    firstEpisode: 0,
    account: "evaluation",
  });
  return measureReturn(episodes);
}

/** Tells how a run has ended. */
export async function* tellEnd(
  run: TrainingRun,
  { finalReturn, calibration, asked }: Rehearsed & { readonly finalReturn: MeasuredReturn },
): Events {
  const range = rangeOfCurve(run, calibration);
  yield { kind: "curve", final: true, range, points: calibration.points, asked };
  yield { kind: "evaluation", final: true, command: calibration.bestCommand, ...finalReturn };
  yield { kind: "end", outcome: { calibration, finalReturn } };
}

/** The returns that commands stand for: on a fixed scale that, else those of the curve's ends. */
function rangeOfCurve(
  run: TrainingRun,
  { points, bestReturn }: Calibration,
): readonly [number, number] {
  return run.task.scale.range ?? [points[0]?.mean ?? bestReturn, bestReturn];
}
