/**
 * Adam (Kingma & Ba 2015, algorithm 1; PyTorch's `torch.optim.Adam` without weight decay) as traced
 * operations, with as few passes over the weights as possible.
 *
 * For a generator of millions of weights Adam is bound by memory traffic: each elementwise operation
 * is a pass. The moments are therefore stored scaled, m / (1 - beta1) and v / (1 - beta2), which
 * turns `beta m + (1 - beta) g` into `beta m + g`; what that leaves out, and the bias corrections, go
 * into two scalars per step that the host computes in float64:
 *
 *     m <- beta1 m + g                   m, v: scaled moments, zero at the start
 *     v <- beta2 v + g^2
 *     weight <- weight - stepSize m / (sqrt(v) + epsilon')
 *
 *     correction = sqrt((1 - beta2) / (1 - beta2^t))
 *     stepSize = learningRate (1 - beta1) / (1 - beta1^t) / correction
 *     epsilon' = epsilon / correction
 *
 * That is ten passes, where the textbook's order takes sixteen.
 */

import type { Tensor } from "./node.ts";
import { add, div, mul, sqrt, square, sub } from "./tensor.ts";

/** Adam's constants. */
export interface AdamOptions {
  /** Step size, eta. */
  readonly learningRate: number;
  /** Decay of the first moment, 0.9 in the paper. */
  readonly beta1: number;
  /** Decay of the second moment, 0.999 in the paper. */
  readonly beta2: number;
  /** Added to the root of the second moment, 1e-8 in the paper. */
  readonly epsilon: number;
}

/** The usual constants (Kingma & Ba 2015), which the reference configuration has too. */
export const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** A weight tensor with its scaled moments, all of one shape. */
export interface AdamState {
  /** The weight itself, in the units of the network. */
  readonly weight: Tensor;
  /** The first moment divided by 1 - beta1. */
  readonly momentum: Tensor;
  /** The second moment divided by 1 - beta2. */
  readonly variance: Tensor;
}

/** What one step takes. */
export interface AdamStep extends AdamState {
  /** The loss's gradient, of the weight's shape. */
  readonly gradient: Tensor;
  /** Scalars of this step: see `adamScalars`. */
  readonly stepSize: Tensor | number;
  /** Guard against division by zero, of this step like `stepSize`. */
  readonly epsilon: Tensor | number;
  /** Decay of the first moment. */
  readonly beta1: number;
  /** Decay of the second moment. */
  readonly beta2: number;
}

/** What one step takes besides the arrays and the decays. */
export interface AdamStepScalars {
  /** The learning rate with both bias corrections. */
  readonly stepSize: number;
  /** Added to the root of the scaled second moment. */
  readonly epsilon: number;
}

/**
 * Computes the two scalars of one step.
 * @param step Counts from 1, as t in the paper.
 * @throws {RangeError} when the step is not a positive integer.
 */
export function adamScalars(
  step: number,
  { learningRate, beta1, beta2, epsilon }: AdamOptions,
): AdamStepScalars {
  if (!Number.isSafeInteger(step) || step < 1) {
    throw new RangeError(
      `Cannot compute Adam scalars: step must be a positive integer, got ${step}`,
    );
  }
  const correction = Math.sqrt((1 - beta2) / (1 - beta2 ** step));
  const stepSize = learningRate * (1 - beta1) / (1 - beta1 ** step) / correction;
  return { stepSize, epsilon: epsilon / correction };
}

/** Traces one Adam step for a tensor of any shape; gives the new weight and moments. */
export function adamStep(
  { weight, momentum, variance, gradient, stepSize, epsilon, beta1, beta2 }: AdamStep,
): AdamState {
  const first = add(mul(momentum, beta1), gradient);
  const second = add(mul(variance, beta2), square(gradient));
  const step = div(mul(first, stepSize), add(sqrt(second), epsilon));
  return { weight: sub(weight, step), momentum: first, variance: second };
}
