/** What runs by another algorithm have in common: the loop over their cycles, and the end with one policy. */

import { hasBudget } from "../algorithm/budget.ts";
import { measureFinal, tellEnd } from "../algorithm/conclusion.ts";
import type { EpisodeEvent, Events, UpdateEvent } from "../algorithm/events.ts";
import { report } from "../algorithm/reports.ts";
import type { TrainingRun } from "../algorithm/run.ts";

/** What a run repeats until its budget is spent. */
export interface Cycles {
  /** One cycle: episodes and updates. */
  readonly cycle: () => Events<EpisodeEvent | UpdateEvent>;
  /** Frees what cycles use; called once after the last one, also when one fails. */
  readonly close?: () => Promise<void>;
  /** What comes after training. */
  readonly finish: (run: TrainingRun) => Events;
}

/** Trains a run by cycles; see `train` in lib/rivals/algorithms.ts. */
export async function* trainByCycles(
  run: TrainingRun,
  { cycle, close, finish }: Cycles,
): Events {
  try {
    while (hasBudget(run)) {
      yield* cycle();
      yield* report(run);
      yield { kind: "cycle" };
    }
  } finally {
    await close?.();
  }
  yield { kind: "spent" };
  yield* finish(run);
}

/** Measures the one policy that a run has learnt: what answers every request. */
export async function* finishWithOne(run: TrainingRun): Events {
  const command = 1;
  const finalReturn = yield* measureFinal(run, command);
  const { mean, std, n } = finalReturn;
  const points = [{ command, mean, std, n }];
  const calibration = { points, bestCommand: command, bestReturn: mean };
  yield* tellEnd(run, { finalReturn, calibration, asked: [] });
}
