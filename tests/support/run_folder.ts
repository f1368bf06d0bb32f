import { join } from "node:path";
import type { Config } from "../../lib/config/config.ts";
import type { Env, EnvRegistry } from "../../lib/env.ts";
import { hashHex } from "../../lib/system/files.ts";
import { writeReport } from "../../lib/report/report.ts";
import { type SessionContext, trainInFolder } from "../../lib/run/session.ts";
import type { TrainResult } from "../../lib/run/train_result.ts";
import { models } from "../../models/models.ts";
import { makeFastFolder } from "./fast_folder.ts";
import { ManualClock } from "./program.ts";
import { TINY_ENV_SPEC, TinyEnv } from "./tiny_env.ts";

/** Offers the tiny environment, or another one under its name. */
export function tinyRegistry(make: () => Env = () => new TinyEnv()): EnvRegistry {
  return {
    ids: [TINY_ENV_SPEC.id],
    spec: () => TINY_ENV_SPEC,
    make: () => Promise.resolve(make()),
  };
}

/** A session with what it said. */
export interface Session {
  readonly result: TrainResult;
  readonly warnings: readonly string[];
  /** Cycles and warm-up episodes. */
  readonly cycles: number;
}

/** Trains in a folder with the tiny environment; `stopAfter` aborts after that many cycles or warm-up episodes. */
export async function trainTiny(
  config: Config,
  folder: string,
  { stopAfter, ...changes }: Partial<SessionContext> & { stopAfter?: number } = {},
): Promise<Session> {
  const warnings: string[] = [];
  const controller = new AbortController();
  let count = 0;
  const registry = tinyRegistry();
  const result = await trainInFolder(config, {
    registry,
    writeReport,
    models,
    folder,
    preset: "default",
    session: { threads: 1 },
    clock: new ManualClock(),
    signal: controller.signal,
    onProgress(_, { kind }) {
      if (kind === "cycle" && ++count === stopAfter) controller.abort(new Error("stopped"));
    },
    onWarning: (text) => warnings.push(text),
    ...changes,
  });
  return { result, warnings, cycles: count };
}

/** Hashes what two equal runs must have in common. */
export function hashRun(folder: string): { generator: string; metrics: string } {
  return {
    generator: hashHex(Deno.readFileSync(join(folder, "generator.safetensors"))),
    metrics: hashHex(Deno.readFileSync(join(folder, "metrics.jsonl"))),
  };
}

/** Gives a folder for the time of a test. */
export async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = makeFastFolder();
  try {
    await test(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
