import assert from "node:assert/strict";
import { join } from "node:path";
import { verifyRun } from "../../../lib/run/verify.ts";
import { models } from "../../../models/models.ts";
import { tinyRegistry, trainTiny, withFolder } from "../../support/run_folder.ts";
import { ADAPTED, tinyConfig } from "../../support/tiny_run.ts";

const CONFIG = tinyConfig({ steps: 200, reports: { evaluations: 2 } });
/** Ten cycles are the warm-up of fixed noise. */
const OPTIONS = { registry: tinyRegistry(), models, session: { threads: 1 } };

function edit(path: string, change: (text: string) => string): void {
  const text = Deno.readTextFileSync(path);
  const changed = change(text);
  assert.notEqual(changed, text);
  Deno.writeTextFileSync(path, changed);
}

Deno.test("verifyRun() replays what a run recorded, finished, interrupted or continued", async () => {
  await withFolder(async (folder) => {
    await trainTiny(CONFIG, folder, { stopAfter: 13 });
    const short = await verifyRun(folder, OPTIONS);
    assert.ok(short.matches, JSON.stringify(short));
    await trainTiny({ ...CONFIG, steps: 300 }, folder, { resume: true });
    const { records, ...rest } = await verifyRun(folder, { ...OPTIONS, cycles: 3 });
    assert.deepEqual(rest, { matches: true, cycles: 13, hashes: 4 });
    assert.ok(records > 15, `${records} records`);
  });
});

Deno.test("verifyRun() finds a changed hash, a changed return and another seed", async () => {
  const changes: [string, (text: string) => string, RegExp][] = [
    ["metrics.jsonl", (text) => text.replace(/"hash":"./, '"hash":"x'), /"kind":"state"/],
    ["metrics.jsonl", (text) => text.replace(/"return":(\d)/, '"return":1$1'), /"kind":"episode"/],
    ["config.toml", (text) => text.replace(/^seed = 1$/m, "seed = 2"), /"kind":"run"/],
    [
      "config.toml",
      (text) => text.replace(/^learningRate = 0.001$/m, "learningRate = 0.0010000001"),
      // Seen in whatever comes first after the first update: that is after ten episodes.
      /"kind":"(update|state)"|"kind":"episode","step":1[1-9]\d,/,
    ],
  ];
  for (const [file, change, kind] of changes) {
    await withFolder(async (folder) => {
      await trainTiny(CONFIG, folder, { stopAfter: 13 });
      edit(join(folder, file), change);
      const { matches, difference } = await verifyRun(folder, OPTIONS);
      assert.equal(matches, false);
      assert.match(difference!.recorded, kind);
      assert.notEqual(difference!.replayed, difference!.recorded);
    });
  }
});

Deno.test("verifyRun() refuses a run whose generator is damaged", async () => {
  await withFolder(async (folder) => {
    await trainTiny(CONFIG, folder);
    const path = join(folder, "generator.safetensors");
    const bytes = Deno.readFileSync(path);
    bytes[bytes.length - 9] ^= 16;
    Deno.writeFileSync(path, bytes);
    await assert.rejects(
      verifyRun(folder, OPTIONS),
      /^FileError: Cannot read generator ".*": it must match its checksum/,
    );
  });
});

Deno.test("verifyRun() replays a run with adapted noise, and finds a change in its second cycle", async () => {
  await withFolder(async (folder) => {
    await trainTiny(tinyConfig(ADAPTED), folder);
    const { matches, cycles, hashes } = await verifyRun(folder, { ...OPTIONS, cycles: 2 });
    // The first one is the warm-up.
    assert.deepEqual([matches, cycles, hashes], [true, 3, 2]);
    const path = join(folder, "metrics.jsonl");
    edit(path, (text) => text.replace(/"cycle":2,"hash":"./, '"cycle":2,"hash":"x'));
    const { difference } = await verifyRun(folder, OPTIONS);
    assert.match(difference!.recorded, /"cycle":2/);
  });
});

Deno.test("verifyRun() refuses a folder without records", async () => {
  await withFolder(async (folder) => {
    await assert.rejects(verifyRun(folder, OPTIONS), /^FileError: Cannot read metrics /);
    Deno.writeTextFileSync(join(folder, "metrics.jsonl"), "nothing\n");
    await assert.rejects(
      verifyRun(folder, OPTIONS),
      /^FileError: Cannot verify run ".*": its metrics must hold a record, got none$/,
    );
  });
});
