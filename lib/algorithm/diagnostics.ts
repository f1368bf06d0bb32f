/**
 * What the start of a run looks like, before its first episode: `train --dry-run` prints it.
 *
 * The method learns from weight noise, so three sizes decide whether it can start: how large the
 * generated weights are against those of a normally initialised policy, how large the noise is
 * against them, and how far the command moves them. A fourth, the batch share of the best bucket,
 * says how much of the training the lower returns get.
 */

import type { Config } from "../config/config.ts";
import { type BufferOptions, rankWeights } from "./buffer.ts";
import { countWeights } from "../learner/generation_pass.ts";
import { generate } from "./measure.ts";
import { summarise } from "../numbers/statistics.ts";
import { bufferOptions, type TrainingRun } from "./run.ts";
import { fanIns } from "../kernels/policy_kernel.ts";
import { toPolicyOrder } from "../policy_space.ts";

/** One layer of the generated policies, its biases left out. */
export interface LayerDiagnostics {
  /** Width of the layer's input. */
  readonly fanIn: number;
  /** Width of its output. */
  readonly fanOut: number;
  /** Root mean square deviation of the weights from their mean, over the layer and the commands. */
  readonly deviation: number;
  /** The deviation of weights uniform within +-1/sqrt(fan-in): 1/sqrt(3 fan-in). */
  readonly normalDeviation: number;
  /** Root mean square deviation of the exploration noise, its spread between episodes left out. */
  readonly noise: number;
  /** `noise` / `deviation`; infinite where all weights are equal. */
  readonly noiseToSignal: number;
  /** Root mean square change of a weight from command 0 to command 1, comparable with the above. */
  readonly movement: number;
}

/** The start of a run in numbers. */
export interface StartDiagnostics {
  /** Numbers in the generator's weights. */
  readonly generatorWeights: number;
  /** Numbers in a policy. */
  readonly policyParameters: number;
  /** The policies' layers, from the input on. */
  readonly layers: readonly LayerDiagnostics[];
  /** Deviation over all weights and biases of the policies. */
  readonly deviation: number;
  /** Movement over all weights and biases of the policies. */
  readonly movement: number;
  /** What batches would be with every bucket of the range filled; absent where noise adapts: draws are even then. */
  readonly batch?: BatchDiagnostics;
}

/** What batches hold once n buckets are full. */
export interface BatchDiagnostics {
  /** n, the buckets over the range; at most as many as the buffer has policies. */
  readonly buckets: number;
  /** Share of what is drawn that the best bucket gets. */
  readonly bestShare: number;
  /** Share that the best ten buckets get together. */
  readonly bestTenShare: number;
  /** Draws for one batch. */
  readonly batchSize: number;
  /** Distinct policies to expect among a batch's draws. */
  readonly distinctPolicies: number;
}

/** Commands at which policies are generated: the range in tenths. */
const COMMANDS = Array.from({ length: 11 }, (_, i) => i / 10);

/**
 * Measures the start of a run: runs the generator once, no episode. A generator with latents draws
 * one for each command, so its movement holds the latents' part too.
 */
export async function startDiagnostics(run: TrainingRun): Promise<StartDiagnostics> {
  const { task: { config, shape }, tools: { model }, experience } = run;
  const rows = await generate(run, COMMANDS);
  const policies = rows.map((row) => toPolicyOrder(model, row));
  const noises = noiseOf(run);
  let offset = 0;
  const inputs = fanIns(shape.sizes, shape.skip);
  const layers = shape.sizes.slice(1).map((fanOut, index): LayerDiagnostics => {
    const fanIn = inputs[index];
    const [start, end] = [offset, offset + fanIn * fanOut];
    offset = end + fanOut;
    const own = policies.map((policy) => policy.subarray(start, end));
    const deviation = deviationOf(own);
    const noise = Math.sqrt(summarise(noises.subarray(start, end).map((each) => each ** 2)).mean);
    return {
      fanIn,
      fanOut,
      deviation,
      normalDeviation: 1 / Math.sqrt(3 * fanIn),
      noise,
      noiseToSignal: noise / deviation,
      movement: changeOf(own[0], own[own.length - 1]),
    };
  });
  return {
    generatorWeights: countWeights(model.weights),
    policyParameters: shape.parameterCount,
    layers,
    deviation: deviationOf(policies),
    movement: changeOf(policies[0], policies[policies.length - 1]),
    ...(experience.noise ? {} : { batch: batchDiagnostics(bufferOptions(config), config.update) }),
  };
}

/** Deviation of the first rollouts' noise on each number of a policy, in policy order, [P]; where it adapts, parts take turns. */
function noiseOf(
  { task: { config, shape, unit, explored }, tools: { model }, experience: { noise } }: TrainingRun,
): Float64Array {
  const deviations = new Float64Array(shape.parameterCount);
  if (!noise) return deviations.fill(config.rollout.noiseScale);
  noise.forEach(({ sigma }, part) => {
    for (const place of explored[part]) deviations[model.order[place]] = sigma * unit[place];
  });
  return deviations;
}

/** Computes what the weighting makes of batches when all buckets over 0..1 are full. */
export function batchDiagnostics(
  buffer: BufferOptions,
  { batchSize }: Pick<Config["update"], "batchSize">,
): BatchDiagnostics {
  const isBucketed = buffer.kind === "bucket";
  const buckets = isBucketed ? Math.min(buffer.bucketCount, buffer.capacity) : buffer.capacity;
  const perBucket = isBucketed
    ? Math.min(buffer.bucketCapacity, Math.floor(buffer.capacity / buckets))
    : 1;
  const weights = rankWeights(buffer.weightingScale, buckets);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const topTen = weights.slice(-10).reduce((sum, weight) => sum + weight, 0);
  // A policy with the chance p is drawn at least once in n draws with the chance 1 - (1 - p)^n.
  const distinct = weights.reduce((sum, weight) => {
    const chance = weight / total / perBucket;
    return sum - perBucket * Math.expm1(batchSize * Math.log1p(-chance));
  }, 0);
  return {
    buckets,
    bestShare: weights[buckets - 1] / total,
    bestTenShare: topTen / total,
    batchSize,
    distinctPolicies: distinct,
  };
}

/** Root mean square deviation from the common mean. */
function deviationOf(rows: readonly Float32Array[]): number {
  const count = rows.length * rows[0].length;
  const sumOver = (term: (value: number) => number): number => {
    let sum = 0;
    for (const row of rows) for (let i = 0; i < row.length; i++) sum += term(row[i]);
    return sum;
  };
  const mean = sumOver((value) => value) / count;
  return Math.sqrt(sumOver((value) => (value - mean) ** 2) / count);
}

/** Root mean square change. */
function changeOf(from: Float32Array, to: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < from.length; i++) sum += (to[i] - from[i]) ** 2;
  return Math.sqrt(sum / from.length);
}
