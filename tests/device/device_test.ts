/** The script for a machine with a GPU, tried on one without: what is missing is told, not failed. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CUDA_WAYS } from "../../lib/learner/updater.ts";
import { makeElf } from "../support/elf_file.ts";
import { withFolder } from "../support/tiny_command.ts";
import { compareWithCpu, judge, tooLarge } from "./device_updates.ts";
import { type DeviceReport, FULL, measureDevices, QUICK } from "./measure.ts";
import { type Ended, runProgram, timePeer } from "./surroundings.ts";

const SCRIPT = fileURLToPath(new URL("./run.sh", import.meta.url));
const linux = { ignore: Deno.build.os !== "linux" };

function runScript(...args: string[]): Promise<Ended> {
  return runProgram("bash", [SCRIPT, ...args]);
}

Deno.test("run.sh unpacks pieces and tells what is missing with its reason", linux, async () => {
  await withFolder(async (folder) => {
    const [pieces, work, out] = ["pieces", "work", "device.json"].map((name) => join(folder, name));
    await Deno.mkdir(pieces);
    const write = (name: string, bytes: Uint8Array) => Deno.writeFile(join(pieces, name), bytes);
    // One library by itself, one in two parts, and something that is no piece.
    const provider = makeElf(["libcublas.so.77"]);
    await write("libonnxruntime_providers_shared.so", makeElf([]));
    await write("libonnxruntime_providers_cuda.so.part-aa", provider.slice(0, 100));
    await write("libonnxruntime_providers_cuda.so.part-ab", provider.slice(100));
    await write("notes.txt", new Uint8Array());
    const { code, stdout, stderr } = await runScript(
      ...["--pieces", pieces, "--work", work, "--out", out, "--quick"],
    );
    assert.deepEqual([code, stdout], [0, `Written: ${out}\n`], stderr);
    assert.match(stderr, /^left alone: notes\.txt$/m);
    assert.deepEqual(
      await Deno.readFile(join(work, "cuda", "libonnxruntime_providers_cuda.so")),
      provider,
    );
    const report = JSON.parse(await Deno.readTextFile(out)) as DeviceReport;
    assert.deepEqual(report.failures, []);
    assert.equal(report.devices.cpu, "usable");
    assert.match(report.devices.cuda, /libcublas\.so\.77 is not there/);
    assert.deepEqual(report.peers, QUICK.timed.map(() => ({ missing: "cuda is not usable" })));
    assert.deepEqual(report.floor, { missing: "cuda is not usable" });
    assert.deepEqual(report.equality[0], { device: "cuda", missing: "cuda is not usable" });
    assert.equal(report.equality.length, (1 + CUDA_WAYS.length) * QUICK.compared.length);
    const [timed, large] = report.updates.filter(({ device }) => device === "cpu");
    assert.ok(
      "milliseconds" in timed && timed.milliseconds > 0 && timed.runs >= 2,
      JSON.stringify(timed),
    );
    assert.ok("missing" in large && /its targets take \d+ bytes/.test(large.missing));
    const trained = report.training.find(({ device }) => device === "cpu")!;
    assert.ok("finalReturn" in trained && trained.finalReturn.mean > 0, JSON.stringify(trained));
  });
});

Deno.test("run.sh refuses what it does not know and pieces that are broken", linux, async () => {
  const { code, stderr } = await runScript("--fast");
  assert.deepEqual([code, stderr], [
    2,
    "Cannot run: options are --pieces, --work, --out, --quick and --minutes, got --fast\n",
  ]);
  assert.equal((await runScript("--out")).code, 2);
  assert.equal((await runScript("--pieces", "/nowhere")).code, 3);
  await withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "onnxruntime_gpu.whl"), "no wheel");
    const broken = await runScript("--pieces", folder, "--work", join(folder, "work"));
    assert.equal(broken.code, 3);
    assert.match(broken.stderr, /^Cannot unpack onnxruntime_gpu\.whl: it must be whole, got: /);
  });
});

Deno.test("measureDevices() saves what it has and names a part that breaks", async () => {
  const saved: string[] = [];
  const broken = {
    ...QUICK,
    training: [{ env: "CartPole-v1", steps: 1 }],
    timed: [],
    limitSeconds: 600,
  };
  const report = await measureDevices(broken, {
    env: () => undefined,
    save: (document) => saved.push(JSON.stringify(document)),
  });
  assert.ok(saved.length >= 2);
  const [failure] = report.failures.filter((text) => text.includes("on cpu"));
  assert.match(failure, /^training on cpu: train must exit with 0, got 2: Cannot create run: /);
});

Deno.test("compareWithCpu() finds no difference between the CPU and itself", async () => {
  const { ok, differences } = await compareWithCpu("cpu", {
    sizes: [3, 32, 1],
    hiddenSizes: [8],
    loss: "both",
  });
  assert.deepEqual(differences, { losses: 0, weights: 0, momentum: 0, variance: 0 });
  assert.equal(ok, true);
});

Deno.test("judge() rejects a moment that is off by a thousandth", () => {
  const right = () => Float32Array.of(1, -2);
  const cpu = { losses: right(), weights: right(), momentum: right(), variance: right() };
  assert.equal(judge(cpu, cpu).ok, true);
  assert.equal(judge({ ...cpu, variance: Float32Array.of(1, -2.002) }, cpu).ok, false);
  assert.equal(judge({ ...cpu, losses: Float32Array.of(1, NaN) }, cpu).ok, false);
});

Deno.test("timePeer() says in one line why PyTorch is not measured", async () => {
  const root = new URL("../../", import.meta.url);
  const timed = await timePeer({ sizes: [4, 32, 32, 1], batch: 4 }, { updates: 1, root });
  if (!("missing" in timed)) return; // PyTorch and a GPU are there
  assert.match(timed.missing, /^(Cannot measure PyTorch: |Failed to spawn 'python3')[^\n]+$/);
});

Deno.test("the full plan has the reference and all widths and batches that a host can hold", () => {
  const names = FULL.timed.map(({ sizes, batch }) => `${sizes[1]} ${batch}`);
  for (const width of [64, 128, 256, 512, 1024]) {
    for (const batch of [24, 128, 512]) assert.ok(names.includes(`${width} ${batch}`));
  }
  assert.equal(FULL.timed.filter((subject) => tooLarge(subject) !== undefined).length, 1);
});
