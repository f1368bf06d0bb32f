/**
 * The changing state of a run as named tensors, and back: what a checkpoint holds of it, bit for bit.
 *
 * Parts and tensors (F64 unless said otherwise; N stored policies, W generator weights, S observation):
 *
 *     learner     weights, momentum, variance F32 [W]; updates [1]
 *     experience  of the stored policies scaled_return, order [N], oldest first; arrivals, best, floor, goal
 *                 [1]; horizon.counts [2], cycles and since, horizon.agreement, horizon.cost [parts];
 *                 moments.count [1], moments.mean, moments.squares [S]; way.policies F32 [T * P],
 *                 way.returns [T]; followed, earlier F32 [P], [0] where there is none; before [3], episodes,
 *                 parts and training steps; reached [whole cycles]; lost [1]; where noise adapts
 *                 for each part K noise.K.sigma, noise.K.largest, noise.K.cycles [1], noise.K.sizePath, noise.K.shapePath,
 *                 noise.K.covariance; where the loss needs recent observations states.rows F32 [rows * S],
 *                 states.seen [1]
 *     parked_*    learner and experience of the first attempt while it is parked, rows F32 [N * P] among them
 *     progress    steps.PURPOSE, counters.NAME, history.NAME, isSecond [1]; returns [episodes];
 *                 evaluations [count, 5] (step, command, mean, std, n)
 *     kept        what another algorithm than udrlpg keeps, F32 or F64 under its own names; no part without any
 *
 * The policies themselves are the checkpoint's rows, [P] float32 under the number of their arrival,
 * which is never used twice. Slots are not saved: where a policy lies in memory changes no result.
 *
 * When you add a field to the state of a run: if it is a number in the tally or the history, add its name to
 * the table below (it does not compile otherwise); anything else needs a tensor here and its way back.
 */

import {
  captureExperience,
  captureLearner,
  captureParked,
  float32,
  float64,
  readExperience,
  readLearner,
  readParked,
  scalarOf,
  type Tensors,
} from "./attempt_state.ts";
import { createHash } from "node:crypto";
import type { PolicyBuffer } from "../algorithm/buffer.ts";
import { isSecond, takeSecond } from "../algorithm/attempts.ts";
import type { LoadedCheckpoint } from "./checkpoint/reader.ts";
import { FileError } from "../system/errors.ts";
import { requireTensor, type Tensor } from "../formats/safetensors.ts";
import { nameWeights } from "../learner/generation_pass.ts";
import type { RowSet } from "./checkpoint/rows.ts";
import { confidence95 } from "../numbers/statistics.ts";
import {
  type Evaluation,
  type History,
  type StepCounts,
  type Tally,
  type TrainingRun,
} from "../algorithm/run.ts";
import { STATE_PARTS } from "../learner/update_graph.ts";

/** A copy of a run's state, except that the rows stay where they are in the buffer. */
export interface CapturedState {
  /** Named tensors by part. */
  readonly parts: ReadonlyMap<string, ReadonlyMap<string, Tensor>>;
  /** The stored policies. */
  readonly rows: RowSet;
}

type NumericKeys<T> = keyof { [K in keyof T as T[K] extends number ? K : never]: unknown };
type Names<T> = { readonly [K in NumericKeys<T>]: true };

const STEP_NAMES = namesOf<StepCounts>({
  training: true,
  noiseFree: true,
  calibration: true,
  evaluation: true,
});
const TALLY_NAMES = namesOf<Tally>({
  episodes: true,
  cycles: true,
  lastRollouts: true,
  evaluations: true,
  sweeps: true,
  noiseFreeEpisodes: true,
  starts: true,
  parts: true,
  longest: true,
  attempts: true,
});
const HISTORY_NAMES = namesOf<History>({
  bestReturn: true,
  lastReturn: true,
  lastLoss: true,
});
const EVALUATION_COLUMNS = 5;

/** Copies the state of a run. The rows must be used before the buffer changes. */
export function captureState(run: TrainingRun): CapturedState {
  const { task: { shape }, tools: { learner }, experience } = run;
  const { buffer } = experience;
  const rows = Array.from(
    buffer.entries(),
    ({ order, slot }) => [order, buffer.row(slot)] as const,
  );
  const kept = captureKept(run);
  const { parked } = run;
  return {
    parts: new Map([
      ["learner", captureLearner(learner.state)],
      ["experience", captureExperience(experience)],
      ["progress", captureProgress(run)],
      ...(parked ? captureParked(parked) : []),
      ...(kept.size > 0 ? [["kept", kept] as const] : []),
    ]),
    rows: { rowLength: shape.parameterCount, rows },
  };
}

function captureProgress(run: TrainingRun): Map<string, Tensor> {
  const { tally, history } = run;
  const tensors = new Map<string, Tensor>([["returns", float64(history.returns)]]);
  for (const name of STEP_NAMES) tensors.set(`steps.${name}`, float64([tally.steps[name]]));
  for (const name of TALLY_NAMES) tensors.set(`counters.${name}`, float64([tally[name]]));
  for (const name of HISTORY_NAMES) tensors.set(`history.${name}`, float64([history[name]]));
  tensors.set("isSecond", float64([isSecond(run) ? 1 : 0]));
  const rows = history.evaluations.map(({ step, command, measured: { mean, std, n } }) => [
    step,
    command,
    mean,
    std,
    n,
  ]);
  tensors.set("evaluations", {
    dtype: "F64",
    shape: [rows.length, EVALUATION_COLUMNS],
    data: Float64Array.from(rows.flat()),
  });
  return tensors;
}

function captureKept({ kept }: TrainingRun): Map<string, Tensor> {
  return new Map(
    [...kept.capture()].map(([name, data]) => [
      name,
      data instanceof Float32Array ? float32(data) : float64(data),
    ]),
  );
}

/**
 * Puts a saved state into a run that has just been created from the same configuration.
 * @throws {FileError} when the checkpoint does not fit the run; the run is not usable then.
 */
export function restoreState(run: TrainingRun, loaded: LoadedCheckpoint, name: string): void {
  const part: Parts = (key) => ({ tensors: loaded.parts.get(key) ?? new Map<string, Tensor>() });
  restoreAttempts(run, { part, name });
  const rowLength = run.task.shape.parameterCount;
  run.tools.learner.restore(readLearner(run.tools.model, part("learner"), name));
  readExperience(run.experience, part("experience"), { rowLength, name });
  readRows(run.experience.buffer, { loaded, rowLength, name });
  restoreProgress(run, part("progress"), name);
  restoreKept(run, part("kept"));
}

type Parts = (key: string) => Tensors;

/** Makes the attempts of a run that has just been created be those that were saved; what it has not run holds nothing. */
function restoreAttempts(run: TrainingRun, { part, name }: { part: Parts; name: string }): void {
  if (scalarOf(part("progress"), "isSecond", name) === 0) return;
  takeSecond(run);
  const [learner, experience] = [part("parked_learner"), part("parked_experience")];
  if (learner.tensors.size === 0) run.parked = undefined;
  else readParked(run.parked!, { learner, experience, name });
}

/** Reads the policies of the buffer. */
function readRows(
  buffer: PolicyBuffer,
  { loaded, rowLength, name }: { loaded: LoadedCheckpoint; rowLength: number; name: string },
): void {
  const slots = new Map(Array.from(buffer.entries(), ({ order, slot }) => [order, slot]));
  const fits = loaded.rowCount === slots.size &&
    (slots.size === 0 || loaded.rowLength === rowLength);
  if (!fits) {
    throw new FileError(
      `Cannot read checkpoint ${JSON.stringify(name)}: it must hold ${slots.size} policies of ` +
        `${rowLength} numbers, got ${loaded.rowCount} of ${loaded.rowLength}`,
    );
  }
  loaded.readRows((id, row) => {
    const slot = slots.get(id);
    if (slot === undefined) {
      throw new FileError(
        `Cannot read checkpoint ${JSON.stringify(name)}: every row must be a policy of the ` +
          `buffer, got row ${id}`,
      );
    }
    buffer.row(slot).set(row);
  });
}

function restoreProgress(
  { tally, history }: TrainingRun,
  progress: Tensors,
  name: string,
): void {
  for (const key of STEP_NAMES) tally.steps[key] = scalarOf(progress, `steps.${key}`, name);
  for (const key of TALLY_NAMES) tally[key] = scalarOf(progress, `counters.${key}`, name);
  for (const key of HISTORY_NAMES) history[key] = scalarOf(progress, `history.${key}`, name);
  for (const value of requireTensor(progress, "returns", { dtype: "F64", name }).data) {
    history.returns.push(value);
  }
  const { data } = requireTensor(progress, "evaluations", { dtype: "F64", name });
  for (let at = 0; at < data.length; at += EVALUATION_COLUMNS) {
    const [step, command, mean, std, n] = data.subarray(at, at + EVALUATION_COLUMNS);
    const measured = { mean, std, n, ci95: confidence95({ mean, std, n }) };
    history.evaluations.push({ step, command, measured } satisfies Evaluation);
  }
}

function restoreKept({ kept }: TrainingRun, { tensors }: Tensors): void {
  const numbers = [...tensors].flatMap(([name, { data }]) =>
    data instanceof Float32Array || data instanceof Float64Array ? [[name, data] as const] : []
  );
  kept.restore(new Map(numbers));
}

/** Computes the SHA-256 of a run's whole state, stored policies included, as hexadecimal digits. */
export function hashState(run: TrainingRun): string {
  const { parts, rows } = captureState(run);
  const hash = createHash("sha256");
  for (const [part, tensors] of parts) {
    for (const [name, { dtype, shape, data }] of tensors) {
      hash.update(`${part}/${name} ${dtype} ${shape}\n`);
      hash.update(bytesOf(data));
    }
  }
  for (const [id, row] of rows.rows) hash.update(`${id}\n`).update(bytesOf(row));
  return hash.digest("hex");
}

/**
 * Finds the first number that is not finite among the weights, Adam's moments, the normaliser and the
 * stored returns: such as "weights.input.weight.0[7]", or undefined when there is none.
 */
export function findNonFinite(
  { tools: { learner, model }, experience: { moments, buffer }, kept }: TrainingRun,
): string | undefined {
  const named = STATE_PARTS.flatMap((part) =>
    Object.entries(nameWeights(model.weights, { flat: learner.state[part], prefix: part }))
  );
  const arrays: [string, ArrayLike<number>][] = [
    ...named.map(([name, { data }]): [string, Float32Array] => [name, data as Float32Array]),
    ["moments.mean", moments.mean],
    ["moments.squares", moments.squares],
    ["buffer.scaled_return", [...buffer.entries()].map((entry) => entry.scaledReturn)],
    ...kept.capture(),
  ];
  for (const [name, values] of arrays) {
    for (let i = 0; i < values.length; i++) {
      if (!Number.isFinite(values[i])) return `${name}[${i}]`;
    }
  }
  return undefined;
}

function namesOf<T>(names: Names<T>): readonly NumericKeys<T>[] {
  return Object.keys(names) as NumericKeys<T>[];
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
