/**
 * Where weights and Adam's moments live between runs of a graph that holds whole updates.
 *
 * `HostMemory` keeps them in two copies that take turns: one is read while ONNX Runtime writes the
 * other. `DeviceMemory` leaves what an update computed in the device's memory and feeds it to the next
 * one; nothing but batches and losses crosses the bus until somebody asks for a copy.
 */

import { trace } from "../autodiff/graph.ts";
import { exportOnnx } from "../onnx/export.ts";
import {
  createSession,
  DeviceTensor,
  type Feeds,
  type Session,
  type SessionOptions,
  type TensorValue,
} from "../onnx/session.ts";
import { STATE_PARTS } from "./update_graph.ts";
import type { FlatState } from "./updater.ts";

/** Holds the present weights and moments. */
export interface LearnerMemory {
  /** Inputs of an update: `weights`, `momentum`, `variance`. */
  readonly inputs: Feeds;
  /** Outputs of an update that its session must leave on the device. */
  readonly kept: readonly string[];
  /** The host's copy; it may be behind what the device holds. */
  readonly host: FlatState;
  /** Whether the host's copy is behind. */
  readonly isBehind: boolean;
  /** Runs updates; the present state stays as it is until `take`. `fetches` holds the other outputs. */
  run(
    session: Session,
    feeds: Feeds,
    fetches: Readonly<Record<string, TensorValue>>,
  ): Promise<void>;
  /** Makes the last run's results the present state. */
  take(): void;
  /** Drops the last run's results. */
  drop(): void;
  /** Brings the host's copy up to date. */
  download(): Promise<void>;
  /** Makes numbers the present state; the vectors are copied. Parts that are absent stay. */
  write(state: Partial<FlatState>): void;
  /** Frees what is not the host's. */
  close(): Promise<void>;
}

/** The state in one copy. */
interface StateCopy {
  readonly flat: FlatState;
  readonly inputs: Readonly<Record<string, TensorValue>>;
  readonly outputs: Readonly<Record<string, TensorValue>>;
}

function createCopy(size: number): StateCopy {
  const flat = {
    weights: new Float32Array(size),
    momentum: new Float32Array(size),
    variance: new Float32Array(size),
  };
  const values = STATE_PARTS.map((part) => [part, { data: flat[part], shape: [size] }] as const);
  return {
    flat,
    inputs: Object.fromEntries(values),
    outputs: Object.fromEntries(values.map(([part, value]) => [outputOf(part), value])),
  };
}

function outputOf(input: string): string {
  return `new.${input}`;
}

/** Keeps the state in the host's memory. */
export class HostMemory implements LearnerMemory {
  readonly kept: readonly string[] = [];
  readonly isBehind = false;
  readonly #copies: [StateCopy, StateCopy];

  /** Makes room for the weights and both moments, all zero. */
  constructor(size: number) {
    this.#copies = [createCopy(size), createCopy(size)];
  }

  get inputs(): Feeds {
    return this.#copies[0].inputs;
  }

  get host(): FlatState {
    return this.#copies[0].flat;
  }

  async run(
    session: Session,
    feeds: Feeds,
    fetches: Readonly<Record<string, TensorValue>>,
  ): Promise<void> {
    await session.run(feeds, { ...this.#copies[1].outputs, ...fetches });
  }

  take(): void {
    this.#copies.reverse();
  }

  drop(): void {} // The next run writes over it.

  download(): Promise<void> {
    return Promise.resolve();
  }

  write(state: Partial<FlatState>): void {
    for (const part of STATE_PARTS) if (state[part]) this.host[part].set(state[part]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Keeps the state in the memory of the device that sessions run on. */
export class DeviceMemory implements LearnerMemory {
  readonly kept: readonly string[] = STATE_PARTS.map(outputOf);
  readonly #options: SessionOptions;
  readonly #copy: StateCopy;
  #present: Feeds;
  #next: Feeds | undefined;
  #isBehind = false;
  #reader: Session | undefined;

  /** Makes room on the host alone; the first run puts the state on the device. */
  constructor(size: number, options: SessionOptions) {
    this.#options = options;
    this.#copy = createCopy(size);
    this.#present = this.#copy.inputs;
  }

  get inputs(): Feeds {
    return this.#present;
  }

  get host(): FlatState {
    return this.#copy.flat;
  }

  get isBehind(): boolean {
    return this.#isBehind;
  }

  async run(
    session: Session,
    feeds: Feeds,
    fetches: Readonly<Record<string, TensorValue>>,
  ): Promise<void> {
    this.drop();
    const wanted = Object.fromEntries(this.kept.map((name) => [name, null]));
    const results = await session.runKeeping(feeds, { ...wanted, ...fetches });
    this.#next = Object.fromEntries(STATE_PARTS.map((part) => [part, results[outputOf(part)]]));
  }

  take(): void {
    if (this.#next === undefined) throw new Error("Internal error: no update to take");
    release(this.#present);
    this.#present = this.#next;
    this.#next = undefined;
    this.#isBehind = true;
  }

  drop(): void {
    if (this.#next) release(this.#next);
    this.#next = undefined;
  }

  async download(): Promise<void> {
    if (!this.#isBehind) return;
    this.#reader ??= await createSession(
      exportOnnx(traceCopy(this.#copy.inputs), { name: "copy" }),
      this.#options,
    );
    const results = await this.#reader.run(this.#present);
    for (const part of STATE_PARTS) this.host[part].set(results[outputOf(part)].data as never);
    this.#isBehind = false;
  }

  write(state: Partial<FlatState>): void {
    const present = { ...this.#present };
    for (const part of STATE_PARTS) {
      if (!state[part]) continue;
      this.host[part].set(state[part]);
      release({ [part]: present[part] });
      present[part] = this.#copy.inputs[part];
    }
    this.#present = present;
    if (STATE_PARTS.every((part) => state[part])) this.#isBehind = false;
  }

  async close(): Promise<void> {
    this.drop();
    release(this.#present);
    this.#present = this.#copy.inputs;
    await this.#reader?.release();
    this.#reader = undefined;
  }
}

/** Traces a graph that copies its inputs, so that a session can give them to the host. */
function traceCopy(values: Readonly<Record<string, TensorValue>>) {
  const inputs = Object.fromEntries(
    Object.entries(values).map(([name, { shape }]) => [name, shape]),
  );
  return trace(inputs, (tensors) =>
    Object.fromEntries(
      Object.entries(tensors).map(([name, tensor]) => [outputOf(name), tensor]),
    ));
}

function release(values: Feeds): void {
  for (const value of Object.values(values)) if (value instanceof DeviceTensor) value.release();
}
