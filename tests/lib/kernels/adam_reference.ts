/**
 * The Adam step in plain loops: the specification of `adam_kernel.ts`, which the tests hold it
 * against bit for bit, every operation rounded to float32.
 */

import { type AdamKernelStep, MIN_GRADIENT, MIN_MOMENT } from "../../../lib/kernels/adam_kernel.ts";

/** The four arrays of an Adam step, all of one length. */
export interface AdamArrays {
  /** The weights that are trained. */
  readonly weights: Float32Array;
  /** The first moment divided by 1 - beta1. */
  readonly momentum: Float32Array;
  /** The second moment divided by 1 - beta2. */
  readonly variance: Float32Array;
  /** The loss's gradient with respect to the weights. */
  readonly gradients: Float32Array;
}

/** Takes one Adam step: changes weights, momentum and variance in place. */
export function adamReference(arrays: AdamArrays, step: AdamKernelStep): void {
  const { weights, momentum, variance, gradients } = arrays;
  const f = Math.fround;
  const [minGradient, minMoment] = [f(MIN_GRADIENT), f(MIN_MOMENT)];
  const flush = (x: number, limit: number) => (Math.abs(x) < limit ? 0 : x);
  const [stepSize, epsilon] = [f(step.stepSize), f(step.epsilon)];
  const [beta1, beta2] = [f(step.beta1), f(step.beta2)];
  for (let i = 0; i < weights.length; i++) {
    const g = flush(gradients[i], minGradient);
    const m = flush(f(f(beta1 * momentum[i]) + g), minMoment);
    const v = flush(f(f(beta2 * variance[i]) + f(g * g)), minMoment);
    momentum[i] = m;
    variance[i] = v;
    weights[i] = f(weights[i] - f(f(m * stepSize) / f(f(Math.sqrt(v)) + epsilon)));
  }
}
