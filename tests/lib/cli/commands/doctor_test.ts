import assert from "node:assert/strict";
import { join } from "node:path";
import { systemClock } from "../../../../lib/system/clock.ts";
import { makeElf } from "../../../support/elf_file.ts";
import { run } from "../../../support/program.ts";
import { withFolder } from "../../../support/tiny_command.ts";

interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly isNeeded: boolean;
  readonly found: string;
  readonly advice?: readonly string[];
  readonly values?: Readonly<Record<string, number>>;
}

/** Runs doctor as on a machine without a GPU, unless something else is given. */
async function findings(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Map<string, Finding>> {
  const around = { env: { VK_ICD_FILENAMES: "/none.json", ...env }, clock: systemClock() };
  const { code, stdout, stderr } = await run(["doctor", "--json", ...argv], around);
  assert.deepEqual([code, stderr], [0, ""]);
  const document = JSON.parse(stdout);
  assert.equal(document.ok, true);
  return new Map(document.findings.map((finding: Finding) => [finding.name, finding]));
}

Deno.test("doctor tries everything and measures updates", async () => {
  await withFolder(async (folder) => {
    const found = await findings(["--folder", folder, "--seconds", "0.1"], {
      HOME: folder,
      CUDA_PATH: "",
    });
    assert.deepEqual([...found.keys()], [
      "versions",
      "machine",
      "physics",
      "cpu",
      "webgpu",
      "cuda",
      "writing",
      "cache",
      "permissions",
    ]);
    const needed = [...found.values()].filter(({ isNeeded }) => isNeeded);
    assert.deepEqual(needed.map(({ name }) => name), ["physics", "cpu", "writing"]);
    const { values } = found.get("cpu")!;
    assert.ok(values!.updatesPerSecond > 0 && values!.seconds >= 0.1);
    assert.equal(found.get("cache")!.found, join(folder, ".cache", "udrlpg"));
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), [".cache"]);
  });
});

Deno.test("doctor says what is missing for a GPU and how to get it", async () => {
  await withFolder(async (folder) => {
    const found = await findings(["--cuda-path", folder, "--seconds", "0"], { HOME: "" });
    const webgpu = found.get("webgpu")!;
    assert.deepEqual([webgpu.ok, webgpu.isNeeded], [false, false]);
    assert.equal(webgpu.found, "the Vulkan driver /none.json is not there");
    assert.deepEqual([found.get("cache")!.ok, found.get("cache")!.isNeeded], [false, false]);
    const cuda = found.get("cuda")!;
    if (cuda.ok || Deno.build.target !== "x86_64-unknown-linux-gnu") return;
    assert.match(cuda.found, /^missing: /);
    assert.ok(cuda.advice!.every((line) => line.length > 0));
    const provider = cuda.advice!.find((line) => line.includes("providers_cuda.so"));
    assert.ok(provider === undefined || provider.includes(folder));
  });
});

Deno.test("doctor says which libraries of CUDA a provider needs, and finds broken ones", {
  ignore: Deno.build.target !== "x86_64-unknown-linux-gnu",
}, async () => {
  await withFolder(async (folder) => {
    const write = (name: string, bytes: Uint8Array) => Deno.writeFile(join(folder, name), bytes);
    await write("libonnxruntime_providers_shared.so", makeElf(["libc.so.6"]));
    await write("libonnxruntime_providers_cuda.so", makeElf(["libcublas.so.77", "libc.so.6"]));
    await write("libcudnn.so.9", new TextEncoder().encode("not a library"));
    const adviceOf = async () => {
      const cuda = (await findings(["--cuda-path", folder, "--seconds", "0"])).get("cuda")!;
      assert.equal(cuda.ok, false);
      return cuda.advice!.join("\n");
    };
    const advice = await adviceOf();
    assert.match(advice, /^CUDA: libcublas\.so\.77 is not there: .*nvidia-cublas/m);
    assert.match(advice, /^cuDNN: .*libcudnn\.so\.9: (file too short|invalid ELF)/m);
    await write("libonnxruntime_providers_cuda.so", new TextEncoder().encode("not a library"));
    assert.match(await adviceOf(), /providers_cuda\.so": it must reach to byte 64, got 13 bytes: /);
  });
});

Deno.test("doctor fails where runs cannot be written", async () => {
  await withFolder(async (folder) => {
    const env = { VK_ICD_FILENAMES: "/none.json", HOME: folder };
    const argv = ["doctor", "--folder", `${folder}/none`, "--seconds", "0"];
    const { code, stdout, stderr } = await run(argv, { env, clock: systemClock() });
    assert.equal(code, 3);
    assert.match(stdout, /^ok +physics +MuJoCo/m);
    assert.match(stdout, /^no +webgpu +the Vulkan driver/m);
    assert.match(stdout, /^FAIL +writing /m);
    assert.equal(stderr, "Cannot train on this machine: writing must work\n");
  });
});
