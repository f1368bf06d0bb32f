/** Memory that sessions are bound to: the host's, or a GPU's by CUDA's own library. */

/** Bytes that tensors within a block begin at multiples of; CUDA's own allocations begin so. */
export const ALIGNMENT = 256;

/** How to get, fill and read memory of one place. */
export interface Memory {
  /** ONNX Runtime's name of the place. */
  readonly name: "Cpu" | "Cuda";
  /** Gives so many bytes, all zero. @throws {Error} when there are none left. */
  allocate(bytes: number): Deno.PointerValue;
  /** Gives them back. */
  free(start: Deno.PointerValue): void;
  /** Copies from the host. */
  upload(target: Deno.PointerValue, source: Uint8Array<ArrayBuffer>): void;
  /** Copies to the host. */
  download(target: Uint8Array<ArrayBuffer>, source: Deno.PointerValue): void;
  /** Waits until all that was begun is done. */
  finish(): void;
}

/** Newest first; the one that the provider has loaded is found by its name. */
const CUDA_LIBRARIES: readonly string[] = ["libcudart.so.13", "libcudart.so.12"];
const TO_DEVICE = 1;
const TO_HOST = 2;

/** Makes the host's memory. */
export function createHostMemory(): Memory {
  const blocks = new Map<bigint, Uint8Array<ArrayBuffer>>(); // what is in use is not collected
  const view = (start: Deno.PointerValue, size: number) =>
    new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(start!, size));
  return {
    name: "Cpu",
    allocate(bytes) {
      const block = new Uint8Array(bytes);
      const start = Deno.UnsafePointer.of(block);
      blocks.set(Deno.UnsafePointer.value(start), block);
      return start;
    },
    free: (start) => void blocks.delete(Deno.UnsafePointer.value(start)),
    upload: (target, source) => view(target, source.length).set(source),
    download: (target, source) => target.set(view(source, target.length)),
    finish() {},
  };
}

/**
 * Makes the memory of the first GPU.
 * @throws {Error} when CUDA's library is not there or may not be loaded.
 */
export function createCudaMemory(): Memory {
  const cuda = loadCuda();
  const check = (what: string, code: number) => {
    if (code !== 0) throw new Error(`Cannot ${what}: CUDA must do it, got its error ${code}`);
  };
  return {
    name: "Cuda",
    allocate(bytes) {
      const out = new BigUint64Array(1);
      check(`allocate ${bytes} bytes`, cuda.cudaMalloc(out, BigInt(bytes)));
      const start = Deno.UnsafePointer.create(out[0]);
      check("clear memory", cuda.cudaMemset(start, 0, BigInt(bytes)));
      return start;
    },
    free: (start) => check("free memory", cuda.cudaFree(start)),
    upload(target, source) {
      check("send to the GPU", cuda.upload(target, source, BigInt(source.length), TO_DEVICE));
    },
    download(target, source) {
      check("read from the GPU", cuda.download(target, source, BigInt(target.length), TO_HOST));
    },
    finish: () => check("run on the GPU", cuda.cudaDeviceSynchronize()),
  };
}

function loadCuda() {
  const problems = CUDA_LIBRARIES.map((library) => {
    try {
      return openCuda(library);
    } catch (error) {
      return (error as Error).message.split("\n")[0];
    }
  });
  const found = problems.find((one) => typeof one !== "string");
  if (found !== undefined) return found;
  throw new Error(`Cannot use CUDA: one of ${CUDA_LIBRARIES} must load, got ${problems[0]}`);
}

function openCuda(library: string) {
  return Deno.dlopen(library, {
    cudaMalloc: { parameters: ["buffer", "usize"], result: "i32" },
    cudaDeviceSynchronize: { parameters: [], result: "i32" },
    cudaFree: { parameters: ["pointer"], result: "i32" },
    cudaMemset: { parameters: ["pointer", "i32", "usize"], result: "i32" },
    upload: {
      name: "cudaMemcpy",
      parameters: ["pointer", "buffer", "usize", "i32"],
      result: "i32",
    },
    download: {
      name: "cudaMemcpy",
      parameters: ["buffer", "pointer", "usize", "i32"],
      result: "i32",
    },
  }).symbols;
}

/** A block of memory, all zero at first. */
export class Block {
  /** Its size. */
  readonly bytes: number;
  readonly #memory: Memory;
  readonly #start: Deno.PointerValue;

  /** Allocates it. */
  constructor(memory: Memory, bytes: number) {
    this.bytes = bytes;
    this.#memory = memory;
    this.#start = memory.allocate(bytes);
  }

  /** Points at a byte. */
  at(offset: number): Deno.PointerValue {
    return Deno.UnsafePointer.create(Deno.UnsafePointer.value(this.#start) + BigInt(offset));
  }

  /** Copies from the host. */
  upload(offset: number, source: Float32Array | Uint8Array): void {
    this.#memory.upload(this.at(offset), bytesOf(source));
  }

  /** Copies to the host. */
  download(offset: number, target: Float32Array): void {
    this.#memory.download(bytesOf(target), this.at(offset));
  }

  /** Frees the memory. */
  release(): void {
    this.#memory.free(this.#start);
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}
