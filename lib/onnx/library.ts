/**
 * ONNX Runtime's C API, called through Deno's foreign function interface.
 *
 * The library is the one that the package onnxruntime-node ships. The package's own JavaScript
 * binding is not used, since it copies every output into a new array, also outputs for which an array
 * is given: 3 ms for the 9.6 MB of one update's gradients, half of the update's own time. Through the
 * C API outputs are written in place, and a run does not block the thread.
 *
 * The API is a table of function pointers which only ever grows at its end, so an index is valid for
 * every version from the one that introduced it. Source: onnxruntime_c_api.h, struct OrtApi.
 */

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";

/** The version of the table that is asked for: the least with all functions below. */
const API_VERSION = 12;

/** Where each function stands in the table, and its C signature; a status is null when all is well. */
const FUNCTIONS = {
  getErrorMessage: { index: 2, parameters: ["pointer"], result: "pointer" },
  createEnv: { index: 3, parameters: ["i32", "buffer", "buffer"], result: "pointer" },
  createSessionFromArray: {
    index: 8,
    parameters: ["pointer", "buffer", "usize", "pointer", "buffer"],
    result: "pointer",
  },
  run: {
    index: 9,
    // session, options, input names and values, their count, output names, count, values
    parameters: ["pointer", "pointer", "buffer", "buffer", "usize", "buffer", "usize", "buffer"],
    result: "pointer",
    nonblocking: true,
  },
  createSessionOptions: { index: 10, parameters: ["buffer"], result: "pointer" },
  enableProfiling: { index: 14, parameters: ["pointer", "buffer"], result: "pointer" },
  setLogSeverity: { index: 22, parameters: ["pointer", "i32"], result: "pointer" },
  setGraphOptimizationLevel: { index: 23, parameters: ["pointer", "i32"], result: "pointer" },
  setIntraOpNumThreads: { index: 24, parameters: ["pointer", "i32"], result: "pointer" },
  getInputCount: { index: 30, parameters: ["pointer", "buffer"], result: "pointer" },
  getOutputCount: { index: 31, parameters: ["pointer", "buffer"], result: "pointer" },
  getInputName: {
    index: 36,
    parameters: ["pointer", "usize", "pointer", "buffer"],
    result: "pointer",
  },
  getOutputName: {
    index: 37,
    parameters: ["pointer", "usize", "pointer", "buffer"],
    result: "pointer",
  },
  createTensorWithData: {
    index: 49,
    // memory, data, its bytes, shape, rank, element type, result
    parameters: ["pointer", "buffer", "usize", "buffer", "usize", "i32", "buffer"],
    result: "pointer",
  },
  getTensorData: { index: 51, parameters: ["pointer", "buffer"], result: "pointer" },
  getElementType: { index: 60, parameters: ["pointer", "buffer"], result: "pointer" },
  getRank: { index: 61, parameters: ["pointer", "buffer"], result: "pointer" },
  getShape: { index: 62, parameters: ["pointer", "buffer", "usize"], result: "pointer" },
  getTypeAndShape: { index: 65, parameters: ["pointer", "buffer"], result: "pointer" },
  createCpuMemoryInfo: { index: 69, parameters: ["i32", "i32", "buffer"], result: "pointer" },
  allocatorFree: { index: 76, parameters: ["pointer", "pointer"], result: "pointer" },
  getAllocator: { index: 78, parameters: ["buffer"], result: "pointer" },
  releaseEnv: { index: 92, parameters: ["pointer"], result: "void" },
  releaseStatus: { index: 93, parameters: ["pointer"], result: "void" },
  releaseMemoryInfo: { index: 94, parameters: ["pointer"], result: "void" },
  releaseSession: { index: 95, parameters: ["pointer"], result: "void" },
  releaseValue: { index: 96, parameters: ["pointer"], result: "void" },
  releaseTypeAndShape: { index: 99, parameters: ["pointer"], result: "void" },
  releaseSessionOptions: { index: 100, parameters: ["pointer"], result: "void" },
  endProfiling: { index: 110, parameters: ["pointer", "pointer", "buffer"], result: "pointer" },
} as const;

type FunctionName = keyof typeof FUNCTIONS;

/** The functions of the C API that this project calls. */
export type OrtApi = {
  readonly [N in FunctionName]: Deno.UnsafeFnPointer<(typeof FUNCTIONS)[N]>["call"];
};

/** Names of the library's file by platform, as onnxruntime-node 1.30.0 ships them. */
const LIBRARY_FILES: Readonly<Record<string, string>> = {
  linux: "libonnxruntime.so.1",
  darwin: "libonnxruntime.1.30.0.dylib",
  win32: "onnxruntime.dll",
};

const POINTER_BYTES = 8;

/** Gives the path of ONNX Runtime's library inside the installed package. */
export function findLibrary(): string {
  const entry = createRequire(import.meta.url).resolve("onnxruntime-node");
  const { platform, arch } = process;
  const file = LIBRARY_FILES[platform] ?? LIBRARY_FILES.linux;
  return join(dirname(entry), "..", "bin", "napi-v6", platform, arch, file);
}

/**
 * Loads the library, or finds it loaded, and gives its functions.
 * @throws {Error} when the library is not there or too old.
 */
export function loadLibrary(path: string = findLibrary()): OrtApi {
  const fail = (got: string, cause?: unknown): never => {
    throw new Error(`Cannot load ONNX Runtime: "${path}" must be its library, got ${got}`, {
      cause,
    });
  };
  const open = () =>
    Deno.dlopen(path, { OrtGetApiBase: { parameters: [], result: "pointer" } } as const);
  let library: ReturnType<typeof open>;
  try {
    library = open();
  } catch (error) {
    return fail((error as Error).message, error);
  }
  const base = library.symbols.OrtGetApiBase();
  if (base === null) return fail("no API");
  // struct OrtApiBase { const OrtApi* (*GetApi)(uint32_t); const char* (*GetVersionString)(); }
  const getApi = new Deno.UnsafeFnPointer(
    new Deno.UnsafePointerView(base).getPointer(0)!,
    { parameters: ["u32"], result: "pointer" } as const,
  );
  const api = getApi.call(API_VERSION);
  if (api === null) return fail(`no API version ${API_VERSION}`);
  const table = new Deno.UnsafePointerView(api);
  const entries = Object.entries(FUNCTIONS).map(([name, definition]) => {
    const address = table.getPointer<Deno.ForeignFunction>(definition.index * POINTER_BYTES)!;
    const callable = new Deno.UnsafeFnPointer(address, definition as Deno.ForeignFunction);
    return [name, callable.call.bind(callable)];
  });
  return Object.fromEntries(entries) as OrtApi;
}

/** Encodes text for C: UTF-8, ended by a zero byte. */
export function toCString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** Throws what a status says, and frees it; null says that all is well. */
export function checkStatus(api: OrtApi, status: Deno.PointerValue): void {
  if (status === null) return;
  const message = Deno.UnsafePointerView.getCString(api.getErrorMessage(status)!);
  api.releaseStatus(status);
  throw new Error(message);
}

/** Calls a function that returns a status and writes a pointer or a size; gives what it wrote. */
export function readResult(
  api: OrtApi,
  call: (result: BigUint64Array<ArrayBuffer>) => Deno.PointerValue,
): bigint {
  const result = new BigUint64Array(1);
  checkStatus(api, call(result));
  return result[0];
}
