/**
 * Finds out what the program can do on this machine, by doing it: one finding for each thing that was
 * tried, in plain words and as values.
 *
 * Physics, updates on the CPU and writing files are needed for the main job; the rest is told.
 */

import { cpus } from "node:os";
import { cacheFolder } from "../system/cache_folder.ts";
import type { Clock } from "../system/clock.ts";
import { sizeOf } from "../autodiff/shape.ts";
import { resolveConfig } from "../config/config.ts";
import { deviceProbes } from "../onnx/devices.ts";
import type { EnvRegistry } from "../env.ts";
import { Learner } from "../learner/learner.ts";
import type { Batch } from "../learner/staging.ts";
import type { ModelTable } from "../model.ts";
import { inspectCuda, isCudaPlatform } from "../onnx/cuda.ts";
import type { Device } from "../onnx/session.ts";
import { formatNumber } from "../numbers/format.ts";
import { Rng } from "../numbers/rng.ts";
import { readVersions } from "../system/version.ts";

/** One thing that was tried. */
export interface Finding {
  /** What was tried, such as "physics" or "webgpu". */
  readonly name: string;
  /** Whether it works. */
  readonly ok: boolean;
  /** Whether the main job cannot be done without it. */
  readonly isNeeded: boolean;
  /** What was found, in one line. */
  readonly found: string;
  /** How to get what is missing, line by line. */
  readonly advice?: readonly string[];
  /** The same as numbers and names, for scripts. */
  readonly values?: Readonly<Record<string, unknown>>;
}

/** What the examination works with. */
export interface DoctorParts {
  /** Makes the environments to be tried. */
  readonly registry: EnvRegistry;
  /** Makes the networks to be tried. */
  readonly models: ModelTable;
  /** Times the updates. */
  readonly clock: Clock;
  /** Reads an environment variable. */
  env(name: string): string | undefined;
  /** Folder that runs will be written into. */
  readonly folder: string;
  /** How long updates are measured for on each device; 0 leaves that out. */
  readonly seconds: number;
  /** The folder of UDRLPG_CUDA_PATH or --cuda-path. */
  readonly cudaPath: string | undefined;
}

/** What a benchmark of updates counted. */
export interface UpdateSpeed {
  /** Gradient updates in one second of wall time. */
  readonly updatesPerSecond: number;
  /** Gradient updates that were timed. */
  readonly updates: number;
  /** Wall time that they took. */
  readonly seconds: number;
  /** Numbers in the generator's weights. */
  readonly weights: number;
}

const ENVIRONMENT = "InvertedPendulum-v5";
const PHYSICS_STEPS = 1000;
/** Updates in one run: what 8 would add is a longer start, above all on a GPU. */
const UPDATES_AT_ONCE = 2;

/** Tries everything. CUDA comes first, since its libraries must be found before ONNX Runtime loads. */
export async function examine(parts: DoctorParts): Promise<Finding[]> {
  const cuda = await examineDevice("cuda", parts);
  return [
    describeVersions(),
    describeMachine(),
    await attempt({ name: "physics", isNeeded: true }, () => tryPhysics(parts)),
    await examineDevice("cpu", parts),
    await examineDevice("webgpu", parts),
    cuda,
    await attempt({ name: "writing", isNeeded: true }, () => tryWriting(parts.folder)),
    await attempt({ name: "cache", isNeeded: false }, () => tryCache(parts.env)),
    await describePermissions(),
  ];
}

/** Names what must work and does not. */
export function failuresOf(findings: readonly Finding[]): string[] {
  return findings.filter(({ ok, isNeeded }) => isNeeded && !ok).map(({ name }) => name);
}

async function attempt(
  { name, isNeeded }: Pick<Finding, "name" | "isNeeded">,
  work: () => Promise<Pick<Finding, "found" | "values">> | Pick<Finding, "found" | "values">,
): Promise<Finding> {
  try {
    return { name, isNeeded, ok: true, ...await work() };
  } catch (error) {
    const found = error instanceof Error ? error.message.split("\n")[0] : String(error);
    return { name, isNeeded, ok: false, found };
  }
}

function describeVersions(): Finding {
  const versions = readVersions();
  const { version, commit, deno, onnxruntime, mujoco } = versions;
  const found = `udrlpg ${version} (${commit.slice(0, 12)}), Deno ${deno}, ` +
    `ONNX Runtime ${onnxruntime}, MuJoCo ${mujoco}`;
  return { name: "versions", ok: true, isNeeded: false, found, values: { ...versions } };
}

function describeMachine(): Finding {
  const { os, arch } = Deno.build;
  const threads = navigator.hardwareConcurrency;
  const model = cpus()[0]?.model ?? "unknown";
  const found = `${os} ${arch}, ${threads} threads, ${model}`;
  return {
    name: "machine",
    ok: true,
    isNeeded: false,
    found,
    values: { os, arch, threads, model },
  };
}

async function tryPhysics({ registry, clock }: DoctorParts) {
  const env = await registry.make(ENVIRONMENT);
  try {
    const action = Float64Array.of(0);
    await env.reset(0);
    const start = clock.monotonicMs();
    for (let i = 0; i < PHYSICS_STEPS; i++) {
      const { terminated, truncated } = await env.step(action);
      if (terminated || truncated) await env.reset();
    }
    const microseconds = 1000 * (clock.monotonicMs() - start) / PHYSICS_STEPS;
    return {
      found: `MuJoCo, ${formatNumber(microseconds, 2)} us for a step of ${ENVIRONMENT}`,
      values: { microsecondsPerStep: microseconds },
    };
  } finally {
    await env.close();
  }
}

async function examineDevice(device: Device, parts: DoctorParts): Promise<Finding> {
  const { cudaPath, env } = parts;
  const isNeeded = device === "cpu";
  const problem = device === "cpu"
    ? undefined
    : await deviceProbes({ cudaPath, isThorough: true, env })[device]();
  if (problem !== undefined) {
    return { name: device, isNeeded, ok: false, ...explain(device, { problem, cudaPath }) };
  }
  return await attempt({ name: device, isNeeded }, async () => {
    const advice: string[] = [];
    const speed = await measureUpdates(device, parts, (text) => void advice.push(text));
    const found = parts.seconds > 0
      ? `${formatNumber(speed.updatesPerSecond)} updates a second of ${speed.weights} weights`
      : `updates of ${speed.weights} weights work`;
    return { found, values: { ...speed }, ...(advice.length > 0 ? { advice } : {}) };
  });
}

function explain(
  device: Device,
  { problem, cudaPath }: { problem: string; cudaPath: string | undefined },
): Pick<Finding, "found" | "advice"> {
  if (device === "webgpu") {
    return { found: problem, advice: ["install the Vulkan driver of the GPU"] };
  }
  const parts = isCudaPlatform() ? inspectCuda({ path: cudaPath }) : [];
  const missing = parts.filter(({ problems }) => problems.length > 0);
  if (missing.length === 0) return { found: problem };
  return {
    found: `missing: ${missing.map(({ name }) => name).join(", ")}`,
    advice: missing.map(({ name, problems, advice }) =>
      `${name}: ${problems.join(", ")}: ${advice}`
    ),
  };
}

/** Measures updates of the default generator; the first ones, while all gets ready, do not count. */
export async function measureUpdates(
  device: Device,
  { registry, models, clock, seconds }: Pick<
    DoctorParts,
    "registry" | "models" | "clock" | "seconds"
  >,
  onWarning: (text: string) => void = () => {},
): Promise<UpdateSpeed> {
  const layer = { source: "doctor", values: new Map([["env", ENVIRONMENT]]) };
  const { config } = resolveConfig([layer]);
  const shape = models.policyShape(registry.spec(ENVIRONMENT), config.policy);
  const model = models.createGenerator(config, shape);
  const rng = Rng.fromSeed(0);
  const weights = model.initialise(rng);
  const { batchSize } = config.update;
  const { lossStates } = model;
  const batch: Batch = {
    commands: Array.from({ length: batchSize }, (_, row) => row / batchSize),
    shares: new Float32Array(batchSize).fill(1 / batchSize),
    writeTarget: (row, out) => out.fill(row / batchSize),
    ...(lossStates ? { states: new Float32Array(sizeOf(lossStates)).fill(1) } : {}),
  };
  const batches = Array.from({ length: UPDATES_AT_ONCE }, () => batch);
  const learner = new Learner(model, weights, { batchSize, session: { device }, onWarning });
  const update = () => learner.update(batches, { rng, learningRate: () => 1e-5 });
  try {
    await update();
    const start = clock.monotonicMs();
    const elapsed = () => (clock.monotonicMs() - start) / 1000;
    let updates = 0;
    while (updates === 0 || elapsed() < seconds) {
      await update();
      updates += UPDATES_AT_ONCE;
    }
    const taken = elapsed();
    return {
      updatesPerSecond: updates / taken,
      updates,
      seconds: taken,
      weights: weights.length,
    };
  } finally {
    await learner.close();
  }
}

function tryWriting(folder: string) {
  const path = Deno.makeTempFileSync({ dir: folder, prefix: ".udrlpg-doctor-" });
  Deno.writeTextFileSync(path, "written by udrlpg doctor");
  Deno.removeSync(path);
  return { found: `files can be written to ${folder}` };
}

function tryCache(env: DoctorParts["env"]) {
  const folder = cacheFolder(env);
  if (folder === undefined) throw new Error("HOME and XDG_CACHE_HOME are not set");
  Deno.mkdirSync(folder, { recursive: true });
  tryWriting(folder);
  return { found: folder, values: { folder } };
}

const PERMISSIONS = ["read", "write", "env", "sys", "ffi", "net", "run"] as const;

async function describePermissions(): Promise<Finding> {
  const values: Record<string, string> = {};
  for (const name of PERMISSIONS) {
    values[name] = (await Deno.permissions.query({ name })).state;
  }
  // Some variables and some facts of the system are granted by name; asked for all, Deno says no.
  const held = PERMISSIONS.filter((name) => values[name] === "granted");
  return {
    name: "permissions",
    ok: true,
    isNeeded: false,
    found: `all of ${held.join(", ") || "nothing"}; of the others what is named at the start`,
    values,
  };
}
