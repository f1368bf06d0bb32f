/**
 * Updates on a device: K of them, Adam included, are one ONNX model, which is run once.
 *
 * Gradients never leave the device, and where the runtime can keep weights and moments there too
 * (lib/learner/device_memory.ts) nothing but batches and losses crosses the bus. Every policy of a group is
 * sent once, however many of its batches it is in.
 */

import { ADAM_INPUTS, traceUpdates } from "./update_graph.ts";
import { DeviceMemory, HostMemory, type LearnerMemory } from "./device_memory.ts";
import type { GeneratorModel } from "../model.ts";
import { exportOnnx } from "../onnx/export.ts";
import { createSession, type Feeds, type Session, type TensorValue } from "../onnx/session.ts";
import { type Batch, GroupStaging } from "./staging.ts";
import type { FlatState, UpdateContext, Updater, UpdateResult, UpdaterOptions } from "./updater.ts";

/** Runs whole updates in ONNX Runtime. */
export class DeviceUpdater implements Updater {
  readonly #model: GeneratorModel;
  readonly #options: UpdaterOptions;
  readonly #memory: LearnerMemory;
  readonly #staging: GroupStaging;
  /** By number of updates in a run. */
  readonly #sessions = new Map<number, Session>();

  /** Makes room for the weights and both moments, all zero; graphs are loaded at their first use. */
  constructor(model: GeneratorModel, options: UpdaterOptions) {
    this.#model = model;
    this.#options = options;
    this.#memory = options.session.device === "webgpu"
      ? new DeviceMemory(model.weights, options.session)
      : new HostMemory(model.weights);
    this.#staging = new GroupStaging(model);
  }

  get weights(): Feeds {
    return this.#memory.weights;
  }

  get host(): FlatState {
    return this.#memory.host;
  }

  get isBehind(): boolean {
    return this.#memory.isBehind;
  }

  async update(
    batches: readonly Batch[],
    { rng, scalars }: UpdateContext,
  ): Promise<UpdateResult> {
    const memory = this.#memory;
    const session = await this.#sessionFor(batches.length);
    const feeds: Record<string, Feeds[string]> = {
      ...memory.inputs,
      ...this.#staging.stage(batches, rng),
    };
    batches.forEach((_, k) => {
      const values = scalars(k);
      for (const name of ADAM_INPUTS) feeds[`${name}.${k}`] = scalar(values[name]);
    });
    const results = batches.map(() => scalar(0));
    await memory.run(
      session,
      feeds,
      Object.fromEntries(results.map((loss, k) => [`loss.${k}`, loss])),
    );
    const losses = results.map(({ data }) => Number(data[0]));
    const bad = losses.findIndex((loss) => !Number.isFinite(loss));
    if (bad >= 0) {
      memory.drop();
      return { losses: losses.slice(0, bad + 1), made: 0 };
    }
    memory.take();
    return { losses, made: losses.length };
  }

  download(): Promise<void> {
    return this.#memory.download();
  }

  write(state: Partial<FlatState>): void {
    this.#memory.write(state);
  }

  /** Frees the device's memory, then the loaded graphs, which own it. */
  async close(): Promise<void> {
    await this.#memory.close();
    for (const session of this.#sessions.values()) await session.release();
    this.#sessions.clear();
  }

  async #sessionFor(count: number): Promise<Session> {
    let session = this.#sessions.get(count);
    if (!session) {
      const graph = traceUpdates(this.#model, { count });
      session = await createSession(exportOnnx(graph, { name: "update" }), {
        ...this.#options.session,
        kept: this.#memory.kept,
      });
      this.#sessions.set(count, session);
    }
    return session;
  }
}

function scalar(value: number): TensorValue {
  return { data: Float32Array.of(value), shape: [] };
}
