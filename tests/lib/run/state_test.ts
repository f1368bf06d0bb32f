import assert from "node:assert/strict";
import { join } from "node:path";
import { CheckpointStore } from "../../../lib/run/checkpoint/store.ts";
import { checkpointOf, notesOf } from "../../../lib/run/checkpoint/run_checkpoint.ts";
import { EMPTY_LOG } from "../../../lib/run/log.ts";
import type { Experience, TrainingRun } from "../../../lib/algorithm/run.ts";
import { captureState, findNonFinite, hashState, restoreState } from "../../../lib/run/state.ts";
import type { PartialConfig } from "../../../lib/config/config.ts";
import { withFolder } from "../../support/run_folder.ts";
import { ADAPTED, follow, tinyRun } from "../../support/tiny_run.ts";

const NOTES = { machine: { device: "cpu", threads: 1 }, log: EMPTY_LOG, end: undefined };

/** Trains a run until it has gone through some cycles and warm-up episodes. */
async function trainFor(run: TrainingRun, cycles: number): Promise<TrainingRun> {
  if (cycles > 0) await follow(run, () => --cycles === 0);
  return run;
}

/** What is known of the stored policies but where they lie. */
function storedIn({ buffer }: Experience): object[] {
  return [...buffer.entries()].map((entry) => ({ ...entry, slot: undefined }));
}

function saveAndLoad(run: TrainingRun, folder: string) {
  const path = join(folder, "checkpoint");
  const store = CheckpointStore.open(path);
  store.save(checkpointOf(captureState(run), { config: run.task.config, ...NOTES }));
  return { loaded: store.load(), path };
}

for (const [kind, changes] of [["fixed", {}], ["adapted", ADAPTED]] as const) {
  Deno.test(`restoreState() gives the state of ${kind} noise, bit for bit, as captureState() took it`, async () => {
    for (const cycles of [0, 1, 5]) {
      await withFolder(async (folder) => {
        const run = await trainFor(tinyRun(changes), cycles);
        const { loaded, path } = saveAndLoad(run, folder);
        const other = tinyRun(changes);
        restoreState(other, loaded, path);
        assert.equal(hashState(other), hashState(run));
        assert.deepEqual(other.history, run.history);
        assert.deepEqual(other.tally, run.tally);
        assert.deepEqual(storedIn(other.experience), storedIn(run.experience));
        for (const part of ["noise", "way", "followed", "moments", "floor", "goal"] as const) {
          assert.deepEqual(other.experience[part], run.experience[part], part);
        }
        assert.deepEqual(notesOf(loaded, path).config, run.task.config);
        await run.tools.learner.close();
        await other.tools.learner.close();
      });
    }
  });

  Deno.test(`restoreState() lets a run with ${kind} noise come to the end that it would have had`, async () => {
    const endOf = async (run: TrainingRun) => {
      const told = await follow(run);
      await run.tools.learner.close();
      return { ...told, hash: hashState(run) };
    };
    const all: PartialConfig[] = [changes, { ...changes, policy: { hiddenSizes: [] } }];
    for (const each of all) {
      await withFolder(async (folder) => {
        const run = await trainFor(tinyRun(each), 4);
        const { loaded, path } = saveAndLoad(run, folder);
        const other = tinyRun(each);
        restoreState(other, loaded, path);
        assert.deepEqual(await endOf(other), await endOf(run));
      });
    }
  });
}

Deno.test("restoreState() brings back the observations that a loss on actions needs", async () => {
  const changes: PartialConfig = { ...ADAPTED, update: { loss: "both" } };
  await withFolder(async (folder) => {
    const run = await trainFor(tinyRun(changes), 2);
    const { loaded, path } = saveAndLoad(run, folder);
    const other = tinyRun(changes);
    restoreState(other, loaded, path);
    assert.deepEqual(other.experience.states, run.experience.states);
    assert.ok(run.experience.states!.seen > 0);
    await run.tools.learner.close();
    await other.tools.learner.close();
  });
});

Deno.test("restoreState() refuses a checkpoint that lacks the shape of the noise", async () => {
  await withFolder(async (folder) => {
    const run = await trainFor(tinyRun(ADAPTED), 1);
    const { loaded, path } = saveAndLoad(run, folder);
    const experience = new Map(loaded.parts.get("experience"));
    experience.delete("noise.0.covariance");
    const parts = new Map([...loaded.parts, ["experience", experience]]);
    assert.throws(
      () => restoreState(tinyRun(ADAPTED), { ...loaded, parts }, path),
      /^FileError: .*tensor "noise.0.covariance" must be there/,
    );
    await run.tools.learner.close();
  });
});

Deno.test("restoreState() refuses the checkpoint of another network", async () => {
  await withFolder(async (folder) => {
    const { loaded, path } = saveAndLoad(await trainFor(tinyRun(), 2), folder);
    assert.throws(
      () => restoreState(tinyRun({ generator: { hiddenSizes: [16, 17] } }), loaded, path),
      /^FileError: Cannot read safetensors ".*": tensor "weights" must have shape \[\d+\], got \[\d+\]$/,
    );
  });
});

Deno.test("captureState() holds recent observations where the loss needs them, and nowhere else", async () => {
  const names = async (changes: PartialConfig) => {
    const run = await trainFor(tinyRun(changes), 2);
    const { parts } = captureState(run);
    await run.tools.learner.close();
    return [...parts.get("experience")!.keys()].filter((name) => name.startsWith("states."));
  };
  assert.deepEqual(await names({}), []);
  assert.deepEqual(await names({ update: { loss: "both" } }), ["states.rows", "states.seen"]);
});

Deno.test("restoreState() refuses a checkpoint that lacks a part", async () => {
  await withFolder(async (folder) => {
    const { loaded, path } = saveAndLoad(await trainFor(tinyRun(), 2), folder);
    const parts = new Map(loaded.parts);
    parts.delete("progress");
    assert.throws(
      () => restoreState(tinyRun(), { ...loaded, parts }, path),
      /^FileError: .*tensor "isSecond" must be there/,
    );
  });
});

Deno.test("hashState() changes with one bit of one stored policy", async () => {
  const run = await trainFor(tinyRun(), 4);
  const before = hashState(run);
  const [entry] = run.experience.buffer.entries();
  const row = run.experience.buffer.row(entry.slot);
  const bits = new Uint32Array(row.buffer, row.byteOffset, 1);
  bits[0] ^= 1;
  assert.notEqual(hashState(run), before);
  bits[0] ^= 1;
  assert.equal(hashState(run), before);
  await run.tools.learner.close();
});

Deno.test("findNonFinite() names the first tensor and index", () => {
  const run = tinyRun();
  assert.equal(findNonFinite(run), undefined);
  run.experience.moments.mean[0] = NaN;
  assert.equal(findNonFinite(run), "moments.mean[0]");
  run.tools.learner.state.weights[3] = Infinity;
  assert.match(findNonFinite(run)!, /^weights\..*\[3\]$/);
});

Deno.test("notesOf() refuses notes that are not what they should be", async () => {
  await withFolder(async (folder) => {
    const { loaded, path } = saveAndLoad(await trainFor(tinyRun(), 1), folder);
    const cases: [object, RegExp][] = [
      [{ version: 1 }, /version must be text/],
      [{ machine: null }, /machine must be an object/],
      [{ log: { metricsBytes: "1", eventsBytes: 1 } }, /metricsBytes must be a number/],
      [{ config: { steps: -1 } }, /steps.*must be at least 0/],
      [{ end: { finalReturn: {} } }, /counters must be an object/],
    ];
    for (const [change, message] of cases) {
      assert.throws(
        () => notesOf({ ...loaded, meta: { ...loaded.meta, ...change } }, path),
        (error: Error) => error.name === "FileError" && message.test(error.message),
      );
    }
    await Promise.resolve();
  });
});
