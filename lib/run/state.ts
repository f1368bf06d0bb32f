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
 *                 parts and training steps; reached [whole cycles]; where noise adapts
 *                 for each part K noise.K.sigma, noise.K.cycles [1], noise.K.sizePath, noise.K.shapePath,
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

import { joinFloats } from "../system/bytes.ts";
import { createHash } from "node:crypto";
import type { Entry, PolicyBuffer } from "../algorithm/buffer.ts";
import { isSecond, takeSecond } from "../algorithm/attempts.ts";
import { PARTS } from "../algorithm/horizon.ts";
import type { LoadedCheckpoint } from "./checkpoint/reader.ts";
import { FileError } from "../system/errors.ts";
import { requireTensor, type Tensor } from "../formats/safetensors.ts";
import type { GeneratorModel } from "../model.ts";
import { countWeights, nameWeights } from "../learner/generation_pass.ts";
import type { LearnerState } from "../learner/learner.ts";
import type { RowSet } from "./checkpoint/rows.ts";
import { confidence95 } from "../numbers/statistics.ts";
import {
  type Attempt,
  type Evaluation,
  type Experience,
  type History,
  type StepCounts,
  type Tally,
  type TrainingRun,
} from "../algorithm/run.ts";
import type { GeneratedPolicy, StoredPolicy } from "../policy_space.ts";
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
/** The tensor of each number that is known of a stored policy. */
const ENTRY_TENSORS: { readonly [F in Exclude<keyof Entry, "slot">]: string } = {
  scaledReturn: "scaled_return",
  order: "order",
};
const ENTRY_FIELDS = Object.keys(ENTRY_TENSORS) as (keyof typeof ENTRY_TENSORS)[];
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

/** The first attempt, while it is parked. Its policies are other rows than the run's, and few. */
function captureParked(
  { tools: { learner }, experience }: Attempt,
): (readonly [string, Map<string, Tensor>])[] {
  const { buffer } = experience;
  const rows = joinFloats(Array.from(buffer.entries(), ({ slot }) => buffer.row(slot)));
  return [
    ["parked_learner", captureLearner(learner.state)],
    ["parked_experience", captureExperience(experience).set("rows", float32(rows))],
  ];
}

function captureLearner(state: LearnerState): Map<string, Tensor> {
  return new Map<string, Tensor>([
    ...STATE_PARTS.map((part) => [part, float32(state[part].slice())] as const),
    ["updates", float64([state.updates])],
  ]);
}

function captureExperience(experience: Experience): Map<string, Tensor> {
  const { buffer, moments, way, followed } = experience;
  const entries = [...buffer.entries()];
  return new Map<string, Tensor>([
    ...ENTRY_FIELDS.map((field) =>
      [ENTRY_TENSORS[field], float64(entries.map((entry) => entry[field]))] as const
    ),
    ["arrivals", float64([buffer.arrivals])],
    ["best", float64([buffer.best])],
    ["floor", float64([experience.floor])],
    ["goal", float64([experience.goal])],
    ["horizon.counts", float64([experience.horizon.cycles, experience.horizon.since])],
    ["horizon.agreement", float64(experience.horizon.agreement)],
    ["horizon.cost", float64(experience.horizon.cost)],
    ["moments.count", float64([moments.count])],
    ["moments.mean", float64(moments.mean)],
    ["moments.squares", float64(moments.squares)],
    ["way.policies", float32(joinFloats(way.map(({ policy }) => policy)))],
    ["way.returns", float64(way.map((milestone) => milestone.return))],
    ["followed", float32(followed ?? new Float32Array(0))],
    ["earlier", float32(experience.earlier ?? new Float32Array(0))],
    ["before", float64(BEFORE.map((name) => experience.before[name]))],
    ["reached", float64(experience.reached)],
    ...captureNoise(experience),
    ...captureStates(experience),
  ]);
}

const BEFORE = ["episodes", "parts", "training"] as const;
const NOISE_VECTORS = ["sizePath", "shapePath", "covariance"] as const;

function captureNoise({ noise = [] }: Experience): [string, Tensor][] {
  return noise.flatMap((each, part): [string, Tensor][] => [
    [`noise.${part}.sigma`, float64([each.sigma])],
    [`noise.${part}.cycles`, float64([each.cycles])],
    ...NOISE_VECTORS.map((key): [string, Tensor] => [`noise.${part}.${key}`, float64(each[key])]),
  ]);
}

function captureStates({ states }: Experience): [string, Tensor][] {
  if (!states) return [];
  return [["states.rows", float32(states.rows.slice())], ["states.seen", float64([states.seen])]];
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
  const rowLength = run.task.shape.parameterCount;
  takeSecond(run);
  const { parked } = run;
  if (part("parked_learner").tensors.size === 0) run.parked = undefined;
  else {
    const { tools, experience } = parked!;
    tools.learner.restore(readLearner(tools.model, part("parked_learner"), name));
    const saved = part("parked_experience");
    readExperience(experience, saved, { rowLength, name });
    const { buffer } = experience;
    const shape = [buffer.size * rowLength];
    const rows = split(requireTensor(saved, "rows", { dtype: "F32", shape, name }).data, rowLength);
    [...buffer.entries()].forEach(({ slot }, i) => buffer.row(slot).set(rows[i]));
  }
}

type Tensors = { readonly tensors: ReadonlyMap<string, Tensor> };

function readLearner(
  model: GeneratorModel,
  learnt: Tensors,
  name: string,
): LearnerState {
  const size = countWeights(model.weights);
  const vector = (key: string) =>
    requireTensor(learnt, key, { dtype: "F32", shape: [size], name }).data;
  return {
    weights: vector("weights"),
    momentum: vector("momentum"),
    variance: vector("variance"),
    updates: scalarOf(learnt, "updates", name),
  };
}

/** Fills the experience of a run that has just been created, but for the rows of its buffer. */
function readExperience(
  experience: Experience,
  saved: Tensors,
  { rowLength, name }: { rowLength: number; name: string },
): void {
  const { buffer, moments, way } = experience;
  const vector = (key: string, shape?: number[]) =>
    requireTensor(saved, key, { dtype: "F64", ...(shape ? { shape } : {}), name }).data;
  const policies = (key: string, count: number) =>
    split(
      requireTensor(saved, key, { dtype: "F32", shape: [count * rowLength], name }).data,
      rowLength,
    );
  const count = vector(ENTRY_TENSORS.order).length;
  const columns = ENTRY_FIELDS.map((field) => vector(ENTRY_TENSORS[field], [count]));
  const entries = Array.from({ length: count }, (_, slot) => {
    const values = ENTRY_FIELDS.map((field, i) => [field, columns[i][slot]]);
    return { slot, ...Object.fromEntries(values) } as Entry;
  });
  buffer.restore({
    entries,
    arrivals: scalarOf(saved, "arrivals", name),
    best: scalarOf(saved, "best", name),
  });
  experience.floor = scalarOf(saved, "floor", name);
  experience.goal = scalarOf(saved, "goal", name);
  const { horizon } = experience;
  [horizon.cycles, horizon.since] = vector("horizon.counts", [2]);
  horizon.agreement.set(vector("horizon.agreement", [PARTS.length]));
  horizon.cost.set(vector("horizon.cost", [PARTS.length]));
  const inputs = moments.mean.length;
  moments.count = scalarOf(saved, "moments.count", name);
  moments.mean.set(vector("moments.mean", [inputs]));
  moments.squares.set(vector("moments.squares", [inputs]));
  const returns = vector("way.returns");
  policies("way.policies", returns.length).forEach((policy, i) =>
    way.push({ policy: policy as StoredPolicy, return: returns[i] })
  );
  const single = (key: string) => {
    const { data } = requireTensor(saved, key, { dtype: "F32", name });
    return data.length === 0 ? undefined : policies(key, 1)[0];
  };
  experience.followed = single("followed") as GeneratedPolicy | undefined;
  experience.earlier = single("earlier") as StoredPolicy | undefined;
  const before = vector("before", [BEFORE.length]);
  BEFORE.forEach((key, i) => experience.before[key] = before[i]);
  experience.reached.push(...vector("reached"));
  readNoise(experience, saved, name);
  readStates(experience, saved, name);
}

function readNoise({ noise = [] }: Experience, saved: Tensors, name: string): void {
  noise.forEach((each, part) => {
    each.sigma = scalarOf(saved, `noise.${part}.sigma`, name);
    each.cycles = scalarOf(saved, `noise.${part}.cycles`, name);
    for (const key of NOISE_VECTORS) {
      const shape = [each[key].length];
      const read = requireTensor(saved, `noise.${part}.${key}`, { dtype: "F64", shape, name });
      each[key].set(read.data);
    }
  });
}

function readStates({ states }: Experience, saved: Tensors, name: string): void {
  if (!states) return;
  const shape = [states.rows.length];
  states.rows.set(requireTensor(saved, "states.rows", { dtype: "F32", shape, name }).data);
  states.seen = scalarOf(saved, "states.seen", name);
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

/** The way back of `joinFloats`. */
function split(all: Float32Array, length: number): Float32Array[] {
  return Array.from(
    { length: all.length / length },
    (_, i) => all.slice(i * length, (i + 1) * length),
  );
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

function float32(data: Float32Array): Tensor {
  return { dtype: "F32", shape: [data.length], data };
}

function float64(values: ArrayLike<number>): Tensor {
  return { dtype: "F64", shape: [values.length], data: Float64Array.from(values) };
}

function scalarOf(file: Tensors, key: string, name: string): number {
  return requireTensor(file, key, { dtype: "F64", shape: [1], name }).data[0];
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
