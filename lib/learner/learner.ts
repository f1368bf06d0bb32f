/**
 * The learner: owns the generator's weights, changes them by updates and generates policies.
 *
 * Weights and Adam's moments are three flat vectors, which a checkpoint holds; an updater
 * (lib/learner/updater.ts) keeps them where the computing is done.
 */

import { ADAM, adamScalars } from "../autodiff/adam.ts";
import { CudaUpdater } from "./cuda_updater.ts";
import { DeviceUpdater } from "./device_updater.ts";
import { DivergedError } from "../system/errors.ts";
import { GenerationPass } from "./generation_pass.ts";
import { HostUpdater } from "./cpu_updater.ts";
import type { GeneratorModel } from "../model.ts";
import type { Device } from "../onnx/session.ts";
import type { GeneratedPolicy } from "../policy_space.ts";
import type { Rng } from "../numbers/rng.ts";
import type { Batch } from "./staging.ts";
import type { FlatState, Updater, UpdaterOptions } from "./updater.ts";

/** What a checkpoint holds of a learner: three flat vectors [W] and a counter. */
export type LearnerState = FlatState & { readonly updates: number };

const UPDATERS: {
  readonly [D in Device]: (model: GeneratorModel, options: UpdaterOptions) => Updater;
} = {
  cpu: (model, options) => new HostUpdater(model, options),
  cuda: (model, options) => new CudaUpdater(model, options),
  webgpu: (model, options) => new DeviceUpdater(model, options),
};

/** Owns the weights of a generator in training. */
export class Learner {
  readonly #options: UpdaterOptions;
  readonly #updater: Updater;
  readonly #generation: GenerationPass;
  #updates = 0;

  /**
   * Takes the initial weights; graphs are loaded when they are first used.
   * @param weights the initial weights, [W]; copied
   */
  constructor(model: GeneratorModel, weights: Float32Array, options: UpdaterOptions) {
    this.#options = options;
    this.#generation = new GenerationPass(model, options.session);
    this.#updater = UPDATERS[options.session.device ?? "cpu"](model, options);
    this.#updater.write({ weights });
  }

  /** Number of updates so far. */
  get updates(): number {
    return this.#updates;
  }

  /** The present weights and moments: views that the next update invalidates. See `download`. */
  get state(): LearnerState {
    if (this.#updater.isBehind) throw new Error("Internal error: learner must be downloaded first");
    return { ...this.#updater.host, updates: this.#updates };
  }

  /** Fetches the state from the device for `state`; nothing is to be done where the host has it. */
  download(): Promise<void> {
    return this.#updater.download();
  }

  /** Puts a saved state back; the vectors are copied. */
  restore(state: LearnerState): void {
    this.#updater.write(state);
    this.#updates = state.updates;
  }

  /**
   * Runs one update for each batch.
   *
   * @param rng drawn from only when the loss needs random inputs
   * @returns the losses before each update
   * @throws {DivergedError} when a loss is not finite: the update that it belongs to and those after
   * it are not made, on WebGPU none of them.
   */
  async update(
    batches: readonly Batch[],
    { rng, learningRate }: { rng: Rng; learningRate: (update: number) => number },
  ): Promise<readonly number[]> {
    const start = this.#updates;
    const scalars = (k: number) =>
      adamScalars(start + k + 1, {
        ...ADAM,
        learningRate: learningRate(start + k),
      });
    const { losses, made } = await this.#updater.update(batches, { rng, scalars });
    this.#updates += made;
    if (made < batches.length) {
      throw new DivergedError(
        `Cannot continue training: the loss must be finite, got ${losses.at(-1)} at update ${
          start + losses.length - 1
        }`,
      );
    }
    return losses;
  }

  /**
   * Generates policies for scaled commands, n rows of [P].
   * @param rng draws the latents of a generator that has some: n * L normal numbers
   */
  generate(commands: readonly number[], { rng }: { rng: Rng }): Promise<GeneratedPolicy[]> {
    return this.#generation.run(this.#updater.weights, { commands, rng });
  }

  /** Frees what a device holds, and the loaded graphs. */
  async close(): Promise<void> {
    await this.#updater.close();
    await this.#generation.close();
  }
}
