/**
 * Brings batches into the arrays that the update graph takes, which are reused from call to call.
 *
 * For the CPU each update has its own targets, one row per row of the batch. Another device gets every
 * policy once for all updates of a call, and the rows of each batch as indices: the batches of a cycle
 * draw the same good policies again and again, and the bus is slower than a gather.
 */

import { encodeCommands } from "./generation.ts";
import type { GeneratorModel } from "./model.ts";
import type { TensorValue } from "./onnx/session.ts";
import type { Rng } from "./rng.ts";

/** One batch for one update. */
export interface Batch {
  /** Scaled commands, [B]. */
  readonly commands: readonly number[];
  /** Writes the policy of a row in generator order to `out`, [P]. */
  readonly writeTarget: (row: number, out: Float32Array) => void;
  /** [B], summing to 1. */
  readonly shares: Float32Array;
  /** [B]: rows with equal keys hold the same policy, in all batches of a call; absent: all differ. */
  readonly keys?: readonly number[];
}

/** Stages batches for one model. */
export class Staging {
  readonly #model: GeneratorModel;
  readonly #gathers: boolean;
  /** Reused arrays: one per update, or one for the policies of all. */
  readonly #arrays: Float32Array[] = [];

  /** Prepares for graphs of `traceUpdates` with the same `gathers`. */
  constructor(model: GeneratorModel, { gathers }: { gathers: boolean }) {
    this.#model = model;
    this.#gathers = gathers;
  }

  /**
   * Gives the inputs of an update graph that batches make; the next call overwrites them.
   * @param rng drawn from only when the loss needs random inputs
   */
  stage(batches: readonly Batch[], rng: Rng): Record<string, TensorValue> {
    const feeds: Record<string, TensorValue> = {};
    batches.forEach((batch, k) => {
      const { commands, shares } = batch;
      feeds[`commands.${k}`] = encodeCommands(this.#model, commands);
      if (!this.#gathers) feeds[`targets.${k}`] = this.#stageTargets(batch, k);
      feeds[`shares.${k}`] = { data: shares, shape: [commands.length, 1] };
      this.#stageNoise(feeds, { rows: commands.length, k, rng });
    });
    if (this.#gathers) this.#stagePolicies(feeds, batches);
    return feeds;
  }

  #stageTargets({ commands, writeTarget }: Batch, k: number): TensorValue {
    const size = this.#model.parameterCount;
    const data = this.#reserve(k, commands.length * size);
    commands.forEach((_, row) => writeTarget(row, data.subarray(row * size, (row + 1) * size)));
    return { data, shape: [commands.length, size] };
  }

  /** Puts every policy into one array, [N, P], and the rows of each batch into `rows.k`, [B]. */
  #stagePolicies(feeds: Record<string, TensorValue>, batches: readonly Batch[]): void {
    const size = this.#model.parameterCount;
    const places = new Map<number, number>();
    const sources: { batch: Batch; row: number }[] = [];
    batches.forEach((batch, k) => {
      const rows = new Int32Array(batch.commands.length);
      for (let row = 0; row < rows.length; row++) {
        const key = batch.keys?.[row];
        const known = key === undefined ? undefined : places.get(key);
        rows[row] = known ?? sources.length;
        if (known !== undefined) continue;
        if (key !== undefined) places.set(key, sources.length);
        sources.push({ batch, row });
      }
      feeds[`rows.${k}`] = { data: rows, shape: [rows.length] };
    });
    const data = this.#reserve(0, sources.length * size);
    sources.forEach(({ batch, row }, i) =>
      batch.writeTarget(row, data.subarray(i * size, (i + 1) * size))
    );
    feeds.policies = { data, shape: [sources.length, size] };
  }

  #stageNoise(
    feeds: Record<string, TensorValue>,
    { rows, k, rng }: { rows: number; k: number; rng: Rng },
  ): void {
    for (const { name, width, kind } of this.#model.lossNoise) {
      const data = new Float32Array(rows * width);
      if (kind === "normal") rng.fillStandardNormal(data);
      else {
        const kept = 1 / (1 - kind.dropout);
        for (let i = 0; i < data.length; i++) data[i] = rng.random() < kind.dropout ? 0 : kept;
      }
      feeds[`${name}.${k}`] = { data, shape: [rows, width] };
    }
  }

  #reserve(index: number, length: number): Float32Array {
    if (!(this.#arrays[index]?.length >= length)) this.#arrays[index] = new Float32Array(length);
    return this.#arrays[index].subarray(0, length);
  }
}
