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
import { countWeights } from "./generation_pass.ts";
import type { WeightSpec } from "../model.ts";
import { STATE_PARTS, type StatePart } from "./update_graph.ts";
import type { FlatState } from "./updater.ts";
import {
  createGroups,
  groupWeights,
  nameGroup,
  readGroups,
  type WeightGroup,
  writeGroups,
} from "./weight_groups.ts";

/** Holds the present weights and moments. */
export interface LearnerMemory {
  /** Inputs of an update: `weights.WIDTH`, `momentum.WIDTH`, `variance.WIDTH`. */
  readonly inputs: Feeds;
  /** Those of the inputs that are weights. */
  readonly weights: Feeds;
  /** Outputs of an update that its session must leave on the device. */
  readonly kept: readonly string[];
  /** The host's copy; it may be behind what the device holds. */
  readonly host: FlatState;
  /** Whether the host's copy is behind. */
  readonly isBehind: boolean;
  /** Runs updates; the present state stays as it is until `take`. `fetches` holds the other outputs. */
  run(session: Session, feeds: Feeds, fetches: Values): Promise<void>;
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

/** Tensors by name. */
export type Values = Readonly<Record<string, TensorValue>>;

function outputOf(input: string): string {
  return `new.${input}`;
}

/** What both kinds have: the host's copy in the order of the model, and its way into groups. */
export abstract class GroupedMemory {
  /** How weights lie. */
  readonly groups: readonly WeightGroup[];
  /** The host's copy; it may be behind. */
  readonly host: FlatState;
  /** Whether the host's copy is behind. */
  isBehind = false;

  /** Makes room for the host's copy, all zero. */
  constructor(specs: readonly WeightSpec[]) {
    this.groups = groupWeights(specs);
    const size = countWeights(specs);
    this.host = {
      weights: new Float32Array(size),
      momentum: new Float32Array(size),
      variance: new Float32Array(size),
    };
  }

  /** Makes tensors for a whole state, by the names of inputs. */
  createValues(): Values {
    return Object.assign({}, ...STATE_PARTS.map((part) => createGroups(this.groups, part)));
  }

  /** Copies parts of the host's copy into such tensors. */
  writeValues(values: Values, parts: readonly StatePart[]): void {
    for (const part of parts) {
      writeGroups(this.groups, { flat: this.host[part], prefix: part, values });
    }
  }

  /** Makes such tensors the host's copy. */
  readValues(values: Values): void {
    for (const part of STATE_PARTS) {
      readGroups(this.groups, { flat: this.host[part], prefix: part, values });
    }
    this.isBehind = false;
  }

  /** Takes numbers into the host's copy; tells which parts there are. */
  writeHost(state: Partial<FlatState>): StatePart[] {
    const parts = STATE_PARTS.filter((part) => state[part] !== undefined);
    for (const part of parts) this.host[part].set(state[part]!);
    if (parts.length === STATE_PARTS.length) this.isBehind = false;
    return parts;
  }

  /** Of values by the names of inputs, those that are weights. */
  weightsOf(inputs: Feeds): Feeds {
    const names = this.groups.map((group) => nameGroup("weights", group));
    return Object.fromEntries(names.map((name) => [name, inputs[name]]));
  }
}

/** Keeps the state in the host's memory. */
export class HostMemory extends GroupedMemory implements LearnerMemory {
  readonly kept: readonly string[] = [];
  readonly #copies: [Values, Values];

  /** Makes room for the weights and both moments, all zero. */
  constructor(specs: readonly WeightSpec[]) {
    super(specs);
    this.#copies = [this.createValues(), this.createValues()];
  }

  get inputs(): Feeds {
    return this.#copies[0];
  }

  get weights(): Feeds {
    return this.weightsOf(this.inputs);
  }

  async run(session: Session, feeds: Feeds, fetches: Values): Promise<void> {
    const outputs = Object.fromEntries(
      Object.entries(this.#copies[1]).map(([name, value]) => [outputOf(name), value]),
    );
    await session.run(feeds, { ...outputs, ...fetches });
  }

  take(): void {
    this.#copies.reverse();
    this.isBehind = true;
  }

  drop(): void {} // The next run writes over it.

  download(): Promise<void> {
    if (this.isBehind) this.readValues(this.#copies[0]);
    return Promise.resolve();
  }

  write(state: Partial<FlatState>): void {
    this.writeValues(this.#copies[0], this.writeHost(state));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Keeps the state in the memory of the device that sessions run on. */
export class DeviceMemory extends GroupedMemory implements LearnerMemory {
  readonly kept: readonly string[];
  readonly #options: SessionOptions;
  readonly #values: Values;
  #present: Feeds;
  #next: Feeds | undefined;
  #reader: Session | undefined;

  /** Makes room on the host alone; the first run puts the state on the device. */
  constructor(specs: readonly WeightSpec[], options: SessionOptions) {
    super(specs);
    this.#options = options;
    this.#values = this.createValues();
    this.#present = this.#values;
    this.kept = Object.keys(this.#values).map(outputOf);
  }

  get inputs(): Feeds {
    return this.#present;
  }

  get weights(): Feeds {
    return this.weightsOf(this.#present);
  }

  async run(session: Session, feeds: Feeds, fetches: Values): Promise<void> {
    this.drop();
    const wanted = Object.fromEntries(this.kept.map((name) => [name, null]));
    const results = await session.runKeeping(feeds, { ...wanted, ...fetches });
    this.#next = Object.fromEntries(
      Object.keys(this.#values).map((name) => [name, results[outputOf(name)]]),
    );
  }

  take(): void {
    if (this.#next === undefined) throw new Error("Internal error: no update to take");
    release(this.#present);
    this.#present = this.#next;
    this.#next = undefined;
    this.isBehind = true;
  }

  drop(): void {
    if (this.#next) release(this.#next);
    this.#next = undefined;
  }

  async download(): Promise<void> {
    if (!this.isBehind) return;
    this.#reader ??= await createSession(
      exportOnnx(traceCopy(this.#values), { name: "copy" }),
      this.#options,
    );
    const results = await this.#reader.run(this.#present);
    this.readValues(Object.fromEntries(
      Object.keys(this.#values).map((name) => [name, results[outputOf(name)]]),
    ));
  }

  write(state: Partial<FlatState>): void {
    const parts = this.writeHost(state);
    this.writeValues(this.#values, parts);
    const present = { ...this.#present };
    for (const part of parts) {
      for (const name of this.groups.map((group) => nameGroup(part, group))) {
        release({ [name]: present[name] });
        present[name] = this.#values[name];
      }
    }
    this.#present = present;
  }

  async close(): Promise<void> {
    this.drop();
    release(this.#present);
    this.#present = this.#values;
    await this.#reader?.release();
    this.#reader = undefined;
  }
}

/** Traces a graph that copies its inputs, so that a session can give them to the host. */
function traceCopy(values: Values) {
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
