/**
 * The numbers of a policy come in two orders and two frames of reference. Each combination is a type of its
 * own, so that a mix-up does not compile.
 *
 * Order: *policy order* is W1, b1, W2, b2, ... with W as [out, in], row-major; files and policy networks use
 * it. *Generator order* is how the generator's tiles come out of its heads; `model.order` maps it to the
 * other.
 *
 * Frame: a policy's first layer, and with a skip connection its last, acts on (o - mean) / deviation, and
 * the running normaliser moves while training goes on. A stored policy whose numbers stayed as they were
 * would slowly become another function than the one whose return was measured. So the buffer keeps policies
 * in the *raw* frame, where they are what they were, and a batch puts them into the *normalised* frame of
 * the present normaliser.
 * The published method lets them become other functions, and so does its preset (`SAME_NUMBERS`).
 * Both are the same function (up to float32 rounding):
 *
 *     raw:         W' = W / deviation,   b' = b - W' mean
 *     normalised:  W = W' deviation,     b = b' + W' mean
 *
 * Numbers enter a type where they are made or read: the generator's forward pass, a fresh policy, a policy
 * file, a checkpoint's rows. From there on only the functions of this file lead from one type to another.
 */

import { countParameters } from "./kernels/policy_kernel.ts";
import type { GeneratorModel, NormaliserState, PolicyShape } from "./model.ts";

/** Names the sequence that a policy's numbers stand in. */
export type Order = "generator" | "policy";
/** Names the observations that a policy's first layer acts on. */
export type Frame = "raw" | "normalised";

/** The mark of policy vectors; it exists for the type checker alone. */
export declare const SPACE: unique symbol;

/** A policy's numbers in one order and one frame, [P]. */
export type PolicyVector<O extends Order, F extends Frame> = Float32Array & {
  readonly [SPACE]: { readonly order: O; readonly frame: F };
};

/** As the generator puts it out, [P]: generator order, for the present normaliser. */
export type GeneratedPolicy = PolicyVector<"generator", "normalised">;
/** As the buffer keeps it, [P]: generator order, for raw observations. */
export type StoredPolicy = PolicyVector<"generator", "raw">;
/** As a policy network takes it, beside its normaliser, [P]: policy order. */
export type PolicyParameters = PolicyVector<"policy", "normalised">;
/** As a policy network takes it that has no normaliser, [P]: policy order, for raw observations. */
export type RawParameters = PolicyVector<"policy", "raw">;

/** Moves policies in generator order between the frames. */
export interface ObservationFrame {
  /** Copies a policy from the normalised into the raw frame, [P] -> [P]. */
  toRaw(policy: GeneratedPolicy, normaliser: NormaliserState): StoredPolicy;
  /**
   * Copies a policy from the raw into the normalised frame, [P] -> [P].
   * @param options.out is written and returned; a new array when absent
   */
  toNormalised(
    policy: StoredPolicy,
    normaliser: NormaliserState,
    options?: { readonly out: Float32Array },
  ): GeneratedPolicy;
}

/** Neurons that see the observation. */
export interface SeeingLayer {
  /** Neurons, N. */
  readonly outputs: number;
  /** Places of their weights for the observation in policy order, [N, S]. */
  readonly weights: Int32Array;
  /** Places of their biases, [N]. */
  readonly biases: Int32Array;
}

/** Lists the layers of a policy that see the observation: the first one, and the last where it skips the others. */
export function seeingLayers(
  { sizes, skip }: Pick<PolicyShape, "sizes" | "skip">,
): SeeingLayer[] {
  const [inputs, first] = sizes; // [S, H1], or [S, A] without hidden layers
  const range = (count: number, place: (i: number) => number) =>
    Int32Array.from({ length: count }, (_, i) => place(i));
  const layers = [{
    outputs: first,
    weights: range(inputs * first, (i) => i),
    biases: range(first, (i) => inputs * first + i),
  }];
  if (skip === "none") return layers;
  const [hidden, outputs] = sizes.slice(-2);
  const columns = hidden + inputs;
  const start = countParameters(sizes, skip) - (columns + 1) * outputs;
  layers.push({
    outputs,
    weights: range(
      inputs * outputs,
      (i) => start + Math.floor(i / inputs) * columns + hidden + i % inputs,
    ),
    biases: range(outputs, (i) => start + columns * outputs + i),
  });
  return layers;
}

/** Creates the conversion for a policy network; the places of what sees the observation are looked up once. */
export function createObservationFrame(
  model: Pick<GeneratorModel, "order">,
  shape: PolicyShape,
): ObservationFrame {
  const [inputs] = shape.sizes;
  const placeOf = new Int32Array(shape.parameterCount);
  model.order.forEach((policyPlace, place) => placeOf[policyPlace] = place);
  const layers = seeingLayers(shape).map(({ outputs, weights, biases }) => ({
    outputs,
    weights: weights.map((place) => placeOf[place]),
    biases: biases.map((place) => placeOf[place]),
  }));

  function convert(
    policy: Float32Array,
    { mean, deviation }: NormaliserState,
    { toRaw, out }: { toRaw: boolean; out: Float32Array },
  ): void {
    out.set(policy);
    for (const { outputs, weights, biases } of layers) {
      for (let neuron = 0, at = 0; neuron < outputs; neuron++) {
        let shift = 0;
        for (let input = 0; input < inputs; input++, at++) {
          const place = weights[at];
          const weight = policy[place];
          const raw = toRaw ? weight / deviation[input] : weight;
          shift += raw * mean[input];
          out[place] = toRaw ? raw : weight * deviation[input];
        }
        out[biases[neuron]] += toRaw ? -shift : shift;
      }
    }
  }

  return {
    toRaw(policy, normaliser) {
      const out = new Float32Array(policy.length);
      convert(policy, normaliser, { toRaw: true, out });
      return out as StoredPolicy;
    },
    toNormalised(policy, normaliser, { out } = { out: new Float32Array(policy.length) }) {
      convert(policy, normaliser, { toRaw: false, out });
      return out as GeneratedPolicy;
    },
  };
}

/** The published method's: a stored policy is the numbers that it was, and what it does moves with the normaliser. */
export const SAME_NUMBERS: ObservationFrame = {
  toRaw: (policy) => policy.slice() as Float32Array as StoredPolicy,
  toNormalised(policy, _normaliser, { out } = { out: new Float32Array(policy.length) }) {
    out.set(policy);
    return out as GeneratedPolicy;
  },
};

/** Copies a policy from generator order into policy order, [P] -> [P]; the frame stays. */
export function toPolicyOrder<F extends Frame>(
  { order }: Pick<GeneratorModel, "order">,
  policy: PolicyVector<"generator", F>,
): PolicyVector<"policy", F> {
  const parameters = new Float32Array(policy.length);
  for (let i = 0; i < policy.length; i++) parameters[order[i]] = policy[i];
  return parameters as PolicyVector<"policy", F>;
}

/** Copies a policy from policy order into generator order, [P] -> [P]; the frame stays. */
export function toGeneratorOrder<F extends Frame>(
  { order }: Pick<GeneratorModel, "order">,
  parameters: PolicyVector<"policy", F>,
): PolicyVector<"generator", F> {
  const policy = new Float32Array(parameters.length);
  for (let i = 0; i < policy.length; i++) policy[i] = parameters[order[i]];
  return policy as PolicyVector<"generator", F>;
}
