/**
 * Sessions and values of ONNX Runtime as pointers: what lies between the C API and `Session`.
 *
 * Nothing here is safe by itself: pointers must be released once, and not while they are in use, which
 * is the session's business.
 */

import type { DType } from "../autodiff/node.ts";
import { formatShape, sizeOf } from "../shape.ts";
import { checkStatus, type OrtApi, readResult, toCString } from "./library.ts";
import type { Device, SessionOptions, TensorData, TensorValue } from "./session.ts";

// Constants of onnxruntime_c_api.h.
const LOG_FATAL = 4; // less severe messages go to stderr, and errors are thrown anyway
/**
 * ORT_DISABLE_ALL. A graph that `simplify` has been through runs as fast without ONNX Runtime's own
 * rewriting (8 updates, 5548 nodes, one thread: 65 to 71 ms of CPU time an update without, 64 to 69
 * with all of it) and loads in half the time (0.5 s against 1.2 s).
 */
const OPTIMIZATION_LEVEL = 0;
const DEVICE_ALLOCATOR = 0, DEFAULT_MEMORY = 0;

const DATA_TYPES = {
  float32: { code: 1, Array: Float32Array },
  int32: { code: 6, Array: Int32Array },
  int64: { code: 7, Array: BigInt64Array },
} as const satisfies Record<DType, unknown>;

function typeCode(data: TensorData): number {
  return Object.values(DATA_TYPES).find(({ Array }) => data instanceof Array)!.code;
}

/** What each device adds to the session's settings. When you add a device: its provider here. */
const ADD_PROVIDER: {
  readonly [D in Device]: (api: OrtApi, settings: Deno.PointerValue) => void;
} = {
  cpu() {}, // always there
};

/** Wraps a pointer that was read as a number. */
export function pointer(value: bigint): Deno.PointerValue {
  return Deno.UnsafePointer.create(value);
}

/** The pointers that a session lives by. */
export interface Handles {
  readonly env: Deno.PointerValue;
  readonly memory: Deno.PointerValue;
  readonly session: Deno.PointerValue;
}

/**
 * Makes a session for a model.
 * @throws {Error} when ONNX Runtime does not accept the model.
 */
export function openSession(api: OrtApi, model: Uint8Array, options: SessionOptions): Handles {
  const env = pointer(readResult(api, (out) => api.createEnv(LOG_FATAL, toCString("udrlpg"), out)));
  const memory = pointer(
    readResult(api, (out) => api.createCpuMemoryInfo(DEVICE_ALLOCATOR, DEFAULT_MEMORY, out)),
  );
  const settings = pointer(readResult(api, (out) => api.createSessionOptions(out)));
  checkStatus(api, api.setLogSeverity(settings, LOG_FATAL));
  checkStatus(api, api.setGraphOptimizationLevel(settings, OPTIMIZATION_LEVEL));
  const { device = "cpu", threads, profilePrefix } = options;
  ADD_PROVIDER[device](api, settings);
  if (threads !== undefined) checkStatus(api, api.setIntraOpNumThreads(settings, threads));
  if (profilePrefix !== undefined) {
    checkStatus(api, api.enableProfiling(settings, toCString(profilePrefix)));
  }
  const bytes = model as Uint8Array<ArrayBuffer>;
  try {
    const session = pointer(readResult(
      api,
      (out) => api.createSessionFromArray(env, bytes, BigInt(bytes.length), settings, out),
    ));
    return { env, memory, session };
  } catch (cause) {
    const { message } = cause as Error;
    throw new Error(`Cannot load model: ONNX Runtime must accept it, got ${message}`, { cause });
  } finally {
    api.releaseSessionOptions(settings);
  }
}

/** Frees what `openSession` made. */
export function closeSession(
  api: OrtApi,
  { env, memory, session }: Handles,
  { profilePrefix }: SessionOptions,
): void {
  if (profilePrefix !== undefined) {
    const allocator = pointer(readResult(api, (out) => api.getAllocator(out)));
    const file = readResult(api, (out) => api.endProfiling(session, allocator, out));
    checkStatus(api, api.allocatorFree(allocator, pointer(file)));
  }
  api.releaseSession(session);
  api.releaseMemoryInfo(memory);
  api.releaseEnv(env);
}

/** Lists the names of a model's inputs or outputs in the model's order. */
export function readNames(
  api: OrtApi,
  session: Deno.PointerValue,
  kind: "Input" | "Output",
): string[] {
  const allocator = pointer(readResult(api, (out) => api.getAllocator(out)));
  const count = readResult(api, (out) => api[`get${kind}Count`](session, out));
  return Array.from({ length: Number(count) }, (_, i) => {
    const name = pointer(
      readResult(api, (out) => api[`get${kind}Name`](session, BigInt(i), allocator, out)),
    )!;
    const text = Deno.UnsafePointerView.getCString(name);
    checkStatus(api, api.allocatorFree(allocator, name));
    return text;
  });
}

/**
 * Makes a value that refers to an array in place; it must be released.
 * @throws {TypeError} when the array is not as long as its shape says.
 */
export function wrapArray(api: OrtApi, { memory }: Handles, { data, shape }: TensorValue): bigint {
  if (data.length !== sizeOf(shape)) {
    throw new TypeError(
      `Cannot run model: an array of shape ${formatShape(shape)} must hold ${sizeOf(shape)} ` +
        `numbers, got ${data.length}`,
    );
  }
  const sizes = BigInt64Array.from(shape, BigInt);
  return readResult(api, (out) =>
    api.createTensorWithData(
      memory,
      data as TensorData & ArrayBufferView<ArrayBuffer>,
      BigInt(data.byteLength),
      sizes,
      BigInt(sizes.length),
      typeCode(data),
      out,
    ));
}

/** Copies a tensor that ONNX Runtime allocated into a new array. */
export function copyOut(api: OrtApi, value: Deno.PointerValue): TensorValue {
  const info = pointer(readResult(api, (out) => api.getTypeAndShape(value, out)));
  const rank = readResult(api, (out) => api.getRank(info, out));
  const sizes = new BigInt64Array(Number(rank));
  checkStatus(api, api.getShape(info, sizes, rank));
  // The type is written as a 32-bit enumeration into zeros.
  const code = Number(readResult(api, (out) => api.getElementType(info, out)));
  api.releaseTypeAndShape(info);
  const type = Object.values(DATA_TYPES).find((each) => each.code === code);
  if (type === undefined) throw new TypeError(`Cannot read output: type code ${code} is not ours`);
  const shape = Array.from(sizes, Number);
  const data = new type.Array(sizeOf(shape));
  const source = pointer(readResult(api, (out) => api.getTensorData(value, out)));
  if (data.length > 0) Deno.UnsafePointerView.copyInto(source!, data);
  return { data, shape };
}

/** Throws what went wrong inside ONNX Runtime, if anything did. */
export function checkRun(api: OrtApi, status: Deno.PointerValue): void {
  try {
    checkStatus(api, status);
  } catch (cause) {
    const { message } = cause as Error;
    throw new Error(`Cannot run model: ONNX Runtime must accept it, got ${message}`, { cause });
  }
}
