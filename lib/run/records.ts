/**
 * The records of metrics.jsonl. They follow from the run alone (no time, no path, nothing of the machine), so
 * that `verifyRun` can make them again and compare.
 */

import type { MetricRecord } from "./metrics.ts";
import { spentSteps } from "../algorithm/budget.ts";
import type { RecordEvent } from "../algorithm/events.ts";
import type { TrainingRun } from "../algorithm/run.ts";
import { hashState } from "./state.ts";
import { VERSION } from "../system/version.ts";

/** After these cycles the log holds a hash of the whole state, for `verifyRun`. */
export const HASHED_CYCLES: readonly number[] = [1, 2, 4, 8, 16, 32];

/** Makes the first record of a run: what it is. */
export function startRecordOf(
  { task: { config: { env, seed }, spec } }: TrainingRun,
): MetricRecord {
  const environment = spec.identity === undefined ? {} : { environment: spec.identity };
  return { kind: "run", step: 0, version: VERSION, env, seed, ...environment };
}

/** Makes a record of what the trainer says; reports also count the steps simulated for each purpose. */
export function recordOf(run: TrainingRun, { kind, ...values }: RecordEvent): MetricRecord {
  const isReport = kind === "evaluation" || kind === "curve";
  const simulated = isReport ? { simulated: { ...run.tally.steps } } : {};
  return { kind, step: spentSteps(run), ...values as object, ...simulated };
}

/** Makes the record of a state's hash; once after each of `HASHED_CYCLES`. */
export function stateRecordOf(run: TrainingRun): MetricRecord {
  const { cycles: cycle } = run.tally;
  return { kind: "state", step: spentSteps(run), cycle, hash: hashState(run) };
}
