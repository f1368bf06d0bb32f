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
  const config = tinyConfig({ steps: 300, reports: { evaluations: 6, sweeps: 3 } });
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

const FAULTS = new URL("support/run_faults.ts", import.meta.url).pathname;

function succeeds(command: string, args: string[]): boolean {
  try {
    return new Deno.Command(command, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

const canMount = succeeds("unshare", ["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]);

/** Runs shell lines in a mount namespace of their own; $1 is a fresh folder, $run starts a mode. */
function runOnOwnDisk(script: string): void {
  const folder = Deno.makeTempDirSync();
  try {
    const { success, stderr } = new Deno.Command("unshare", {
      args: ["-rm", "sh", "-ec", `run="$2 run -A --quiet $3"; ${script}`, "sh", folder]
        .concat(Deno.execPath(), FAULTS),
      stderr: "piped",
    }).outputSync();
    assert.ok(success, new TextDecoder().decode(stderr));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test({
  name: "a run survives a full disk (needs leave to mount a tmpfs)",
  ignore: !canMount,
  fn: () => runOnOwnDisk('mount -t tmpfs -o size=600k tmpfs "$1"; $run fill-disk "$1"'),
});

Deno.test({
  name: "a run on a read-only disk says so and goes on later (needs leave to mount a tmpfs)",
  ignore: !canMount,
  fn: () =>
    runOnOwnDisk(
      'mount -t tmpfs tmpfs "$1"; $run begin "$1"; mount -o remount,ro tmpfs "$1"; ' +
        '$run resume-read-only "$1"; mount -o remount,rw tmpfs "$1"; $run end "$1"',
    ),
});
