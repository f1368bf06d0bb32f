/**
 * What a checkpoint costs: `deno run -A tests/bench/checkpoint.ts [POLICIES] [HIDDEN]`. Fills a buffer of
 * Hopper policies, saves it whole, then as a run does: thirty new policies later.
 */

import { join } from "node:path";
import { CheckpointStore } from "../../lib/run/checkpoint/store.ts";
import { flattenConfig, resolveConfig } from "../../lib/config/config.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { checkpointOf } from "../../lib/run/checkpoint/run_checkpoint.ts";
import { EMPTY_LOG } from "../../lib/run/log.ts";
import { createRun, type TrainingRun } from "../../lib/algorithm/run.ts";
import type { StoredPolicy } from "../../lib/policy_space.ts";
import { captureState, findNonFinite } from "../../lib/run/state.ts";
import { registry } from "../../envs/registry.ts";
import { models } from "../../models/models.ts";

const NEW_POLICIES = 30;
const SAVES = 5;

function addPolicies(run: TrainingRun, count: number, rng: Rng): void {
  const row = new Float32Array(run.task.shape.parameterCount) as StoredPolicy;
  for (let i = 0; i < count; i++) {
    rng.fillUniform(row, -1, 1);
    run.experience.buffer.add(row, rng.random());
  }
}

function report(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) {
  const [policies = "1000", hidden = "256"] = Deno.args;
  const changes = {
    env: "Hopper-v5",
    steps: 1_000_000,
    policy: { hiddenSizes: [Number(hidden), Number(hidden)] },
    rollout: { noise: "fixed" },
    buffer: { kind: "fifo" }, // so that every policy is stored
  };
  const { config } = resolveConfig([{ source: "benchmark", values: flattenConfig(changes) }]);
  const env = await registry.make(config.env);
  const run = createRun(config, { env, models, session: {} });
  const rng = Rng.fromSeed([1]);
  addPolicies(run, Number(policies), rng);
  const folder = Deno.makeTempDirSync();
  try {
    const store = CheckpointStore.open(join(folder, "checkpoint"));
    for (let save = 0; save < SAVES; save++) {
      if (save > 0) addPolicies(run, NEW_POLICIES, rng);
      const started = performance.now();
      findNonFinite(run);
      const state = captureState(run);
      const captured = performance.now();
      const machine = { device: "cpu", threads: 0 };
      const content = checkpointOf(state, { config, machine, log: EMPTY_LOG, end: undefined });
      const { bytesWritten } = store.save(content);
      const saved = performance.now();
      report(
        `save ${
          save + 1
        }: ${run.experience.buffer.size} policies of ${run.task.shape.parameterCount}, ` +
          `${(bytesWritten / 1e6).toFixed(1)} MB, captured in ${
            (captured - started).toFixed(0)
          } ms, ` +
          `saved in ${(saved - captured).toFixed(0)} ms`,
      );
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
    await run.tools.learner.close();
    await env.close();
  }
}
