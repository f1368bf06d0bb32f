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
 */

import { adamStep } from "./adam.ts";
import { gradients } from "./autodiff/backward.ts";
import { trace } from "./autodiff/graph.ts";
import type { Graph, Tensor } from "./autodiff/node.ts";
import { concat, reshape, slice } from "./autodiff/tensor.ts";
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
 * that the loss asks for. Outputs: the three tensors of each weight after K updates
 * under the same names behind `new.`, and `loss.k`.
 * The number of rows Bk is free for each update.
 */
export function traceUpdates(
  model: GeneratorModel,
  { count, beta1, beta2 }: { count: number; beta1: number; beta2: number },
): Graph {
  const inputs: Record<string, Shape> = {};
  for (const part of STATE_PARTS) {
    for (const { name, shape } of model.weights) inputs[`${part}.${name}`] = shape;
  }
  for (let k = 0; k < count; k++) {
    const rows = `B${k}`;
    inputs[`commands.${k}`] = [rows, model.commandSize];
    inputs[`targets.${k}`] = [rows, model.parameterCount];
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
        targets: tensors[`targets.${k}`],
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
