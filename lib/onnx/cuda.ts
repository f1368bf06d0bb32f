/**
 * Finds what ONNX Runtime needs for CUDA, says what is missing, and makes it find the rest.
 *
 * The package onnxruntime-node brings ONNX Runtime itself; its CUDA provider is two more libraries,
 * which ONNX Runtime looks for in the folder that it was itself loaded from, and which need NVIDIA's
 * driver, CUDA and cuDNN. There are providers for CUDA 12 and for CUDA 13; which libraries one needs is
 * read from its own file. Whether a library can be used is asked of the system's loader, so that the
 * answer is the one that ONNX Runtime will get.
 *
 * For provider libraries in another folder, a folder of links is made in which they and ONNX Runtime
 * lie side by side, and ONNX Runtime is loaded from there before the package asks for it: the loader
 * gives the package the library that is loaded already. Source: onnxruntime 1.30, provider_bridge_ort.cc
 * (GetRuntimePath), glibc's matching of names of loaded libraries.
 */

import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { FileError } from "../system/errors.ts";
import { readVersions } from "../system/version.ts";
import { readNeededLibraries } from "./elf.ts";

/** What a part of CUDA is called in messages. */
export type CudaPartName = "NVIDIA driver" | "ONNX Runtime's CUDA provider" | "CUDA" | "cuDNN";

/** A part that CUDA needs and what is wrong with it. */
export interface CudaPart {
  /** What messages call it. */
  readonly name: CudaPartName;
  /** How to get the part. */
  readonly advice: string;
  /** One text per library that cannot be used; nothing when all can. */
  readonly problems: readonly string[];
}

/** Loads a library for good; gives the loader's complaint when it cannot be done. */
export type LibraryLoader = (file: string) => string | undefined;

/** Where to look. */
export interface CudaSearch {
  /** The folder of UDRLPG_CUDA_PATH or --cuda-path. */
  readonly path: string | undefined;
  /** Stop at the first part with a problem. */
  readonly isBrief?: boolean;
  /** Loads a library; the system's loader when absent. */
  readonly load?: LibraryLoader;
  /** The folder of ONNX Runtime's own library. */
  readonly runtime?: string;
}

/** The provider's libraries, in the order in which they are loaded. */
export const PROVIDER_FILES: readonly string[] = [
  "libonnxruntime_providers_shared.so",
  "libonnxruntime_providers_cuda.so",
];

const RUNTIME_FILE = "libonnxruntime.so.1";
const PLATFORM = "linux/x64";

/**
 * What is said to be missing where there is no provider to ask: what that of the Python wheel
 * onnxruntime-gpu 1.30.0 is linked with.
 */
const WHEEL_NEEDS: readonly string[] = [
  "libcudart.so.13",
  "libcublasLt.so.13",
  "libcublas.so.13",
  "libcurand.so.10",
];

const DRIVER = "libcuda.so.1";
const CUDNN = /^libcudnn/;
/** Opened by the provider when it starts, so that not every one is linked with it. */
const DEFAULT_CUDNN = "libcudnn.so.9";
const CUDA_LIBRARY = /^lib(?:cudart|cublas|cufft|curand|cusolver|cusparse|nv)/;
/** Libraries that others of CUDA need, in a folder that the loader does not know. */
const FIRST: readonly string[] = ["libcudart.", "libnvJitLink.", "libcublasLt."];

const ADVICE: { readonly [N in CudaPartName]: () => string } = {
  "NVIDIA driver": () => "install NVIDIA's driver; containers need its libraries inside",
  "ONNX Runtime's CUDA provider": () =>
    `take it from the Python wheel: \`pip download --no-deps onnxruntime-gpu==${readVersions().onnxruntime}\` ` +
    "and `unzip -j onnxruntime_gpu-*.whl '*_providers_*' -d cuda`, then give the folder cuda as " +
    "--cuda-path or UDRLPG_CUDA_PATH. It is made for CUDA 13; one for CUDA 12 comes with " +
    "`ONNXRUNTIME_NODE_INSTALL=cuda12 npm install onnxruntime-node`",
  "CUDA": () =>
    "take it from Python wheels: `pip download --no-deps nvidia-cuda-runtime nvidia-cublas " +
    "nvidia-curand` (for CUDA 12 each with -cu12) and `unzip -j 'nvidia_*.whl' '*.so.*' -d cuda` " +
    "into the folder of --cuda-path, or have their folder on LD_LIBRARY_PATH",
  "cuDNN": () =>
    "as CUDA, from the wheel nvidia-cudnn-cu13 (or -cu12), into the folder of --cuda-path or one " +
    "on LD_LIBRARY_PATH",
};

/** Looks at each part, in the order in which they are needed. */
export function inspectCuda(search: CudaSearch): CudaPart[] {
  const { path, isBrief = false, load = loadLibrary, runtime = runtimeFolder() } = search;
  const places = [...path === undefined ? [] : [path], runtime];
  const { needs, problems } = examineProvider(places);
  const checks: { readonly [N in CudaPartName]: () => readonly string[] } = {
    "NVIDIA driver": () => loadAll([DRIVER], { path: undefined, load }),
    "ONNX Runtime's CUDA provider": () =>
      problems.length > 0 ? problems : loadAll(needs.others, { path, load }),
    "CUDA": () => loadAll(needs.cuda, { path, load }),
    "cuDNN": () => loadAll(needs.cudnn, { path, load }),
  };
  const parts: CudaPart[] = [];
  for (const [name, check] of Object.entries(checks) as [CudaPartName, () => string[]][]) {
    const part = { name, advice: ADVICE[name](), problems: check() };
    parts.push(part);
    if (isBrief && part.problems.length > 0) break;
  }
  return parts;
}

/** Says in one line what is missing, or undefined when nothing is. */
export function describeProblems(parts: readonly CudaPart[]): string | undefined {
  const bad = parts.filter(({ problems }) => problems.length > 0);
  if (bad.length === 0) return undefined;
  return bad.map(({ name, problems }) => `${name}: ${problems.join(", ")}`).join("; ");
}

/** Tells whether the package has a CUDA provider for this platform. */
export function isCudaPlatform(): boolean {
  return `${Deno.build.os}/${Deno.build.arch === "x86_64" ? "x64" : Deno.build.arch}` === PLATFORM;
}

/**
 * Makes ONNX Runtime find the provider in a folder; to be called before the first session is made.
 * @param cache a folder for the links, made when it is not there
 * @throws {Error} when the links cannot be made or ONNX Runtime cannot be loaded through them.
 */
export function useProviderFolder(
  path: string,
  { cache, load = loadLibrary, runtime = runtimeFolder() }: {
    cache: string;
    load?: LibraryLoader;
    runtime?: string;
  },
): void {
  const links = new Map([[RUNTIME_FILE, join(runtime, RUNTIME_FILE)]]);
  for (const file of PROVIDER_FILES) links.set(file, join(path, file));
  const name = createHash("sha256").update([...links.values()].join("\n")).digest("hex");
  const folder = join(cache, `cuda-${name.slice(0, 16)}`);
  Deno.mkdirSync(folder, { recursive: true });
  for (const [link, target] of links) {
    try {
      Deno.symlinkSync(Deno.realPathSync(target), join(folder, link));
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
  const problem = load(join(folder, RUNTIME_FILE));
  if (problem !== undefined) throw new Error(`Cannot load ONNX Runtime: ${problem}`);
}

/** Loads a library with the system's loader. */
export function loadLibrary(file: string): string | undefined {
  try {
    Deno.dlopen(file, {}); // It stays loaded: what needs it finds it by its name.
    return undefined;
  } catch (error) {
    const text = (error as Error).message;
    return text.replace(/^(?:Could not open library:\s*)+/i, "").split("\n")[0].trim();
  }
}

function loadAll(
  files: readonly string[],
  { path, load }: { path: string | undefined; load: LibraryLoader },
): string[] {
  return files.flatMap((file) => {
    const own = path === undefined ? undefined : join(path, file);
    const problem = load(own !== undefined && isFile(own) ? own : file);
    return problem === undefined ? [] : [shorten(problem, file)];
  });
}

/** Tells whether a folder holds the provider's libraries. */
export function holdsProvider(folder: string): boolean {
  return PROVIDER_FILES.every((file) => isFile(join(folder, file)));
}

/** What a provider is linked with, part by part, in the order in which it is to be loaded. */
interface ProviderNeeds {
  readonly cuda: readonly string[];
  readonly cudnn: readonly string[];
  /** The system's. */
  readonly others: readonly string[];
}

/**
 * Finds the provider and what it is linked with, or what is wrong with it. It is not loaded: it takes
 * symbols of its first file that only ONNX Runtime makes visible to it.
 */
function examineProvider(
  places: readonly string[],
): { readonly needs: ProviderNeeds; readonly problems: readonly string[] } {
  const place = places.find(holdsProvider);
  if (place === undefined) {
    const missing = PROVIDER_FILES.filter((file) => !isFile(join(places[0], file)));
    const problem = `${missing.join(" and ")} must be in ${places.join(" or ")}`;
    return { needs: sortNeeds(WHEEL_NEEDS), problems: [problem] };
  }
  try {
    const needed = PROVIDER_FILES.flatMap((file) => readNeededLibraries(join(place, file)));
    const needs = sortNeeds(needed);
    if (needs.cuda.length > 0) return { needs, problems: [] };
    return { needs, problems: [`${PROVIDER_FILES[1]} must be linked with CUDA, got none of it`] };
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { needs: sortNeeds(WHEEL_NEEDS), problems: [error.message] };
  }
}

/** Tells CUDA's libraries, cuDNN's and the system's apart. */
function sortNeeds(needed: readonly string[]): ProviderNeeds {
  const rank = (name: string) => {
    const place = FIRST.findIndex((first) => name.startsWith(first));
    return place < 0 ? FIRST.length : place;
  };
  const cuda = needed.filter((name) => CUDA_LIBRARY.test(name)).sort((a, b) => rank(a) - rank(b));
  const cudnn = needed.filter((name) => CUDNN.test(name));
  const known = new Set([DRIVER, ...cuda, ...cudnn]);
  return {
    cuda,
    cudnn: cudnn.length > 0 ? cudnn : [DEFAULT_CUDNN],
    others: [...new Set(needed)].filter((name) => !known.has(name)),
  };
}

/** Brings the loader's words into the form "NAME: reason". */
function shorten(problem: string, file: string): string {
  if (/cannot open shared object file/.test(problem)) {
    const name = /(\S+): cannot open/.exec(problem)?.[1] ?? file;
    return name === file ? `${file} is not there` : `${file} needs ${name}, which is not there`;
  }
  return problem.includes(file) ? problem : `${file}: ${problem}`;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** The folder of ONNX Runtime's library in the installed package. */
function runtimeFolder(): string {
  const entry = createRequire(import.meta.url).resolve("onnxruntime-node");
  return join(dirname(entry), "..", "bin", "napi-v6", ...PLATFORM.split("/"));
}
