/** Whole runs: killed at random moments, on a full disk, on one worker or two. */

import assert from "node:assert/strict";
import { killAndResume } from "./support/kill_and_resume.ts";
import { hashRun, trainTiny, withFolder } from "./support/run_folder.ts";
import { tinyConfig } from "./support/tiny_run.ts";

Deno.test("a run that is killed at random moments and taken up again ends with the same bytes", async () => {
  // `deno task torture` does this a hundred times.
  const { kills } = await killAndResume({ kills: 5, seed: 1 });
  assert.ok(kills >= 5);
});

Deno.test("a run ends with the same bytes on one worker and on two", async () => {
  const config = tinyConfig({ steps: 300, evaluation: { every: 50 }, sweep: { every: 100 } });
  const modules = {
    registry: new URL("support/worker_modules.ts", import.meta.url).href,
    models: new URL("../models/models.ts", import.meta.url).href,
  };
  const hashes: unknown[] = [];
  for (const count of [0, 1, 2]) {
    await withFolder(async (folder) => {
      await trainTiny(config, folder, { workers: { count, modules } });
      hashes.push(hashRun(folder));
    });
  }
  assert.deepEqual(hashes[1], hashes[0]);
  assert.deepEqual(hashes[2], hashes[0]);
});
