import assert from "node:assert/strict";
import { join } from "node:path";
import { CheckpointStore } from "../../../../lib/run/checkpoint/store.ts";
import { loadCheckpoint, type LoadedCheckpoint } from "../../../../lib/run/checkpoint/reader.ts";
import { FileError } from "../../../../lib/system/errors.ts";
import { hashHex } from "../../../../lib/system/files.ts";
import {
  checkIsState,
  contentOf,
  rowIdsOf,
  SMALL_ROW_LENGTH,
  SMALL_SPARE_BYTES,
  type SmallState,
} from "../../../support/checkpoint_state.ts";
import { makeFastFolder } from "../../../support/fast_folder.ts";
import { mulberry32 } from "../../../support/random.ts";

const OPTIONS = { spareBytes: SMALL_SPARE_BYTES };

function inFolder(test: (folder: string) => void | Promise<void>): () => Promise<void> {
  return async () => {
    const folder = makeFastFolder();
    try {
      await test(join(folder, "checkpoint"));
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
}

function saveUpTo(folder: string, last: number): void {
  const store = CheckpointStore.open(folder, OPTIONS);
  for (let state = 1; state <= last; state++) store.save(contentOf(state));
}

function refuses(run: () => unknown, message: RegExp): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof FileError, String(error));
    assert.match(error.message, message);
    return true;
  });
}

Deno.test(
  "CheckpointStore.load() gives back what was saved, to the bit",
  inFolder((folder) => {
    {
      const store = CheckpointStore.open(folder, OPTIONS);
      assert.ok(store.isEmpty);
      assert.equal(store.save(contentOf(1)).sequence, 1);
      assert.equal(store.save(contentOf(2)).sequence, 2);
    }
    const store = CheckpointStore.open(folder, OPTIONS);
    assert.ok(!store.isEmpty);
    const loaded = store.load();
    assert.equal(loaded.sequence, 2);
    assert.equal(checkIsState(loaded), 2);
    assert.deepEqual(loaded.warnings, []);
    store.save(contentOf(3));
    assert.equal(checkIsState(loadCheckpoint(folder)), 3);
  }),
);

Deno.test(
  "CheckpointStore.save() keeps the last two, and no other file",
  inFolder((folder) => {
    const store = CheckpointStore.open(folder, OPTIONS);
    for (let state = 1; state <= 9; state++) store.save(contentOf(state));
    const kept = names(folder).filter((name) => name.endsWith("-manifest.json"));
    assert.deepEqual(kept, ["000008", "000009"].map((n) => `${n}-manifest.json`));
    assert.equal(checkIsState(loadCheckpoint(folder)), 9);
    const parts = names(folder).filter((name) => name.endsWith(".safetensors"));
    assert.equal(parts.length, 2 * 3);
  }),
);

Deno.test(
  "CheckpointStore.save() writes only the rows that are new",
  inFolder((folder) => {
    // 40 rows of 1,000 float32: 160,000 bytes; every save adds 2 rows, 8,000 bytes, and drops the 2 oldest.
    const rowLength = 1000;
    const content = (first: number) => ({
      parts: new Map(),
      meta: {},
      rows: {
        rowLength,
        rows: Array.from(
          { length: 40 },
          (_, i) => [first + i, new Float32Array(rowLength).fill(first + i)] as const,
        ),
      },
    });
    const store = CheckpointStore.open(folder);
    const first = store.save(content(0)).bytesWritten;
    assert.ok(first > 160_000 && first < 163_000, String(first));
    for (let save = 1; save < 10; save++) {
      const { bytesWritten } = store.save(content(2 * save));
      assert.ok(bytesWritten > 8000 && bytesWritten < 11_000, String(bytesWritten));
    }
    assert.equal(loadCheckpoint(folder).rowCount, 40);
  }),
);

Deno.test(
  "CheckpointStore.load() uses the one before when the newest is damaged, says so, and goes on",
  inFolder((folder) => {
    saveUpTo(folder, 4);
    const path = join(folder, "000004-weights.safetensors");
    const bytes = Deno.readFileSync(path);
    bytes[bytes.length - 1] ^= 1;
    Deno.writeFileSync(path, bytes);
    const store = CheckpointStore.open(folder, OPTIONS);
    const loaded = store.load();
    assert.equal(checkIsState(loaded), 3);
    assert.equal(loaded.warnings.length, 1);
    assert.match(
      loaded.warnings[0],
      /^checkpoint 4 is damaged and was passed over \(Cannot read checkpoint ".*000004-weights.safetensors": it must match its hash\)$/,
    );
    assert.equal(store.save(contentOf(4)).sequence, 5);
    assert.deepEqual(
      names(folder).filter((name) => name.endsWith("-manifest.json")),
      ["000003-manifest.json", "000005-manifest.json"],
    );
    assert.equal(checkIsState(loadCheckpoint(folder)), 4);
  }),
);

Deno.test(
  "loadCheckpoint() detects any flipped bit and any cut, or is not touched by it",
  inFolder((folder) => {
    saveUpTo(folder, 5);
    const files = new Map(
      names(folder).map((name) => [name, Deno.readFileSync(join(folder, name))]),
    );
    const next = mulberry32(1);
    const tried = { fellBack: 0, untouched: 0 };
    for (const [name, bytes] of files) {
      const path = join(folder, name);
      for (let i = 0; i < 60; i++) {
        const damaged = i % 3 === 2
          ? bytes.slice(0, Math.floor(next() * bytes.length))
          : bytes.slice();
        if (i % 3 < 2) damaged[Math.floor(next() * bytes.length)] ^= 1 << Math.floor(next() * 8);
        Deno.writeFileSync(path, damaged);
        const state = loadOrNone(folder);
        if (state === undefined) assert.match(name, /^rows-/); // shared by both checkpoints
        else if (state.sequence === 5) {
          assert.equal(checkIsState(state), 5);
          tried.untouched++;
        } else {
          assert.equal(checkIsState(state), 4);
          assert.match(state.warnings[0], /^checkpoint 5 is damaged and was passed over/);
          tried.fellBack++;
        }
      }
      Deno.writeFileSync(path, bytes);
    }
    assert.ok(tried.fellBack > 200 && tried.untouched > 200, JSON.stringify(tried));
    assert.equal(checkIsState(loadCheckpoint(folder)), 5);
  }),
);

function loadOrNone(folder: string): LoadedCheckpoint | undefined {
  try {
    return loadCheckpoint(folder);
  } catch (error) {
    assert.ok(error instanceof FileError, String(error));
    assert.match(
      error.message,
      /^Cannot read checkpoint ".*": none is whole: checkpoint 5 is damaged/,
    );
    return undefined;
  }
}

Deno.test(
  "loadCheckpoint() uses the one before when any file of the newest is missing",
  inFolder((folder) => {
    saveUpTo(folder, 5);
    for (const name of names(folder).filter((name) => name.startsWith("000005"))) {
      const bytes = Deno.readFileSync(join(folder, name));
      Deno.removeSync(join(folder, name));
      const loaded = loadCheckpoint(folder);
      assert.equal(checkIsState(loaded), 4);
      // Without its manifest a checkpoint never was.
      assert.equal(loaded.warnings.length, name.endsWith("-manifest.json") ? 0 : 1);
      Deno.writeFileSync(join(folder, name), bytes);
    }
  }),
);

Deno.test(
  "loadCheckpoint() refuses an empty folder, no folder and another version",
  inFolder((folder) => {
    refuses(
      () => loadCheckpoint(folder),
      /^Cannot read checkpoint ".*": there is no such file or folder$/,
    );
    const store = CheckpointStore.open(folder);
    refuses(() => store.load(), /^Cannot read checkpoint ".*": there is none$/);
    store.save(contentOf(1));
    const path = join(folder, "000001-manifest.json");
    const body = Deno.readTextFileSync(path).split("\n")[0].replace('"version":2', '"version":1');
    Deno.writeTextFileSync(path, `${body}\n${hashHex(new TextEncoder().encode(body))}\n`);
    const message =
      /^Cannot read checkpoint ".*": format version must be 2, got 1: go on with the version/;
    refuses(() => loadCheckpoint(folder), message);
    refuses(() => CheckpointStore.open(folder), message);
  }),
);

Deno.test(
  "CheckpointStore.save() refuses what it could not give back, and saves the next",
  inFolder((folder) => {
    const store = CheckpointStore.open(folder);
    const save = (change: object) => () => store.save({ ...contentOf(1), ...change });
    assert.throws(
      save({ meta: { best: NaN } }),
      /^TypeError: Cannot save checkpoint: meta "best" must be .* got NaN: keep it in a tensor$/,
    );
    assert.throws(save({ meta: { best: -0 } }), /got -0: keep it in a tensor$/);
    assert.throws(save({ parts: new Map([["../x", new Map()]]) }), /got "\.\.\/x"$/);
    assert.throws(save({ parts: new Map([["rows", new Map()]]) }), /not reserved, got "rows"$/);
    const rows = (list: [number, Float32Array][], rowLength = 2) => ({
      rows: { rowLength, rows: list },
    });
    const row = new Float32Array(2);
    assert.throws(
      save(rows([[1, row], [1, row]])),
      /^RangeError: Cannot save row: id must be .* got 1$/,
    );
    assert.throws(save(rows([[0.5, row]])), /id must be a whole number given once, got 0.5$/);
    assert.throws(save(rows([[1, new Float32Array(3)]])), /row 1: it must hold 2 numbers, got 3$/);
    assert.throws(save(rows([], 0)), /their length must be positive, got 0$/);
    assert.deepEqual(names(folder), []);
    store.save(contentOf(7));
    assert.equal(checkIsState(loadCheckpoint(folder)), 7);
  }),
);

Deno.test(
  "CheckpointStore leaves files of others alone and removes what a killed save left",
  inFolder((folder) => {
    saveUpTo(folder, 2);
    for (
      const name of [
        "notes.txt",
        ".000003-weights.safetensors.17.tmp",
        "000003-weights.safetensors",
      ]
    ) {
      Deno.writeTextFileSync(join(folder, name), "");
    }
    const store = CheckpointStore.open(folder, OPTIONS);
    store.load();
    store.save(contentOf(3));
    assert.ok(names(folder).includes("notes.txt"));
    assert.equal(names(folder).filter((name) => name.endsWith(".tmp")).length, 0);
    assert.equal(checkIsState(loadCheckpoint(folder)), 3);
  }),
);

Deno.test(
  "CheckpointStore keeps the space of dead rows bounded over many saves and restarts",
  inFolder((folder) => {
    let state = 0;
    for (let restart = 0; restart < 12; restart++) {
      const store = CheckpointStore.open(folder, OPTIONS);
      if (!store.isEmpty) assert.equal(checkIsState(store.load()), state);
      for (let save = 0; save < 7; save++) store.save(contentOf(++state));
    }
    const files = names(folder).filter((name) => name.startsWith("rows-"));
    const bytes = files.reduce((sum, name) => sum + Deno.statSync(join(folder, name)).size, 0);
    const liveBytes = rowIdsOf(state).length * SMALL_ROW_LENGTH * 4;
    assert.ok(bytes < 4 * liveBytes + SMALL_SPARE_BYTES, `${bytes} for ${liveBytes} live`);
    assert.ok(files.length <= 2, String(files)); // one of each kept checkpoint, at most
    assert.equal(checkIsState(loadCheckpoint(folder)), state);
  }),
);

Deno.test(
  "CheckpointStore.save() can be killed at any moment: what was said to be saved can be loaded",
  inFolder(async (folder) => {
    const next = mulberry32(2);
    let acknowledged = 0;
    for (let kill = 0; kill < 12; kill++) {
      const child = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          "--quiet",
          new URL("../../../support/checkpoint_state.ts", import.meta.url).pathname,
          folder,
        ],
        stdout: "piped",
      }).spawn();
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      const killAt = acknowledged + 1 + Math.floor(next() * 20);
      for (let last = 0; last < killAt;) {
        const { value, done } = await reader.read();
        assert.ok(!done, "the saving process ended by itself");
        last = Number(value.trim().split("\n").at(-1));
        acknowledged = Math.max(acknowledged, last);
      }
      await new Promise((resolve) => setTimeout(resolve, next() * 4));
      child.kill("SIGKILL");
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const whole = value.slice(0, value.lastIndexOf("\n")).trim().split("\n").at(-1)!;
        if (whole !== "") acknowledged = Math.max(acknowledged, Number(whole));
      }
      await child.status;
      const loaded: LoadedCheckpoint = loadCheckpoint(folder);
      const state: SmallState = checkIsState(loaded);
      assert.ok(
        state >= acknowledged && state <= acknowledged + 1,
        `${state} after ${acknowledged}`,
      );
      assert.deepEqual(loaded.warnings, []);
    }
  }),
);
