/**
 * The two graphs of the learner, as traced functions of named inputs.
 *
 * Weights are inputs and outputs, never constants, so that their owner can carry them from run to
 * run, save them, and use one graph for the whole of training.
 */

import { adamStep } from "./adam.ts";
import { gradients } from "./autodiff/backward.ts";
import { trace } from "./autodiff/graph.ts";
import type { Graph, Tensor } from "./autodiff/node.ts";
import type { GeneratorModel, WeightTensors } from "./model.ts";
import type { Shape } from "./shape.ts";

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
  return trace(inputs, (tensors) => {
    const names = model.weights.map(({ name }) => name);
    const part = (prefix: StatePart): Record<string, Tensor> =>
      Object.fromEntries(names.map((name) => [name, tensors[`${prefix}.${name}`]]));
    const state = {
      weights: part("weights"),
      momentum: part("momentum"),
      variance: part("variance"),
    };
    const outputs: Record<string, Tensor> = {};
    for (let k = 0; k < count; k++) {
      const loss = model.loss(state.weights, {
        commands: tensors[`commands.${k}`],
        targets: tensors[`targets.${k}`],
        shares: tensors[`shares.${k}`],
        noise: Object.fromEntries(
          model.lossNoise.map(({ name }) => [name, tensors[`${name}.${k}`]]),
        ),
      });
      outputs[`loss.${k}`] = loss;
      const slopes = gradients(loss, names.map((name) => state.weights[name]));
      names.forEach((name, index) => {
        const next = adamStep({
          weight: state.weights[name],
          momentum: state.momentum[name],
          variance: state.variance[name],
          gradient: slopes[index],
          stepSize: tensors[`stepSize.${k}`],
          epsilon: tensors[`epsilon.${k}`],
          beta1,
          beta2,
        });
        state.weights[name] = next.weight;
        state.momentum[name] = next.momentum;
        state.variance[name] = next.variance;
      });
    }
    for (const prefix of STATE_PARTS) {
      for (const name of names) outputs[`new.${prefix}.${name}`] = state[prefix][name];
    }
    return outputs;
  });
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
