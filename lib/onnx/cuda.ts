/**
 * Finds what ONNX Runtime needs for CUDA, says what is missing, and makes it find the rest.
 *
 * The package onnxruntime-node brings ONNX Runtime itself; its CUDA provider is two more libraries,
 * which ONNX Runtime looks for in the folder that it was itself loaded from, and which need NVIDIA's
 * driver, CUDA 12 and cuDNN 9. Whether a library can be used is asked of the system's loader, so that
 * the answer is the one that ONNX Runtime will get.
 *
 * For provider libraries in another folder, a folder of links is made in which they and ONNX Runtime
 * lie side by side, and ONNX Runtime is loaded from there before the package asks for it: the loader
 * gives the package the library that is loaded already. Source: onnxruntime 1.30, provider_bridge_ort.cc
 * (GetRuntimePath), glibc's matching of names of loaded libraries.
 */

import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** What a part of CUDA is called in messages. */
export type CudaPartName = "NVIDIA driver" | "ONNX Runtime's CUDA provider" | "CUDA 12" | "cuDNN 9";

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

/** The libraries that the provider is linked with, those that others need first. */
const LIBRARIES: { readonly [N in "NVIDIA driver" | "CUDA 12" | "cuDNN 9"]: readonly string[] } = {
  "NVIDIA driver": ["libcuda.so.1"],
  "CUDA 12": [
    "libcudart.so.12",
    "libcublasLt.so.12",
    "libcublas.so.12",
    "libcurand.so.10",
    "libcufft.so.11",
  ],
  "cuDNN 9": ["libcudnn.so.9"],
};

const ADVICE: { readonly [N in CudaPartName]: string } = {
  "NVIDIA driver": "install NVIDIA's driver; containers need its libraries inside",
  "ONNX Runtime's CUDA provider":
    "run `ONNXRUNTIME_NODE_INSTALL=cuda12 npm install onnxruntime-node` in an empty folder and give " +
    "its node_modules/onnxruntime-node/bin/napi-v6/linux/x64 as --cuda-path or UDRLPG_CUDA_PATH",
  "CUDA 12":
    "install the CUDA 12 toolkit's runtime libraries, on LD_LIBRARY_PATH or in --cuda-path",
  "cuDNN 9": "install cuDNN 9 for CUDA 12, on LD_LIBRARY_PATH or in --cuda-path",
};

/** Looks at each part, in the order in which they are needed. */
export function inspectCuda(search: CudaSearch): CudaPart[] {
  const { path, isBrief = false, load = loadLibrary, runtime = runtimeFolder() } = search;
  const places = [...path === undefined ? [] : [path], runtime];
  const checks: [CudaPartName, () => string[]][] = [
    ["NVIDIA driver", () => loadAll(LIBRARIES["NVIDIA driver"], { path: undefined, load })],
    ["ONNX Runtime's CUDA provider", () => findProvider(places)],
    ["CUDA 12", () => loadAll(LIBRARIES["CUDA 12"], { path, load })],
    ["cuDNN 9", () => loadAll(LIBRARIES["cuDNN 9"], { path, load })],
    ["ONNX Runtime's CUDA provider", () => loadProvider(places, load)],
  ];
  const parts = new Map<CudaPartName, CudaPart>();
  for (const [name, check] of checks) {
    // The provider itself can only be loaded when everything that it needs is there.
    const isRetry = parts.has(name);
    if (isRetry && [...parts.values()].some(({ problems }) => problems.length > 0)) break;
    parts.set(name, { name, advice: ADVICE[name], problems: check() });
    if (isBrief && parts.get(name)!.problems.length > 0) break;
  }
  return [...parts.values()];
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
    return text.replace(/^Could not open library:\s*/i, "").split("\n")[0].trim();
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

function findProvider(places: readonly string[]): string[] {
  if (places.some(holdsProvider)) return [];
  const missing = PROVIDER_FILES.filter((file) => !isFile(join(places[0], file)));
  return [`${missing.join(" and ")} must be in ${places.join(" or ")}`];
}

function loadProvider(places: readonly string[], load: LibraryLoader): string[] {
  const place = places.find(holdsProvider)!;
  for (const file of PROVIDER_FILES) {
    const problem = load(join(place, file));
    if (problem !== undefined) return [shorten(problem, file)];
  }
  return [];
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
