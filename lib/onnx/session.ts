/**
 * Runs ONNX models with ONNX Runtime.
 *
 * The native library is loaded when the first session is made, not when this module is imported: it
 * takes longer to load than most commands to run.
 */

import { loadLibrary, type OrtApi, toCString } from "./library.ts";
import {
  checkRun,
  closeSession,
  copyOut,
  type Handles,
  openSession,
  pointer,
  readNames,
  wrapArray,
} from "./native.ts";

/** Where a session runs. */
export type Device = "cpu";

/** What inputs and outputs are held in: float32, int32 and int64. */
export type TensorData = Float32Array | Int32Array | BigInt64Array;

/**
 * An array and its concrete shape. ONNX Runtime reads and writes the array in place, also when it is a
 * view on a part of a larger buffer or of WebAssembly memory.
 */
export interface TensorValue {
  readonly data: TensorData;
  readonly shape: readonly number[];
}

/** How to run a model. */
export interface SessionOptions {
  readonly device?: Device;
  /** Threads for one operator; ONNX Runtime's own choice, one per core, when absent. */
  readonly threads?: number;
  /** A file name prefix for ONNX Runtime's profile, a Chrome trace written on release. */
  readonly profilePrefix?: string;
}

/** A loaded model. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * Runs the model once, on another thread: the event loop goes on, but none of the arrays may be
   * touched until the promise is settled.
   *
   * Without `fetches` every output is computed into a new array. With it only the named outputs are
   * returned: into the given array, which must not be among the inputs, or into a new one where it
   * says null.
   * @throws {TypeError} when a name is unknown or an input is missing.
   * @throws {Error} when ONNX Runtime fails, as for a shape that does not fit.
   */
  run(
    feeds: Readonly<Record<string, TensorValue>>,
    fetches?: Readonly<Record<string, TensorValue | null>>,
  ): Promise<Record<string, TensorValue>>;
  /** Frees the model; the session is not usable afterwards. */
  release(): Promise<void>;
}

function checkNames(kind: string, given: readonly string[], known: readonly string[]): void {
  const unknown = given.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new TypeError(`Cannot run model: ${kind} must be of the model, got "${unknown}"`);
}

/**
 * Loads a model for a device.
 * @throws {Error} when ONNX Runtime is not installed or does not accept the model.
 */
export function createSession(model: Uint8Array, options: SessionOptions = {}): Promise<Session> {
  return Promise.resolve().then(() => {
    const api = loadLibrary();
    return new NativeSession(api, openSession(api, model, options), options);
  });
}

class NativeSession implements Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #api: OrtApi;
  readonly #handles: Handles;
  readonly #options: SessionOptions;
  /** Runs that are not over: memory that they use must not be freed. */
  readonly #active = new Set<Promise<unknown>>();
  #released = false;
  /** Names as C strings, which must not move while the session lives. */
  readonly #cNames = new Map<string, Uint8Array<ArrayBuffer>>();

  constructor(api: OrtApi, handles: Handles, options: SessionOptions) {
    this.#api = api;
    this.#handles = handles;
    this.#options = options;
    this.inputNames = readNames(api, handles.session, "Input");
    this.outputNames = readNames(api, handles.session, "Output");
    for (const name of [...this.inputNames, ...this.outputNames]) {
      this.#cNames.set(name, toCString(name));
    }
  }

  async run(
    feeds: Readonly<Record<string, TensorValue>>,
    fetches?: Readonly<Record<string, TensorValue | null>>,
  ): Promise<Record<string, TensorValue>> {
    if (this.#released) throw new Error("Cannot run model: its session is released");
    const run = this.#run(feeds, fetches);
    this.#active.add(run);
    try {
      return await run;
    } finally {
      this.#active.delete(run);
    }
  }

  async #run(
    feeds: Readonly<Record<string, TensorValue>>,
    fetches: Readonly<Record<string, TensorValue | null>> | undefined,
  ): Promise<Record<string, TensorValue>> {
    const { inputNames, outputNames } = this;
    checkNames("inputs", Object.keys(feeds), inputNames);
    const missing = inputNames.find((name) => !Object.hasOwn(feeds, name));
    if (missing !== undefined) {
      throw new TypeError(`Cannot run model: every input must be given, got none for "${missing}"`);
    }
    const wanted = fetches === undefined ? outputNames : Object.keys(fetches);
    checkNames("outputs", wanted, outputNames);
    const targets = wanted.map((name) => fetches?.[name] ?? null);

    const api = this.#api;
    const inputs = new BigUint64Array(inputNames.length);
    const outputs = new BigUint64Array(wanted.length);
    // Everything that native code holds by address stays reachable until the run is over.
    const pinned: unknown[] = [inputs, outputs, ...targets, ...Object.values(feeds)];
    try {
      inputNames.forEach((name, i) => inputs[i] = wrapArray(api, this.#handles, feeds[name]));
      targets.forEach((target, i) =>
        outputs[i] = target === null ? 0n : wrapArray(api, this.#handles, target)
      );
      const [inputTexts, outputTexts] = [this.#addresses(inputNames), this.#addresses(wanted)];
      pinned.push(inputTexts, outputTexts);
      const status = await api.run(
        this.#handles.session,
        null,
        inputTexts,
        inputs,
        BigInt(inputs.length),
        outputTexts,
        BigInt(outputs.length),
        outputs,
      );
      checkRun(api, status);
      return Object.fromEntries(
        wanted.map((name, i) => [name, targets[i] ?? copyOut(api, pointer(outputs[i]))]),
      );
    } finally {
      for (const value of [...inputs, ...outputs]) {
        if (value !== 0n) api.releaseValue(pointer(value));
      }
      pinned.length = 0;
    }
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    await Promise.allSettled(this.#active);
    closeSession(this.#api, this.#handles, this.#options);
  }

  #addresses(names: readonly string[]): BigUint64Array<ArrayBuffer> {
    return BigUint64Array.from(names, (name) => {
      const text = Deno.UnsafePointer.of(this.#cNames.get(name)!);
      return BigInt(Deno.UnsafePointer.value(text));
    });
  }
}
