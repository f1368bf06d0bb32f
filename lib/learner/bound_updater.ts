/**
 * Updates on a device whose memory can be bound: weights, moments and gradients stay there, the gradients of a
 * batch are one run and Adam over all weights another.
 *
 * A weight is a part of one long vector: the gradients' graph reads it and writes its gradient in place, and
 * Adam takes the whole vector, so that nothing is cut or joined. A run of CUDA is launched as one graph, which
 * has fixed sizes: batches are filled up to a multiple of eight rows with rows of share 0.
 */

import { ADAM, adamStep } from "../autodiff/adam.ts";
import { trace } from "../autodiff/graph.ts";
import { sizeOf } from "../autodiff/shape.ts";
import { countWeights, nameWeights } from "./generation_pass.ts";
import type { GeneratorModel } from "../model.ts";
import { BoundSession, type BoundTensor } from "../onnx/bound/bound_session.ts";
import { ALIGNMENT, Block, type Memory } from "../onnx/bound/memory.ts";
import { RuntimeApi } from "../onnx/bound/runtime_api.ts";
import { exportOnnx } from "../onnx/export.ts";
import type { Feeds, TensorValue } from "../onnx/session.ts";
import { type Batch, GroupStaging } from "./staging.ts";
import { ADAM_INPUTS, STATE_PARTS, type StatePart, traceFixedGradients } from "./update_graph.ts";
import type { FlatState, UpdateContext, Updater, UpdateResult, UpdaterOptions } from "./updater.ts";

const FLOAT_BYTES = 4;
/** Rows are filled up to a multiple of so many: a graph is captured for each number of rows. */
const ROW_STEP = 8;

/** Gives tensors their places in a block, one behind the other. */
class Layout {
  bytes = 0;
  readonly places = new Map<string, { offset: number; shape: readonly number[] }>();

  add(name: string, shape: readonly number[]): void {
    this.places.set(name, { offset: this.bytes, shape });
    this.bytes += ALIGNMENT * Math.ceil(FLOAT_BYTES * sizeOf(shape) / ALIGNMENT);
  }
}

/** What changes with the number of rows. */
interface BatchRun {
  readonly session: BoundSession;
  readonly layout: Layout;
  readonly block: Block;
  readonly staged: Uint8Array;
}

/** All that does not change with the number of rows. */
type Blocks = Readonly<Record<"gradients" | "scalars" | "loss" | StatePart, Block>>;

/** Where the state is kept, and how runs are launched. */
export interface BoundPlace {
  /** The memory of the device that runs models. */
  readonly memory: Memory;
  /** Launches a run as one CUDA graph. */
  readonly isCaptured: boolean;
}

/** Keeps the state in blocks of a device's memory. */
export class BoundUpdater implements Updater {
  readonly host: FlatState;
  /** Parts of the host's copy that the device has newer numbers of. */
  readonly #behind = new Set<StatePart>();
  readonly #model: GeneratorModel;
  readonly #batchSize: number;
  readonly #place: BoundPlace;
  readonly #api: RuntimeApi;
  readonly #staging: GroupStaging;
  readonly #layout = new Layout();
  readonly #runs = new Map<number, BatchRun>();
  readonly #scalars = new Float32Array(2 * ALIGNMENT / FLOAT_BYTES);
  readonly #loss = new Float32Array(1);
  readonly #made: Block[] = [];
  #blocks: Blocks | undefined;
  #adam: BoundSession | undefined;
  #policies: { block: Block; capacity: number } | undefined;

  /**
   * Makes room on the host; the device's is made at the first use. The package must have been loaded.
   * @throws {Error} when ONNX Runtime's C interface cannot be used.
   */
  constructor(model: GeneratorModel, { batchSize }: UpdaterOptions, place: BoundPlace) {
    this.#model = model;
    this.#batchSize = batchSize;
    this.#place = place;
    this.#api = new RuntimeApi();
    this.#staging = new GroupStaging(model);
    for (const { name, shape } of model.weights) this.#layout.add(name, shape);
    const size = countWeights(model.weights);
    this.host = {
      weights: new Float32Array(size),
      momentum: new Float32Array(size),
      variance: new Float32Array(size),
    };
  }

  get isBehind(): boolean {
    return this.#behind.size > 0;
  }

  /** The weights by name: copied from the device where the host's are behind. */
  get weights(): Feeds {
    this.#fetch("weights");
    return nameWeights(this.#model.weights, { flat: this.host.weights, prefix: "weights" });
  }

  /**
   * Makes and runs all that updates need, on numbers that are zero; the state stays as it is.
   * @throws {Error} when the device does not do it.
   */
  open(): void {
    if (this.#blocks) return;
    try {
      this.#open();
    } catch (error) {
      this.#free();
      throw error;
    }
  }

  // deno-lint-ignore require-await -- the others' updates are asynchronous
  async update(
    batches: readonly Batch[],
    { rng, scalars }: UpdateContext,
  ): Promise<UpdateResult> {
    this.open();
    const blocks = this.#blocks!;
    const staged = this.#staging.stage(batches, rng);
    const { data, shape: [count] } = staged.policies;
    this.#reserve(count).upload(0, data as Float32Array);
    const losses: number[] = [];
    for (const [k, { commands }] of batches.entries()) {
      const run = this.#runFor(commands.length);
      this.#sendBatch(run, { staged, suffix: `.${k}` });
      run.session.run();
      blocks.loss.download(0, this.#loss);
      losses.push(this.#loss[0]);
      if (!Number.isFinite(this.#loss[0])) return { losses, made: k };
      const values = scalars(k);
      ADAM_INPUTS.forEach((name, i) => this.#scalars[i * ALIGNMENT / FLOAT_BYTES] = values[name]);
      blocks.scalars.upload(0, this.#scalars);
      this.#adam!.run();
      STATE_PARTS.forEach((part) => this.#behind.add(part));
    }
    return { losses, made: losses.length };
  }

  download(): Promise<void> {
    STATE_PARTS.forEach((part) => this.#fetch(part));
    return Promise.resolve();
  }

  write(state: Partial<FlatState>): void {
    for (const part of STATE_PARTS.filter((part) => state[part] !== undefined)) {
      this.host[part].set(state[part]!);
      this.#behind.delete(part);
      if (this.#blocks) this.#send(part);
    }
  }

  close(): Promise<void> {
    this.#free();
    return Promise.resolve();
  }

  #free(): void {
    this.#dropRuns();
    this.#adam?.release();
    for (const block of this.#made.splice(0)) block.release();
    this.#policies?.block.release();
    this.#adam = this.#blocks = this.#policies = undefined;
  }

  #open(): void {
    const { bytes } = this.#layout;
    const make = (size: number) => {
      const block = new Block(this.#place.memory, size);
      this.#made.push(block);
      return block;
    };
    this.#blocks = {
      weights: make(bytes),
      momentum: make(bytes),
      variance: make(bytes),
      gradients: make(bytes),
      scalars: make(2 * ALIGNMENT),
      loss: make(ALIGNMENT),
    };
    this.#adam = this.#makeAdam(this.#blocks);
    // What is captured is computed twice: with nothing in the moments and gradients that changes nothing.
    this.#blocks.scalars.upload(0, this.#scalars.fill(1));
    this.#adam.run();
    this.#reserve(this.#batchSize);
    this.#runFor(this.#batchSize).session.run();
    for (const part of STATE_PARTS) this.#send(part);
  }

  #makeAdam({ gradients, scalars, ...state }: Blocks): BoundSession {
    const shape = [this.#layout.bytes / FLOAT_BYTES];
    const whole = (block: Block): BoundTensor => ({ block, offset: 0, shape });
    const inputs: Record<string, BoundTensor> = { gradients: whole(gradients) };
    const outputs: Record<string, BoundTensor> = {};
    for (const part of STATE_PARTS) inputs[part] = outputs[`new.${part}`] = whole(state[part]);
    ADAM_INPUTS.forEach((name, i) =>
      inputs[name] = { block: scalars, offset: i * ALIGNMENT, shape: [] }
    );
    return new BoundSession(this.#api, exportAdam(shape), { ...this.#place, inputs, outputs });
  }

  *#pieces(part: StatePart): Generator<[{ offset: number }, Float32Array]> {
    let start = 0;
    for (const place of this.#layout.places.values()) {
      yield [place, this.host[part].subarray(start, start += sizeOf(place.shape))];
    }
  }

  #send(part: StatePart): void {
    const all = new Float32Array(this.#layout.bytes / FLOAT_BYTES);
    for (const [{ offset }, own] of this.#pieces(part)) all.set(own, offset / FLOAT_BYTES);
    this.#blocks![part].upload(0, all);
  }

  #fetch(part: StatePart): void {
    if (!this.#behind.delete(part)) return;
    for (const [{ offset }, own] of this.#pieces(part)) this.#blocks![part].download(offset, own);
  }

  /** Makes room for so many policies; what was captured for less room is dropped. */
  #reserve(count: number): Block {
    const { capacity: old, block } = this.#policies ?? { capacity: 0, block: undefined };
    if (block && count <= old) return block;
    this.#dropRuns();
    block?.release();
    this.#policies = undefined;
    // By half at least, so that graphs are seldom captured again.
    const capacity = ROW_STEP * Math.ceil(Math.max(count, 1.5 * old) / ROW_STEP);
    const bytes = FLOAT_BYTES * capacity * this.#model.parameterCount;
    this.#policies = { block: new Block(this.#place.memory, bytes), capacity };
    return this.#policies.block;
  }

  #sendBatch(
    { layout, block, staged }: BatchRun,
    { staged: values, suffix }: { staged: Readonly<Record<string, TensorValue>>; suffix: string },
  ): void {
    staged.fill(0);
    for (const [name, { offset }] of layout.places) {
      const { data } = values[`${name}${suffix}`];
      staged.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    }
    block.upload(0, staged);
  }

  #runFor(count: number): BatchRun {
    const filled = Math.min(this.#batchSize, ROW_STEP * Math.ceil(count / ROW_STEP));
    const rows = Math.max(count, filled);
    let run = this.#runs.get(rows);
    if (!run) {
      run = this.#makeRun(rows);
      this.#runs.set(rows, run);
    }
    return run;
  }

  #makeRun(rows: number): BatchRun {
    const { block: policies, capacity } = this.#policies!;
    const blocks = this.#blocks!;
    const graph = traceFixedGradients(this.#model, { rows, policies: capacity });
    const layout = new Layout();
    const inputs: Record<string, BoundTensor> = {};
    const outputs: Record<string, BoundTensor> = {
      loss: { block: blocks.loss, offset: 0, shape: [] },
    };
    for (const [name, place] of this.#layout.places) {
      inputs[`weights.${name}`] = { block: blocks.weights, ...place };
      outputs[`gradients.${name}`] = { block: blocks.gradients, ...place };
    }
    const own = graph.inputs.filter(({ attributes: { name } }) =>
      name !== "policies" && !(name in inputs)
    );
    for (const { shape, attributes: { name } } of own) layout.add(name, shape.map(Number));
    const block = new Block(this.#place.memory, layout.bytes);
    for (const { dtype, attributes: { name } } of own) {
      inputs[name] = { block, ...layout.places.get(name)!, dtype: dtype as "float32" | "int32" };
    }
    inputs.policies = { block: policies, offset: 0, shape: [capacity, this.#model.parameterCount] };
    try {
      const model = exportOnnx(graph, { name: "gradients" }) as Uint8Array<ArrayBuffer>;
      const session = new BoundSession(this.#api, model, { ...this.#place, inputs, outputs });
      return { session, layout, block, staged: new Uint8Array(layout.bytes) };
    } catch (error) {
      block.release();
      throw error;
    }
  }

  #dropRuns(): void {
    for (const { session, block } of this.#runs.values()) {
      session.release();
      block.release();
    }
    this.#runs.clear();
  }
}

function exportAdam(shape: readonly number[]): Uint8Array<ArrayBuffer> {
  const names = [...STATE_PARTS, "gradients"];
  const inputs = Object.fromEntries([
    ...names.map((name) => [name, shape]),
    ...ADAM_INPUTS.map((name) => [name, []]),
  ]);
  const graph = trace(inputs, (tensors) => {
    const { weight, momentum, variance } = adamStep({
      weight: tensors.weights,
      momentum: tensors.momentum,
      variance: tensors.variance,
      gradient: tensors.gradients,
      stepSize: tensors.stepSize,
      epsilon: tensors.epsilon,
      beta1: ADAM.beta1,
      beta2: ADAM.beta2,
    });
    return { "new.weights": weight, "new.momentum": momentum, "new.variance": variance };
  });
  return exportOnnx(graph, { name: "adam" }) as Uint8Array<ArrayBuffer>;
}
