/**
 * Brings batches into the arrays that the update graphs take, which are reused from call to call.
 *
 * For the CPU a batch has its own targets, one row per row of the batch. Another device gets every
 * policy once for all batches of a group, and the rows of each batch as indices: the batches of a cycle
 * draw the same good policies again and again, and the bus is slower than a gather.
 */

import { encodeCommands } from "./generation_pass.ts";
import type { GeneratorModel } from "../model.ts";
import type { TensorValue } from "../onnx/session.ts";
import type { Rng } from "../numbers/rng.ts";

/** One batch for one update. */
export interface Batch {
  /** Scaled commands, [B]. */
  readonly commands: readonly number[];
  /** Writes the policy of a row in generator order to `out`, [P]. */
  readonly writeTarget: (row: number, out: Float32Array) => void;
  /** [B], summing to 1. */
  readonly shares: Float32Array;
  /** Normalised observations on which policies are compared, [M, S], where the loss asks for some. */
  readonly states?: Float32Array;
  /** [B]: rows with equal keys hold the same policy, in all batches of a call; absent: all differ. */
  readonly keys?: readonly number[];
}

/** What both stagings do alike: an array that grows when it must, and what is not a policy. */
class StagedRows {
  readonly model: GeneratorModel;
  #array = new Float32Array(0);

  constructor(model: GeneratorModel) {
    this.model = model;
  }

  /** Writes rows of policies one below the other, [N, P]; the next call overwrites them. */
  stagePolicies(count: number, write: (row: number, out: Float32Array) => void): TensorValue {
    const size = this.model.parameterCount;
    if (this.#array.length < count * size) this.#array = new Float32Array(count * size);
    const data = this.#array.subarray(0, count * size);
    for (let row = 0; row < count; row++) write(row, data.subarray(row * size, (row + 1) * size));
    return { data, shape: [count, size] };
  }

  /**
   * Gives `commands` [B, C], `shares` [B, 1], the random inputs of the loss and its `states` [M, S],
   * named by `suffix`.
   */
  stageConditions(
    { commands, shares, states }: Batch,
    { rng, suffix = "" }: { rng: Rng; suffix?: string },
  ): Record<string, TensorValue> {
    const rows = commands.length;
    const feeds: Record<string, TensorValue> = {
      [`commands${suffix}`]: encodeCommands(this.model, commands),
      [`shares${suffix}`]: { data: shares, shape: [rows, 1] },
    };
    for (const { name, width, kind } of this.model.lossNoise) {
      const data = new Float32Array(rows * width);
      if (kind === "normal") rng.fillStandardNormal(data);
      else {
        const kept = 1 / (1 - kind.dropout);
        for (let i = 0; i < data.length; i++) data[i] = rng.random() < kind.dropout ? 0 : kept;
      }
      feeds[`${name}${suffix}`] = { data, shape: [rows, width] };
    }
    const { lossStates } = this.model;
    if (lossStates) {
      if (!states) throw new Error("Internal error: the loss needs states, the batch has none");
      feeds[`states${suffix}`] = { data: states, shape: lossStates };
    }
    return feeds;
  }
}

/** Stages one batch after another, for graphs of `traceGradients`. */
export class Staging {
  readonly #rows: StagedRows;

  /** Prepares for the graphs of one model. */
  constructor(model: GeneratorModel) {
    this.#rows = new StagedRows(model);
  }

  /**
   * Gives the inputs that a batch makes; the next call overwrites them.
   * @param rng drawn from only when the loss needs random inputs
   */
  stage(batch: Batch, rng: Rng): Record<string, TensorValue> {
    const targets = this.#rows.stagePolicies(batch.commands.length, batch.writeTarget);
    return { ...this.#rows.stageConditions(batch, { rng }), targets };
  }
}

/** Stages all batches of a group at once, for graphs of `traceUpdates`. */
export class GroupStaging {
  readonly #rows: StagedRows;

  /** Prepares for the graphs of one model. */
  constructor(model: GeneratorModel) {
    this.#rows = new StagedRows(model);
  }

  /**
   * Gives the inputs that batches make, every policy once as `policies` [N, P] and its places in each
   * batch as `rows.k` [Bk]; the next call overwrites them.
   * @param rng drawn from only when the loss needs random inputs
   */
  stage(batches: readonly Batch[], rng: Rng): Record<string, TensorValue> {
    const feeds: Record<string, TensorValue> = {};
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
      Object.assign(feeds, this.#rows.stageConditions(batch, { rng, suffix: `.${k}` }));
    });
    feeds.policies = this.#rows.stagePolicies(
      sources.length,
      (i, out) => sources[i].batch.writeTarget(sources[i].row, out),
    );
    return feeds;
  }
}
