/**
 * The state of an attempt (lib/algorithm/attempts.ts), learner and experience, as named tensors, and back.
 * lib/run/state.ts says which there are.
 */

import type { Entry } from "../algorithm/buffer.ts";
import { PARTS } from "../algorithm/horizon.ts";
import type { Attempt, Experience } from "../algorithm/run.ts";
import { requireTensor, type Tensor } from "../formats/safetensors.ts";
import { countWeights } from "../learner/generation_pass.ts";
import type { LearnerState } from "../learner/learner.ts";
import { STATE_PARTS } from "../learner/update_graph.ts";
import type { GeneratorModel } from "../model.ts";
import type { GeneratedPolicy, StoredPolicy } from "../policy_space.ts";
import { joinFloats } from "../system/bytes.ts";

/** The named tensors of a part. */
export type Tensors = { readonly tensors: ReadonlyMap<string, Tensor> };

/** The tensor of each number that is known of a stored policy. */
const ENTRY_TENSORS: { readonly [F in Exclude<keyof Entry, "slot">]: string } = {
  scaledReturn: "scaled_return",
  order: "order",
};
const ENTRY_FIELDS = Object.keys(ENTRY_TENSORS) as (keyof typeof ENTRY_TENSORS)[];
const BEFORE = ["episodes", "parts", "training"] as const;
const NOISE_VECTORS = ["sizePath", "shapePath", "covariance"] as const;

/** Copies the weights and moments of a learner. */
export function captureLearner(state: LearnerState): Map<string, Tensor> {
  return new Map<string, Tensor>([
    ...STATE_PARTS.map((part) => [part, float32(state[part].slice())] as const),
    ["updates", float64([state.updates])],
  ]);
}

/** Copies what an attempt has seen, but for the rows of its buffer. */
export function captureExperience(experience: Experience): Map<string, Tensor> {
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
    ["lost", float64([experience.lost])],
    ...captureNoise(experience),
    ...captureStates(experience),
  ]);
}

function captureNoise({ noise = [] }: Experience): [string, Tensor][] {
  return noise.flatMap((each, part): [string, Tensor][] => [
    [`noise.${part}.sigma`, float64([each.sigma])],
    [`noise.${part}.largest`, float64([each.largest])],
    [`noise.${part}.cycles`, float64([each.cycles])],
    ...NOISE_VECTORS.map((key): [string, Tensor] => [`noise.${part}.${key}`, float64(each[key])]),
  ]);
}

function captureStates({ states }: Experience): [string, Tensor][] {
  if (!states) return [];
  return [["states.rows", float32(states.rows.slice())], ["states.seen", float64([states.seen])]];
}

/** The first attempt, while it is parked. Its policies are other rows than the run's, and few. */
export function captureParked(
  { tools: { learner }, experience }: Attempt,
): (readonly [string, Map<string, Tensor>])[] {
  const { buffer } = experience;
  const rows = joinFloats(Array.from(buffer.entries(), ({ slot }) => buffer.row(slot)));
  return [
    ["parked_learner", captureLearner(learner.state)],
    ["parked_experience", captureExperience(experience).set("rows", float32(rows))],
  ];
}

/** Reads the weights and moments of a learner. */
export function readLearner(
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
export function readExperience(
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
  experience.lost = scalarOf(saved, "lost", name);
  readNoise(experience, saved, name);
  readStates(experience, saved, name);
}

function readNoise({ noise = [] }: Experience, saved: Tensors, name: string): void {
  noise.forEach((each, part) => {
    each.sigma = scalarOf(saved, `noise.${part}.sigma`, name);
    each.largest = scalarOf(saved, `noise.${part}.largest`, name);
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

/** Reads the first attempt, which is parked; it has just been made. */
export function readParked(
  { tools, task, experience }: Attempt,
  { learner, experience: saved, name }: { learner: Tensors; experience: Tensors; name: string },
): void {
  const rowLength = task.shape.parameterCount;
  tools.learner.restore(readLearner(tools.model, learner, name));
  readExperience(experience, saved, { rowLength, name });
  const { buffer } = experience;
  const shape = [buffer.size * rowLength];
  const rows = split(requireTensor(saved, "rows", { dtype: "F32", shape, name }).data, rowLength);
  [...buffer.entries()].forEach(({ slot }, i) => buffer.row(slot).set(rows[i]));
}

/** The way back of `joinFloats`. */
function split(all: Float32Array, length: number): Float32Array[] {
  return Array.from(
    { length: all.length / length },
    (_, i) => all.slice(i * length, (i + 1) * length),
  );
}

/** A vector of float32. */
export function float32(data: Float32Array): Tensor {
  return { dtype: "F32", shape: [data.length], data };
}

/** A vector of float64. */
export function float64(values: ArrayLike<number>): Tensor {
  return { dtype: "F64", shape: [values.length], data: Float64Array.from(values) };
}

/** Reads a tensor of one number. */
export function scalarOf(file: Tensors, key: string, name: string): number {
  return requireTensor(file, key, { dtype: "F64", shape: [1], name }).data[0];
}
