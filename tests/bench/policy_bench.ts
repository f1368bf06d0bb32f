/**
 * Times the WASM kernels: a policy's forward for one observation, loading a policy, and Adam, each
 * beside a floor measured in the same run.
 *
 * The floors come from loops that do nothing else, compiled here from AssemblyScript: `multiply`
 * multiplies and adds in registers, `read` loads the policy's bytes, `touch` makes Adam's loads and
 * stores with an addition each. A forward cannot be faster than the slower of the first two.
 *
 * A figure and its floors are timed in turns, in short batches. The median says what a run gets;
 * the fastest batch is what the code can do, so ratios are taken between fastest batches: they
 * hold still on a busy machine, where medians of both sides wander.
 */

import { createAdamKernel } from "../../lib/kernels/adam_kernel.ts";
import { createPolicyKernel } from "../../lib/kernels/policy_kernel.ts";
import { forwardReference } from "../lib/kernels/policy_reference.ts";
import { compileKernel } from "../lib/kernels/compile_kernels.ts";

/** One measured figure. */
export interface PolicyBenchRow {
  /** What was timed. */
  readonly name: string;
  /** Median time of one call over all batches. */
  readonly microseconds: number;
  /** Time of one call in the fastest batch. */
  readonly fastestMicroseconds: number;
  /** What the same machine needs at least: the floor's fastest batch, in the same run. */
  readonly floorMicroseconds: number;
  /** What the floor is. */
  readonly floor: string;
  /** `fastestMicroseconds` over `floorMicroseconds`. */
  readonly ratio: number;
}

/** The policies of the reference configuration on Hopper, and of the quick start. */
const POLICIES: readonly (readonly number[])[] = [[11, 256, 256, 3], [4, 32, 32, 1]];
/** Weights of the generator for an 11-256-256-3 policy, about. */
const ADAM_WEIGHTS = 2_400_000;
/** Batches per figure, each of about `BATCH_MILLISECONDS`, or one call where that takes longer. */
const BATCHES = 301;
const BATCH_MILLISECONDS = 0.5;
/** How long a figure is warmed up: until the optimising compiler has run. */
const WARM_UP_MILLISECONDS = 200;

/** Sums that `multiply` keeps: more than 4 + 4 cycles of latency at 1.5 a cycle, within 16 registers. */
const SUMS = Array.from({ length: 13 }, (_, k) => `a${k}`);
/** Turns of `multiply`, and how many numbers one turn multiplies and adds: every sum of 4, twice. */
const MULTIPLY_TURNS = 1_000;
const MULTIPLIES_PER_TURN = 2 * 4 * SUMS.length;

const TURN = SUMS.map((a) => `${a} = f32x4.add(f32x4.mul(${a}, x), y);`).join("\n");

const FLOOR_SOURCE = `
export function multiply(turns: i32, factor: f32, term: f32): f32 {
  const x = f32x4.splat(factor);
  const y = f32x4.splat(term);
  ${SUMS.map((a, k) => `let ${a} = f32x4.splat(${k});`).join("\n")}
  for (let i = 0; i < turns; i++) {
    ${TURN}
    ${TURN}
  }
  let sum = f32x4.splat(0);
  ${SUMS.map((a) => `sum = f32x4.add(sum, ${a});`).join("\n")}
  return f32x4.extract_lane(sum, 0);
}
export function read(at: usize, end: usize): i32 {
  let a = i32x4.splat(0), b = a, c = a, d = a;
  for (; at < end; at += 64) {
    a = v128.or(a, v128.load(at));
    b = v128.or(b, v128.load(at, 16));
    c = v128.or(c, v128.load(at, 32));
    d = v128.or(d, v128.load(at, 48));
  }
  return i32x4.extract_lane(v128.or(v128.or(a, b), v128.or(c, d)), 0);
}
export function touch(w: usize, m: usize, v: usize, g: usize, end: usize): void {
  for (; g < end; g += 16) {
    const x = v128.load(g);
    v128.store(m, f32x4.add(v128.load(m), x));
    v128.store(v, f32x4.add(v128.load(v), x));
    v128.store(w, f32x4.add(v128.load(w), x));
    w += 16;
    m += 16;
    v += 16;
  }
}
`;

/** The functions of `FLOOR_SOURCE`; addresses in bytes. */
interface FloorExports {
  readonly memory: WebAssembly.Memory;
  multiply(turns: number, factor: number, term: number): number;
  read(at: number, end: number): number;
  touch(w: number, m: number, v: number, g: number, end: number): void;
}

/** Times of one call. */
interface Timing {
  readonly median: number;
  readonly fastest: number;
}

/** Times functions in turns, batch by batch, in microseconds per call. */
function measureMicroseconds<K extends string>(runs: Record<K, () => void>): Record<K, Timing> {
  const names = Object.keys(runs) as K[];
  const subjects = names.map((name) => {
    const run = runs[name];
    const start = performance.now();
    let calls = 0;
    for (; performance.now() - start < WARM_UP_MILLISECONDS; calls++) run();
    const perBatch = Math.max(1, Math.round((calls * BATCH_MILLISECONDS) / WARM_UP_MILLISECONDS));
    return { name, run, perBatch, times: new Float64Array(BATCHES) };
  });
  for (let batch = 0; batch < BATCHES; batch++) {
    for (const { run, perBatch, times } of subjects) {
      const start = performance.now();
      for (let i = 0; i < perBatch; i++) run();
      times[batch] = ((performance.now() - start) * 1000) / perBatch;
    }
  }
  const timings = subjects.map(({ name, times }) => {
    times.sort();
    return [name, { median: times[BATCHES >> 1], fastest: times[0] }];
  });
  return Object.fromEntries(timings);
}

async function loadFloors(bytes: number): Promise<FloorExports> {
  const module = new WebAssembly.Module((await compileKernel(FLOOR_SOURCE)).slice());
  const floors = new WebAssembly.Instance(module).exports as unknown as FloorExports;
  floors.memory.grow(Math.ceil(bytes / 65536));
  return floors;
}

function row(
  name: string,
  timing: Timing,
  floor: { microseconds: number; name: string },
): PolicyBenchRow {
  return {
    name,
    microseconds: timing.median,
    fastestMicroseconds: timing.fastest,
    floorMicroseconds: floor.microseconds,
    floor: floor.name,
    ratio: timing.fastest / floor.microseconds,
  };
}

/** Fixed numbers in (-0.1, 0.1), all of them normal and of both signs. */
function fill(array: Float32Array): Float32Array {
  return array.map((_, i) => 0.1 * Math.sin(i + 1));
}

function benchForward(sizes: readonly number[], floors: FloorExports): PolicyBenchRow[] {
  const label = sizes.join("-");
  const kernel = createPolicyKernel(sizes);
  const parameters = fill(new Float32Array(kernel.parameterCount));
  kernel.load(parameters);
  const observation = new Float64Array(sizes[0]).fill(0.5);
  const output = new Float64Array(sizes[sizes.length - 1]);
  const multiplies = sizes.slice(1).reduce((sum, size, i) => sum + size * sizes[i], 0);
  const bytes = 4 * kernel.parameterCount;
  const times = measureMicroseconds({
    forward: () => kernel.forward(observation, output),
    reference: () => forwardReference({ sizes, parameters }, observation),
    load: () => kernel.load(parameters),
    multiply: () => floors.multiply(MULTIPLY_TURNS, 0.5, 1),
    read: () => floors.read(0, bytes),
  });
  const arithmetic = {
    microseconds: times.multiply.fastest * multiplies / (MULTIPLY_TURNS * MULTIPLIES_PER_TURN),
    name: `${multiplies} multiply-adds, 4 at a time, in registers`,
  };
  const memory = { microseconds: times.read.fastest, name: `reading ${bytes} bytes` };
  const floor = arithmetic.microseconds > memory.microseconds ? arithmetic : memory;
  return [
    row(`policy forward ${label}`, times.forward, floor),
    row(`policy forward ${label}, reference loops`, times.reference, floor),
    row(`policy load ${label}`, times.load, memory),
  ];
}

function benchAdam(floors: FloorExports): PolicyBenchRow {
  const kernel = createAdamKernel(ADAM_WEIGHTS);
  kernel.weights.set(fill(kernel.weights));
  kernel.gradients.set(fill(kernel.gradients));
  const step = { stepSize: 1e-6, epsilon: 1e-7, beta1: 0.9, beta2: 0.999 };
  const bytes = 4 * ADAM_WEIGHTS;
  const { adam, touch } = measureMicroseconds({
    adam: () => kernel.step(step),
    touch: () => floors.touch(0, bytes, 2 * bytes, 3 * bytes, 4 * bytes),
  });
  return row(`Adam step, ${ADAM_WEIGHTS} weights`, adam, {
    microseconds: touch.fastest,
    name: "its loads and stores, 28 bytes a weight",
  });
}

/**
 * Times the kernels on one thread, about eight seconds. Nothing is written; the rows print as JSON.
 * Times depend on the machine and on what else runs there: compare ratios.
 */
export async function benchPolicy(): Promise<PolicyBenchRow[]> {
  const floors = await loadFloors(16 * ADAM_WEIGHTS + 65536);
  return [...POLICIES.flatMap((sizes) => benchForward(sizes, floors)), benchAdam(floors)];
}
