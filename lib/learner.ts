/**
 * The learner: owns the generator's weights, changes them by updates and generates policies.
 *
 * Both graphs (lib/update_graph.ts) are exported to ONNX once per run. Weights and Adam's moments are
 * three flat vectors, which a checkpoint holds; lib/learner_memory.ts keeps them between runs, on the
 * host or on a device.
 */

import { adamScalars } from "./adam.ts";
import { countMultiplyAdds } from "./autodiff/cost.ts";
import type { Config } from "./config.ts";
import { DivergedError } from "./errors.ts";
import { GenerationPass } from "./generation.ts";
import { DeviceMemory, type FlatState, HostMemory, type LearnerMemory } from "./learner_memory.ts";
import type { GeneratorModel } from "./model.ts";
import { exportOnnx } from "./onnx/export.ts";
import {
  createSession,
  type Feeds,
  type Session,
  type SessionOptions,
  type TensorValue,
} from "./onnx/session.ts";
import { chooseThreads } from "./onnx/threads.ts";
import type { Rng } from "./rng.ts";
import { type Batch, Staging } from "./staging.ts";
import { ADAM_INPUTS, traceUpdates } from "./update_graph.ts";

/** What a checkpoint holds of a learner: three flat vectors [W] and a counter. */
export type LearnerState = FlatState & { readonly updates: number };

/** How to make a learner. */
export interface LearnerOptions {
  /** Updates in a group, batch size and Adam's constants. */
  readonly update: Config["update"];
  /** Device and threads of the updates. */
  readonly session: SessionOptions;
  /** Sends each policy once and gathers batches from them: the default for all but the CPU. */
  readonly gathers?: boolean;
}

/** What Adam takes for a weight: 5 ns, in which a matrix product does 250 multiply-adds. */
const ADAM_MULTIPLY_ADDS = 250;
/** Updates between two looks for subnormal moments: 0.9^128 of `TINY` is still a normal number. */
const FLUSH_EVERY = 128;
/** Moments below this change no weight by a representable amount. */
const TINY = 1e-30;

/**
 * Sets numbers near zero to zero. The moments of silent ReLU units decay into subnormal numbers, on
 * which ONNX Runtime's elementwise kernels on the CPU are twenty times slower.
 */
function flushTiny(values: Float32Array): void {
  for (let i = 0; i < values.length; i++) if (Math.abs(values[i]) < TINY) values[i] = 0;
}

/** Owns the weights of a generator in training. */
export class Learner {
  readonly #model: GeneratorModel;
  readonly #options: LearnerOptions;
  readonly #memory: LearnerMemory;
  readonly #updateSessions = new Map<number, Session>();
  readonly #generation: GenerationPass;
  readonly #gathers: boolean;
  readonly #staging: Staging;
  #updates = 0;

  /**
   * Takes the initial weights; sessions are made when they are first used.
   * @param weights the initial weights, [W]; copied
   */
  constructor(model: GeneratorModel, weights: Float32Array, options: LearnerOptions) {
    this.#model = model;
    this.#options = options;
    this.#generation = new GenerationPass(model, options.session);
    this.#memory = options.session.device === "webgpu"
      ? new DeviceMemory(model.weights, options.session)
      : new HostMemory(model.weights);
    this.#memory.write({ weights });
    this.#gathers = options.gathers ?? (options.session.device ?? "cpu") !== "cpu";
    this.#staging = new Staging(model, { gathers: this.#gathers });
  }

  /** Number of updates so far. */
  get updates(): number {
    return this.#updates;
  }

  /** The present weights and moments: views that the next update invalidates. See `download`. */
  get state(): LearnerState {
    if (this.#memory.isBehind) throw new Error("Internal error: learner must be downloaded first");
    return { ...this.#memory.host, updates: this.#updates };
  }

  /** Fetches the state from the device for `state`; nothing is to be done where the host has it. */
  download(): Promise<void> {
    return this.#memory.download();
  }

  /** Puts a saved state back; the vectors are copied. */
  restore(state: LearnerState): void {
    this.#memory.write(state);
    this.#updates = state.updates;
  }

  /**
   * Reads a weight that is a single number.
   * @throws {RangeError} when the generator has no such weight.
   */
  scalarWeight(name: string | undefined): number {
    const value = this.#memory.weights[`weights.${name}`];
    if (value === undefined || !("data" in value)) {
      throw new RangeError(`Cannot read weight: the generator must have it, got "${name}"`);
    }
    return Number(value.data[0]);
  }

  /**
   * Runs one update for each batch, all in one call of ONNX Runtime.
   *
   * @param rng drawn from only when the loss needs random inputs
   * @returns the losses before each update
   * @throws {DivergedError} when a loss is not finite; weights and moments stay as they were.
   */
  async update(
    batches: readonly Batch[],
    { rng, learningRate }: { rng: Rng; learningRate: (update: number) => number },
  ): Promise<number[]> {
    const memory = this.#memory;
    const session = await this.#updateSession(batches.length);
    const feeds: Record<string, Feeds[string]> = {
      ...memory.inputs,
      ...this.#staging.stage(batches, rng),
    };
    for (let k = 0; k < batches.length; k++) {
      const scalars = adamScalars(this.#updates + k + 1, {
        ...this.#options.update,
        learningRate: learningRate(this.#updates + k),
      });
      for (const name of ADAM_INPUTS) feeds[`${name}.${k}`] = scalar(scalars[name]);
    }
    const losses = batches.map(() => scalar(0));
    const fetches = Object.fromEntries(losses.map((loss, k) => [`loss.${k}`, loss]));
    await memory.run(session, feeds, fetches);
    const values = losses.map(({ data }) => Number(data[0]));
    const bad = values.findIndex((loss) => !Number.isFinite(loss));
    if (bad >= 0) {
      memory.drop();
      throw new DivergedError(
        `Cannot continue training: the loss must be finite, got ${values[bad]} at update ${
          this.#updates + bad
        }`,
      );
    }
    memory.take();
    const before = this.#updates;
    this.#updates += batches.length;
    const isDue = Math.floor(before / FLUSH_EVERY) !== Math.floor(this.#updates / FLUSH_EVERY);
    if (isDue && !memory.isBehind) {
      flushTiny(memory.host.momentum);
      flushTiny(memory.host.variance);
    }
    return values;
  }

  /**
   * Generates policies for scaled commands, in generator order: n rows of [P].
   * @param rng draws the latents of a generator that has some: n * L normal numbers
   */
  generate(commands: readonly number[], { rng }: { rng: Rng }): Promise<Float32Array[]> {
    return this.#generation.run(this.#memory.weights, { commands, rng });
  }

  /** Frees the device's memory, then the loaded graphs, which own it. */
  async close(): Promise<void> {
    await this.#memory.close();
    for (const session of this.#updateSessions.values()) await session.release();
    this.#updateSessions.clear();
    await this.#generation.close();
  }

  async #updateSession(count: number): Promise<Session> {
    let session = this.#updateSessions.get(count);
    if (!session) {
      const graph = traceUpdates(this.#model, {
        count,
        gathers: this.#gathers,
        ...this.#options.update,
      });
      const { batchSize } = this.#options.update;
      const work = countMultiplyAdds(graph, batchSize) / count +
        ADAM_MULTIPLY_ADDS * this.#memory.host.weights.length;
      session = await createSession(exportOnnx(graph, { name: "update" }), {
        ...chooseThreads(this.#options.session, work),
        kept: this.#memory.kept,
      });
      this.#updateSessions.set(count, session);
    }
    return session;
  }
}

function scalar(value: number): TensorValue {
  return { data: Float32Array.of(value), shape: [] };
}
