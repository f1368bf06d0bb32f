/**
 * The graphs of the learner, as traced functions of named inputs: the gradients of one batch (for the
 * CPU, and with fixed sizes for CUDA), whole updates with Adam in them (for WebGPU, and for CUDA where bound
 * memory does not work), and the generator's forward pass.
 *
 * Weights are inputs and outputs, never constants, so that their owner can carry them from run to
 * run, save them, and use one graph for the whole of training.
 *
 * Within whole updates weights and moments are a few tensors, grouped as lib/learner/weight_groups.ts says.
 *
 * Measured on the CPU (2 cores, reference generator of 2.4M weights, milliseconds an update for a
 * 4-32-32-1 and an 11-256-256-3 policy; default generator of 46k weights for a linear policy, one
 * thread), three rounds in turns on a quiet machine:
 *  - Eight updates with Adam in one run (tensors of more than 16k numbers by themselves, the rest as one): 7.2, 7.9, 8.4;
 *    27.8, 27.0, 28.0; 0.38, 0.41, 0.39. Half of the first is Adam's ten passes, a millisecond the copies that the binding makes of the 28 MB of
 *    weights and moments that it wrote in place. Loading takes 0.3, 1.0 and 0.05 s.
 *  - Gradients alone, and Adam in one pass in WebAssembly (lib/kernels/adam_kernel.ts), two rounds with
 *    batches of 9 rows in place of 8.6: 4.4, 4.3; 28.0, 31.4; 0.26, 0.34, of which Adam takes 2.0, 3.4
 *    and 0.04. Loading takes less than 0.06 s. With the binding's copies (see `Session.runInPlace`) 7.7,
 *    8.1; 30.6, 31.7; 0.32, 0.46: as slow as whole updates.
 *
 * Not taken:
 *  - Chunks of large tensors that fit the cache: Adam's ten passes take 3.8 ns a weight in chunks of
 *    16k, 3.8 to 4.8 in chunks of 64k, 3.8 to 5.0 as tensors of 256k, 6 as one of a million; slicing
 *    and joining weights and gradients costs what chunks gain.
 *  - The gradients of large matrices as two factors, [B, outputs] and [B, columns], which the Adam
 *    kernel multiplies on the way: the product on its one thread costs what ONNX Runtime's two save.
 *  - Adam on two threads in WebAssembly needs weights and gradients in shared memory, and the binding
 *    takes no arrays in it ("Invalid argument").
 *  - Scaling gradients by beta2^(-t/2), which drops one of Adam's ten passes.
 *  - Sums over the rows of a batch as products with ones, for which ONNX Runtime has the faster kernel:
 *    66 us for [576, 512] where ReduceSum takes 205, but whole updates of the 11-256-256-3 policy 27.4,
 *    27.2, 27.1, 31.5 ms against 27.3, 27.8, 27.1, 27.7 (medians of processes in turns). The matrix
 *    products of that update take 23 of its 27 ms, at 200 GFLOP/s (two cores of an AMD EPYC, AVX-512).
 *  - No memory patterns and no arena in ONNX Runtime: within the noise for all three.
 */

import { ADAM, type AdamState, adamStep } from "../autodiff/adam.ts";
import { gradients } from "../autodiff/backward.ts";
import { countMultiplyAdds } from "../autodiff/cost.ts";
import { trace } from "../autodiff/graph.ts";
import type { Graph, Tensor, TensorType } from "../autodiff/node.ts";
import { gather } from "../autodiff/tensor.ts";
import type { GeneratorModel, WeightTensors } from "../model.ts";
import type { Shape } from "../autodiff/shape.ts";
import { cutGroups, groupWeights, joinGroup, nameGroup } from "./weight_groups.ts";

/** The vectors of a learner: the weights and Adam's two moments of each. */
export const STATE_PARTS = ["weights", "momentum", "variance"] as const;
/** One of a learner's vectors. */
export type StatePart = (typeof STATE_PARTS)[number];

/** Adam's scalars, which the host computes for each update. */
export const ADAM_INPUTS = ["stepSize", "epsilon"] as const;

/** A batch as inputs of a graph; their names end in `suffix`. */
function batchInputs(
  model: GeneratorModel,
  suffix = "",
  rows: string | number = `B${suffix.replace(".", "")}`,
): Record<string, Shape> {
  return {
    [`commands${suffix}`]: [rows, model.commandSize],
    [`shares${suffix}`]: [rows, 1],
    ...Object.fromEntries(
      model.lossNoise.map(({ name, width }) => [`${name}${suffix}`, [rows, width]]),
    ),
    ...(model.lossStates ? { [`states${suffix}`]: model.lossStates } : {}),
  };
}

/** Traces the loss of a batch whose inputs are those of `batchInputs`. */
function traceLoss(
  model: GeneratorModel,
  weights: WeightTensors,
  { tensors, targets, suffix = "" }: {
    tensors: Readonly<Record<string, Tensor>>;
    targets: Tensor;
    suffix?: string;
  },
): Tensor {
  return model.loss(weights, {
    commands: tensors[`commands${suffix}`],
    targets,
    shares: tensors[`shares${suffix}`],
    noise: Object.fromEntries(
      model.lossNoise.map(({ name }) => [name, tensors[`${name}${suffix}`]]),
    ),
    states: tensors[`states${suffix}`],
  });
}

/** The weights as inputs, `weights.NAME`. */
function weightInputs(model: GeneratorModel): Record<string, Shape> {
  return Object.fromEntries(model.weights.map(({ name, shape }) => [`weights.${name}`, shape]));
}

/** The weights by name out of the inputs `weights.NAME`. */
function weightsOf(
  model: GeneratorModel,
  tensors: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> {
  return Object.fromEntries(model.weights.map(({ name }) => [name, tensors[`weights.${name}`]]));
}

/**
 * Traces the loss of one batch and its gradients.
 *
 * Inputs: `weights.NAME` for each weight, `commands` [B, C], `targets` [B, P], `shares` [B, 1] and what
 * else the loss asks for: random inputs, `states` [M, S]. Outputs: `loss`, and `gradients.NAME` of each weight, of its
 * shape.
 */
export function traceGradients(model: GeneratorModel): Graph {
  const inputs = {
    ...weightInputs(model),
    ...batchInputs(model),
    targets: ["B", model.parameterCount],
  };
  return trace(inputs, (tensors) => lossAndGradients(model, { tensors, targets: tensors.targets }));
}

function lossAndGradients(
  model: GeneratorModel,
  batch: { tensors: Readonly<Record<string, Tensor>>; targets: Tensor },
): Record<string, Tensor> {
  const weights = weightsOf(model, batch.tensors);
  const loss = traceLoss(model, weights, batch);
  const slopes = gradients(loss, Object.values(weights));
  const outputs: Record<string, Tensor> = { loss };
  model.weights.forEach(({ name }, i) => outputs[`gradients.${name}`] = slopes[i]);
  return outputs;
}

/**
 * Traces the same with fixed sizes, as a CUDA graph needs them. Targets are taken out of `policies` [N, P] by
 * the input `rows` [B].
 */
export function traceFixedGradients(
  model: GeneratorModel,
  { rows, policies }: { readonly rows: number; readonly policies: number },
): Graph {
  const inputs: Record<string, Shape | TensorType> = {
    ...weightInputs(model),
    ...batchInputs(model, "", rows),
    policies: [policies, model.parameterCount],
    rows: { shape: [rows], dtype: "int32" },
  };
  return trace(inputs, (tensors) => {
    const targets = gather(tensors.policies, tensors.rows);
    return lossAndGradients(model, { tensors, targets });
  });
}

/** Counts the multiply-adds of an update with a batch of so many rows. */
export function countUpdate(model: GeneratorModel, rows: number): number {
  return countMultiplyAdds(traceGradients(model), rows);
}

/**
 * Traces K unrolled updates as one graph.
 *
 * Inputs: `weights.WIDTH`, `momentum.WIDTH` and `variance.WIDTH` for each group of weights; `policies` [N, P], all
 * that the batches hold; for each update k `commands.k` [Bk, C], `rows.k` [Bk], the places of its
 * policies, `shares.k` [Bk, 1], Adam's scalars and what else the loss asks for. Outputs: the groups
 * after K updates under the same names behind `new.`, and `loss.k`. The number of rows Bk is free for each
 * update.
 */
export function traceUpdates(
  model: GeneratorModel,
  { count }: { count: number },
): Graph {
  const inputs: Record<string, Shape | TensorType> = { policies: ["N", model.parameterCount] };
  const groups = groupWeights(model.weights);
  for (const part of STATE_PARTS) {
    for (const group of groups) inputs[nameGroup(part, group)] = group.shape;
  }
  for (let k = 0; k < count; k++) {
    Object.assign(inputs, batchInputs(model, `.${k}`));
    inputs[`rows.${k}`] = { shape: [`B${k}`], dtype: "int32" };
    for (const name of ADAM_INPUTS) inputs[`${name}.${k}`] = [];
  }
  return trace(inputs, (tensors) => {
    let states: readonly AdamState[] = groups.map((group) => ({
      weight: tensors[nameGroup("weights", group)],
      momentum: tensors[nameGroup("momentum", group)],
      variance: tensors[nameGroup("variance", group)],
    }));
    const outputs: Record<string, Tensor> = {};
    for (let k = 0; k < count; k++) {
      const weights = cutGroups(groups, states.map(({ weight }) => weight));
      const targets = gather(tensors.policies, tensors[`rows.${k}`]);
      const loss = traceLoss(model, weights, { tensors, targets, suffix: `.${k}` });
      outputs[`loss.${k}`] = loss;
      const members = groups.flatMap(({ members }) => members);
      const slopes = gradients(loss, members.map(({ name }) => weights[name]));
      states = groups.map((group, index) =>
        adamStep({
          ...states[index],
          gradient: joinGroup(group, slopes.splice(0, group.members.length)),
          stepSize: tensors[`stepSize.${k}`],
          epsilon: tensors[`epsilon.${k}`],
          beta1: ADAM.beta1,
          beta2: ADAM.beta2,
        })
      );
    }
    groups.forEach((group, index) => {
      const { weight: weights, momentum, variance } = states[index];
      for (const [part, tensor] of Object.entries({ weights, momentum, variance })) {
        outputs[`new.${nameGroup(part, group)}`] = tensor;
      }
    });
    return outputs;
  });
}

/**
 * Traces one forward pass: `commands` [B, C], `weights.NAME` (and `latents` [B, L]) -> `policies`.
 * @param isGrouped whether the weights come as groups, `weights.WIDTH`
 */
export function traceGeneration(
  model: GeneratorModel,
  { isGrouped = false }: { isGrouped?: boolean } = {},
): Graph {
  const groups = groupWeights(model.weights);
  const inputs: Record<string, Shape> = {
    commands: ["B", model.commandSize],
    ...(isGrouped
      ? Object.fromEntries(groups.map((group) => [nameGroup("weights", group), group.shape]))
      : weightInputs(model)),
  };
  if (model.latentSize > 0) inputs.latents = ["B", model.latentSize];
  return trace(inputs, (tensors) => {
    const weights = isGrouped
      ? cutGroups(groups, groups.map((group) => tensors[nameGroup("weights", group)]))
      : weightsOf(model, tensors);
    return { policies: model.generate(weights, tensors.commands, tensors.latents) };
  });
}
