/**
 * The learner: owns the generator's weights, changes them by updates and generates policies.
 *
 * Both graphs (lib/update_graph.ts) are exported to ONNX once per run. Weights and Adam's moments are
 * three flat vectors in two copies that take turns: one is read while ONNX Runtime writes the other
 * in place, so nothing is copied between runs and a checkpoint is three vectors.
 */

import { adamScalars } from "./adam.ts";
import type { Config } from "./config.ts";
import { DivergedError } from "./errors.ts";
import { countWeights, encodeCommands, GenerationPass, nameWeights } from "./generation.ts";
import type { GeneratorModel, WeightSpec } from "./model.ts";
import { exportOnnx } from "./onnx/export.ts";
import {
  createSession,
  type Session,
  type SessionOptions,
  type TensorValue,
} from "./onnx/session.ts";
import type { Rng } from "./rng.ts";
import { ADAM_INPUTS, STATE_PARTS, type StatePart, traceUpdates } from "./update_graph.ts";

/** One batch for one update. */
export interface Batch {
  /** Scaled commands, [B]. */
  readonly commands: readonly number[];
  /** Writes the policy of a row in generator order to `out`, [P]. */
  readonly writeTarget: (row: number, out: Float32Array) => void;
  /** [B], summing to 1. */
  readonly shares: Float32Array;
}

/** What a checkpoint holds of a learner: three flat vectors [W] and a counter. */
export type LearnerState = Readonly<Record<StatePart, Float32Array>> & { readonly updates: number };

/** The weights of one turn: flat, and by input or output name. */
interface StateCopy {
  readonly flat: Readonly<Record<StatePart, Float32Array>>;
  readonly inputs: Readonly<Record<string, TensorValue>>;
  readonly outputs: Readonly<Record<string, TensorValue>>;
  /** Those of `inputs` that are weights. */
  readonly weights: Readonly<Record<string, TensorValue>>;
}

/** How to make a learner. */
export interface LearnerOptions {
  readonly update: Config["update"];
  readonly session: SessionOptions;
}

/** Updates between two looks for subnormal moments. */
const FLUSH_EVERY = 256;
/** Moments below this change no weight by a representable amount. */
const TINY = 1e-30;

/**
 * Sets numbers near zero to zero. The moments of silent ReLU units decay into subnormal numbers, on
 * which ONNX Runtime's elementwise kernels are twenty times slower.
 */
function flushTiny(values: Float32Array): void {
  for (let i = 0; i < values.length; i++) if (Math.abs(values[i]) < TINY) values[i] = 0;
}

/** Owns the weights of a generator in training. */
export class Learner {
  readonly #model: GeneratorModel;
  readonly #options: LearnerOptions;
  readonly #copies: [StateCopy, StateCopy];
  readonly #updateSessions = new Map<number, Session>();
  readonly #generation: GenerationPass;
  #updates = 0;
  #stagings: Float32Array[] = [];

  /** @param weights the initial weights, [W]; copied */
  constructor(model: GeneratorModel, weights: Float32Array, options: LearnerOptions) {
    this.#model = model;
    this.#options = options;
    this.#generation = new GenerationPass(model, options.session);
    this.#copies = [createCopy(model.weights), createCopy(model.weights)];
    this.#copies[0].flat.weights.set(weights);
  }

  /** Number of updates so far. */
  get updates(): number {
    return this.#updates;
  }

  /** The present weights and moments: views that the next update invalidates. */
  get state(): LearnerState {
    return { ...this.#copies[0].flat, updates: this.#updates };
  }

  /** Puts a saved state back; the vectors are copied. */
  restore(state: LearnerState): void {
    for (const part of STATE_PARTS) this.#copies[0].flat[part].set(state[part]);
    this.#updates = state.updates;
  }

  /**
   * Reads a weight that is a single number.
   * @throws {RangeError} when the generator has no such weight.
   */
  scalarWeight(name: string | undefined): number {
    const value = this.#copies[0].weights[`weights.${name}`];
    if (!value) {
      throw new RangeError(`Cannot read weight: the generator must have it, got "${name}"`);
    }
    return Number(value.data[0]);
  }

  /** Forgets Adam's moments, as before a phase with another target. */
  resetMoments(): void {
    this.#copies[0].flat.momentum.fill(0);
    this.#copies[0].flat.variance.fill(0);
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
    const [current, next] = this.#copies;
    const session = await this.#updateSession(batches.length);
    const feeds: Record<string, TensorValue> = { ...current.inputs };
    batches.forEach((batch, k) => Object.assign(feeds, this.#stage(batch, k, rng)));
    for (let k = 0; k < batches.length; k++) {
      const scalars = adamScalars(this.#updates + k + 1, {
        ...this.#options.update,
        learningRate: learningRate(this.#updates + k),
      });
      for (const name of ADAM_INPUTS) feeds[`${name}.${k}`] = scalar(scalars[name]);
    }
    const losses = batches.map(() => scalar(0));
    const fetches: Record<string, TensorValue> = { ...next.outputs };
    losses.forEach((loss, k) => fetches[`loss.${k}`] = loss);
    await session.run(feeds, fetches);
    const values = losses.map(({ data }) => Number(data[0]));
    const bad = values.findIndex((loss) => !Number.isFinite(loss));
    if (bad >= 0) {
      throw new DivergedError(
        `Cannot continue training: the loss must be finite, got ${values[bad]} at update ${
          this.#updates + bad
        }`,
      );
    }
    this.#copies.reverse();
    const before = this.#updates;
    this.#updates += batches.length;
    if (Math.floor(before / FLUSH_EVERY) !== Math.floor(this.#updates / FLUSH_EVERY)) {
      flushTiny(this.#copies[0].flat.momentum);
      flushTiny(this.#copies[0].flat.variance);
    }
    return values;
  }

  /**
   * Generates policies for scaled commands, in generator order: n rows of [P].
   * @param rng draws the latents of a generator that has some: n * L normal numbers
   */
  generate(commands: readonly number[], { rng }: { rng: Rng }): Promise<Float32Array[]> {
    return this.#generation.run(this.#copies[0].weights, { commands, rng });
  }

  /** Frees the loaded graphs. */
  async close(): Promise<void> {
    for (const session of this.#updateSessions.values()) await session.release();
    this.#updateSessions.clear();
    await this.#generation.close();
  }

  async #updateSession(count: number): Promise<Session> {
    let session = this.#updateSessions.get(count);
    if (!session) {
      const graph = traceUpdates(this.#model, { count, ...this.#options.update });
      session = await createSession(exportOnnx(graph, { name: "update" }), this.#options.session);
      this.#updateSessions.set(count, session);
    }
    return session;
  }

  /** Puts a batch's inputs into arrays for update k; the targets' array is reused from call to call. */
  #stage(
    { commands, writeTarget, shares }: Batch,
    k: number,
    rng: Rng,
  ): Record<string, TensorValue> {
    const { parameterCount, lossNoise } = this.#model;
    const rows = commands.length;
    const length = rows * parameterCount;
    if (!(this.#stagings[k]?.length >= length)) this.#stagings[k] = new Float32Array(length);
    const staged = this.#stagings[k].subarray(0, length);
    for (let row = 0; row < rows; row++) {
      writeTarget(row, staged.subarray(row * parameterCount, (row + 1) * parameterCount));
    }
    const feeds: Record<string, TensorValue> = {
      [`commands.${k}`]: encodeCommands(this.#model, commands),
      [`targets.${k}`]: { data: staged, shape: [rows, parameterCount] },
      [`shares.${k}`]: { data: shares, shape: [rows, 1] },
    };
    for (const { name, width, kind } of lossNoise) {
      const data = new Float32Array(rows * width);
      if (kind === "normal") rng.fillStandardNormal(data);
      else {
        const kept = 1 / (1 - kind.dropout);
        for (let i = 0; i < data.length; i++) data[i] = rng.random() < kind.dropout ? 0 : kept;
      }
      feeds[`${name}.${k}`] = { data, shape: [rows, width] };
    }
    return feeds;
  }
}

function createCopy(specs: readonly WeightSpec[]): StateCopy {
  const size = countWeights(specs);
  const flat = {
    weights: new Float32Array(size),
    momentum: new Float32Array(size),
    variance: new Float32Array(size),
  };
  const inputs = Object.assign(
    {},
    ...STATE_PARTS.map((part) => nameWeights(specs, { flat: flat[part], prefix: part })),
  );
  const outputs = Object.fromEntries(
    Object.entries<TensorValue>(inputs).map(([name, value]) => [`new.${name}`, value]),
  );
  return {
    flat,
    inputs,
    outputs,
    weights: nameWeights(specs, { flat: flat.weights, prefix: "weights" }),
  };
}

function scalar(value: number): TensorValue {
  return { data: Float32Array.of(value), shape: [] };
}
