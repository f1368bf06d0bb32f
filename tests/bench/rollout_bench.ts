/**
 * Times the steps of a rollout beside the physics engine's own time within them, and a whole
 * training episode: what the environment, the policy, the normaliser and the bookkeeping add.
 */

import { Simulation } from "../../envs/mujoco/simulation.ts";
import { registry } from "../../envs/registry.ts";
import { addObservation, createMoments } from "../../lib/episodes/normaliser.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { runEpisode } from "../../lib/episodes/rollout.ts";
import { models } from "../../models/models.ts";
import { tanhNetwork } from "../support/tanh_network.ts";
import { benchEnvironments } from "./env_bench.ts";
import { drawPolicy } from "../support/random_policy.ts";

/** One measured figure; times are of one step. */
export interface RolloutBenchRow {
  readonly name: string;
  readonly microseconds: number;
  /** The physics engine's part; absent where there is no engine. */
  readonly floorMicroseconds?: number;
  /** `microseconds` over `floorMicroseconds`. */
  readonly ratio?: number;
}

/** Adds up the time within `Simulation.step` while `run` runs. */
async function timeEngine<T>(
  run: () => Promise<T>,
): Promise<{ value: T; ms: number; calls: number }> {
  const { step } = Simulation.prototype;
  let [ms, calls] = [0, 0];
  Simulation.prototype.step = function (count) {
    const start = performance.now();
    step.call(this, count);
    ms += performance.now() - start;
    calls++;
  };
  try {
    return { value: await run(), ms, calls };
  } finally {
    Simulation.prototype.step = step;
  }
}

/** Times every environment with random actions, about half a second each. */
export async function benchSteps(): Promise<RolloutBenchRow[]> {
  const rows: RolloutBenchRow[] = [];
  for (const id of registry.ids) {
    const run = () => benchEnvironments({ seconds: 0.4, ids: [id] });
    const { value: [{ microsecondsPerStep: microseconds }], ms, calls } = await timeEngine(run);
    const floor = 1000 * ms / calls;
    rows.push({
      name: `step ${id}`,
      microseconds,
      ...(calls > 0 ? { floorMicroseconds: floor, ratio: microseconds / floor } : {}),
    });
  }
  return rows;
}

/** Steps of episodes that are timed. */
const STEPS = 3000;

/** Times training episodes on Hopper with policies 11-256-256-3, normaliser and all. */
export async function benchEpisodes(): Promise<RolloutBenchRow> {
  await using parts = new AsyncDisposableStack();
  const env = parts.adopt(await registry.make("Hopper-v5"), (env) => env.close());
  const shape = models.policyShape(env.spec, tanhNetwork([256, 256]));
  const policy = models.createPolicy(env.spec, shape);
  const moments = createMoments(shape.sizes[0]);
  const see = (observation: Float64Array) => addObservation(moments, observation);
  policy.load(drawPolicy(shape, Rng.fromSeed(1)));
  const play = async (count: number) => {
    let steps = 0;
    for (let seed = 0; steps < count; seed++) {
      steps += (await runEpisode(env, policy, { seed, see })).length;
    }
    return steps;
  };
  await play(STEPS / 3); // the compiler warms up
  let microseconds = 0;
  const { ms, calls } = await timeEngine(async () => {
    const start = performance.now();
    const steps = await play(STEPS);
    microseconds = 1000 * (performance.now() - start) / steps;
  });
  const floor = 1000 * ms / calls;
  const ratio = microseconds / floor;
  return {
    name: "episode step Hopper-v5 with 11-256-256-3",
    microseconds,
    floorMicroseconds: floor,
    ratio,
  };
}
