/**
 * Trains small runs in child processes that are killed at random moments, and takes them up again
 * until they are finished. Run as a program it is such a child: `kill_and_resume.ts FOLDER [ENV]`.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { type Config, resolveConfig } from "../../lib/config/config.ts";
import { presetLayers } from "../../lib/config/presets.ts";
import { systemClock } from "../../lib/system/clock.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { writeReport } from "../../lib/report/report.ts";
import { trainInFolder } from "../../lib/run/session.ts";
import { registry } from "../../envs/registry.ts";
import { models } from "../../models/models.ts";
import { makeFastFolder } from "./fast_folder.ts";
import { hashRun } from "./run_folder.ts";
import { tinyConfig } from "./tiny_run.ts";

/** Half a second of training: 50 episodes or so, saved after each. */
const CONFIG = tinyConfig({
  env: "CartPole-v1",
  steps: 800,
  reports: { evaluations: 4, sweeps: 2 },
});

/** The least that the default learner trains: a budget of five longest episodes. */
function smallConfig(env: string): Config {
  const steps = 5 * registry.spec(env).maxEpisodeSteps;
  return resolveConfig([
    ...presetLayers("default", env),
    { source: "test", values: new Map<string, unknown>([["env", env], ["steps", steps]]) },
  ]).config;
}

async function trainHere(folder: string, env?: string): Promise<void> {
  const result = await trainInFolder(env === undefined ? CONFIG : smallConfig(env), {
    registry,
    writeReport,
    models,
    folder,
    preset: "default",
    session: { threads: 1 },
    clock: systemClock(),
    signal: new AbortController().signal,
    resume: isThere(folder),
    checkpointEverySteps: 1,
    onProgress: () => {},
  });
  assert.ok(result.finished);
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function startChild(folder: string, env?: string): Deno.ChildProcess {
  const words = env === undefined ? [folder] : [folder, env];
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", new URL(import.meta.url).pathname, ...words],
    stdout: "null",
    stderr: "piped",
  }).spawn();
}

/** Lets a child run until it ends, or kills it after some time. */
async function runChild(
  folder: string,
  { env, killAfterMs }: { env: string | undefined; killAfterMs: number | undefined },
): Promise<"finished" | "killed"> {
  const child = startChild(folder, env);
  const timer = killAfterMs === undefined
    ? undefined
    : setTimeout(() => killUnlessEnded(child), killAfterMs);
  const { success, signal, stderr } = await child.output();
  clearTimeout(timer);
  if (signal === "SIGKILL") return "killed";
  assert.ok(success, new TextDecoder().decode(stderr));
  return "finished";
}

/** A child that ended by itself may not have been waited for yet. */
function killUnlessEnded(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

/** What a series of killed runs came to. */
export interface KillReport {
  readonly runs: number;
  readonly kills: number;
}

/**
 * Kills and takes up runs until at least so many kills were done and the last run is finished; every
 * run must end with the bytes of one that was left alone.
 */
export async function killAndResume(
  { kills, seed, env, onKill }: {
    kills: number;
    seed: number;
    /** Trained by the default learner; the tests' tiny run where none is given. */
    env?: string | undefined;
    onKill?: (count: number) => void;
  },
): Promise<KillReport> {
  const parent = makeFastFolder();
  try {
    let wallMs = Infinity;
    const run = async (folder: string, killAfterMs: number | undefined) => {
      const started = performance.now();
      const end = await runChild(folder, { env, killAfterMs });
      // A first child on a busy machine may take many times as long as the next ones.
      if (end === "finished") wallMs = Math.min(wallMs, performance.now() - started);
      return end;
    };
    await run(join(parent, "unbroken"), undefined);
    const expected = hashRun(join(parent, "unbroken"));
    const rng = Rng.fromSeed([seed]);
    let [runs, done] = [0, 0];
    while (done < kills) {
      const folder = join(parent, `run-${runs++}`);
      // The last kills of a series are not forced on a run that would finish without them.
      const runOn = () => {
        const killAfterMs = done < kills ? rng.random() * wallMs : undefined;
        return runChild(folder, { env, killAfterMs });
      };
      while (await runOn() === "killed") {
        done++;
        onKill?.(done);
      }
      assert.deepEqual(hashRun(folder), expected, `seed ${seed}, run ${runs}, after ${done} kills`);
      Deno.removeSync(folder, { recursive: true });
    }
    return { runs, kills: done };
  } finally {
    Deno.removeSync(parent, { recursive: true });
  }
}

if (import.meta.main) await trainHere(Deno.args[0], Deno.args[1]);
