/**
 * A single policy in the form of a generator: its weights are the policy's parameters, and every command gives
 * them. Algorithms that learn one policy so share files, curves and commands with those that learn a generator.
 *
 * The policy starts as PyTorch's linear layers do, uniform within +-1 / sqrt(fan-in), or at zero.
 */

import { add, linear, mul, reshape, slice } from "../lib/autodiff/tensor.ts";
import type { Tensor } from "../lib/autodiff/node.ts";
import { squaredError } from "../lib/autodiff/losses.ts";
import type { GeneratorModel, PolicyShape, WeightTensors } from "../lib/model.ts";
import { ACTIVATE } from "./policy_actions.ts";

const NAME = "policy";

/**
 * Creates the generator that always gives one policy.
 * @param options.startsAtZero whether its parameters are zero at first
 */
export function createSinglePolicy(
  shape: PolicyShape,
  { startsAtZero }: { startsAtZero: boolean },
): GeneratorModel {
  const { parameterCount: size, sizes, scale, activation } = shape;
  // [B, 1] + [1, P] -> [B, P]
  const generate = (weights: WeightTensors, commands: Tensor) =>
    add(mul(commands, 0), weights[NAME]);
  return {
    answers: "one",
    weights: [{ name: NAME, shape: [1, size] }],
    parameterCount: size,
    order: Int32Array.from({ length: size }, (_, i) => i),
    commandSize: 1,
    latentSize: 0,
    lossNoise: [],
    lossStates: undefined,
    encodeCommand: (command, out) => void (out[0] = command),
    traceEncoding: (commands) => commands,
    initialise(rng) {
      const flat = new Float32Array(size);
      if (!startsAtZero) {
        rng.fillUniform(flat, -1, 1);
        flat.forEach((value, i) => flat[i] = value * scale[i]);
      }
      return flat;
    },
    generate,
    inPolicyOrder: (policies) => policies,
    outputs: (weights, commands, observations) =>
      // The command takes no part, but each row belongs to one.
      add(applyPolicy(weights[NAME], observations, { sizes, activation }), mul(commands, 0)),
    loss: (weights, { commands, targets, shares }) =>
      squaredError(generate(weights, commands), targets, shares),
  };
}

/**
 * Traces the outputs of a policy's last layer on many observations.
 * @param policy parameters in policy order, [1, P]
 * @param observations normalised, [N, S]
 * @returns [N, A]
 */
export function applyPolicy(
  policy: Tensor,
  observations: Tensor,
  { sizes, activation }: Pick<PolicyShape, "sizes" | "activation">,
): Tensor {
  let x = observations;
  let start = 0;
  const take = (count: number) => slice(policy, { axis: 1, start, end: start += count }); // [1, count]
  for (let layer = 1; layer < sizes.length; layer++) {
    const [fanIn, fanOut] = [sizes[layer - 1], sizes[layer]];
    const weight = reshape(take(fanIn * fanOut), [fanOut, fanIn]);
    const y = linear(x, weight, reshape(take(fanOut), [fanOut]));
    x = layer === sizes.length - 1 ? y : ACTIVATE[activation](y); // [N, H] or [N, A]
  }
  return x;
}
