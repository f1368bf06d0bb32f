/**
 * Adam in WebAssembly SIMD: one pass over weights, moments and gradients, all of them in the
 * kernel's own memory and open as views. It computes what `adamStep` of lib/autodiff/adam.ts traces, with the
 * same scaled moments and the same scalars (`adamScalars`), so that the two can stand in for each
 * other in the middle of a run:
 *
 *     m <- beta1 m + g        v <- beta2 v + g^2        w <- w - stepSize m / (sqrt(v) + epsilon)
 *
 * One thing differs: gradients below 1e-19 and moments below 1e-30 in magnitude count as 0. A unit
 * that stopped firing has gradient 0, its first moment decays into the subnormal numbers and stays
 * there, and arithmetic on subnormals is slow: without the flush a step over 2.4M weights, half of
 * them such, took 12.3 ns a weight, and 45 ns with every gradient at 1e-21. What it drops moves no
 * weight: a first moment of 1e-30 against an epsilon of 1e-8 is 1e-22 steps. Training runs that were
 * compared end with the same bytes as with lib/autodiff/adam.ts in ONNX Runtime.
 *
 * Measured (Deno 2.9.6, Xeon with AVX-512, one thread, 28 bytes moved for each weight): 0.8 ns a weight
 * for 2.3M of them; the same loads and stores with additions alone take two thirds of that (`deno task
 * bench`). With literals inside the kernel instead of arguments 0.1 more, since V8 builds a literal
 * vector at every use; loads ahead of their use, and no flush, make no difference. ONNX Runtime takes
 * 3.5 ns a weight on two threads for the ten elementwise passes of lib/autodiff/adam.ts.
 */

import { ADAM_KERNEL_BASE64 } from "./adam_kernel_bytes.ts";
import { alignUp, FLOAT_BYTES, growBy, lazyModule } from "./wasm_kernel.ts";

/** Gradients below this magnitude count as 0; their squares are still normal numbers. */
export const MIN_GRADIENT = 1e-19;
/** Moments below this magnitude count as 0. */
export const MIN_MOMENT = 1e-30;

/** Weights per turn of the kernel's loop; arrays are padded to it. */
const GROUP_WEIGHTS = 8;
/** The most weights: with moments and gradients they fill half of what 32 bits address. */
export const MAX_WEIGHTS = 2 ** 27;

/** What one step takes besides the arrays: `adamScalars` gives the first two. */
export interface AdamKernelStep {
  /** The learning rate with both bias corrections. */
  readonly stepSize: number;
  /** Added to the root of the scaled second moment. */
  readonly epsilon: number;
  /** Decay of the first moment. */
  readonly beta1: number;
  /** Decay of the second moment. */
  readonly beta2: number;
}

/** Weights with their Adam state. All arrays start at 0 and are views of the kernel's memory. */
export interface AdamKernel {
  /** The weights; `step` changes them. */
  readonly weights: Float32Array;
  /** The first moment divided by 1 - beta1; `step` changes it. */
  readonly momentum: Float32Array;
  /** The second moment divided by 1 - beta2; `step` changes it. */
  readonly variance: Float32Array;
  /** The gradients: write them before every `step`. */
  readonly gradients: Float32Array;
  /** Takes one Adam step in place. Allocates nothing. */
  step(step: AdamKernelStep): void;
}

/** The function of adam_kernel.as.ts; addresses in bytes. */
interface KernelExports {
  readonly memory: WebAssembly.Memory;
  adam(
    w: number,
    m: number,
    v: number,
    g: number,
    octets: number,
    stepSize: number,
    epsilon: number,
    beta1: number,
    beta2: number,
    minGradient: number,
    minMoment: number,
  ): void;
}

const kernelModule = lazyModule(ADAM_KERNEL_BASE64);

/**
 * Makes the arrays for `count` weights, 16 bytes each, and the step over them.
 * @throws {RangeError} when `count` is not an integer from 0 to `MAX_WEIGHTS`.
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const kernel = createAdamKernel(1);
 * kernel.weights[0] = 1;
 * kernel.gradients[0] = 2; // m = 2, v = 4: w = 1 - 0.5 * 2 / (2 + 2)
 * kernel.step({ stepSize: 0.5, epsilon: 2, beta1: 0.9, beta2: 0.999 });
 * assert.equal(kernel.weights[0], 0.75);
 * ```
 */
export function createAdamKernel(count: number): AdamKernel {
  if (!Number.isSafeInteger(count) || count < 0 || count > MAX_WEIGHTS) {
    throw new RangeError(
      `Cannot create Adam kernel: count must be an integer from 0 to ${MAX_WEIGHTS}, got ${count}`,
    );
  }
  const octets = Math.ceil(count / GROUP_WEIGHTS);
  const stride = alignUp(octets * GROUP_WEIGHTS * FLOAT_BYTES);
  const instance = new WebAssembly.Instance(kernelModule());
  const { memory, adam } = instance.exports as unknown as KernelExports;
  growBy(memory, 4 * stride);
  const view = (index: number) => new Float32Array(memory.buffer, index * stride, count);
  return {
    weights: view(0),
    momentum: view(1),
    variance: view(2),
    gradients: view(3),
    step({ stepSize, epsilon, beta1, beta2 }) {
      adam(
        0,
        stride,
        2 * stride,
        3 * stride,
        octets,
        stepSize,
        epsilon,
        beta1,
        beta2,
        MIN_GRADIENT,
        MIN_MOMENT,
      );
    },
  };
}
