/**
 * Updates on the CPU: gradients from ONNX Runtime, the Adam step in WebAssembly.
 *
 * Weights, moments and gradients lie in the kernel's memory, where ONNX Runtime reads the weights and
 * writes the gradients, so that nothing is copied.
 */

import { ADAM } from "../autodiff/adam.ts";
import { countMultiplyAdds } from "../autodiff/cost.ts";
import { countWeights, nameWeights } from "./generation_pass.ts";
import { type AdamKernel, createAdamKernel } from "../kernels/adam_kernel.ts";
import type { GeneratorModel } from "../model.ts";
import { exportOnnx } from "../onnx/export.ts";
import { createSession, type Feeds, type Session, type TensorValue } from "../onnx/session.ts";
import { chooseThreads } from "../onnx/threads.ts";
import { type Batch, Staging } from "./staging.ts";
import { STATE_PARTS, traceGradients } from "./update_graph.ts";
import type { FlatState, UpdateContext, Updater, UpdateResult, UpdaterOptions } from "./updater.ts";

/** Keeps the state in the Adam kernel's memory. */
export class HostUpdater implements Updater {
  readonly weights: Feeds;
  readonly host: FlatState;
  readonly isBehind = false;
  readonly #model: GeneratorModel;
  readonly #options: UpdaterOptions;
  readonly #kernel: AdamKernel;
  readonly #staging: Staging;
  readonly #loss: TensorValue = { data: new Float32Array(1), shape: [] };
  /** Where the graph's outputs go. */
  readonly #targets: Readonly<Record<string, TensorValue>>;
  #session: Session | undefined;

  /** Makes room for the weights and both moments, all zero; the graph is loaded at the first use. */
  constructor(model: GeneratorModel, options: UpdaterOptions) {
    this.#model = model;
    this.#options = options;
    this.#kernel = createAdamKernel(countWeights(model.weights));
    this.#staging = new Staging(model);
    const { weights, momentum, variance, gradients } = this.#kernel;
    this.host = { weights, momentum, variance };
    this.weights = nameWeights(model.weights, { flat: weights, prefix: "weights" });
    this.#targets = {
      ...nameWeights(model.weights, { flat: gradients, prefix: "gradients" }),
      loss: this.#loss,
    };
  }

  async update(
    batches: readonly Batch[],
    { rng, scalars }: UpdateContext,
  ): Promise<UpdateResult> {
    this.#session ??= await this.#load();
    const { beta1, beta2 } = ADAM;
    const losses: number[] = [];
    for (const [k, batch] of batches.entries()) {
      const feeds = { ...this.weights, ...this.#staging.stage(batch, rng) };
      await this.#session.runInPlace(feeds, this.#targets);
      const loss = Number(this.#loss.data[0]);
      losses.push(loss);
      if (!Number.isFinite(loss)) return { losses, made: k };
      this.#kernel.step({ ...scalars(k), beta1, beta2 });
    }
    return { losses, made: losses.length };
  }

  download(): Promise<void> {
    return Promise.resolve();
  }

  write(state: Partial<FlatState>): void {
    for (const part of STATE_PARTS) if (state[part]) this.host[part].set(state[part]);
  }

  async close(): Promise<void> {
    await this.#session?.release();
    this.#session = undefined;
  }

  #load(): Promise<Session> {
    const { batchSize, session } = this.#options;
    const graph = traceGradients(this.#model);
    const model = exportOnnx(graph, { name: "gradients", inPlace: true });
    return createSession(model, chooseThreads(session, countMultiplyAdds(graph, batchSize)));
  }
}
