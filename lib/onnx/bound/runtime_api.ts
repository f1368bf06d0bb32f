/**
 * ONNX Runtime's C interface, of the library that the package onnxruntime-node has loaded, so that provider
 * and settings are those of lib/onnx/cuda.ts. It has what the package's binding lacks for CUDA: tensors that
 * stay on the device, and runs that are launched as one CUDA graph.
 */

/** Places of functions in ONNX Runtime's table, which newer versions only add to (onnxruntime_c_api.h). */
export const FUNCTIONS = {
  getErrorMessage: { index: 2, parameters: ["pointer"], result: "pointer" },
  createEnv: { index: 3, parameters: ["i32", "buffer", "buffer"], result: "pointer" },
  createSessionFromArray: {
    index: 8,
    parameters: ["pointer", "buffer", "usize", "pointer", "buffer"],
    result: "pointer",
  },
  createSessionOptions: { index: 10, parameters: ["buffer"], result: "pointer" },
  setSessionLogSeverityLevel: { index: 22, parameters: ["pointer", "i32"], result: "pointer" },
  setGraphOptimizationLevel: { index: 23, parameters: ["pointer", "i32"], result: "pointer" },
  createRunOptions: { index: 39, parameters: ["buffer"], result: "pointer" },
  createTensor: {
    index: 49,
    parameters: ["pointer", "pointer", "usize", "buffer", "usize", "i32", "buffer"],
    result: "pointer",
  },
  createMemoryInfo: {
    index: 68,
    parameters: ["buffer", "i32", "i32", "i32", "buffer"],
    result: "pointer",
  },
  releaseStatus: { index: 93, parameters: ["pointer"], result: "void" },
  releaseMemoryInfo: { index: 94, parameters: ["pointer"], result: "void" },
  releaseSession: { index: 95, parameters: ["pointer"], result: "void" },
  releaseValue: { index: 96, parameters: ["pointer"], result: "void" },
  releaseRunOptions: { index: 97, parameters: ["pointer"], result: "void" },
  releaseSessionOptions: { index: 100, parameters: ["pointer"], result: "void" },
  runWithBinding: { index: 133, parameters: ["pointer", "pointer", "pointer"], result: "pointer" },
  createIoBinding: { index: 134, parameters: ["pointer", "buffer"], result: "pointer" },
  releaseIoBinding: { index: 135, parameters: ["pointer"], result: "void" },
  bindInput: { index: 136, parameters: ["pointer", "buffer", "pointer"], result: "pointer" },
  bindOutput: { index: 137, parameters: ["pointer", "buffer", "pointer"], result: "pointer" },
  appendCuda: { index: 204, parameters: ["pointer", "pointer"], result: "pointer" },
  createCudaOptions: { index: 205, parameters: ["buffer"], result: "pointer" },
  updateCudaOptions: {
    index: 206,
    parameters: ["pointer", "buffer", "buffer", "usize"],
    result: "pointer",
  },
  releaseCudaOptions: { index: 208, parameters: ["pointer"], result: "void" },
} as const;

/** A function of the table that is used here. */
export type FunctionName = keyof typeof FUNCTIONS;
/** What functions of the table take. */
export type Argument = Deno.PointerValue | BufferSource | number | bigint;

/** The version whose table is asked for: any later one begins alike. */
const API_VERSION = 20;
const LIBRARY = "libonnxruntime.so.1";
const POINTER_BYTES = 8;
/** ONNX Runtime's level of messages: it writes to stderr, and errors are thrown anyway. */
export const FATAL = 4;
/** What messages call the functions that fail for reasons of the model or the device. */
const ACTIONS: { readonly [N in FunctionName]?: string } = {
  createSessionFromArray: "load model",
  runWithBinding: "run model",
  bindInput: "bind input",
  bindOutput: "bind output",
  appendCuda: "use CUDA",
};

/** Ends a text as C does. */
export function cText(value: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${value}\0`);
}

/** ONNX Runtime's table of functions. */
export class RuntimeApi {
  readonly #functions = new Map<FunctionName, (...args: Argument[]) => unknown>();
  readonly #table: Deno.UnsafePointerView;
  /** What sessions are made in: the package's own, which there is one of. */
  readonly env: Deno.PointerValue;

  /** @throws {Error} when the library may not be opened, or is older than the table that is asked for. */
  constructor() {
    const fail = (reason: string): never => {
      throw new Error(`Cannot use ${LIBRARY}: its C interface must be there, got ${reason}`);
    };
    const open = () => {
      try {
        return Deno.dlopen(LIBRARY, { OrtGetApiBase: { parameters: [], result: "pointer" } });
      } catch (error) {
        return fail((error as Error).message.split("\n")[0]);
      }
    };
    const base = new Deno.UnsafePointerView(open().symbols.OrtGetApiBase()!);
    const getApi = new Deno.UnsafeFnPointer(base.getPointer(0)!, {
      parameters: ["u32"],
      result: "pointer",
    });
    const table = getApi.call(API_VERSION) ?? fail(`none of version ${API_VERSION}`);
    this.#table = new Deno.UnsafePointerView(table);
    this.env = this.make("createEnv", FATAL, cText("udrlpg"));
  }

  /** Calls a function of the table. */
  call(name: FunctionName, ...args: Argument[]): unknown {
    let known = this.#functions.get(name);
    if (!known) {
      const { index, parameters, result } = FUNCTIONS[name];
      const pointer = new Deno.UnsafeFnPointer(this.#table.getPointer(POINTER_BYTES * index)!, {
        parameters,
        result,
      } as Deno.ForeignFunction);
      known = (...own) => pointer.call(...own as never[]);
      this.#functions.set(name, known);
    }
    return known(...args);
  }

  /** Calls a function that gives a status. @throws {Error} when it says that something is wrong. */
  run(name: FunctionName, ...args: Argument[]): void {
    const status = this.call(name, ...args) as Deno.PointerValue;
    if (status === null) return;
    const message = this.call("getErrorMessage", status) as Deno.PointerObject;
    const reason = Deno.UnsafePointerView.getCString(message).split("\n")[0];
    this.call("releaseStatus", status);
    throw new Error(`Cannot ${ACTIONS[name] ?? name}: ONNX Runtime must accept it, got ${reason}`);
  }

  /** Calls a function whose last parameter is where its result goes. */
  make(name: FunctionName, ...args: Argument[]): Deno.PointerValue {
    const out = new BigUint64Array(1);
    this.run(name, ...args, out);
    return Deno.UnsafePointer.create(out[0]);
  }
}
