/** Updates on a device: whether they equal the CPU's, and how long they take. */

import { Learner } from "../../lib/learner/learner.ts";
import type { Batch } from "../../lib/learner/staging.ts";
import type { CudaWay, FlatState } from "../../lib/learner/updater.ts";
import { STATE_PARTS } from "../../lib/learner/update_graph.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import type { Device } from "../../lib/onnx/session.ts";
import { createSubject, type UpdateCase } from "../bench/update_bench.ts";
import { drawBatch } from "../support/interpreted_updates.ts";
import { relativeDifference } from "../support/relative_difference.ts";

/** How far apart updates on two devices may be, relative to the largest number. */
export const TOLERANCE = 1e-4;

const UPDATES = 8;
const FLOAT_BYTES = 4;
/** What a run may send to a device as targets; the host has to make them first. */
const MAX_TARGET_BYTES = 2 ** 30;

/** What came of a comparison with the CPU. */
export interface Comparison {
  readonly device: Device;
  /** The way that was asked for; the fastest that works when absent. */
  readonly way?: CudaWay;
  readonly policy: string;
  /** The largest relative difference of the losses, of the weights and of each moment. */
  readonly differences: Readonly<Record<string, number>>;
  readonly ok: boolean;
}

/** Makes eight updates on the CPU and on a device, two in a run, and compares what came of them. */
export async function compareWithCpu(
  device: Device,
  { way, ...subject }: Pick<UpdateCase, "sizes" | "hiddenSizes" | "loss"> & { way?: CudaWay },
): Promise<Comparison> {
  const { model, weights } = createSubject(subject);
  const rows = 6;
  const learners = (["cpu", device] as const).map((name) =>
    // Batches of fewer rows than there can be: graphs of fixed sizes fill them up.
    new Learner(model, weights, { batchSize: rows + 2, session: { device: name }, ...choose(way) })
  );
  const draws = Rng.fromSeed(5);
  const batches = Array.from({ length: UPDATES }, () => drawBatch(model, rows, draws));
  try {
    const losses = [];
    for (const learner of learners) {
      const options = { rng: Rng.fromSeed(6), learningRate: () => 1e-4 };
      const own: number[] = [];
      for (let k = 0; k < UPDATES; k += 2) {
        own.push(...await learner.update(batches.slice(k, k + 2), options));
      }
      await learner.download();
      losses.push(Float32Array.from(own));
    }
    const [cpu, other] = learners.map(({ state }) => state);
    const judged = judge({ ...other, losses: losses[1] }, { ...cpu, losses: losses[0] });
    const policy = subject.sizes.join("-");
    return { device, ...(way ? { way } : {}), policy, ...judged };
  } finally {
    for (const learner of learners) await learner.close();
  }
}

function choose(way: CudaWay | undefined): { cudaWays?: readonly CudaWay[] } {
  return way ? { cudaWays: [way] } : {};
}

/** What updates left behind. */
export type Computed = FlatState & { readonly losses: Float32Array };

/** Compares what two devices computed. */
export function judge(other: Computed, cpu: Computed): Pick<Comparison, "differences" | "ok"> {
  const parts = ["losses", ...STATE_PARTS] as const;
  const differences = Object.fromEntries(
    parts.map((part) => [part, relativeDifference(other[part], cpu[part])]),
  );
  return { differences, ok: Object.values(differences).every((size) => size < TOLERANCE) };
}

/** What to time. */
export interface TimedCase {
  readonly sizes: readonly number[];
  /** Distinct policies in each batch. */
  readonly batch: number;
  /** Updates that are handed over at once. */
  readonly updatesPerRun: number;
  /** How updates are made on CUDA; the fastest way that works when absent. */
  readonly way?: CudaWay;
}

/** What was timed; times are of one update. */
export interface UpdateTiming {
  readonly device: Device;
  /** The way that was asked for. */
  readonly way?: CudaWay;
  /** Ways on CUDA that do not work. */
  readonly warnings: readonly string[];
  readonly policy: string;
  readonly batch: number;
  readonly updatesPerRun: number;
  readonly generatorWeights: number;
  readonly milliseconds: number;
  readonly fastestMilliseconds: number;
  readonly runs: number;
  /** Making the model, loading it and running it for the first time. */
  readonly firstMilliseconds: number;
  /** Sent and fetched in a run, by the sizes of the tensors; 0 on the CPU. */
  readonly bytesPerRun: number;
}

/** Tells why a case is not timed, or undefined when it can be. */
export function tooLarge({ sizes, batch }: TimedCase): string | undefined {
  const parameters = sizes.slice(1).reduce((sum, size, i) => sum + (sizes[i] + 1) * size, 0);
  const bytes = batch * parameters * FLOAT_BYTES;
  return bytes <= MAX_TARGET_BYTES ? undefined : `its targets take ${bytes} bytes`;
}

/** Times updates of the reference generator until `seconds` are over, in two runs at least. */
export async function timeUpdates(
  { sizes, batch, updatesPerRun, way }: TimedCase,
  { device, seconds }: { readonly device: Device; readonly seconds: number },
): Promise<UpdateTiming> {
  const { model, weights, config } = createSubject({ sizes });
  const warnings: string[] = [];
  const learner = new Learner(model, weights, {
    batchSize: batch,
    session: { device },
    onWarning: (text) => void warnings.push(text),
    ...choose(way),
  });
  const rng = Rng.fromSeed(2);
  const targets = new Float32Array(model.parameterCount);
  rng.fillStandardNormal(targets);
  const one: Batch = {
    commands: Array.from({ length: batch }, (_, row) => row / batch),
    shares: new Float32Array(batch).fill(1 / batch),
    writeTarget: (_, out) => out.set(targets),
    // The batches of a cycle draw the same good policies: a device is sent each of them once.
    keys: Array.from({ length: batch }, (_, row) => row),
  };
  const batches = new Array<Batch>(updatesPerRun).fill(one);
  const { learningRate } = config.update;
  const run = async () => {
    const start = performance.now();
    await learner.update(batches, { rng, learningRate: () => learningRate });
    return performance.now() - start;
  };
  try {
    const firstMilliseconds = await run();
    const times: number[] = [];
    const start = performance.now();
    while (times.length < 2 || performance.now() - start < 1000 * seconds) {
      times.push(await run() / updatesPerRun);
    }
    times.sort((a, b) => a - b);
    return {
      device,
      ...(way ? { way } : {}),
      warnings,
      policy: sizes.join("-"),
      batch,
      updatesPerRun,
      generatorWeights: weights.length,
      milliseconds: times[times.length >> 1],
      fastestMilliseconds: times[0],
      runs: times.length,
      firstMilliseconds,
      bytesPerRun: bytesPerRun(device === "cuda" && way === "unrolled" ? way : device, {
        targets: batch * model.parameterCount,
        weights: weights.length,
      }),
    };
  } finally {
    await learner.close();
  }
}

/**
 * Targets cross the bus once; weights and both moments in both directions where the device cannot keep them.
 * Commands, shares and losses, some hundred bytes an update, are left out.
 */
function bytesPerRun(
  device: Device | "unrolled",
  { targets, weights }: { readonly targets: number; readonly weights: number },
): number {
  if (device === "cpu") return 0;
  const state = device === "unrolled" ? 2 * STATE_PARTS.length * weights : 0;
  return FLOAT_BYTES * (targets + state);
}
