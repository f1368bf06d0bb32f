import assert from "node:assert/strict";
import { join } from "node:path";
import { compile, describeSizes, MissingRuntimeError } from "./compile.ts";
import { findContents, readListing } from "./listing.ts";
import { BINARIES, PLATFORMS, ROOT } from "./payload.ts";

/** The size that an executable for Linux x64 should stay below. */
const MAX_BYTES = 150e6;

/** onnxruntime-node's files for other platforms by name. */
function foreignBinaries(own: string): Map<string, Uint8Array> {
  const contents = new Map<string, Uint8Array>();
  for (const { folder } of Object.values(PLATFORMS)) {
    if (folder === own) continue;
    const at = join(ROOT, "node_modules", "onnxruntime-node", BINARIES, folder);
    for (const { name } of Deno.readDirSync(at)) {
      contents.set(`${folder}/${name}`, Deno.readFileSync(join(at, name)));
    }
  }
  return contents;
}

Deno.test("compile() embeds this platform's files alone, with the task's permissions and to start programs", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const target = "x86_64-unknown-linux-gnu";
    // Deno itself stands in for its runtime without tools: it is larger, and never run here.
    const env = { DENORT_BIN: Deno.execPath() };
    const compiled = await compile({ target, out: join(folder, "udrlpg"), env });
    const executable = await Deno.readFile(compiled.out);
    const listing = readListing(executable);
    const paths = listing.files.map(({ path }) => path).sort();
    assert.deepEqual(paths, [...compiled.files].sort());
    assert.equal(listing.entry, "main.ts");
    assert.equal(listing.isSelfExtracting, true);

    const modules = paths.filter((path) => path.startsWith("node_modules/"));
    const binary = modules.filter((path) => !/\.js$|\/package\.json$|LICENSE[^/]*$/.test(path));
    assert.deepEqual(binary, [
      "node_modules/@mujoco/mujoco/mujoco.wasm",
      `node_modules/onnxruntime-node/${BINARIES}/linux/x64/libonnxruntime.so.1`,
      `node_modules/onnxruntime-node/${BINARIES}/linux/x64/onnxruntime_binding.node`,
      "node_modules/uplot/dist/uPlot.min.css", // drawn into reports
    ]);
    for (
      const part of [
        "lib/episodes/workers/episode_worker.ts",
        "envs/registry.ts",
        "models/models.ts",
      ]
    ) {
      assert.ok(paths.includes(part), part);
    }
    assert.ok(!paths.some((path) => /(^|\/)tests\/|\.as\.ts$|_test\.ts$/.test(path)));

    const foreign = foreignBinaries("linux/x64");
    assert.ok(foreign.size >= 12);
    assert.deepEqual(findContents(executable, foreign), []);

    const { permissions } = listing;
    const given = Object.keys(permissions).filter((name) =>
      name.startsWith("allow_") && permissions[name] !== null
    );
    // Nothing can be imported without permission to use the network.
    assert.deepEqual(
      given.sort(),
      [
        "allow_env",
        "allow_ffi",
        "allow_import",
        "allow_read",
        "allow_run",
        "allow_sys",
        "allow_write",
      ],
    );
    assert.deepEqual(permissions.allow_sys, ["cpus"]);
    assert.ok((permissions.allow_env as string[]).includes("UDRLPG_*"));
    assert.equal(permissions.prompt, false);

    const sum = listing.files.reduce((total, { bytes }) => total + bytes, 0);
    assert.ok(sum < 65e6, `embedded files: ${sum}`);
    const deno = Deno.statSync(Deno.execPath()).size;
    const sizes = describeSizes(compiled);
    assert.match(sizes, /46\.2 MB {2}ONNX Runtime/);
    // denort has no tools in it; were it as large as nine tenths of Deno, the whole would still fit.
    assert.ok(compiled.executable - deno < MAX_BYTES - 0.9 * deno, sizes);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("findContents() finds a binary of another platform", () => {
  const foreign = foreignBinaries("linux/x64");
  const [name, content] = [...foreign][0];
  const executable = new Uint8Array(content.length + 2000);
  executable.set(content, 1000);
  assert.ok(findContents(executable, foreign).includes(name));
  assert.deepEqual(findContents(executable.subarray(0, 900), foreign), []);
  const padding = new Map([["padding", new Uint8Array(5000)]]);
  assert.throws(() => findContents(executable, padding), RangeError);
});

Deno.test("readListing() refuses a file without a listing", () => {
  assert.throws(() => readListing(new TextEncoder().encode("#!/bin/sh\n")), SyntaxError);
  assert.throws(() => readListing(Deno.readFileSync(Deno.execPath())), SyntaxError);
});

Deno.test("compile() tells where Deno's runtime would be looked for", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const options = { target: "aarch64-unknown-linux-gnu", out: join(folder, "out") };
    const env = {
      DENO_DIR: join(folder, "deno"),
      HTTPS_PROXY: "http://127.0.0.1:1",
      DENORT_BIN: "",
    };
    await assert.rejects(compile({ ...options, env }), (error: Error) => {
      assert.ok(error instanceof MissingRuntimeError);
      const zip = "denort-aarch64-unknown-linux-gnu.zip";
      const place = join(folder, "deno", "dl", "release", `v${Deno.version.deno}`);
      assert.ok(error.message.includes(`"${join(place, zip)}" is not there`), error.message);
      assert.ok(error.message.includes(`put ${zip} into "${place}" or set DENORT_BIN`));
      return true;
    });
    assert.throws(() => Deno.statSync(options.out), Deno.errors.NotFound);
    await assert.rejects(compile({ ...options, target: "riscv" }), {
      name: "RangeError",
      message: /^Cannot compile: target must be one of .*, got "riscv"$/,
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
