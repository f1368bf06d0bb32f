/** The end of a run by another algorithm: the one policy answers every request. */

import { measureFinal, tellEnd } from "../algorithm/conclusion.ts";
import type { Events } from "../algorithm/events.ts";
import type { TrainingRun } from "../algorithm/run.ts";

/** Measures the one policy that a run has learnt: what answers every request. */
export async function* finishWithOne(run: TrainingRun): Events {
  const command = 1;
  const finalReturn = yield* measureFinal(run, command);
  const { mean, std, n } = finalReturn;
  const points = [{ command, mean, std, n }];
  const calibration = { points, bestCommand: command, bestReturn: mean };
  yield* tellEnd(run, { finalReturn, calibration, asked: [] });
}
