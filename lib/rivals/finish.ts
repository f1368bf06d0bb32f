/** The end of a run by another algorithm: the last evaluation, and which command earns which return. */

import type { CurveEvent, Events } from "../algorithm/events.ts";
import { finalEpisodes } from "../algorithm/budget.ts";
import { measureCommands } from "../algorithm/measure.ts";
import type { TrainingRun } from "../algorithm/run.ts";
import { measureReturn } from "../episodes/evaluate.ts";

/** Measures the one policy that a run has learnt: what answers every request. */
export async function* finishWithOne(run: TrainingRun): Events {
  const command = 1;
  yield { kind: "phase", phase: "measuring", done: 0, total: 1 };
  const [episodes] = await measureCommands(run, [command], {
    episodes: finalEpisodes(run.task),
    purpose: "verification",
    firstEpisode: 0,
    account: "evaluation",
  });
  const finalReturn = measureReturn(episodes);
  const { mean, std, n } = finalReturn;
  const calibration = {
    points: [{ command, mean, std, n }],
    bestCommand: command,
    bestReturn: mean,
  };
  const range = run.task.scale.range ?? [mean, mean] as const;
  const curve: CurveEvent = { kind: "curve", final: true, range, points: calibration.points };
  yield { ...curve, asked: [] };
  yield { kind: "evaluation", final: true, command, ...finalReturn };
  yield { kind: "end", outcome: { calibration, finalReturn } };
}
