/**
 * Steps per second of every environment, on one thread, with random actions and the resets that they
 * lead to. Run by itself it prints a JSON array:
 *
 *     deno run --allow-read --allow-env tests/bench/env_bench.ts
 */

import { registry } from "../../envs/registry.ts";
import { randomActions } from "../../lib/episodes/replay.ts";

/** What was measured of one environment. */
export interface EnvBenchRow {
  readonly environment: string;
  readonly stepsPerSecond: number;
  readonly microsecondsPerStep: number;
  /** Steps that were timed. */
  readonly steps: number;
}

/** How long to measure. */
export interface EnvBenchOptions {
  /** Seconds of timed steps per environment. */
  readonly seconds?: number;
  readonly ids?: readonly string[];
}

/** Actions drawn beforehand, so that drawing them is not timed. */
const ACTIONS = 256;
const SEED = 1;

/** Steps one environment for `milliseconds` and counts. */
async function measure(id: string, milliseconds: number): Promise<EnvBenchRow> {
  const env = await registry.make(id);
  const source = randomActions(env.spec, SEED);
  const actions: number[][] = [];
  for (let i = 0; i < ACTIONS; i++) {
    actions.push(Array.from(source(env.observation, i) as ArrayLike<number>));
  }
  env.reset(SEED);
  let steps = 0;
  const play = async (until: number): Promise<number> => {
    let now = performance.now();
    while (now < until) {
      for (let i = 0; i < 10; i++) { // the clock is read once in ten steps
        const stepped = env.step(actions[steps++ % ACTIONS]);
        const transition = stepped instanceof Promise ? await stepped : stepped;
        if (transition.terminated || transition.truncated) await env.reset();
      }
      now = performance.now();
    }
    return now;
  };
  await play(performance.now() + milliseconds / 4); // the compiler warms up
  steps = 0;
  const start = performance.now();
  const seconds = (await play(start + milliseconds) - start) / 1000;
  await env.close();
  return {
    environment: id,
    stepsPerSecond: Math.round(steps / seconds),
    microsecondsPerStep: Number((seconds / steps * 1e6).toPrecision(3)),
    steps,
  };
}

/** Measures the environments one after the other, in the registry's order. */
export async function benchEnvironments(
  { seconds = 1, ids = registry.ids }: EnvBenchOptions = {},
): Promise<EnvBenchRow[]> {
  const rows: EnvBenchRow[] = [];
  for (const id of ids) rows.push(await measure(id, 1000 * seconds));
  return rows;
}

if (import.meta.main) {
  const text = JSON.stringify(await benchEnvironments(), null, 2);
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
