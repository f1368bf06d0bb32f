/**
 * Runs a model on memory that stays where it is: inputs and outputs are bound to blocks once, and a run
 * takes no arguments. On CUDA all kernels of a run can be launched as one graph.
 */

import { Block, type Memory } from "./memory.ts";
import { cText, FATAL, RuntimeApi } from "./runtime_api.ts";

const ELEMENT_TYPES = { float32: 1, int32: 6 } as const;
const ELEMENT_BYTES = 4;

/** A tensor within a block. */
export interface BoundTensor {
  /** The block. */
  readonly block: Block;
  /** In bytes. */
  readonly offset: number;
  /** Sizes of the axes; empty for a scalar. */
  readonly shape: readonly number[];
  /** What its elements are; float32 when absent. */
  readonly dtype?: "float32" | "int32";
}

/** How to make a session. */
export interface BoundOptions {
  /** Where the model runs and all blocks are. */
  readonly memory: Memory;
  /** Launches a run as one CUDA graph, captured in the first run, which computes twice. */
  readonly isCaptured: boolean;
  /** What the model reads, by name. */
  readonly inputs: Readonly<Record<string, BoundTensor>>;
  /** What it writes; may be an input. */
  readonly outputs: Readonly<Record<string, BoundTensor>>;
}

/** A loaded model whose inputs and outputs are bound to memory. */
export class BoundSession {
  readonly #api: RuntimeApi;
  readonly #memory: Memory;
  /** What to free, in the order in which it was made. */
  readonly #made: (() => void)[] = [];
  readonly #session: Deno.PointerValue;
  readonly #runOptions: Deno.PointerValue;
  readonly #binding: Deno.PointerValue;

  /**
   * Loads the model for the place of `memory` and binds all tensors.
   * @throws {RangeError} when a tensor does not fit its block.
   * @throws {Error} when ONNX Runtime does not accept the model, the device or a tensor.
   */
  constructor(api: RuntimeApi, model: Uint8Array<ArrayBuffer>, options: BoundOptions) {
    this.#api = api;
    this.#memory = options.memory;
    try {
      this.#session = this.#load(model, options);
      this.#runOptions = this.#keep(api.make("createRunOptions"), "releaseRunOptions");
      this.#binding = this.#keep(api.make("createIoBinding", this.#session), "releaseIoBinding");
      this.#bind(options);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** Runs the model once, to its end. */
  run(): void {
    // ONNX Runtime's stream does not wait for copies, whose last bytes may be on their way still.
    this.#memory.finish();
    this.#api.run("runWithBinding", this.#session, this.#runOptions, this.#binding);
    this.#memory.finish();
  }

  /** Frees the model; the blocks stay. */
  release(): void {
    for (const free of this.#made.splice(0).reverse()) free();
  }

  #keep(pointer: Deno.PointerValue, release: Parameters<RuntimeApi["call"]>[0]): Deno.PointerValue {
    this.#made.push(() => this.#api.call(release, pointer));
    return pointer;
  }

  #load(
    model: Uint8Array<ArrayBuffer>,
    { memory, isCaptured }: BoundOptions,
  ): Deno.PointerValue {
    const api = this.#api;
    const options = this.#keep(api.make("createSessionOptions"), "releaseSessionOptions");
    api.run("setSessionLogSeverityLevel", options, FATAL);
    api.run("setGraphOptimizationLevel", options, 0); // none, as in lib/onnx/session.ts
    if (memory.name === "Cuda") this.#appendCuda(options, isCaptured);
    const size = BigInt(model.length);
    const session = api.make("createSessionFromArray", api.env, model, size, options);
    return this.#keep(session, "releaseSession");
  }

  #appendCuda(options: Deno.PointerValue, isCaptured: boolean): void {
    const api = this.#api;
    const cuda = this.#keep(api.make("createCudaOptions"), "releaseCudaOptions");
    const [key, value] = [cText("enable_cuda_graph"), cText(isCaptured ? "1" : "0")];
    const [keys, values] = [key, value].map((text) =>
      BigUint64Array.of(Deno.UnsafePointer.value(Deno.UnsafePointer.of(text)))
    );
    api.run("updateCudaOptions", cuda, keys, values, 1n);
    api.run("appendCuda", options, cuda);
  }

  #bind({ memory, inputs, outputs }: BoundOptions): void {
    const api = this.#api;
    const place = this.#keep(
      api.make("createMemoryInfo", cText(memory.name), 0, 0, 0),
      "releaseMemoryInfo",
    );
    for (const [kind, tensors] of [["bindInput", inputs], ["bindOutput", outputs]] as const) {
      for (const [name, { block, offset, shape, dtype = "float32" }] of Object.entries(tensors)) {
        const size = ELEMENT_BYTES * shape.reduce((product, each) => product * each, 1);
        if (offset + size > block.bytes) {
          throw new RangeError(
            `Cannot bind tensor "${name}": it must end within ${block.bytes} bytes, got ${
              offset + size
            }`,
          );
        }
        const value = api.make(
          "createTensor",
          place,
          block.at(offset),
          BigInt(size),
          BigInt64Array.from([...shape, 0], BigInt), // never empty, so that it has an address
          BigInt(shape.length),
          ELEMENT_TYPES[dtype],
        );
        this.#keep(value, "releaseValue");
        api.run(kind, this.#binding, cText(name), value);
      }
    }
  }
}
