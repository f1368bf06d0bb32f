/**
 * Times the update step beside its floor: the arithmetic of its matrix products at the rate that ONNX
 * Runtime reaches here on large square ones, and the bytes that Adam cannot but move at the rate of a
 * plain copy, one after the other.
 *
 * Batches are drawn as in training: 24 draws from a full buffer with one policy in each bucket and
 * exponential weights of scale 0.3, which gives 8.6 distinct rows on average. A figure and its floors
 * are timed in turns, and ratios are between fastest times, as in policy_bench.ts.
 */

import { countMultiplyAdds } from "../../lib/autodiff/cost.ts";
import { trace } from "../../lib/autodiff/graph.ts";
import { matmul } from "../../lib/autodiff/tensor.ts";
import { PolicyBuffer, REFERENCE_SIZE } from "../../lib/algorithm/buffer.ts";
import {
  type Config,
  flattenConfig,
  type PartialConfig,
  resolveConfig,
} from "../../lib/config/config.ts";
import { Learner } from "../../lib/learner/learner.ts";
import type { Batch } from "../../lib/learner/staging.ts";
import { sizeOf } from "../../lib/autodiff/shape.ts";
import type { GeneratorModel, PolicyShape } from "../../lib/model.ts";
import type { StoredPolicy } from "../../lib/policy_space.ts";
import { exportOnnx } from "../../lib/onnx/export.ts";
import { createSession } from "../../lib/onnx/session.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { traceUpdates } from "../../lib/learner/update_graph.ts";
import { models } from "../../models/models.ts";

/** One measured figure; times are of one update. */
export interface UpdateBenchRow {
  readonly name: string;
  /** Weights of the generator. */
  readonly weights: number;
  /** Tiles of the policy's hidden layers with the greatest number of them. */
  readonly tiles: number;
  /** Distinct rows of a batch, on average. */
  readonly rows: number;
  readonly milliseconds: number;
  readonly fastestMilliseconds: number;
  /** Arithmetic and memory. */
  readonly floorMilliseconds: number;
  /** `fastestMilliseconds` over `floorMilliseconds`. */
  readonly ratio: number;
  /** Making the model and loading it, once per run. */
  readonly loadMilliseconds: number;
}

/** What to measure. */
export interface UpdateCase {
  /** Widths of the policy. */
  readonly sizes: readonly number[];
  /** Widths of the generator; the reference's when absent. */
  readonly hiddenSizes?: readonly number[];
  readonly tileSize?: number;
  /** Distinct rows of every batch; drawn as in training when absent. */
  readonly rows?: number;
  /** What the loss compares; weights when absent. */
  readonly loss?: Config["update"]["loss"];
}

/** Updates in one run, as in the reference configuration and the default preset. */
const UPDATES = 8;
const BATCH_SIZE = 24;
/** Policies in the buffer that batches are drawn from. */
const STORED = 200;
/** Runs one after the other before the floors are timed again, which empties the caches. */
const RUNS_PER_ROUND = 3;
/** Bytes that an Adam step reads and writes for a weight: w, m, v both, g read. */
const ADAM_BYTES = 28;

/** How fast this machine is, measured now. */
interface Machine {
  /** Multiply-adds a millisecond. */
  readonly multiplyAdds: number;
  /** Bytes a millisecond, read and written together. */
  readonly bytes: number;
}

/** Measures the floors' rates again and again: the best of all rounds counts. */
class MachineProbe implements Machine {
  multiplyAdds = 0;
  bytes = 0;
  readonly #run: () => Promise<unknown>;
  readonly #products: number;
  readonly #copies = [new Float32Array(1 << 22), new Float32Array(1 << 22)];

  private constructor(run: () => Promise<unknown>, products: number) {
    this.#run = run;
    this.#products = products;
  }

  static async create(): Promise<MachineProbe> {
    const size = 1024;
    const graph = trace({ x: [size, size], w: [size, size] }, ({ x, w }) => {
      const y = matmul(matmul(matmul(x, w), w), w);
      return { y };
    });
    const session = await createSession(exportOnnx(graph, { name: "products" }));
    const value = () => ({
      data: new Float32Array(size * size).fill(1e-3),
      shape: [size, size],
    });
    const [feeds, y] = [{ x: value(), w: value() }, value()];
    return new MachineProbe(() => session.run(feeds, { y }), countMultiplyAdds(graph, 1));
  }

  async measure(): Promise<void> {
    let start = performance.now();
    await this.#run();
    this.multiplyAdds = Math.max(
      this.multiplyAdds,
      this.#products / (performance.now() - start),
    );
    start = performance.now();
    this.#copies[1].set(this.#copies[0]);
    const bytes = 2 * this.#copies[0].byteLength;
    this.bytes = Math.max(this.bytes, bytes / (performance.now() - start));
  }
}

function shapeOf(sizes: readonly number[]): PolicyShape {
  const counts = sizes.slice(1).map((size, i) => (sizes[i] + 1) * size);
  const scale = counts.flatMap((count, i) => new Array(count).fill(1 / Math.sqrt(sizes[i])));
  return {
    sizes,
    parameterCount: scale.length,
    scale: Float32Array.from(scale),
    activation: "tanh",
    skip: "none",
    actions: "box",
  };
}

function configOf(
  { sizes, hiddenSizes = [512, 512], tileSize = 32, loss = "weights" }: UpdateCase,
): Config {
  const policy = sizes.slice(1, -1);
  const tiles = policy.length > 0 ? { tileSize } : {}; // a linear policy has none
  const values: PartialConfig = {
    policy: { hiddenSizes: policy },
    generator: { kind: "tiled", hiddenSizes, commandEncoding: "scalar", ...tiles },
    update: { loss, perCycle: UPDATES, batchSize: BATCH_SIZE, learningRate: 2e-6 },
    rollout: { noise: "fixed" },
    buffer: { kind: "bucket", bucketCapacity: 1, weightingScale: 0.3 },
  };
  return resolveConfig([{ source: "bench", values: flattenConfig(values) }]).config;
}

/** Makes the generator that a case is about, and its first weights. */
export function createSubject(
  subject: Pick<UpdateCase, "sizes" | "hiddenSizes" | "tileSize" | "loss">,
): { readonly config: Config; readonly model: GeneratorModel; readonly weights: Float32Array } {
  const config = configOf(subject);
  const model = models.createGenerator(config, shapeOf(subject.sizes));
  return { config, model, weights: model.initialise(Rng.fromSeed(1)) };
}

/** Draws batches from a full buffer of random policies, or batches of so many distinct ones. */
function createSource(
  config: Config,
  { parameterCount: size, lossStates }: GeneratorModel,
  rows: number | undefined,
): (rng: Rng) => Batch {
  const buffer = new PolicyBuffer({ ...REFERENCE_SIZE, ...config.buffer }, size);
  const noise = Rng.fromSeed(1);
  const row = new Float32Array(size) as StoredPolicy;
  for (let i = 0; i < STORED; i++) {
    noise.fillStandardNormal(row);
    buffer.add(row, (i + 1) / STORED);
  }
  const entries = [...buffer.entries()].reverse();
  const states = new Float32Array(lossStates ? sizeOf(lossStates) : 0);
  noise.fillStandardNormal(states);
  return (rng) => {
    const draw = rows === undefined ? buffer.draw(rng, { size: BATCH_SIZE }) : {
      entries: entries.slice(0, rows),
      shares: new Float32Array(rows).fill(1 / rows),
    };
    return {
      commands: draw.entries.map(({ scaledReturn }) => scaledReturn),
      shares: draw.shares,
      writeTarget: (i, out) => out.set(buffer.row(draw.entries[i].slot)),
      states,
    };
  };
}

/** Measures one case: `rounds` times the floors and three runs of 8 updates, after a first one. */
async function measureCase(
  subject: UpdateCase,
  { probe, rounds }: { probe: MachineProbe; rounds: number },
): Promise<UpdateBenchRow> {
  const { sizes, hiddenSizes, tileSize = 32 } = subject;
  const { config, model, weights } = createSubject(subject);
  const learner = new Learner(model, weights, { batchSize: BATCH_SIZE, session: {} });
  const source = createSource(config, model, subject.rows);
  const rng = Rng.fromSeed(2);
  const options = { rng, learningRate: () => config.update.learningRate };
  const batches = () => Array.from({ length: UPDATES }, () => source(rng));
  let start = performance.now();
  await learner.update(batches(), options);
  const load = performance.now() - start;
  const times: number[] = [];
  let drawn = 0;
  for (let round = 0; round < rounds; round++) {
    await probe.measure();
    for (let run = 0; run < RUNS_PER_ROUND; run++) {
      const drawnNow = batches();
      drawn += drawnNow.reduce((sum, { commands }) => sum + commands.length, 0);
      start = performance.now();
      await learner.update(drawnNow, options);
      times.push((performance.now() - start) / UPDATES);
    }
  }
  await learner.close();
  times.sort((a, b) => a - b);
  const rows = drawn / (times.length * UPDATES);
  const products = countMultiplyAdds(traceUpdates(model, { count: 1 }), rows);
  const floor = products / probe.multiplyAdds + ADAM_BYTES * weights.length / probe.bytes;
  const across = sizes.slice(1, -1).map((size) => size / tileSize);
  const from = hiddenSizes ? ` from ${hiddenSizes.join("-")}` : "";
  return {
    name: `update ${sizes.join("-")}${from}${tileSize === 32 ? "" : `, tiles of ${tileSize}`}` +
      (subject.rows === undefined ? "" : `, ${subject.rows} rows`) +
      (subject.loss === undefined ? "" : `, loss ${subject.loss}`),
    weights: weights.length,
    tiles: Math.max(1, ...across.slice(1).map((count, i) => count * across[i])),
    rows,
    milliseconds: times[times.length >> 1],
    fastestMilliseconds: times[0],
    floorMilliseconds: floor,
    ratio: times[0] / floor,
    loadMilliseconds: load,
  };
}

/** What the targets are about: the reference generator for two policies, and the default preset's. */
const MAIN_CASES: readonly UpdateCase[] = [
  { sizes: [11, 256, 256, 3] },
  { sizes: [4, 32, 32, 1] },
  { sizes: [11, 3], hiddenSizes: [128, 128], rows: BATCH_SIZE },
];

/**
 * The reference generator against batch, policy width and number of tiles, and the default one for a deep
 * policy against what the loss compares.
 */
const SCALING_CASES: readonly UpdateCase[] = [
  ...[1, 4, 12, 24].map((rows) => ({ sizes: [11, 128, 128, 3], rows })),
  ...[32, 64, 256].map((width) => ({ sizes: [11, width, width, 3], rows: 8 })),
  ...(["weights", "function", "both"] as const).map((loss) => ({
    sizes: [17, 64, 64, 6],
    hiddenSizes: [128, 128],
    rows: 10,
    loss,
  })),
  ...[16, 64].map((tileSize) => ({ sizes: [11, 128, 128, 3], tileSize, rows: 8 })),
];

async function measureCases(
  cases: readonly UpdateCase[],
  rounds: number,
): Promise<UpdateBenchRow[]> {
  const probe = await MachineProbe.create();
  await probe.measure();
  const rows: UpdateBenchRow[] = [];
  for (const subject of cases) rows.push(await measureCase(subject, { probe, rounds }));
  return rows;
}

/** Times the update step of the main cases, about fifteen seconds. */
export function benchUpdates(): Promise<UpdateBenchRow[]> {
  return measureCases(MAIN_CASES, 8);
}

/** Times the update step against batch, width and tiles in a few runs each: a table, no guard. */
export function benchScaling(): Promise<UpdateBenchRow[]> {
  return measureCases(SCALING_CASES, 2);
}
