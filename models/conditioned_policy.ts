/**
 * A policy that is told what is wanted: a perceptron on (observation, wanted return, horizon), in the form of a
 * generator. Held still over an episode, what is wanted only moves the first layer's biases, so that every
 * command gives an ordinary policy:
 *
 *     W [s; c; h] + b = W_s s + (b + c W_c + h W_h)
 *
 * The horizon goes with the command along a line, h = clip(a + k c, 0, 10), whose two numbers stand behind the
 * perceptron's weights: whoever trains it fits them to episodes.
 */

import { add, concat, maximum, minimum, mul, reshape, slice } from "../lib/autodiff/tensor.ts";
import { initialisePerceptron, perceptronWeights } from "../lib/autodiff/perceptron.ts";
import type { Tensor } from "../lib/autodiff/node.ts";
import { squaredError } from "../lib/autodiff/losses.ts";
import type { GeneratorModel, PolicyShape, WeightTensors } from "../lib/model.ts";
import { applyPolicy } from "./single_policy.ts";

/** Inputs beside the observation: the wanted return and the horizon. */
const WANTED = 2;
/**
 * What a command of 1, and a horizon of the whole time limit, are as inputs: common public implementations scale
 * an episode of 500 steps to 10. With 1 in place of 10, CartPole takes 900 episodes to get above random in
 * place of 200.
 */
const INPUT_SCALE = 10;

/** Creates the conditioned policy as a generator. */
export function createConditionedPolicy(shape: PolicyShape): GeneratorModel {
  const { parameterCount: size, sizes, activation } = shape;
  const [S, width] = sizes;
  const perceptron = { name: "policy", sizes: [S + WANTED, ...sizes.slice(1)], activation };
  const named = perceptronWeights(perceptron);

  function generate(weights: WeightTensors, commands: Tensor): Tensor {
    const rows = (x: Tensor) => add(mul(commands, 0), x); // [B, 1] + [1, n] -> [B, n]
    const first = weights["policy.0.weight"]; // [H, S + 2]
    const column = (at: number) =>
      reshape(slice(first, { axis: 1, start: at, end: at + 1 }), [1, width]);
    const line = (at: number) => slice(weights.horizon, { axis: 1, start: at, end: at + 1 }); // [1, 1]
    const horizon = minimum(maximum(add(line(0), mul(commands, line(1))), 0), INPUT_SCALE); // [B, 1]
    const told = add(mul(commands, column(S)), mul(horizon, column(S + 1))); // [B, H]
    const parts = [
      rows(reshape(slice(first, { axis: 1, start: 0, end: S }), [1, width * S])),
      add(told, reshape(weights["policy.0.bias"], [1, width])),
      ...named.slice(2).map(({ name, shape }) =>
        rows(reshape(weights[name], [1, shape.reduce((a, b) => a * b)]))
      ),
    ];
    return concat(parts, 1); // [B, P]
  }

  return {
    answers: "any",
    weights: [...named, { name: "horizon", shape: [1, 2] }],
    parameterCount: size,
    order: Int32Array.from({ length: size }, (_, i) => i),
    commandSize: 1,
    latentSize: 0,
    lossNoise: [],
    lossStates: undefined,
    encodeCommand: (command, out) => void (out[0] = INPUT_SCALE * command),
    traceEncoding: (commands) => mul(commands, INPUT_SCALE),
    initialise: (rng) =>
      Float32Array.from([...initialisePerceptron(perceptron, rng), INPUT_SCALE, 0]),
    generate,
    inPolicyOrder: (policies) => policies,
    outputs(weights, commands, observations) {
      // With what is wanted as inputs, one set of weights serves all rows.
      const at = (place: number) =>
        slice(weights.horizon, { axis: 1, start: place, end: place + 1 });
      const horizon = minimum(maximum(add(at(0), mul(commands, at(1))), 0), INPUT_SCALE);
      const flat = concat(named.map(({ name }) => reshape(weights[name], [1, -1])), 1);
      const inputs = concat([observations, commands, horizon], 1); // [N, S + 2]
      return applyPolicy(flat, inputs, perceptron);
    },
    loss: (weights, { commands, targets, shares }) =>
      squaredError(generate(weights, commands), targets, shares),
  };
}
