/**
 * Fits named weights to a traced loss, on the CPU: ONNX Runtime computes the gradients, the WebAssembly kernel
 * takes the Adam step over all weights in one pass (as lib/learner/cpu_updater.ts does for generators). Weights,
 * moments and gradients lie in the kernel's memory, and nothing is copied.
 */

import { ADAM, adamScalars } from "../autodiff/adam.ts";
import { gradients } from "../autodiff/backward.ts";
import { trace } from "../autodiff/graph.ts";
import type { Tensor } from "../autodiff/node.ts";
import type { Shape } from "../autodiff/shape.ts";
import { type AdamKernel, createAdamKernel } from "../kernels/adam_kernel.ts";
import type { WeightSpec } from "../model.ts";
import { exportOnnx } from "../onnx/export.ts";
import { createSession, type Feeds, type Session, type TensorValue } from "../onnx/session.ts";
import { DivergedError } from "../system/errors.ts";
import { countWeights, nameWeights } from "./generation_pass.ts";
import type { Kept } from "./kept.ts";

/** What is fitted, and to what. */
export interface FitterOptions {
  /** The weights that change, in the order of the flat vector; they are inputs of the loss by their names. */
  readonly weights: readonly WeightSpec[];
  /** The other inputs of the loss; letters are sizes that a step decides. */
  readonly inputs: Readonly<Record<string, Shape>>;
  /** Traces the loss, a scalar, of all inputs. */
  readonly loss: (tensors: Readonly<Record<string, Tensor>>) => Tensor;
  /** Adam's step size. */
  readonly learningRate: number;
  /** Threads of ONNX Runtime; its own choice when absent. */
  readonly threads?: number;
}

/** Holds weights and fits them, a step at a time. */
export class Fitter {
  readonly #options: FitterOptions;
  readonly #kernel: AdamKernel;
  readonly #loss: TensorValue = { data: new Float32Array(1), shape: [] };
  readonly #targets: Readonly<Record<string, TensorValue>>;
  /** Number of steps so far. */
  readonly #steps = new Float64Array(1);
  #session: Session | undefined;
  /** The present weights by name, as inputs of any graph. */
  readonly feeds: Feeds;

  /** Copies the initial weights, [W]; the graph is loaded at the first step. */
  constructor(options: FitterOptions, initial: Float32Array) {
    this.#options = options;
    this.#kernel = createAdamKernel(countWeights(options.weights));
    this.weights.set(initial);
    this.feeds = viewsByName(options.weights, this.weights);
    this.#targets = {
      ...nameWeights(options.weights, { flat: this.#kernel.gradients, prefix: "gradients" }),
      loss: this.#loss,
    };
  }

  /** The present weights, [W]: a view that `step` changes. */
  get weights(): Float32Array {
    return this.#kernel.weights;
  }

  /** The gradients of the last step, [W]: a view. */
  get gradients(): Float32Array {
    return this.#kernel.gradients;
  }

  /** Lets checkpoints hold the weights, the moments and the number of steps under a name. */
  keepIn(kept: Kept, name: string): void {
    const { weights, momentum, variance } = this.#kernel;
    kept.keepArray(`${name}.weights`, weights);
    kept.keepArray(`${name}.momentum`, momentum);
    kept.keepArray(`${name}.variance`, variance);
    kept.keepArray(`${name}.steps`, this.#steps);
  }

  /**
   * Takes one Adam step on the loss of the given inputs.
   * @returns the loss before it
   * @throws {DivergedError} when the loss is not finite; the weights stay as they are.
   */
  async step(inputs: Feeds): Promise<number> {
    this.#session ??= await this.#load();
    await this.#session.runInPlace({ ...this.feeds, ...inputs }, this.#targets);
    const loss = Number(this.#loss.data[0]);
    if (!Number.isFinite(loss)) {
      throw new DivergedError(
        `Cannot continue training: the loss must be finite, got ${loss} at step ${
          this.#steps[0]
        } of ${this.#options.weights[0].name}`,
      );
    }
    const { learningRate } = this.#options;
    const { beta1, beta2 } = ADAM;
    const scalars = adamScalars(++this.#steps[0], { ...ADAM, learningRate });
    this.#kernel.step({ ...scalars, beta1, beta2 });
    return loss;
  }

  /** Frees the loaded graph. */
  async close(): Promise<void> {
    await this.#session?.release();
    this.#session = undefined;
  }

  #load(): Promise<Session> {
    const { weights, inputs, loss, threads } = this.#options;
    const shapes = Object.fromEntries(weights.map(({ name, shape }) => [name, shape]));
    const graph = trace({ ...shapes, ...inputs }, (tensors) => {
      const value = loss(tensors);
      const slopes = gradients(value, weights.map(({ name }) => tensors[name]));
      return {
        loss: value,
        ...Object.fromEntries(weights.map(({ name }, i) => [`gradients.${name}`, slopes[i]])),
      };
    });
    const model = exportOnnx(graph, { name: "fit", inPlace: true });
    return createSession(model, threads === undefined ? {} : { threads });
  }
}

/** Names the pieces of a flat vector, [W], by weight, with what stands before each name: views. */
export function viewsByName(
  specs: readonly WeightSpec[],
  flat: Float32Array,
  before = "",
): Record<string, TensorValue> {
  const views: Record<string, TensorValue> = {};
  for (const [name, view] of Object.entries(nameWeights(specs, { flat, prefix: "" }))) {
    views[`${before}${name.slice(1)}`] = view;
  }
  return views;
}
