/** What is said of CUDA's libraries when they are missing, broken and there. */

import assert from "node:assert/strict";
import { join } from "node:path";
import {
  type CudaPart,
  describeProblems,
  inspectCuda,
  isCudaPlatform,
  type LibraryLoader,
  loadLibrary,
  PROVIDER_FILES,
  useProviderFolder,
} from "../../../lib/onnx/cuda.ts";
import { makeElf } from "../../support/elf_file.ts";

/** What a provider is linked with, beside libraries of the system. */
const CUDA_12 = [
  "libcudart.so.12",
  "libcublasLt.so.12",
  "libcublas.so.12",
  "libcurand.so.10",
  "libcufft.so.11",
];
const CUDA_13 = ["libcudart.so.13", "libcublasLt.so.13", "libcublas.so.13", "libcurand.so.10"];
const CUDNN = "libcudnn.so.9";
const SYSTEM = ["libcuda.so.1", "libdl.so.2", "libstdc++.so.6", "libc.so.6"];

/** A loader of a machine that has the given libraries; it keeps what it was asked for. */
function loaderOf(known: readonly string[]): LibraryLoader & { readonly asked: string[] } {
  const asked: string[] = [];
  const load = (file: string) => {
    asked.push(file);
    const name = file.split("/").at(-1)!;
    if (known.includes(name)) return undefined;
    return `${name}: cannot open shared object file: No such file or directory`;
  };
  return Object.assign(load, { asked });
}

async function withFolder(
  files: readonly string[],
  test: (folder: string) => void | Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const file of files) await Deno.writeTextFile(join(folder, file), "not a library");
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Puts a provider into a folder whose second file is linked with the given libraries, in any order. */
async function writeProvider(folder: string, needed: readonly string[]): Promise<void> {
  await Deno.writeFile(join(folder, PROVIDER_FILES[0]), makeElf(["libc.so.6"]));
  await Deno.writeFile(join(folder, PROVIDER_FILES[1]), makeElf([...needed].reverse()));
}

/** The order in which libraries are loaded: those that others need, then as the provider names them. */
function inOrder(cuda: readonly string[]): string[] {
  return [...cuda.slice(0, 2), ...cuda.slice(2).reverse()];
}

function problemsOf(parts: readonly CudaPart[]): Record<string, readonly string[]> {
  return Object.fromEntries(parts.map(({ name, problems }) => [name, problems]));
}

Deno.test("inspectCuda() names every missing library and how to get it", async () => {
  await withFolder([], (folder) => {
    const parts = inspectCuda({ path: folder, runtime: "/nowhere", load: loaderOf([]) });
    assert.deepEqual(problemsOf(parts), {
      "NVIDIA driver": ["libcuda.so.1 is not there"],
      "ONNX Runtime's CUDA provider": [
        `${PROVIDER_FILES.join(" and ")} must be in ${folder} or /nowhere`,
      ],
      "CUDA": CUDA_13.map((file) => `${file} is not there`),
      "cuDNN": [`${CUDNN} is not there`],
    });
    const [driver, provider, cuda, cudnn] = parts.map(({ advice }) => advice);
    assert.match(driver, /NVIDIA's driver/);
    assert.match(provider, /onnxruntime-gpu==1\.30\.0`.*unzip.*--cuda-path or UDRLPG_CUDA_PATH/);
    assert.match(cuda, /nvidia-cuda-runtime nvidia-cublas nvidia-curand.*LD_LIBRARY_PATH/);
    assert.match(cudnn, /nvidia-cudnn-cu13/);
  });
});

Deno.test("inspectCuda() stops at the first problem when that is enough", () => {
  const load = loaderOf([]);
  const parts = inspectCuda({ path: undefined, runtime: "/nowhere", load, isBrief: true });
  assert.equal(describeProblems(parts), "NVIDIA driver: libcuda.so.1 is not there");
  assert.deepEqual(load.asked, ["libcuda.so.1"]);
});

for (const needed of [[...CUDA_12, CUDNN], CUDA_13]) {
  Deno.test(`inspectCuda() asks for what the provider is linked with: ${needed[0]}`, async () => {
    await withFolder([], async (folder) => {
      await writeProvider(folder, [...SYSTEM, ...needed]);
      const cuda = needed.filter((file) => file !== CUDNN);
      const inspect = (load: LibraryLoader) =>
        inspectCuda({ path: folder, runtime: "/nowhere", load });
      assert.deepEqual(problemsOf(inspect(loaderOf(SYSTEM))), {
        "NVIDIA driver": [],
        "ONNX Runtime's CUDA provider": [],
        "CUDA": inOrder(cuda).map((file) => `${file} is not there`),
        "cuDNN": [`${CUDNN} is not there`],
      });
      const whole = loaderOf(["libcuda.so.1", ...cuda, CUDNN, ...SYSTEM]);
      assert.equal(describeProblems(inspect(whole)), undefined);
    });
  });
}

Deno.test("inspectCuda() does not take another version of CUDA for the provider's", async () => {
  await withFolder([], async (folder) => {
    await writeProvider(folder, CUDA_13);
    const load = loaderOf(["libcuda.so.1", ...CUDA_12, CUDNN, ...SYSTEM]);
    assert.equal(
      describeProblems(inspectCuda({ path: folder, runtime: "/nowhere", load })),
      "CUDA: libcudart.so.13 is not there, libcublasLt.so.13 is not there, libcublas.so.13 is not there",
    );
  });
});

Deno.test("inspectCuda() refuses a provider that is damaged or made for something else", async () => {
  await withFolder(PROVIDER_FILES, async (folder) => {
    const known = ["libcuda.so.1", ...CUDA_13, CUDNN, ...SYSTEM];
    const problem = () =>
      describeProblems(inspectCuda({ path: folder, runtime: "/nowhere", load: loaderOf(known) }));
    const place = JSON.stringify(join(folder, PROVIDER_FILES[0]));
    assert.equal(
      problem(),
      `ONNX Runtime's CUDA provider: Cannot read library ${place}: it must reach to byte 64, got 13 bytes`,
    );
    await writeProvider(folder, ["libc.so.6"]);
    assert.equal(
      problem(),
      `ONNX Runtime's CUDA provider: ${PROVIDER_FILES[1]} must be linked with CUDA, got none of it`,
    );
  });
});

Deno.test("inspectCuda() takes libraries from the given folder first", async () => {
  await withFolder([CUDNN], async (folder) => {
    await writeProvider(folder, CUDA_13);
    const load = loaderOf(["libcuda.so.1", ...CUDA_13, CUDNN, ...SYSTEM]);
    const parts = inspectCuda({ path: folder, runtime: "/nowhere", load });
    assert.equal(describeProblems(parts), undefined);
    // Those that others of them need come first.
    assert.deepEqual(load.asked, [
      "libcuda.so.1",
      "libc.so.6",
      "libcudart.so.13",
      "libcublasLt.so.13",
      "libcurand.so.10",
      "libcublas.so.13",
      join(folder, CUDNN),
    ]);
  });
});

Deno.test("inspectCuda() names libraries of the system that the provider misses", async () => {
  await withFolder([], async (folder) => {
    await writeProvider(folder, [...CUDA_12, "libodd.so.1"]);
    const load = loaderOf(["libcuda.so.1", "libc.so.6", ...CUDA_12, CUDNN]);
    assert.equal(
      describeProblems(inspectCuda({ path: folder, runtime: "/nowhere", load })),
      "ONNX Runtime's CUDA provider: libodd.so.1 is not there",
    );
  });
});

const linux = { ignore: !isCudaPlatform() };

Deno.test("inspectCuda() finds broken files with the real loader", linux, async () => {
  await withFolder(["libcudart.so.13"], async (folder) => {
    await writeProvider(folder, CUDA_13);
    assert.equal(loadLibrary("libm.so.6"), undefined);
    const load: LibraryLoader = (file) => file.startsWith(folder) ? loadLibrary(file) : undefined;
    const [, , cuda] = inspectCuda({ path: folder, runtime: "/nowhere", load });
    assert.equal(cuda.name, "CUDA");
    assert.equal(cuda.problems.length, 1);
    assert.match(cuda.problems[0], /libcudart\.so\.13: (file too short|invalid ELF header)/);
  });
});

Deno.test("useProviderFolder() makes ONNX Runtime look beside its links", linux, async () => {
  await withFolder(PROVIDER_FILES, async (folder) => {
    const module = (name: string) => new URL(`../../../${name}`, import.meta.url).href;
    const script = `
      import { useProviderFolder } from ${JSON.stringify(module("lib/onnx/cuda.ts"))};
      useProviderFolder(Deno.args[0], { cache: Deno.args[1] });
      useProviderFolder(Deno.args[0], { cache: Deno.args[1] }); // the links are there already
      const ort = await import("onnxruntime-node");
      const options = { executionProviders: ["cuda"] };
      await ort.InferenceSession.create(Uint8Array.of(8, 8), options).catch(() => {});
    `;
    const cache = join(folder, "cache");
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--config", new URL(module("deno.json")).pathname, script, folder, cache],
    }).output();
    const [links] = [...Deno.readDirSync(cache)].map(({ name }) => join(cache, name));
    const text = new TextDecoder().decode(stderr);
    assert.ok(text.includes(`Failed to load library ${join(links, PROVIDER_FILES[0])}`), text);
    assert.match(text, /file too short|invalid ELF header/);
  });
});

Deno.test("useProviderFolder() says why ONNX Runtime cannot be loaded", async () => {
  await withFolder([...PROVIDER_FILES, "libonnxruntime.so.1"], (folder) => {
    const options = { cache: join(folder, "cache"), runtime: folder, load: () => "it is broken" };
    assert.throws(() => useProviderFolder(folder, options), {
      message: "Cannot load ONNX Runtime: it is broken",
    });
  });
});
