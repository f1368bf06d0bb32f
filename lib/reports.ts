/** What a run measures of itself while it trains. Nothing is learnt or chosen from it. */

import { measureReturn } from "./evaluate.ts";
import { measureCommands } from "./probe.ts";
import type { TrainingObserver } from "./trainer.ts";
import { spentSteps, type TrainingRun } from "./training_run.ts";

/** Reported by default a hundred times, with ten sweeps, as in the reference's table. */
const EVALUATIONS_PER_RUN = 100;
const SWEEPS_PER_RUN = 10;

/** Evaluates the best command without noise at every multiple of the configured interval. */
export async function evaluateWhenDue(run: TrainingRun, observer: TrainingObserver): Promise<void> {
  const { config, counters, history, buffer } = run;
  const every = config.evaluation.every || config.steps / EVALUATIONS_PER_RUN;
  const step = spentSteps(run);
  const due = Math.floor(step / every);
  if (due <= counters.evaluations) return;
  const { episodes } = config.evaluation;
  const command = buffer.best;
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
  observer.record("evaluation", { command, ...measured });
}

/** Measures commands over the whole range at every multiple of the configured interval. */
export async function sweepWhenDue(run: TrainingRun, observer: TrainingObserver): Promise<void> {
  const { config, counters, buffer } = run;
  const { commands: count, episodes } = config.sweep;
  const due = Math.floor(spentSteps(run) / (config.sweep.every || config.steps / SWEEPS_PER_RUN));
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
