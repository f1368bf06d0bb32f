/**
 * Decides where updates are computed: the one place that does.
 *
 * Under "auto" CUDA is taken where everything that it needs is there and updates are large enough, otherwise
 * the CPU. WebGPU has to be asked for: to find out whether there is a GPU its driver must be started.
 */

import { trace } from "../autodiff/graph.ts";
import { add } from "../autodiff/tensor.ts";
import { cacheFolder } from "../system/cache_folder.ts";
import { UsageError } from "../system/errors.ts";
import {
  describeProblems,
  holdsProvider,
  inspectCuda,
  isCudaPlatform,
  useProviderFolder,
} from "./cuda.ts";
import { exportOnnx } from "./export.ts";
import { createSession, type Device } from "./session.ts";
import { findVulkanProblem } from "./vulkan.ts";

/** What a user may ask for. */
export type WantedDevice = "auto" | Device;

/** A decision. */
export interface DeviceChoice {
  /** What the updates run on. */
  readonly device: Device;
  /** The decision and its reasons in one line. */
  readonly line: string;
}

/** Finds out why a device cannot be used; undefined when it can. */
export type DeviceProbe = () => Promise<string | undefined>;

/** The probes of the devices that may be missing. */
export type DeviceProbes = Readonly<Record<Exclude<Device, "cpu">, DeviceProbe>>;

/**
 * Multiply-adds of an update from which CUDA is worth it. A GPU's time for a small update is that of its kernels'
 * launches: one of 170M (11-32-32-3, batch 24) takes 0.85 ms on an H200 and 7.1 on 16 cores, one of 492M 0.97
 * and 8.7, one of 5,595M 1.5 and 27 (2026-11-27). The default generator's, 0.8M, takes 0.3 to 0.4 ms on one
 * core, less than any of these launches. At 50M one core is busy for a millisecond (lib/onnx/threads.ts):
 * twice that pays for CUDA's start as well.
 */
export const WORTH_CUDA = 100e6;

const WEBGPU_NOTE = "webgpu: used only when asked for";

/**
 * Chooses a device; only "auto" falls back.
 * @param multiplyAdds counts those of an update; asked for under "auto" alone
 * @throws {UsageError} when the wanted device cannot be used.
 */
export async function chooseDevice(
  wanted: WantedDevice,
  { probes, multiplyAdds }: { probes: DeviceProbes; multiplyAdds: () => number },
): Promise<DeviceChoice> {
  if (wanted === "cpu") return { device: "cpu", line: "Device: cpu, as asked for" };
  if (wanted !== "auto") {
    const problem = await probes[wanted]();
    if (problem === undefined) return { device: wanted, line: `Device: ${wanted}, as asked for` };
    throw new UsageError(
      `Cannot use device "${wanted}": it must work here, got ${problem}: see udrlpg doctor`,
    );
  }
  if (multiplyAdds() < WORTH_CUDA) {
    return { device: "cpu", line: `Device: cpu (updates are too small for cuda; ${WEBGPU_NOTE})` };
  }
  const problem = await probes.cuda();
  if (problem === undefined) return { device: "cuda", line: `Device: cuda (${WEBGPU_NOTE})` };
  return { device: "cpu", line: `Device: cpu (cuda: ${problem}; ${WEBGPU_NOTE})` };
}

/** What the probes need to know. */
export interface DeviceSettings {
  /** The folder of --cuda-path or UDRLPG_CUDA_PATH. */
  readonly cudaPath?: string | undefined;
  /** Lets CUDA round the factors of matrix products to 10 bits. */
  readonly allowTf32?: boolean;
  /** Tells all that is missing for CUDA instead of the first part. */
  readonly isThorough?: boolean;
  /** Reads an environment variable. */
  env(name: string): string | undefined;
}

/** Makes the probes of this machine; they prepare the device that they find usable. */
export function deviceProbes(settings: DeviceSettings): DeviceProbes {
  return { cuda: () => probeCuda(settings), webgpu: () => probeWebgpu(settings) };
}

async function probeWebgpu({ env }: DeviceSettings): Promise<string | undefined> {
  const problem = Deno.build.os === "linux" ? findVulkanProblem({ env }) : undefined;
  return problem ?? await tryDevice("webgpu");
}

async function probeCuda(settings: DeviceSettings): Promise<string | undefined> {
  const { cudaPath, allowTf32 = false, isThorough = false, env } = settings;
  if (!isCudaPlatform()) return "ONNX Runtime's CUDA provider is made for Linux on x64 alone";
  const problem = describeProblems(inspectCuda({ path: cudaPath, isBrief: !isThorough }));
  if (problem !== undefined) return problem;
  if (!allowTf32) Deno.env.set("NVIDIA_TF32_OVERRIDE", "0"); // read when cuBLAS starts
  if (cudaPath !== undefined && holdsProvider(cudaPath)) {
    useProviderFolder(cudaPath, { cache: cacheFolder(env) ?? Deno.makeTempDirSync() });
  }
  return await tryDevice("cuda");
}

/** Computes something on a device; gives the first line of what goes wrong. */
export async function tryDevice(device: Device): Promise<string | undefined> {
  const model = exportOnnx(trace({ x: [1] }, ({ x }) => ({ y: add(x, 1) })), { name: "probe" });
  try {
    const session = await createSession(model, { device });
    const { y } = await session.run({ x: { data: Float32Array.of(1), shape: [1] } });
    await session.release();
    return y.data[0] === 2 ? undefined : `it says that 1 + 1 is ${y.data[0]}`;
  } catch (error) {
    return shortenRuntimeError((error as Error).message);
  }
}

/** Leaves out of ONNX Runtime's words where in its code something went wrong. */
export function shortenRuntimeError(message: string): string {
  const text = message.split("\n")[0];
  const failure = /\bCUDA failure \d+: [^;]*[^;\s]/.exec(text);
  if (failure) return failure[0];
  return text.replace(/^Cannot \w+ model: ONNX Runtime must accept it, got /, "")
    .replace(/^\S+\.cc:\d+ .*? was false\. /, "");
}
