/**
 * What a test of runs does on a small disk of its own: `run_faults.ts MODE FOLDER`. A failed assertion
 * ends it with an exit code other than 0.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { hashRun, trainTiny } from "./run_folder.ts";
import { tinyConfig } from "./tiny_run.ts";

const CONFIG = tinyConfig({ steps: 250, reports: { evaluations: 2, sweeps: 1 } });

/** Trains on a disk that is full sooner or later; with room again the run ends as if nothing was. */
async function fillDisk(parent: string): Promise<void> {
  const unbroken = join(parent, "unbroken");
  await trainTiny(CONFIG, unbroken);
  const expected = hashRun(unbroken);
  Deno.removeSync(unbroken, { recursive: true });
  const folder = join(parent, "run");
  const filler = join(parent, "filler");
  const messages = new Set<string>();
  for (const freeBytes of [2_000, 30_000, 60_000, 90_000, 0]) {
    if (freeBytes > 0) fillBut(filler, freeBytes);
    const resume = isThere(join(folder, "config.toml"));
    try {
      await trainTiny(CONFIG, folder, { resume, checkpointEverySteps: 20 });
    } catch (error) {
      assert.match(
        String(error),
        /^FileError: Cannot (write|open) .*: there is no space left on the device$/,
      );
      messages.add(/Cannot (?:write|open) ([a-z]+ ?[a-z]*)/.exec(String(error))![1]);
    }
    if (isThere(filler)) Deno.removeSync(filler);
  }
  assert.ok(messages.size >= 2, `only ${[...messages]}`);
  assert.deepEqual(hashRun(folder), expected);
}

/** Fills the disk until at most so many bytes can be written. */
function fillBut(path: string, freeBytes: number): void {
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  const piece = new Uint8Array(4096).fill(1);
  let size = 0;
  try {
    for (;;) size += file.writeSync(piece);
  } catch {
    // full
  }
  file.truncateSync(Math.max(0, size - freeBytes));
}

/** Stops a run before its end. */
async function begin(parent: string): Promise<void> {
  await trainTiny(CONFIG, join(parent, "run"), { stopAfter: 15 });
}

/** Says why a run cannot go on where nothing may be written. */
async function resumeReadOnly(parent: string): Promise<void> {
  const folder = join(parent, "run");
  const metrics = Deno.readTextFileSync(join(folder, "metrics.jsonl"));
  const message = /^FileError: Cannot (open|write) [a-z ]+".*": the file system is read-only$/;
  await assert.rejects(trainTiny(CONFIG, folder, { resume: true }), message);
  await assert.rejects(trainTiny(CONFIG, join(parent, "new")), message);
  assert.equal(Deno.readTextFileSync(join(folder, "metrics.jsonl")), metrics);
}

/** Finishes a run. */
async function end(parent: string): Promise<void> {
  const { result } = await trainTiny(CONFIG, join(parent, "run"), { resume: true });
  assert.ok(result.finished);
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

const MODES: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  "fill-disk": fillDisk,
  begin,
  "resume-read-only": resumeReadOnly,
  end,
};

if (import.meta.main) await MODES[Deno.args[0]](Deno.args[1]);
