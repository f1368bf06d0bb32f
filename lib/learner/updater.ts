/**
 * Who carries out a generator's updates, as one contract with three forms of the same computation:
 *
 *  - lib/learner/cpu_updater.ts on the CPU: ONNX Runtime computes a batch's gradients, a WebAssembly kernel
 *    takes the Adam step over all weights in one pass.
 *  - lib/learner/bound_updater.ts on CUDA: gradients and Adam are two models on memory of the device.
 *  - lib/learner/device_updater.ts on WebGPU: K updates with Adam in them are one ONNX model, so that gradients
 *    never cross the bus.
 */

import type { AdamStepScalars } from "../autodiff/adam.ts";
import type { Feeds, SessionOptions } from "../onnx/session.ts";
import type { Rng } from "../numbers/rng.ts";
import type { Batch } from "./staging.ts";
import type { StatePart } from "./update_graph.ts";

/** Weights and Adam's moments as one flat vector each, [W]. */
export type FlatState = Readonly<Record<StatePart, Float32Array>>;

/** Ways to compute updates on CUDA, the fastest first. */
export const CUDA_WAYS = ["captured", "plain", "unrolled"] as const;
/** One of the ways to compute updates on CUDA. */
export type CudaWay = (typeof CUDA_WAYS)[number];

/** How to make an updater. */
export interface UpdaterOptions {
  /** Rows that a batch has at most. */
  readonly batchSize: number;
  /** Device and threads. */
  readonly session: SessionOptions;
  /** Ways to compute updates on CUDA, tried in this order until one works; all when absent. */
  readonly cudaWays?: readonly CudaWay[];
  /** Called with a line when a way does not work. */
  readonly onWarning?: (text: string) => void;
}

/** What updates need besides their batches. */
export interface UpdateContext {
  /** Drawn from only when the loss needs random inputs. */
  readonly rng: Rng;
  /** Gives Adam's scalars of the k-th of these updates, from 0. */
  readonly scalars: (k: number) => AdamStepScalars;
}

/** What came of a group of updates. */
export interface UpdateResult {
  /** The loss before each update; the last one is not finite where they ended early. */
  readonly losses: readonly number[];
  /** Updates that changed the state: all of them, or fewer where a loss was not finite. */
  readonly made: number;
}

/** Holds the present weights and moments, and changes them. */
export interface Updater {
  /** The present weights as inputs of a graph, `weights.NAME` or, on a device, `weights.WIDTH`. */
  readonly weights: Feeds;
  /** The host's copy of the state; it may be behind what a device holds. */
  readonly host: FlatState;
  /** Whether the host's copy is behind. */
  readonly isBehind: boolean;
  /** Runs one update for each batch; no update follows a loss that is not finite. */
  update(batches: readonly Batch[], context: UpdateContext): Promise<UpdateResult>;
  /** Brings the host's copy up to date. */
  download(): Promise<void>;
  /** Makes numbers the present state; the vectors are copied. Parts that are absent stay. */
  write(state: Partial<FlatState>): void;
  /** Frees what is not the host's. */
  close(): Promise<void>;
}
