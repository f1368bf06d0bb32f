/** What a run measures of itself while it trains. Nothing is learnt or chosen from it. */

import type { PolicyBuffer } from "./buffer.ts";
import type { Config } from "../config/config.ts";
import { measureReturn } from "../episodes/evaluate.ts";
import { measureCommands } from "./probe.ts";
import type { TrainingObserver } from "./observer.ts";
import { goalsOf } from "./goals.ts";
import { spentSteps, type TrainingRun } from "./run.ts";

/** By default a run reports this often: a few episodes beside hundreds of training. */
const EVALUATIONS_PER_RUN = 20;
const SWEEPS_PER_RUN = 4;

/** Bins over the scaled returns 0 to 1 in which reports count stored policies; more follow above 1. */
export const OCCUPANCY_BINS = 40;
/** Returns above this many times the range share the last bin. */
const OCCUPIED_RANGES = 10;

/** Evaluates the best command without noise at every multiple of the configured interval. */
export async function evaluateWhenDue(run: TrainingRun, observer: TrainingObserver): Promise<void> {
  const { config, counters, history, attempt: { buffer } } = run;
  const step = spentSteps(run);
  const due = Math.floor(step / evaluationInterval(config));
  if (due <= counters.evaluations) return;
  const { episodes } = config.evaluation;
  const [{ scaledReturn: command }] = goalsOf(run);
  const [results] = await measureCommands(run, {
    commands: [command],
    episodes,
    purpose: "evaluation",
    firstEpisode: counters.evaluations * episodes,
    account: "evaluation",
  });
  counters.evaluations = due;
  const measured = measureReturn(results);
  history.evaluations.push({ step, command, measured });
  observer.record("evaluation", { command, ...measured, occupancy: countOccupancy(buffer) });
}

/** Measures commands over the whole range at every multiple of the configured interval. */
export async function sweepWhenDue(run: TrainingRun, observer: TrainingObserver): Promise<void> {
  const { config, counters, attempt: { buffer } } = run;
  const { commands: count, episodes } = config.sweep;
  const due = Math.floor(spentSteps(run) / sweepInterval(config));
  if (due <= counters.sweeps) return;
  const commands = Array.from({ length: count }, (_, i) => buffer.best * i / (count - 1));
  const results = await measureCommands(run, {
    commands,
    episodes,
    purpose: "sweep",
    firstEpisode: counters.sweeps * count * episodes,
    account: "evaluation",
  });
  counters.sweeps = due;
  const points = results.map((result, i) => ({ command: commands[i], ...measureReturn(result) }));
  observer.record("curve", { points });
}

/** Counts the stored policies by scaled return: bin j holds (j, j + 1] / OCCUPANCY_BINS. */
export function countOccupancy(buffer: Pick<PolicyBuffer, "entries">): number[] {
  const counts: number[] = [];
  for (const { scaledReturn } of buffer.entries()) {
    const bin = Math.min(
      Math.max(0, Math.ceil(scaledReturn * OCCUPANCY_BINS) - 1),
      OCCUPIED_RANGES * OCCUPANCY_BINS - 1,
    );
    while (counts.length <= bin) counts.push(0);
    counts[bin]++;
  }
  return counts;
}

/** Makes the next reports of a run whose budget was changed come when the new intervals say. */
export function rebaseReports(run: TrainingRun): void {
  const { config, counters } = run;
  const step = spentSteps(run);
  counters.evaluations = Math.floor(step / evaluationInterval(config));
  counters.sweeps = Math.floor(step / sweepInterval(config));
}

function evaluationInterval({ evaluation, steps }: Config): number {
  return evaluation.every || steps / EVALUATIONS_PER_RUN;
}

function sweepInterval({ sweep, steps }: Config): number {
  return sweep.every || steps / SWEEPS_PER_RUN;
}
