/**
 * The model contract: what `models/` implements and what the trainer relies on.
 *
 * Two networks take part. The policy is a multilayer perceptron driven one observation at a time; it
 * has no weights of its own, its P parameters are loaded. The generator is the trained network: it
 * turns commands into policy parameters. It is described as traced functions over named weight
 * tensors, so that the trainer can build any graph from it (K unrolled updates, one forward pass) and
 * carry the weights between runs itself.
 *
 * Policy parameters have two orders (lib/policy_space.ts). The loss is a mean over P and does not depend on
 * the order, so stored policies keep the generator's and no update pays for a transposition. `order[i]` is
 * the place in policy order of the generator's i-th output.
 */

import type { Graph, Tensor } from "./autodiff/node.ts";
import type { Config } from "./config/config.ts";
import type { EnvSpec, MaybePromise } from "./env.ts";
import type { Activation, Skip } from "./kernels/policy_kernel.ts";
import type { Rng } from "./numbers/rng.ts";
import type { PolicyParameters } from "./policy_space.ts";

/** The mean and deviation by which a policy normalises its observations, [S] each. */
export interface NormaliserState {
  /** Subtracted from an observation, [S]. */
  readonly mean: Float64Array;
  /** What the difference is divided by, [S]. */
  readonly deviation: Float64Array;
}

/** A policy that is ready to act: parameters are loaded into it. */
export interface Policy {
  /** Loads parameters in policy order, [P]; they are copied. */
  load(parameters: PolicyParameters): void;
  /** Sets the observation normaliser; it is copied. */
  normalise(state: NormaliserState): void;
  /**
   * Chooses the action for one observation: [S] -> [A] within bounds, or `[index]`. Only a policy that
   * another runtime computes is late.
   */
  act(observation: Float64Array, action: Float64Array): MaybePromise<void>;
}

/** What a configuration or a file says of a policy network; the environment gives the rest. */
export interface PolicyNetwork {
  /** Widths of the hidden layers; none: linear. */
  readonly hiddenSizes: readonly number[];
  /** What follows each of them. */
  readonly activation: Activation;
  /** What the last layer sees besides the last of them. */
  readonly skip: Skip;
}

/** What a policy network looks like, without parameters. */
export interface PolicyShape {
  /** Widths from the observation to the action: [S, H1, ..., A]. */
  readonly sizes: readonly number[];
  /** Number of parameters, P. */
  readonly parameterCount: number;
  /** 1 / sqrt(fan-in) of the layer, or the skip connection, that each parameter belongs to, in policy order, [P]. */
  readonly scale: Float32Array;
  /** What follows each hidden layer. */
  readonly activation: Activation;
  /** What the last layer sees besides the last hidden layer; "none" where there is none. */
  readonly skip: Skip;
  /** What the last layer's outputs become: tanh within bounds ("box"), or the index of the largest. */
  readonly actions: EnvSpec["actionSpace"]["kind"];
}

/** A weight tensor of the generator. */
export interface WeightSpec {
  /** Unique in the generator. */
  readonly name: string;
  /** Sizes of the axes. */
  readonly shape: readonly number[];
}

/** The weights of a generator as traced tensors, by name. */
export type WeightTensors = Readonly<Record<string, Tensor>>;

/** One batch in a graph. */
export interface BatchTensors {
  /** Encoded commands, [B, C]. */
  readonly commands: Tensor;
  /** Stored policies in generator order, [B, P]. */
  readonly targets: Tensor;
  /** Each row's share of the batch, [B, 1]; they sum to 1. */
  readonly shares: Tensor;
  /** Random inputs that the loss asked for, by name, [B, width] each. */
  readonly noise: Readonly<Record<string, Tensor>>;
  /** Normalised observations, [M, S], where the loss asked for some. */
  readonly states?: Tensor | undefined;
}

/** A random input that a loss needs for each row of a batch. */
export interface NoiseSpec {
  /** Unique in the generator. */
  readonly name: string;
  /** Numbers for each row of the batch. */
  readonly width: number;
  /** Standard normal numbers, or 0 with the given probability and 1 / (1 - probability) otherwise. */
  readonly kind: "normal" | { readonly dropout: number };
}

/** The trained network: commands -> policy parameters. */
export interface GeneratorModel {
  /** Whether it answers any return, or has one policy whatever is asked for. */
  readonly answers: "any" | "one";
  /** The weight tensors, in the order of flat weight vectors. */
  readonly weights: readonly WeightSpec[];
  /** Number of policy parameters, P. */
  readonly parameterCount: number;
  /** Place in policy order of each generated number, [P]. */
  readonly order: Int32Array;
  /** Length of an encoded command, C. */
  readonly commandSize: number;
  /** Length of the latent vector that generation draws from N(0, 1), 0 for a deterministic one. */
  readonly latentSize: number;
  /** The random inputs that `loss` asks for. */
  readonly lossNoise: readonly NoiseSpec[];
  /** [M, S] where `loss` compares what policies do on M normalised observations, else undefined. */
  readonly lossStates: readonly [count: number, size: number] | undefined;
  /** Writes the encoding of a scaled command to `out`, [C]. */
  encodeCommand(command: number, out: Float32Array): void;
  /** Traces that encoding, [N, 1] -> [N, C]. */
  traceEncoding(commands: Tensor): Tensor;
  /** Draws initial weights, one flat vector in the order of `weights`. */
  initialise(rng: Rng): Float32Array;
  /** Traces the forward pass: commands [B, C] (and latents [B, L]) -> parameters [B, P]. */
  generate(weights: WeightTensors, commands: Tensor, latents?: Tensor): Tensor;
  /** Traces the way from generator order to policy order, [B, P] -> [B, P]. */
  inPolicyOrder(policies: Tensor): Tensor;
  /**
   * Traces what generated policies do, each on an observation of its own: encoded commands [N, C] and
   * normalised observations [N, S] -> outputs of the policies' last layers [N, A].
   */
  outputs(weights: WeightTensors, commands: Tensor, observations: Tensor): Tensor;
  /** Traces the training loss of one batch, a scalar. */
  loss(weights: WeightTensors, batch: BatchTensors): Tensor;
}

/** Everything that `models/` offers, handed to `lib/` by the program. */
export interface ModelTable {
  /** Works out the layers of a policy for an environment. */
  policyShape(spec: EnvSpec, network: PolicyNetwork): PolicyShape;
  /** Makes a policy without parameters, ready to get some. */
  createPolicy(spec: EnvSpec, shape: PolicyShape): Policy;
  /** Traces a whole policy, normaliser and action scaling inside: `observation` -> `action`. */
  tracePolicy(
    spec: EnvSpec,
    shape: PolicyShape,
    parts: { parameters: PolicyParameters; normaliser: NormaliserState },
  ): Graph;
  /** Traces the normaliser, [N, S] -> [N, S]. */
  traceNormalised(observation: Tensor, normaliser: NormaliserState): Tensor;
  /** Traces what a policy's last outputs, [N, A], become: the outputs of `tracePolicy`, by name. */
  traceActions(spec: EnvSpec, outputs: Tensor): Record<string, Tensor>;
  /**
   * Makes the generator that a configuration asks for.
   * @throws {RangeError} when it would have too many weights, or has no such loss.
   */
  createGenerator(config: Config, shape: PolicyShape): GeneratorModel;
}
