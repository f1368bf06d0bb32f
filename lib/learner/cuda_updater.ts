/**
 * Updates on CUDA in the first of three ways that works here:
 *
 *  - captured: bound memory, and all kernels of a run launched as one CUDA graph;
 *  - plain: bound memory, and kernels launched one by one;
 *  - unrolled: K updates as one model through the package's binding, without ONNX Runtime's C interface.
 *
 * Milliseconds an update on an H200 (reference generator, batch 24, 32 updates a run, 2026-11-27) at 256,
 * 512 and 1024 units: 1.4, 2.5, 6.8; 2.8, 3.7, 7.8; 3.3, 3.6, 10. A way is tried on zeros before the first
 * update, so that a run stays with it and draws nothing twice.
 */

import { BoundUpdater } from "./bound_updater.ts";
import { DeviceUpdater } from "./device_updater.ts";
import { countWeights, nameWeights } from "./generation_pass.ts";
import type { GeneratorModel } from "../model.ts";
import { createCudaMemory } from "../onnx/bound/memory.ts";
import { type Feeds, loadRuntime } from "../onnx/session.ts";
import type { Batch } from "./staging.ts";
import { STATE_PARTS } from "./update_graph.ts";
import {
  CUDA_WAYS,
  type CudaWay,
  type FlatState,
  type UpdateContext,
  type Updater,
  type UpdateResult,
  type UpdaterOptions,
} from "./updater.ts";

/** Makes an updater for a way, ready for updates. @throws {Error} when it does not work here. */
export type WayOpener = (model: GeneratorModel, options: UpdaterOptions) => Updater;

const bound = (isCaptured: boolean): WayOpener => (model, options) => {
  const updater = new BoundUpdater(model, options, { memory: createCudaMemory(), isCaptured });
  updater.open();
  return updater;
};

const OPENERS: { readonly [W in CudaWay]: WayOpener } = {
  captured: bound(true),
  plain: bound(false),
  unrolled: (model, options) => new DeviceUpdater(model, options),
};

/** Hands updates to the first way that works. */
export class CudaUpdater implements Updater {
  readonly #model: GeneratorModel;
  readonly #options: UpdaterOptions;
  readonly #openers: Readonly<Record<CudaWay, WayOpener>>;
  /** Holds the state until a way is found. */
  readonly #first: FlatState;
  #updater: Updater | undefined;

  /** Makes room on the host; ways are tried at the first update. */
  constructor(model: GeneratorModel, options: UpdaterOptions, openers = OPENERS) {
    this.#model = model;
    this.#options = options;
    this.#openers = openers;
    const size = countWeights(model.weights);
    this.#first = {
      weights: new Float32Array(size),
      momentum: new Float32Array(size),
      variance: new Float32Array(size),
    };
  }

  get weights(): Feeds {
    if (this.#updater) return this.#updater.weights;
    return nameWeights(this.#model.weights, { flat: this.#first.weights, prefix: "weights" });
  }

  get host(): FlatState {
    return this.#updater?.host ?? this.#first;
  }

  get isBehind(): boolean {
    return this.#updater?.isBehind ?? false;
  }

  async update(batches: readonly Batch[], context: UpdateContext): Promise<UpdateResult> {
    if (!this.#updater) {
      await loadRuntime();
      this.#updater = this.#openFirst();
      this.#updater.write(this.#first);
    }
    return await this.#updater.update(batches, context);
  }

  async download(): Promise<void> {
    await this.#updater?.download();
  }

  write(state: Partial<FlatState>): void {
    if (this.#updater) return this.#updater.write(state);
    for (const part of STATE_PARTS) if (state[part]) this.#first[part].set(state[part]);
  }

  async close(): Promise<void> {
    await this.#updater?.close();
  }

  #openFirst(): Updater {
    const { cudaWays: ways = CUDA_WAYS, onWarning } = this.#options;
    for (const [index, way] of ways.entries()) {
      try {
        return this.#openers[way](this.#model, this.#options);
      } catch (error) {
        const next = ways[index + 1];
        if (next === undefined) throw error;
        const reason = (error as Error).message.split("\n")[0];
        onWarning?.(
          `Updates on CUDA are ${next}, which is slower: ${way} does not work: ${reason}`,
        );
      }
    }
    throw new Error("Internal error: there must be a way to update on CUDA, got none");
  }
}
