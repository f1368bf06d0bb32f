/** What the trainer tells its surroundings while it trains, and what it leaves at the end. */

import type { Calibration } from "../generator/calibration.ts";
import type { MeasuredReturn } from "../episodes/evaluate.ts";
import type { TrainingRun } from "./run.ts";

/** A kind of record in the metrics of a run. */
export type RecordKind = "episode" | "update" | "attempt" | "evaluation" | "curve";

/** Is told what happens: writes metrics, draws progress, saves checkpoints. */
export interface TrainingObserver {
  /** Is told of one record for the metrics. */
  record(kind: RecordKind, values: Readonly<Record<string, unknown>>): void;
  /**
   * Called when a cycle or a warm-up episode is complete and the run's state is whole. Returns false
   * to stop there; the trainer goes on from exactly there with the same state.
   */
  betweenCycles(run: TrainingRun): boolean | Promise<boolean>;
  /** Called when the budget is spent: an interrupted end of a run is done again from here. */
  beforeFinish?(run: TrainingRun): boolean | Promise<boolean>;
}

/** How a finished run ended. */
export interface TrainingOutcome {
  /** Which command earns which return, and the best command. */
  readonly calibration: Calibration;
  /** The best command's return over fresh episodes. */
  readonly finalReturn: MeasuredReturn;
}
