/**
 * Exploration noise whose size is what it does to actions, not to weights.
 *
 * The same noise on the weights changes nothing about one policy and everything about another: it depends
 * on the width of layers, on how large the weights are, on how far tanh is saturated. So only the direction
 * of the noise is drawn; its length is searched until the actions on recent states change by as much as is
 * wanted. Actions are compared as the loss compares them (models/policy_actions.ts): tanh of the outputs,
 * or twice their softmax, both of which span two.
 */

import { createPolicyKernel } from "../kernels/policy_kernel.ts";
import type { GeneratorModel, PolicyShape } from "../model.ts";
import { type GeneratedPolicy, type PolicyParameters, toPolicyOrder } from "../policy_space.ts";
import type { Rng } from "../numbers/rng.ts";

/**
 * Gives the squashed actions of a policy on normalised states, [N, S] -> [N, A]. The next call overwrites
 * them.
 */
export type ActionProbe = (parameters: PolicyParameters, states: Float32Array) => Float64Array;

/** Makes the probe of a policy network. Make one for each network: it holds a kernel. */
export function createActionProbe({ sizes, activation, actions }: PolicyShape): ActionProbe {
  const kernel = createPolicyKernel(sizes, activation);
  const [inputs, outputs] = [sizes[0], sizes[sizes.length - 1]];
  const squash = actions === "box" ? squashBox : squashDiscrete;
  const state = new Float64Array(inputs);
  let squashed = new Float64Array(0);
  return (parameters, states) => {
    const count = states.length / inputs;
    if (squashed.length !== count * outputs) squashed = new Float64Array(count * outputs);
    kernel.load(parameters);
    for (let row = 0; row < count; row++) {
      for (let i = 0; i < inputs; i++) state[i] = states[row * inputs + i];
      const own = squashed.subarray(row * outputs, (row + 1) * outputs);
      kernel.forward(state, own);
      squash(own);
    }
    return squashed;
  };
}

function squashBox(outputs: Float64Array): void {
  for (let i = 0; i < outputs.length; i++) outputs[i] = Math.tanh(outputs[i]);
}

function squashDiscrete(outputs: Float64Array): void {
  const greatest = Math.max(...outputs);
  let total = 0;
  for (let i = 0; i < outputs.length; i++) {
    outputs[i] = Math.exp(outputs[i] - greatest);
    total += outputs[i];
  }
  for (let i = 0; i < outputs.length; i++) outputs[i] *= 2 / total;
}

/**
 * Draws a direction of noise, [P]: normal numbers divided by sqrt(fan-in + 1), so that every layer's
 * outputs change alike, whatever its width.
 * @param rng draws P normal numbers
 */
export function drawDirection(
  rng: Rng,
  { model: { order }, shape: { scale } }: {
    model: Pick<GeneratorModel, "order">;
    shape: PolicyShape;
  },
): GeneratedPolicy {
  const direction = new Float32Array(order.length) as GeneratedPolicy;
  rng.fillStandardNormal(direction);
  // scale is 1 / sqrt(fan-in).
  order.forEach((place, i) => direction[i] /= Math.sqrt(1 / scale[place] ** 2 + 1));
  return direction;
}

/** What `calibrateNoise` needs besides the policy. */
export interface NoiseOptions {
  /** Gives the actions of the policy's network. */
  readonly probe: ActionProbe;
  /** Says how generator order becomes policy order. */
  readonly model: Pick<GeneratorModel, "order">;
  /** Where actions are compared: normalised observations, [N, S]. */
  readonly states: Float32Array;
  /** Where the noise leads, [P]. */
  readonly direction: GeneratedPolicy;
  /** The root mean square by which the squashed actions are to change, above 0. */
  readonly wanted: number;
}

/** Noise of a known effect. */
export interface CalibratedNoise {
  /** What the direction is to be multiplied by. */
  readonly length: number;
  /** The root mean square by which it changes the squashed actions. */
  readonly change: number;
}

/** Doublings or halvings of the first length, which is `wanted`, until the wanted change is passed. */
const MAX_DOUBLINGS = 8;
/** Halvings of the interval that is found then, in logarithms: 2^(1/32) is 2 % of the length. */
const BISECTIONS = 5;
/** A change this close to the wanted one will do, as a share of it. */
const TOLERANCE = 0.02;

/**
 * Finds how far to go in a direction for the actions to change by as much as is wanted, in at most 15
 * passes over the states. Where no length that is tried changes them so much (the direction may not matter,
 * or saturated actions not be moved) it is the greatest, at the other end the least.
 */
export function calibrateNoise(policy: GeneratedPolicy, options: NoiseOptions): CalibratedNoise {
  const { probe, model, states, direction, wanted } = options;
  const before = probe(toPolicyOrder(model, policy), states).slice();
  const moved = policy.slice() as GeneratedPolicy;
  const at = (length: number): CalibratedNoise => {
    for (let i = 0; i < moved.length; i++) moved[i] = policy[i] + length * direction[i];
    const after = probe(toPolicyOrder(model, moved), states);
    const total = after.reduce((sum, action, i) => sum + (action - before[i]) ** 2, 0);
    return { length, change: Math.sqrt(total / after.length) };
  };
  const isClose = ({ change }: CalibratedNoise) => Math.abs(change - wanted) <= TOLERANCE * wanted;

  let found = at(wanted);
  let low = found.change < wanted ? found : undefined;
  let high = found.change < wanted ? undefined : found;
  for (let i = 0; i < MAX_DOUBLINGS && !(low && high) && !isClose(found); i++) {
    found = at(found.length * (low ? 2 : 0.5));
    if (found.change < wanted) low = found;
    else high = found;
  }
  for (let i = 0; i < BISECTIONS && low && high && !isClose(found); i++) {
    found = at(Math.sqrt(low.length * high.length));
    if (found.change < wanted) low = found;
    else high = found;
  }
  return found;
}
