/**
 * The policy forward of a rollout in WebAssembly SIMD: one observation through a multilayer
 * perceptron in float32, tanh included, without allocation. A rollout runs it once per environment
 * step, where plain loops cost as much as the physics.
 *
 * A kernel is one WebAssembly instance with its own memory; the module is compiled once, when the
 * first kernel is made. `policy_kernel.as.ts` is the source of the bytes,
 * `tests/lib/kernels/policy_reference.ts` the
 * specification.
 *
 * Memory: the weights of a layer lie in panels of 32 outputs, then of 4 (the last one padded with
 * zeros). A panel is its biases, then one row of its weights per input (with a row of zeros when
 * their number is odd), so that the inner loop walks straight through memory, multiplies a row by one
 * broadcast input, and keeps all sums in registers. A sum is then added in the order of the plain
 * loop, and no sum across lanes is needed.
 *
 * Measured (Deno 2.9.6, Xeon with AVX-512, best of 150 batches): 11-256-256-3 takes 6.5 us,
 * 4-32-32-1 0.3 us, loading 11-256-256-3 65 us. Of the 6.5 us, 5.8 are the 256 x 256 product and 0.5
 * the 512 tanh. When the machine's other core is busy the same code takes up to twice as long.
 *
 * Tried and not kept (times of 11-256-256-3 where all else was as in the variant that took 7.4 us):
 * - one input per turn of the loop 8.3 us, four 7.75 (two with narrow panels of 8: 7.7, of 16: 7.75);
 * - wide panels of 16 outputs 8.3 us, of 24 7.9, of 48 7.6 (does not divide 256), of 64 10.4 (spills);
 * - rows as they come, four dot products at once with sums across lanes: the 256 x 256 product 6.4 us
 *   against 5.9, and another order of summation;
 * - relaxed_madd (fused multiply-add): 9 % faster, but results then depend on the processor;
 * - tanh with its constants as literals: 0.43 us for 256 against 0.23, since V8 builds a literal
 *   vector at every use; two vectors at once, to share constants: 0.22, not worth the code.
 */

import { POLICY_KERNEL_BASE64 } from "./policy_kernel_bytes.ts";
import { alignUp, FLOAT_BYTES, growBy, lazyModule } from "./wasm_kernel.ts";

/** Outputs per wide panel: 8 registers of 4 sums. */
const WIDE_PANEL_OUTPUTS = 32;
/** Outputs per narrow panel, and so the multiple to which a layer is padded. */
const NARROW_PANEL_OUTPUTS = 4;
/** Addresses are 32 bits wide; half of that is far above any policy. */
const MAX_MEMORY_BYTES = 2 ** 31;

/** What may follow a hidden layer. */
export const ACTIVATIONS = ["tanh", "relu"] as const;
/** One of them: the hyperbolic tangent, or max(x, 0). */
export type Activation = (typeof ACTIVATIONS)[number];

/** What the last layer may see besides the last hidden layer. */
export const SKIPS = ["none", "linear"] as const;
/**
 * One of them: nothing, or the observation (a skip connection), so that a linear policy stands beside the hidden
 * layers. The weights of the last layer are [A, H + S] then: for each action those of the hidden units come first.
 */
export type Skip = (typeof SKIPS)[number];

/** A policy network that is ready to run. Its parameters start at 0. */
export interface PolicyKernel {
  /** Layer sizes [S, H1, ..., A]. */
  readonly sizes: readonly number[];
  /** How many numbers `load` takes, P. */
  readonly parameterCount: number;
  /**
   * Copies a policy's parameters in: W1, b1, W2, b2, ... with W row-major [out, in], [P].
   * @throws {TypeError} when there are not P of them.
   */
  load(parameters: Float32Array): void;
  /**
   * Fills `output` [A] for one observation [S], which is rounded to float32. Allocates nothing.
   * @throws {TypeError} when a length is not S or A.
   */
  forward(observation: Float64Array, output: Float64Array): void;
}

/** The functions of policy_kernel.as.ts; addresses in bytes. */
interface KernelExports {
  readonly memory: WebAssembly.Memory;
  dense(x: number, pairs: number, weights: number, y: number, wide: number, narrow: number): void;
  squash(at: number, quads: number): void;
  rectify(at: number, quads: number): void;
  freeAddress(): number;
}

/** Where one layer lies in the WASM memory; addresses in bytes. */
interface Layer {
  readonly inputs: number;
  /** Pairs of inputs, the last one perhaps with a zero. */
  readonly inputPairs: number;
  readonly outputs: number;
  readonly widePanels: number;
  readonly narrowPanels: number;
  readonly paddedOutputs: number;
  readonly weightsAt: number;
  readonly xAt: number;
  readonly yAt: number;
}

const kernelModule = lazyModule(POLICY_KERNEL_BASE64);

/** Gives the fan-in of each layer of a multilayer perceptron from its sizes [S, H1, ..., A]. */
export function fanIns(sizes: readonly number[], skip: Skip = "none"): number[] {
  const inputs = sizes.slice(0, -1);
  if (skip === "linear" && inputs.length > 1) inputs[inputs.length - 1] += sizes[0];
  return inputs;
}

/** Counts the parameters of a multilayer perceptron with biases, P, from its layer sizes [S, H1, ..., A]. */
export function countParameters(sizes: readonly number[], skip: Skip = "none"): number {
  return fanIns(sizes, skip).reduce((count, inputs, i) => count + (inputs + 1) * sizes[i + 1], 0);
}

function checkSizes(sizes: readonly number[]): void {
  if (sizes.length < 2) {
    throw new TypeError(
      `Cannot create policy kernel: sizes must name the inputs and the outputs, got [${sizes}]`,
    );
  }
  const wrong = sizes.find((size) => !Number.isSafeInteger(size) || size < 0);
  if (wrong !== undefined) {
    throw new RangeError(
      `Cannot create policy kernel: sizes must be non-negative integers, got ${wrong}`,
    );
  }
}

/** Places the input, the weights and the outputs of every layer one after another. */
function layOut(
  sizes: readonly number[],
  { skip, start }: { skip: Skip; start: number },
): { layers: Layer[]; bytes: number } {
  let end = alignUp(start);
  const place = (floats: number): number => {
    const at = end;
    end += alignUp(floats * FLOAT_BYTES);
    return at;
  };
  const allInputs = fanIns(sizes, skip);
  let xAt = place(sizes[0]);
  const layers: Layer[] = [];
  for (let i = 1; i < sizes.length; i++) {
    const inputs = allInputs[i - 1];
    const outputs = sizes[i];
    const widePanels = Math.floor(outputs / WIDE_PANEL_OUTPUTS);
    const narrowPanels = Math.ceil((outputs % WIDE_PANEL_OUTPUTS) / NARROW_PANEL_OUTPUTS);
    const paddedOutputs = widePanels * WIDE_PANEL_OUTPUTS + narrowPanels * NARROW_PANEL_OUTPUTS;
    const inputPairs = Math.ceil(inputs / 2);
    const weightsAt = place(paddedOutputs * (2 * inputPairs + 1));
    // Where the next layer sees more than these outputs, that follows them.
    const yAt = place(Math.max(paddedOutputs, allInputs[i] ?? 0));
    layers.push({
      inputs,
      inputPairs,
      outputs,
      widePanels,
      narrowPanels,
      paddedOutputs,
      weightsAt,
      xAt,
      yAt,
    });
    xAt = yAt;
  }
  if (end > MAX_MEMORY_BYTES) {
    throw new RangeError(
      `Cannot create policy kernel: sizes must fit ${MAX_MEMORY_BYTES} bytes, got [${sizes}]`,
    );
  }
  return { layers, bytes: end };
}

/** Copies W [out, in] and b [out] from `from` in `parameters` into the panels of one layer. */
function packLayer(floats: Float32Array, layer: Layer, parameters: Float32Array, from: number) {
  const { inputs, inputPairs, outputs } = layer;
  const biases = from + outputs * inputs;
  let at = layer.weightsAt / FLOAT_BYTES;
  for (let first = 0; first < outputs;) {
    const isWide = first + WIDE_PANEL_OUTPUTS <= outputs;
    const width = isWide ? WIDE_PANEL_OUTPUTS : NARROW_PANEL_OUTPUTS;
    const used = Math.min(width, outputs - first);
    for (let j = 0; j < used; j++) {
      floats[at + j] = parameters[biases + first + j];
      // [out, in] -> [in, width]: one output's weights go down a column of the panel.
      let read = from + (first + j) * inputs;
      const end = read + inputs;
      for (let write = at + width + j; read < end; write += width) {
        floats[write] = parameters[read++];
      }
    }
    at += width * (2 * inputPairs + 1);
    first += width;
  }
}

function checkLength(action: string, what: string, expected: number, actual: number): void {
  if (actual !== expected) {
    throw new TypeError(`Cannot ${action}: ${what} must have length ${expected}, got ${actual}`);
  }
}

/**
 * Makes a policy network [S, H1, ..., A] with tanh or ReLU hidden layers and a linear output; with two
 * sizes it is a linear policy. Its memory is about 4 P bytes. With the skip connection "linear" the last layer sees
 * the observation beside the last hidden layer.
 *
 * tanh is a rational function with an error of at most 3.5e-7, absolute and relative, over every
 * float32 (measured: 3.44e-7, at 6.68), of which 0.3e-7 would be rounding the exact value; NaN stays
 * NaN and its magnitude never exceeds 1. Make one kernel per network shape and load policies into it:
 * an instance reserves address space of its own.
 *
 * @throws {TypeError} when fewer than two sizes are given.
 * @throws {RangeError} when a size is not a non-negative integer, or all together are too large.
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const kernel = createPolicyKernel([2, 1]);
 * kernel.load(Float32Array.of(1, 2, 0.5)); // W = [1, 2], b = 0.5
 * const output = new Float64Array(1);
 * kernel.forward(Float64Array.of(3, 4), output);
 * assert.equal(output[0], 11.5);
 * ```
 */
export function createPolicyKernel(
  sizes: readonly number[],
  activation: Activation = "tanh",
  skip: Skip = "none",
): PolicyKernel {
  checkSizes(sizes);
  const instance = new WebAssembly.Instance(kernelModule());
  const { memory, dense, freeAddress, ...activations } = instance
    .exports as unknown as KernelExports;
  const activate = activation === "tanh" ? activations.squash : activations.rectify;
  const { layers, bytes } = layOut(sizes, { skip, start: freeAddress() });
  growBy(memory, bytes);
  const floats = new Float32Array(memory.buffer);
  const inputs = sizes[0];
  const outputs = sizes[sizes.length - 1];
  const xAt = layers[0].xAt / FLOAT_BYTES;
  const yAt = layers[layers.length - 1].yAt / FLOAT_BYTES;
  const parameterCount = countParameters(sizes, skip);
  const skipAt = skip === "linear" && layers.length > 1
    ? layers[layers.length - 1].xAt / FLOAT_BYTES + sizes[sizes.length - 2]
    : undefined;
  return {
    sizes: [...sizes],
    parameterCount,
    load(parameters) {
      checkLength("load policy", "parameters", parameterCount, parameters.length);
      let from = 0;
      for (const layer of layers) {
        packLayer(floats, layer, parameters, from);
        from += layer.outputs * (layer.inputs + 1);
      }
    },
    forward(observation, output) {
      checkLength("run policy", "observation", inputs, observation.length);
      checkLength("run policy", "output", outputs, output.length);
      for (let i = 0; i < inputs; i++) floats[xAt + i] = observation[i];
      for (let i = 0; i < layers.length; i++) {
        const layer = layers[i];
        dense(
          layer.xAt,
          layer.inputPairs,
          layer.weightsAt,
          layer.yAt,
          layer.widePanels,
          layer.narrowPanels,
        );
        if (i < layers.length - 1) activate(layer.yAt, layer.paddedOutputs >> 2);
        if (i === layers.length - 2 && skipAt !== undefined) {
          for (let j = 0; j < inputs; j++) floats[skipAt + j] = observation[j];
        }
      }
      for (let i = 0; i < outputs; i++) output[i] = floats[yAt + i];
    },
  };
}
