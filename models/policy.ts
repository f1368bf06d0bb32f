/**
 * The policy: a multilayer perceptron with tanh or ReLU layers over the normalised observation.
 *
 * Continuous actions are tanh of the last layer, scaled from [-1, 1] to the action bounds; discrete
 * actions are the index of the largest output (the first one on a tie). Everything is float32 in the
 * same order of operations as in the exported ONNX graph, so that a policy file acts as the policy
 * did in training: the observation is rounded to float32 first, then normalised.
 */

import {
  add,
  argMax,
  constant,
  linear,
  matmul,
  maximum,
  minimum,
  mul,
  sub,
  tanh,
} from "../lib/autodiff/tensor.ts";
import { ACTIVATE } from "./policy_actions.ts";
import { trace } from "../lib/autodiff/graph.ts";
import type { Graph, Tensor } from "../lib/autodiff/node.ts";
import { actionSize, type BoxSpace, type EnvSpec, observationSize } from "../lib/env.ts";
import { createPolicyKernel, fanIns } from "../lib/kernels/policy_kernel.ts";
import type { NormaliserState, Policy, PolicyNetwork, PolicyShape } from "../lib/model.ts";
import { countPolicyParameters, skipOf } from "../lib/generator/policy_size.ts";
import type { PolicyParameters } from "../lib/policy_space.ts";

/**
 * Describes the policy network of an environment.
 * @throws {RangeError} when an action bound is infinite (tanh cannot be scaled to it) or the policy too large.
 */
export function policyShape(
  spec: EnvSpec,
  network: PolicyNetwork,
): PolicyShape {
  const { hiddenSizes, activation } = network;
  if (spec.actionSpace.kind === "box") {
    const { low, high } = spec.actionSpace;
    if (![...low, ...high].every(Number.isFinite)) {
      throw new RangeError(
        `Cannot make policy for "${spec.id}": action bounds must be finite, got [${low}] to [${high}]`,
      );
    }
  }
  const sizes = [observationSize(spec), ...hiddenSizes, actionSize(spec)];
  const skip = skipOf(network);
  const parameterCount = countPolicyParameters(spec, hiddenSizes, skip);
  const scale = scalesOf(sizes, parameterCount);
  return { sizes, parameterCount, scale, activation, skip, actions: spec.actionSpace.kind };
}

/** Gives 1 / sqrt(fan-in) for every parameter, [P]; what is left at the end of each row is the skip connection's. */
function scalesOf(sizes: readonly number[], parameterCount: number): Float32Array {
  const scale = new Float32Array(parameterCount);
  const last = sizes.length - 1;
  let offset = 0;
  for (let layer = 1; layer < last; layer++) {
    const [fanIn, fanOut] = [sizes[layer - 1], sizes[layer]];
    scale.fill(1 / Math.sqrt(fanIn), offset, offset += (fanIn + 1) * fanOut);
  }
  const [hidden, outputs] = [sizes[last - 1], sizes[last]];
  const columns = (parameterCount - offset) / outputs - 1;
  const isAlone = columns === hidden;
  // The linear part and the biases, which are its own, count the observation alone.
  scale.fill(1 / Math.sqrt(isAlone ? hidden : columns - hidden), offset);
  for (let row = 0; row < outputs; row++) {
    const start = offset + row * columns;
    scale.fill(1 / Math.sqrt(hidden), start, start + hidden);
  }
  return scale;
}

/** Creates a policy with zero parameters and the identity as normaliser. */
export function createPolicy(spec: EnvSpec, shape: PolicyShape): Policy {
  const kernel = createPolicyKernel(shape.sizes, shape.activation, shape.skip);
  const size = shape.sizes[0];
  const mean = new Float32Array(size);
  const inverse = new Float32Array(size).fill(1);
  const normalised = new Float64Array(size);
  const outputs = new Float64Array(shape.sizes[shape.sizes.length - 1]);
  const scaling = spec.actionSpace.kind === "box" ? actionScaling(spec.actionSpace) : undefined;
  return {
    load: (parameters) => kernel.load(parameters),
    normalise(state) {
      mean.set(state.mean);
      inverse.set(state.deviation.map((deviation) => 1 / deviation));
    },
    act(observation, action) {
      for (let i = 0; i < size; i++) {
        const centred = Math.fround(Math.fround(observation[i]) - mean[i]);
        normalised[i] = Math.fround(centred * inverse[i]);
      }
      kernel.forward(normalised, outputs);
      if (!scaling) {
        action[0] = indexOfLargest(outputs);
        return;
      }
      for (let i = 0; i < outputs.length; i++) {
        const scaled = Math.fround(
          Math.fround(Math.fround(Math.tanh(outputs[i])) * scaling.halfRange[i]) +
            scaling.centre[i],
        );
        action[i] = Math.max(scaling.low[i], Math.min(scaling.high[i], scaled));
      }
    },
  };
}

/**
 * Traces a whole policy: input `observation` float32 [N, S], raw; output `action`, float32 [N, A] in
 * the environment's bounds, or int64 [N] and `logits` float32 [N, A] for discrete actions.
 */
export function tracePolicy(
  spec: EnvSpec,
  shape: PolicyShape,
  { parameters, normaliser }: { parameters: PolicyParameters; normaliser: NormaliserState },
): Graph {
  const [size] = shape.sizes;
  return trace({ observation: ["N", size] }, ({ observation }) => {
    const seen = traceNormalised(observation, normaliser); // [N, S]
    const inputs = fanIns(shape.sizes, shape.skip);
    let hidden = seen;
    let offset = 0;
    for (let layer = 1; layer < shape.sizes.length; layer++) {
      const [fanIn, fanOut] = [inputs[layer - 1], shape.sizes[layer]];
      const weight = parameters.slice(offset, offset += fanIn * fanOut);
      const bias = parameters.slice(offset, offset += fanOut);
      const columns = (start: number, end: number) =>
        constant(
          weight.filter((_, i) => i % fanIn >= start && i % fanIn < end),
          [fanOut, end - start],
        );
      const own = shape.sizes[layer - 1];
      const linearPart = linear(hidden, columns(0, own), constant(bias));
      const isLast = layer === shape.sizes.length - 1;
      hidden = isLast ? linearPart : ACTIVATE[shape.activation](linearPart); // [N, A] or [N, H]
      if (fanIn > own) {
        hidden = add(hidden, matmul(seen, columns(own, fanIn), { transposeB: true })); // [N, A]
      }
    }
    return traceActions(spec, hidden);
  });
}

/** Traces the normaliser, [N, S] -> [N, S]. */
export function traceNormalised(
  observation: Tensor,
  { mean, deviation }: NormaliserState,
): Tensor {
  const size = mean.length;
  const inverse = constant(Float32Array.from(deviation, (d) => 1 / d), [1, size]);
  return mul(sub(observation, constant(Float32Array.from(mean), [1, size])), inverse);
}

/** Traces what the last layer's outputs, [N, A], become: the outputs of `tracePolicy`. */
export function traceActions(spec: EnvSpec, outputs: Tensor): Record<string, Tensor> {
  if (spec.actionSpace.kind === "discrete") return { action: argMax(outputs, 1), logits: outputs };
  const { centre, halfRange, low, high } = actionScaling(spec.actionSpace);
  const row = (values: Float32Array) => constant(values, [1, values.length]);
  const action = add(mul(tanh(outputs), row(halfRange)), row(centre));
  // A runtime's tanh may give a hair more than 1.
  return { action: maximum(minimum(action, row(high)), row(low)) };
}

/** The affine map from [-1, 1] to the action bounds, and these as float32 numbers, [A] each. */
function actionScaling({ low, high }: BoxSpace) {
  return {
    centre: Float32Array.from(low, (bound, i) => (bound + high[i]) / 2),
    halfRange: Float32Array.from(low, (bound, i) => (high[i] - bound) / 2),
    low: Float32Array.from(low),
    high: Float32Array.from(high),
  };
}

function indexOfLargest(values: Float64Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}
