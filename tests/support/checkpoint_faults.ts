/**
 * Programs that the tests of checkpoints start as processes of their own, on a small disk or under a
 * tracer: `checkpoint_faults.ts MODE FOLDER`. A failed assertion ends them with an exit code other than 0.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { CheckpointStore } from "../../lib/run/checkpoint/store.ts";
import { loadCheckpoint } from "../../lib/run/checkpoint/reader.ts";
import { FileError } from "../../lib/system/errors.ts";
import { MetricsWriter } from "../../lib/run/metrics.ts";
import { readMetrics } from "../../lib/run/metrics_reader.ts";
import {
  checkIsState,
  contentOf,
  SMALL_ROW_LENGTH,
  SMALL_SPARE_BYTES,
} from "./checkpoint_state.ts";

function openStore(folder: string): CheckpointStore {
  return CheckpointStore.open(join(folder, "checkpoint"), { spareBytes: SMALL_SPARE_BYTES });
}

/** Saves five states. */
function saveFive(folder: string): void {
  const store = openStore(folder);
  for (let state = 1; state <= 5; state++) store.save(contentOf(state));
}

interface DiskFill {
  readonly rowLength: number;
  readonly spareBytes: number;
}

/** Fills the disk while it saves; then there is the last state saved, and with room again the next one. */
function fillDisk(folder: string, { rowLength, spareBytes }: DiskFill): void {
  const store = CheckpointStore.open(join(folder, "checkpoint"), { spareBytes });
  const filler = join(folder, "filler");
  let state = 1;
  let failures = 0;
  let hasJustFailed = false;
  while (failures < 30) {
    try {
      store.save(contentOf(state, rowLength));
      if (hasJustFailed) {
        assert.equal(checkIsState(loadCheckpoint(join(folder, "checkpoint"))), state);
      }
      hasJustFailed = false;
      state++;
      grow(filler, 4096);
    } catch (error) {
      assert.ok(error instanceof FileError, String(error));
      assert.match(error.message, /^Cannot write .*: there is no space left on the device$/);
      failures++;
      hasJustFailed = true;
      const loaded = loadCheckpoint(join(folder, "checkpoint"));
      assert.equal(checkIsState(loaded), state - 1);
      assert.deepEqual(loaded.warnings, []);
      // Room for some more, each time another amount, so that other files are the first to fail.
      Deno.truncateSync(
        filler,
        Math.max(0, Deno.statSync(filler).size - 4096 * (1 + failures % 7)),
      );
    }
  }
  assert.ok(state > 10, `only ${state} states were saved`);
  Deno.removeSync(filler);
  store.save(contentOf(state, rowLength));
  assert.equal(checkIsState(loadCheckpoint(join(folder, "checkpoint"))), state);
}

/** Fills the disk while it writes metrics; every line is whole or not there. */
function fillMetrics(folder: string): void {
  const path = join(folder, "metrics.jsonl");
  using writer = MetricsWriter.open(path);
  let step = 0;
  assert.throws(() => {
    for (;; step++) writer.write({ kind: "a", step, text: "x".repeat(997) });
  }, /^FileError: Cannot write metrics ".*": there is no space left on the device$/);
  const { records, skippedLines, tornBytes } = readMetrics(path);
  assert.deepEqual([records.length, skippedLines, tornBytes], [step, 0, 0]);
  assert.ok(step > 50);
}

/** Saves nothing where nothing may be written, and loads all the same. */
function useReadOnly(folder: string): void {
  const checkpoint = join(folder, "checkpoint");
  assert.equal(checkIsState(loadCheckpoint(checkpoint)), 5);
  const store = openStore(folder);
  assert.equal(checkIsState(store.load()), 5);
  assert.throws(
    () => store.save(contentOf(6)),
    /^FileError: Cannot write checkpoint ".*": the file system is read-only$/,
  );
  assert.throws(
    () => MetricsWriter.open(join(folder, "metrics.jsonl")),
    /^FileError: Cannot open metrics ".*": the file system is read-only$/,
  );
  assert.equal(checkIsState(loadCheckpoint(checkpoint)), 5);
}

function grow(path: string, bytes: number): void {
  try {
    Deno.writeFileSync(path, new Uint8Array(bytes), { append: true });
  } catch {
    // The disk is full already, which the next save will meet.
  }
}

const MODES: Readonly<Record<string, (folder: string) => void>> = {
  "save-five": saveFive,
  "fill-disk": (folder) =>
    fillDisk(folder, { rowLength: SMALL_ROW_LENGTH, spareBytes: SMALL_SPARE_BYTES }),
  // Most of the disk is rows that take a page each: it is they that are cut off half-way.
  "fill-disk-with-rows": (folder) => fillDisk(folder, { rowLength: 1000, spareBytes: 100_000 }),
  "fill-metrics": fillMetrics,
  "read-only": useReadOnly,
};

if (import.meta.main) MODES[Deno.args[0]](Deno.args[1]);
