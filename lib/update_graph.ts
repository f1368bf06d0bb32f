/**
 * The two graphs of the learner, as traced functions of named inputs.
 *
 * Weights are inputs and outputs, never constants, so that their owner can carry them from run to
 * run, save them, and use one graph for the whole of training.
 *
 * Adam works on groups of weights: a large tensor is a group of its own, all small ones are packed into
 * one vector, since for them the runtime's cost of a node (1 to 2 us) is more than that of the
 * arithmetic in it. Packing costs a Concat of the gradients and a Slice for each weight, once per
 * update; moments stay packed from the first update to the last.
 *
 * Measured (2 cores, reference generator of 2.4M weights, milliseconds an update for a 4-32-32-1 and an
 * 11-256-256-3 policy; default generator of 46k weights for a linear policy, one thread):
 *  - Packing: default generator 0.42 to 0.33, 219 nodes an update to 123, loading 0.20 s to 0.13;
 *    4-32-32-1 on one thread 20 to 15.
 *  - Updates in one run: a run costs as much as some updates, since the binding hands out copies of the
 *    28 MB that it wrote in place: with 1, 2, 4, 8, 16 updates 25.8, 17.1, 15.5, 9.8, 7.3 (4-32-32-1),
 *    47, 42, 48, 31, 43 (11-256-256-3, memory-bound neighbours), 0.90, 0.92, 0.45, 0.34, 0.32 (default).
 *    Loading takes 0.2, 0.2, 0.3, 0.4, 0.6 s for the first, up to 0.9 s with 8 for the second.
 *
 * Not taken:
 *  - Chunks of large tensors that fit the cache: Adam alone takes 3.8 ns a weight in chunks of 16k, 3.8
 *    to 4.8 in chunks of 64k, 3.8 to 5.0 as tensors of 256k, 6 as one of a million; slicing and joining
 *    weights and gradients costs what chunks gain.
 *  - A graph of gradients alone, run once per update, and Adam in WebAssembly, whose one pass took 0.8
 *    to 1.4 ns a weight on one thread. Side by side in three rounds, milliseconds of the fastest group:
 *    8.0, 9.3, 7.4 against 10.4, 8.8, 8.8 (4-32-32-1), 39, 31, 33 against 40, 30, 37 (11-256-256-3), 0.43,
 *    0.36, 0.38 against 0.41, 0.40, 0.41 (default). Whole gradients pay for their way to the
 *    host what the passes cost; of a matrix that acts on the rows of the batch alone the two factors
 *    came instead, [B, outputs] and [B, columns], and the thread that runs Adam paid for their product.
 *    Loading took half to three quarters of the time; it was not worth two forms of the update. Adam on
 *    two threads would need weights and gradients in shared memory, and the binding takes no arrays in
 *    it ("Invalid argument").
 *  - Scaling gradients by beta2^(-t/2), which drops one of Adam's ten passes.
 *  - No memory patterns and no arena in ONNX Runtime: within the noise for all three.
 */

import { adamStep } from "./adam.ts";
import { gradients } from "./autodiff/backward.ts";
import { trace } from "./autodiff/graph.ts";
import type { Graph, Tensor, TensorType } from "./autodiff/node.ts";
import { concat, gather, reshape, slice } from "./autodiff/tensor.ts";
import type { GeneratorModel, WeightSpec, WeightTensors } from "./model.ts";
import { type Shape, sizeOf } from "./shape.ts";

/** The tensors that belong to each weight: itself and Adam's two moments. */
export const STATE_PARTS = ["weights", "momentum", "variance"] as const;
/** One of a weight's three tensors. */
export type StatePart = (typeof STATE_PARTS)[number];

/** Adam's scalars, which the host computes for each update. */
export const ADAM_INPUTS = ["stepSize", "epsilon"] as const;

/**
 * Traces K unrolled updates as one graph.
 *
 * Inputs: `weights.NAME`, `momentum.NAME` and `variance.NAME` for each weight; for each update k
 * `commands.k` [Bk, C], `targets.k` [Bk, P], `shares.k` [Bk, 1], Adam's scalars and the random inputs
 * that the loss asks for. With `gathers` the targets come as one `policies` [N, P] for all updates and
 * `rows.k` [Bk], the places in it. Outputs: the three tensors of each weight after K updates
 * under the same names behind `new.`, and `loss.k`.
 * The number of rows Bk is free for each update.
 */
export function traceUpdates(
  model: GeneratorModel,
  { count, gathers = false, beta1, beta2 }: {
    count: number;
    gathers?: boolean;
    beta1: number;
    beta2: number;
  },
): Graph {
  const inputs: Record<string, Shape | TensorType> = {};
  if (gathers) inputs.policies = ["N", model.parameterCount];
  for (const part of STATE_PARTS) {
    for (const { name, shape } of model.weights) inputs[`${part}.${name}`] = shape;
  }
  for (let k = 0; k < count; k++) {
    const rows = `B${k}`;
    inputs[`commands.${k}`] = [rows, model.commandSize];
    if (gathers) inputs[`rows.${k}`] = { shape: [rows], dtype: "int32" };
    else inputs[`targets.${k}`] = [rows, model.parameterCount];
    inputs[`shares.${k}`] = [rows, 1];
    for (const { name, width } of model.lossNoise) inputs[`${name}.${k}`] = [rows, width];
    for (const name of ADAM_INPUTS) inputs[`${name}.${k}`] = [];
  }
  const groups = groupWeights(model.weights);
  return trace(inputs, (tensors) => {
    const packed = (part: StatePart) =>
      groups.map((group) => pack(group.map(({ name }) => tensors[`${part}.${name}`])));
    const state = {
      weights: packed("weights"),
      momentum: packed("momentum"),
      variance: packed("variance"),
    };
    let weights = Object.fromEntries(
      model.weights.map(({ name }) => [name, tensors[`weights.${name}`]]),
    );
    const outputs: Record<string, Tensor> = {};
    for (let k = 0; k < count; k++) {
      const loss = model.loss(weights, {
        commands: tensors[`commands.${k}`],
        targets: gathers ? gather(tensors.policies, tensors[`rows.${k}`]) : tensors[`targets.${k}`],
        shares: tensors[`shares.${k}`],
        noise: Object.fromEntries(
          model.lossNoise.map(({ name }) => [name, tensors[`${name}.${k}`]]),
        ),
      });
      outputs[`loss.${k}`] = loss;
      const members = groups.flat();
      const slopes = gradients(loss, members.map(({ name }) => weights[name]));
      groups.forEach((group, index) => {
        const next = adamStep({
          weight: state.weights[index],
          momentum: state.momentum[index],
          variance: state.variance[index],
          gradient: pack(slopes.splice(0, group.length)),
          stepSize: tensors[`stepSize.${k}`],
          epsilon: tensors[`epsilon.${k}`],
          beta1,
          beta2,
        });
        state.weights[index] = next.weight;
        state.momentum[index] = next.momentum;
        state.variance[index] = next.variance;
      });
      weights = unpackAll(groups, state.weights);
    }
    for (const part of STATE_PARTS) {
      for (const [name, tensor] of Object.entries(unpackAll(groups, state[part]))) {
        outputs[`new.${part}.${name}`] = tensor;
      }
    }
    return outputs;
  });
}

/**
 * Numbers in a tensor up to which it is packed. Adam's twelve nodes for a tensor of its own cost about
 * as much as copying a gradient and a weight of this length.
 */
const MAX_PACKED = 1 << 14;

/** Puts weights that Adam treats as one vector together: the small ones, and each large one. */
function groupWeights(specs: readonly WeightSpec[]): WeightSpec[][] {
  const isSmall = ({ shape }: WeightSpec) => sizeOf(shape) <= MAX_PACKED;
  const small = specs.filter(isSmall);
  const large = specs.filter((spec) => !isSmall(spec)).map((spec) => [spec]);
  return small.length > 0 ? [small, ...large] : large;
}

/** Joins tensors of any shapes to one vector; a tensor alone stays what it is. */
function pack(tensors: readonly Tensor[]): Tensor {
  return tensors.length === 1 ? tensors[0] : concat(tensors.map((each) => reshape(each, [-1])), 0);
}

/** Undoes `pack` for all groups: the tensors by name. */
function unpackAll(
  groups: readonly (readonly WeightSpec[])[],
  packed: readonly Tensor[],
): Record<string, Tensor> {
  const tensors: Record<string, Tensor> = {};
  groups.forEach((group, index) => {
    let start = 0;
    for (const { name, shape } of group) {
      const end = start + sizeOf(shape);
      const piece = group.length === 1
        ? packed[index]
        : reshape(slice(packed[index], { axis: 0, start, end }), shape);
      tensors[name] = piece;
      start = end;
    }
  });
  return tensors;
}

/** Traces one forward pass: `commands` [B, C], `weights.NAME` (and `latents` [B, L]) -> `policies`. */
export function traceGeneration(model: GeneratorModel): Graph {
  const inputs: Record<string, Shape> = { commands: ["B", model.commandSize] };
  for (const { name, shape } of model.weights) inputs[`weights.${name}`] = shape;
  if (model.latentSize > 0) inputs.latents = ["B", model.latentSize];
  return trace(inputs, (tensors) => {
    const weights: WeightTensors = Object.fromEntries(
      model.weights.map(({ name }) => [name, tensors[`weights.${name}`]]),
    );
    return { policies: model.generate(weights, tensors.commands, tensors.latents) };
  });
}
