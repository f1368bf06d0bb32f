/** A run's files have the same bytes whoever plays its episodes: this thread, workers, environments side by side. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { PartialConfig } from "../../../lib/config/config.ts";
import type { Env } from "../../../lib/env.ts";
import type { SessionContext } from "../../../lib/run/session.ts";
import { hashHex } from "../../../lib/system/files.ts";
import { tinyRegistry, trainTiny, withFolder } from "../../support/run_folder.ts";
import { TinyEnv } from "../../support/tiny_env.ts";
import { ADAPTED, tinyConfig } from "../../support/tiny_run.ts";

/** What says when or where a run was made, or how often it was stopped; not what it is. */
const OF_THE_SESSION = /^(\.lock|config\.toml|report\.html|times\.jsonl)$|tfevents|manifest/;

/** The files of a run with their hashes; of the checkpoints the last. */
function hashFiles(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const { name, isDirectory } of [...Deno.readDirSync(folder)].sort(byName)) {
    const path = join(folder, name);
    if (isDirectory) Object.assign(files, hashFiles(path));
    else if (!OF_THE_SESSION.test(name)) {
      files[name.replace(/^[0-9]+-/, "")] = hashHex(Deno.readFileSync(path));
    }
  }
  return files;
}

function byName(a: Deno.DirEntry, b: Deno.DirEntry): number {
  return a.name < b.name ? -1 : 1;
}

/** Trains in sessions of so many cycles, the last one to the end, each with its own players. */
async function hashesOf(
  changes: PartialConfig,
  sessions: readonly (Partial<SessionContext> & { stopAfter?: number })[],
): Promise<Record<string, string>> {
  let files: Record<string, string> = {};
  await withFolder(async (folder) => {
    for (const [i, session] of sessions.entries()) {
      await trainTiny(tinyConfig(changes), folder, { ...session, resume: i > 0 });
    }
    files = hashFiles(folder);
  });
  return files;
}

function onWorkers(count: number): Partial<SessionContext> {
  const modules = {
    registry: new URL("../../support/worker_modules.ts", import.meta.url).href,
    models: new URL("../../../models/models.ts", import.meta.url).href,
  };
  return { workers: { count, modules } };
}

/** An environment like one in a child process: it answers late, and not always equally late. */
function createLateEnv(): Env {
  const env = new TinyEnv();
  return {
    spec: env.spec,
    observation: env.observation,
    reset: (seed) => env.reset(seed),
    async step(action) {
      const transition = env.step(action);
      const late = Math.abs(Math.round(100 * env.observation[0])) % 3;
      await new Promise((resolve) => setTimeout(resolve, late));
      return transition;
    },
    close: () => env.close(),
  };
}

const KINDS: Record<string, PartialConfig> = {
  "adapted noise": { ...ADAPTED, steps: 900 },
  "adapted noise and recent states": { ...ADAPTED, steps: 900, update: { loss: "both" } },
  "fixed noise": { steps: 250 },
};

for (const [kind, changes] of Object.entries(KINDS)) {
  Deno.test(`trainInFolder() with ${kind} leaves the same bytes on any number of workers, stopped or not`, async () => {
    const expected = await hashesOf(changes, [{}]);
    assert.ok(Object.keys(expected).length >= 4, `${Object.keys(expected)}`);
    assert.notDeepEqual(await hashesOf({ ...changes, seed: 2 }, [{}]), expected);
    for (
      const sessions of [
        [onWorkers(1)],
        [onWorkers(2)],
        [onWorkers(3)],
        [{ ...onWorkers(2), stopAfter: 2 }, { stopAfter: 1 }, onWorkers(3)],
        // Among cycles of parts, which begin with the fourth.
        [{ stopAfter: 5 }, { ...onWorkers(2), stopAfter: 2 }, {}],
      ]
    ) {
      assert.deepEqual(await hashesOf(changes, sessions), expected, JSON.stringify(sessions));
    }
  });
}

Deno.test("trainInFolder() stopped among the parts of a cycle ends that cycle first, and goes on as if it had not", async () => {
  const changes = { ...ADAPTED, steps: 900 };
  const expected = await hashesOf(changes, [{}]);
  for (const parts of [1, 3, 20]) {
    const controller = new AbortController();
    let count = 0;
    const stopped: Partial<SessionContext> = {
      signal: controller.signal,
      onProgress(_, { kind }) {
        if (kind === "part" && ++count === parts) controller.abort(new Error("stopped"));
      },
    };
    assert.deepEqual(await hashesOf(changes, [stopped, {}]), expected, `${parts} parts`);
    assert.ok(count >= parts);
  }
});

Deno.test("trainInFolder() leaves the same bytes for any number of environments side by side", async () => {
  const changes = { ...ADAPTED, steps: 400 };
  const expected = await hashesOf(changes, [{}]);
  for (const envWorkers of [1, 2, 3]) {
    const late = { registry: tinyRegistry(createLateEnv), envWorkers };
    assert.deepEqual(await hashesOf(changes, [late]), expected, `${envWorkers} environments`);
  }
});
