/**
 * The build step of the WASM kernels: AssemblyScript source in, a TypeScript module with the
 * bytes out. Only `deno task kernels` and the test that rebuilds the bytes use it, so that
 * AssemblyScript stays a development dependency and the program itself carries the bytes alone.
 *
 * When you add a kernel: write `lib/kernels/NAME.as.ts`, add NAME to `KERNEL_NAMES`, run
 * `deno task kernels`, and test it against plain loops on every length from 0 to 70.
 */

import asc from "assemblyscript/asc";

/** Names the kernels: `NAME.as.ts` is compiled into `NAME_bytes.ts` beside it. */
export const KERNEL_NAMES: readonly string[] = ["policy_kernel", "adam_kernel"];

/** Where the sources and the modules with their bytes lie. */
export const KERNEL_FOLDER: URL = new URL("../../../lib/kernels/", import.meta.url);

/** Characters of base64 per line of the written module, so that a line stays within 100. */
const BASE64_LINE_LENGTH = 88;

/**
 * Compiles one AssemblyScript module without imports and returns the WebAssembly bytes. The pinned
 * compiler gives the same bytes for the same source.
 * @throws {SyntaxError} with the compiler's messages when the source does not compile.
 */
export async function compileKernel(source: string): Promise<Uint8Array> {
  let bytes: Uint8Array | undefined;
  // "stub" and "noAssert" leave out the runtime: a kernel works on addresses it is given.
  const options = ["-O3", "--runtime", "stub", "--noAssert", "--enable", "simd"];
  const { error, stderr } = await asc.main(["kernel.ts", "--outFile", "kernel.wasm", ...options], {
    readFile: (name: string) => (name === "kernel.ts" ? source : null),
    writeFile: (_name: string, contents: string | Uint8Array) => {
      if (typeof contents !== "string") bytes = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || bytes === undefined) {
    throw new SyntaxError(
      `Cannot compile kernel: the source must be valid, got ${String(stderr).trim()}`,
    );
  }
  return bytes;
}

/** Prints the TypeScript module that carries the bytes of kernel `name`. */
export function printBytesModule(name: string, bytes: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...bytes));
  const lines: string[] = [];
  for (let at = 0; at < base64.length; at += BASE64_LINE_LENGTH) {
    lines.push(`  "${base64.slice(at, at + BASE64_LINE_LENGTH)}"`);
  }
  return `// Written by \`deno task kernels\` from ${name}.as.ts: do not edit.

/** The WebAssembly module of ${name}.as.ts in base64, ${bytes.length} bytes when decoded. */
export const ${name.toUpperCase()}_BASE64: string = [
${lines.join(",\n")},
].join("");
`;
}

/** Compiles every kernel and writes the modules with their bytes beside the sources. */
export async function writeKernels(): Promise<void> {
  for (const name of KERNEL_NAMES) {
    const source = await Deno.readTextFile(new URL(`${name}.as.ts`, KERNEL_FOLDER));
    const text = printBytesModule(name, await compileKernel(source));
    await Deno.writeTextFile(new URL(`${name}_bytes.ts`, KERNEL_FOLDER), text);
  }
}

if (import.meta.main) await writeKernels();
