/** What a run measures of itself while it trains. Nothing is learnt or chosen from it. */

import { measureReturn } from "../episodes/evaluate.ts";
import { dueReports, reportEpisodes, spentSteps } from "./budget.ts";
import type { CurveEvent, EvaluationEvent, Events } from "./events.ts";
import { measureCommands } from "./measure.ts";
import { bestCommand, commandOf, commandRange } from "./batches.ts";
import type { TrainingRun } from "./run.ts";

/** Commands of a sweep, from 0 to the best return. */
export const SWEPT_COMMANDS = 10;

/** Bins over the scaled returns 0 to 1 in which reports count stored policies; more follow above 1. */
export const OCCUPANCY_BINS = 40;
/** Returns above this many times the range share the last bin. */
const OCCUPIED_RANGES = 10;

/** Evaluates the best command and sweeps the range, each when another of its intervals has passed. */
export async function* report(run: TrainingRun): Events<EvaluationEvent | CurveEvent> {
  const due = dueReports(run);
  const { tally } = run;
  if (due.evaluations > tally.evaluations) {
    const evaluation = await evaluate(run);
    tally.evaluations = due.evaluations;
    yield evaluation;
  }
  if (due.sweeps > tally.sweeps) {
    const curve = await sweep(run);
    tally.sweeps = due.sweeps;
    yield curve;
  }
}

/** Measures the best command without noise. */
async function evaluate(run: TrainingRun): Promise<EvaluationEvent> {
  const { tally, history } = run;
  const command = bestCommand(run);
  const count = reportEpisodes(run.task.config);
  const [results] = await measureCommands(run, [command], {
    episodes: count,
    purpose: "evaluation",
    firstEpisode: tally.evaluations * count,
    account: "evaluation",
  });
  const measured = measureReturn(results);
  history.evaluations.push({ step: spentSteps(run), command, measured });
  return {
    kind: "evaluation",
    command,
    ...measured,
    range: commandRange(run),
    occupancy: countOccupancy(run),
  };
}

/** Measures commands over the whole range. */
async function sweep(run: TrainingRun): Promise<CurveEvent> {
  const { tally } = run;
  const last = SWEPT_COMMANDS - 1;
  const commands = Array.from({ length: SWEPT_COMMANDS }, (_, i) => bestCommand(run) * i / last);
  const count = reportEpisodes(run.task.config);
  const results = await measureCommands(run, commands, {
    episodes: count,
    purpose: "sweep",
    firstEpisode: tally.sweeps * SWEPT_COMMANDS * count,
    account: "evaluation",
  });
  const points = results.map((result, i) => ({ command: commands[i], ...measureReturn(result) }));
  return { kind: "curve", range: commandRange(run), points };
}

/** Counts the stored policies by command: bin j holds (j, j + 1] / OCCUPANCY_BINS. */
export function countOccupancy(run: TrainingRun): number[] {
  const counts: number[] = [];
  for (const { scaledReturn } of run.experience.buffer.entries()) {
    const bin = Math.min(
      Math.max(0, Math.ceil(commandOf(run, scaledReturn) * OCCUPANCY_BINS) - 1),
      OCCUPIED_RANGES * OCCUPANCY_BINS - 1,
    );
    while (counts.length <= bin) counts.push(0);
    counts[bin]++;
  }
  return counts;
}

/** Makes the next reports of a run whose budget was changed come when the new intervals say. */
export function rebaseReports(run: TrainingRun): void {
  Object.assign(run.tally, dueReports(run));
}
