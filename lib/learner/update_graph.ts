/**
 * The graphs of the learner, as traced functions of named inputs: the gradients of one batch (for the
 * CPU), whole updates with Adam in them (for other devices), and the generator's forward pass.
 *
 * Weights are inputs and outputs, never constants, so that their owner can carry them from run to
 * run, save them, and use one graph for the whole of training.
 *
 * Within whole updates Adam works on groups of weights: a large tensor is a group of its own, all small
 * ones are packed into one vector, since for them the runtime's cost of a node (1 to 2 us) is more than
 * that of the arithmetic in it. Packing costs a Concat of the gradients and a Slice for each weight,
 * once per update; moments stay packed from the first update to the last.
 *
 * Measured on the CPU (2 cores, reference generator of 2.4M weights, milliseconds an update for a
 * 4-32-32-1 and an 11-256-256-3 policy; default generator of 46k weights for a linear policy, one
 * thread), three rounds in turns on a quiet machine:
 *  - Eight updates with Adam in one run: 7.2, 7.9, 8.4; 27.8, 27.0, 28.0; 0.38, 0.41, 0.39. Half of the
 *    first is Adam's ten passes, a millisecond the copies that the binding makes of the 28 MB of
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

import { ADAM, adamStep } from "../autodiff/adam.ts";
import { gradients } from "../autodiff/backward.ts";
import { trace } from "../autodiff/graph.ts";
import type { Graph, Tensor, TensorType } from "../autodiff/node.ts";
import { concat, gather, reshape, slice } from "../autodiff/tensor.ts";
import type { GeneratorModel, WeightSpec, WeightTensors } from "../model.ts";
import { type Shape, sizeOf } from "../autodiff/shape.ts";

/** The tensors that belong to each weight: itself and Adam's two moments. */
export const STATE_PARTS = ["weights", "momentum", "variance"] as const;
/** One of a weight's three tensors. */
export type StatePart = (typeof STATE_PARTS)[number];

/** Adam's scalars, which the host computes for each update. */
export const ADAM_INPUTS = ["stepSize", "epsilon"] as const;

/** A batch as inputs of a graph; their names end in `suffix`. */
function batchInputs(model: GeneratorModel, suffix = ""): Record<string, Shape> {
  const rows = `B${suffix.replace(".", "")}`;
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

/** The part of each weight's state, `PART.NAME`, as inputs. */
function stateInputs(model: GeneratorModel, part: StatePart): Record<string, Shape> {
  return Object.fromEntries(model.weights.map(({ name, shape }) => [`${part}.${name}`, shape]));
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
    ...stateInputs(model, "weights"),
    ...batchInputs(model),
    targets: ["B", model.parameterCount],
  };
  return trace(inputs, (tensors) => {
    const weights = weightsOf(model, tensors);
    const loss = traceLoss(model, weights, { tensors, targets: tensors.targets });
    const slopes = gradients(loss, Object.values(weights));
    const outputs: Record<string, Tensor> = { loss };
    model.weights.forEach(({ name }, i) => outputs[`gradients.${name}`] = slopes[i]);
    return outputs;
  });
}

/**
 * Traces K unrolled updates as one graph.
 *
 * Inputs: `weights.NAME`, `momentum.NAME` and `variance.NAME` for each weight; `policies` [N, P], all
 * that the batches hold; for each update k `commands.k` [Bk, C], `rows.k` [Bk], the places of its
 * policies, `shares.k` [Bk, 1], Adam's scalars and what else the loss asks for. Outputs:
 * the three tensors of each weight after K updates under the same names behind `new.`, and `loss.k`.
 * The number of rows Bk is free for each update.
 */
export function traceUpdates(
  model: GeneratorModel,
  { count }: { count: number },
): Graph {
  const inputs: Record<string, Shape | TensorType> = { policies: ["N", model.parameterCount] };
  for (const part of STATE_PARTS) Object.assign(inputs, stateInputs(model, part));
  for (let k = 0; k < count; k++) {
    Object.assign(inputs, batchInputs(model, `.${k}`));
    inputs[`rows.${k}`] = { shape: [`B${k}`], dtype: "int32" };
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
    let weights = weightsOf(model, tensors);
    const outputs: Record<string, Tensor> = {};
    for (let k = 0; k < count; k++) {
      const targets = gather(tensors.policies, tensors[`rows.${k}`]);
      const loss = traceLoss(model, weights, { tensors, targets, suffix: `.${k}` });
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
          beta1: ADAM.beta1,
          beta2: ADAM.beta2,
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
  const inputs: Record<string, Shape> = {
    commands: ["B", model.commandSize],
    ...stateInputs(model, "weights"),
  };
  if (model.latentSize > 0) inputs.latents = ["B", model.latentSize];
  return trace(inputs, (tensors) => ({
    policies: model.generate(weightsOf(model, tensors), tensors.commands, tensors.latents),
  }));
}
