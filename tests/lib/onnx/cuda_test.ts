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

const LIBRARIES = [
  "libcuda.so.1",
  "libcudart.so.12",
  "libcublasLt.so.12",
  "libcublas.so.12",
  "libcurand.so.10",
  "libcufft.so.11",
  "libcudnn.so.9",
];

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
      "CUDA 12": LIBRARIES.slice(1, 6).map((file) => `${file} is not there`),
      "cuDNN 9": ["libcudnn.so.9 is not there"],
    });
    assert.ok(parts.every(({ advice }) => advice.length > 0));
  });
});

Deno.test("inspectCuda() stops at the first problem when that is enough", () => {
  const load = loaderOf([]);
  const parts = inspectCuda({ path: undefined, runtime: "/nowhere", load, isBrief: true });
  assert.equal(describeProblems(parts), "NVIDIA driver: libcuda.so.1 is not there");
  assert.deepEqual(load.asked, ["libcuda.so.1"]);
});

Deno.test("inspectCuda() takes libraries from the given folder first", async () => {
  await withFolder([...PROVIDER_FILES, "libcudnn.so.9"], (folder) => {
    const load = loaderOf([...LIBRARIES, ...PROVIDER_FILES]);
    const parts = inspectCuda({ path: folder, runtime: "/nowhere", load });
    assert.equal(describeProblems(parts), undefined);
    assert.deepEqual(load.asked, [
      ...LIBRARIES.slice(0, -1),
      join(folder, "libcudnn.so.9"),
      ...PROVIDER_FILES.map((file) => join(folder, file)),
    ]);
  });
});

Deno.test("inspectCuda() passes on what the provider itself misses", async () => {
  await withFolder(PROVIDER_FILES, (folder) => {
    const load: LibraryLoader = (file) =>
      file.endsWith("providers_cuda.so")
        ? "libnvrtc.so.12: cannot open shared object file: No such file or directory"
        : undefined;
    assert.equal(
      describeProblems(inspectCuda({ path: folder, runtime: "/nowhere", load })),
      "ONNX Runtime's CUDA provider: libonnxruntime_providers_cuda.so needs libnvrtc.so.12, " +
        "which is not there",
    );
  });
});

const linux = { ignore: !isCudaPlatform() };

Deno.test("inspectCuda() finds broken files with the real loader", linux, async () => {
  await withFolder([...PROVIDER_FILES, "libcudart.so.12"], (folder) => {
    assert.equal(loadLibrary("libm.so.6"), undefined);
    const load: LibraryLoader = (file) => file.startsWith(folder) ? loadLibrary(file) : undefined;
    const [, , cuda] = inspectCuda({ path: folder, runtime: "/nowhere", load });
    assert.equal(cuda.name, "CUDA 12");
    assert.equal(cuda.problems.length, 1);
    assert.match(cuda.problems[0], /libcudart\.so\.12: (file too short|invalid ELF header)/);
    Deno.removeSync(join(folder, "libcudart.so.12"));
    assert.match(
      describeProblems(inspectCuda({ path: folder, runtime: "/nowhere", load }))!,
      /^ONNX Runtime's CUDA provider: .*providers_shared\.so: (file too short|invalid ELF header)$/,
    );
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
