/**
 * Runs ONNX models with ONNX Runtime, the only module that touches the package.
 *
 * ONNX Runtime is loaded when the first session is made, not when this module is imported: the native
 * library takes longer to load than most commands to run.
 */

import type { InferenceSession, Tensor, TypedTensor } from "onnxruntime-node";
import type { DType } from "../autodiff/node.ts";
import { NOTHING } from "./export.ts";

/** Where a session runs. Operators that a device lacks run on the CPU. */
export type Device = "cpu" | "webgpu" | "cuda";

/** What inputs and outputs are held in: float32, int32 and int64. */
export type TensorData = Float32Array | Int32Array | BigInt64Array;

/**
 * An array and its concrete shape. ONNX Runtime reads and writes the array in place, views on parts
 * of a larger buffer included. An object may be used for many runs and should be: it is wrapped once.
 */
export interface TensorValue {
  /** Row-major elements; as many as the product of `shape`. */
  readonly data: TensorData;
  /** Sizes of the axes; empty for a scalar. */
  readonly shape: readonly number[];
}

/** ONNX Runtime's own tensor. */
export type OrtTensor = Tensor;

/** A tensor in the memory of a device: what a run left there, to be fed to the next. */
export class DeviceTensor {
  /** ONNX Runtime's own object. */
  readonly tensor: OrtTensor;

  /** Takes over a tensor that ONNX Runtime made on the device. */
  constructor(tensor: OrtTensor) {
    this.tensor = tensor;
  }

  /** Frees the memory; the tensor is not usable afterwards. */
  release(): void {
    this.tensor.dispose();
  }
}

/** Inputs of a run by name. */
export type Feeds = Readonly<Record<string, TensorValue | DeviceTensor>>;

/** How to run a model. */
export interface SessionOptions {
  /** Where it runs; the CPU when absent. */
  readonly device?: Device;
  /** Outputs that stay in the device's memory, with `runKeeping`; WebGPU alone can do that. */
  readonly kept?: readonly string[];
  /** Threads for one operator; ONNX Runtime's own choice, one per core, when absent. */
  readonly threads?: number;
  /** A file name prefix for ONNX Runtime's profile, a Chrome trace written on release. */
  readonly profilePrefix?: string;
}

/** A loaded model. */
export interface Session {
  /** Names that `run` takes. */
  readonly inputNames: readonly string[];
  /** Names that `run` gives. */
  readonly outputNames: readonly string[];
  /**
   * Runs the model once. It blocks the thread while it computes.
   *
   * Without `fetches` every output is computed into a new array. With it only the named outputs are
   * returned: into the given array, which must not be among the inputs, or into a new one where it
   * says null.
   * @throws {TypeError} when a name is unknown or an input is missing.
   * @throws {Error} when ONNX Runtime fails, as for a shape that does not fit.
   */
  run(
    feeds: Feeds,
    fetches?: Readonly<Record<string, TensorValue | null>>,
  ): Promise<Record<string, TensorValue>>;
  /**
   * Runs a model that was exported with `inPlace` on the CPU, into the given arrays alone.
   *
   * After `run` the binding makes a new array of every output, also of those that it wrote into given
   * ones: 8 ms for 28 MB, against 1 for a product of as many numbers. It stops at the first output that
   * it cannot convert, and that is what `NOTHING` is for. microsoft/onnxruntime#32346 is to end both.
   * @throws {TypeError} when a name is unknown, an input is missing, or the model was exported without.
   * @throws {Error} when ONNX Runtime fails.
   */
  runInPlace(feeds: Feeds, targets: Readonly<Record<string, TensorValue>>): Promise<void>;
  /** Runs the model as `run` does; the outputs that are kept come as tensors of the device. */
  runKeeping(
    feeds: Feeds,
    fetches: Readonly<Record<string, TensorValue | null>>,
  ): Promise<Record<string, TensorValue | DeviceTensor>>;
  /** Frees the model; the session is not usable afterwards. */
  release(): Promise<void>;
}

function dtypeOf(data: TensorData): DType {
  if (data instanceof Float32Array) return "float32";
  return data instanceof Int32Array ? "int32" : "int64";
}

/** What the binding says of an output that is a sequence, after a run that went well. */
const CANNOT_CONVERT = "Non tensor type is temporarily not supported.";

function checkNames(kind: string, given: readonly string[], known: readonly string[]): void {
  const unknown = given.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new TypeError(`Cannot run model: ${kind} must be one of ${known}, got "${unknown}"`);
}

/** Loads ONNX Runtime, once for the process. */
export async function loadRuntime(): Promise<typeof import("onnxruntime-node")> {
  const ort = await import("onnxruntime-node");
  ort.env.logLevel = "fatal"; // as for sessions, for what happens before there is one
  return ort;
}

/**
 * Loads a model for a device. Make sessions once and keep them: creating and releasing many leaks
 * memory inside ONNX Runtime 1.30.
 * @throws {Error} when ONNX Runtime does not accept the model.
 */
export async function createSession(
  model: Uint8Array,
  { device = "cpu", kept = [], threads, profilePrefix }: SessionOptions = {},
): Promise<Session> {
  const ort = await loadRuntime();
  const options: InferenceSession.SessionOptions = {
    executionProviders: [device],
    executionMode: "sequential",
    // A graph that `simplify` has been through runs as fast without ONNX Runtime's own rewriting (8
    // updates, 5548 nodes, one thread: 65 to 71 ms of CPU time an update without, 64 to 69 with all of
    // it) and loads in half the time (0.5 s against 1.2 s).
    graphOptimizationLevel: "disabled",
    logSeverityLevel: 4, // fatal only: it writes to stderr, and errors are thrown anyway
  };
  if (threads !== undefined) options.intraOpNumThreads = threads;
  if (kept.length > 0) {
    options.preferredOutputLocation = Object.fromEntries(kept.map((name) => [name, "gpu-buffer"]));
  }
  if (profilePrefix !== undefined) {
    options.enableProfiling = true;
    options.profileFilePrefix = profilePrefix;
  }
  const session = await ort.InferenceSession.create(model, options).catch((cause: Error) => {
    throw new Error(`Cannot load model: ONNX Runtime must accept it, got ${cause.message}`, {
      cause,
    });
  });
  const wrapped = new WeakMap<TensorValue, TypedTensor<DType>>();
  const wrap = (value: TensorValue): TypedTensor<DType> => {
    const known = wrapped.get(value);
    if (known !== undefined) return known;
    const tensor = new ort.Tensor(dtypeOf(value.data), value.data, value.shape) as TypedTensor<
      DType
    >;
    wrapped.set(value, tensor);
    return tensor;
  };
  const { inputNames, outputNames } = session;
  const inputsOf = (feeds: Feeds): Record<string, OrtTensor> => {
    checkNames("inputs", Object.keys(feeds), inputNames);
    return Object.fromEntries(inputNames.map((name) => {
      if (!Object.hasOwn(feeds, name)) {
        throw new TypeError(
          `Cannot run model: input "${name}" must be given, got ${Object.keys(feeds)}`,
        );
      }
      const value = feeds[name];
      return [name, value instanceof DeviceTensor ? value.tensor : wrap(value)];
    }));
  };
  const fail = (cause: Error): never => {
    throw new Error(`Cannot run model: ONNX Runtime must accept it, got ${cause.message}`, {
      cause,
    });
  };
  const runAny: Session["runKeeping"] = async (feeds, fetches) => {
    const inputs = inputsOf(feeds);
    const wanted: Record<string, OrtTensor | null> = {};
    const names = Object.keys(fetches);
    checkNames("outputs", names, outputNames);
    for (const name of names) {
      const target = fetches[name];
      wanted[name] = target === null ? null : wrap(target);
    }
    const results = await session.run(inputs, wanted).catch(fail);
    return Object.fromEntries(names.map((name) => {
      const result = results[name];
      if (result.location === "gpu-buffer") return [name, new DeviceTensor(result)];
      const target = fetches[name];
      if (target === null) return [name, { data: result.data as TensorData, shape: result.dims }];
      // A session that leaves outputs on the device does not write the others in place.
      if (kept.length > 0) target.data.set(result.data as never);
      return [name, target];
    }));
  };
  const everything = Object.fromEntries(outputNames.map((name) => [name, null]));
  return {
    inputNames,
    outputNames,
    async run(feeds, fetches = everything) {
      return await runAny(feeds, fetches) as Record<string, TensorValue>;
    },
    async runInPlace(feeds, targets) {
      const inputs = inputsOf(feeds);
      checkNames("outputs", [NOTHING, ...Object.keys(targets)], outputNames);
      const wanted: Record<string, OrtTensor | null> = { [NOTHING]: null };
      for (const [name, target] of Object.entries(targets)) wanted[name] = wrap(target);
      await session.run(inputs, wanted).catch((cause: Error) => {
        if (cause.message !== CANNOT_CONVERT) fail(cause);
      });
    },
    runKeeping: runAny,
    async release() {
      if (profilePrefix !== undefined) session.endProfiling();
      await session.release();
    },
  };
}
