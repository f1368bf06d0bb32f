/** Episodes side by side: the same results for any number of lanes, and one error of several. */

import assert from "node:assert/strict";
import {
  createParallelRunner,
  type Lane,
  type LaneParts,
  Lanes,
} from "../../../lib/episodes/parallel_runner.ts";
import { createLocalRunner, type EvaluationJob } from "../../../lib/episodes/evaluate.ts";
import type { Episode } from "../../../lib/episodes/rollout.ts";
import type { PolicyParameters } from "../../../lib/policy_space.ts";
import { registry } from "../../../envs/registry.ts";
import { models } from "../../../models/models.ts";

const { spec } = await registry.make("CartPole-v1");
const SHAPE = models.policyShape(spec, { hiddenSizes: [], activation: "tanh", skip: "none" });
const NORMALISER = { mean: new Float64Array(4), deviation: new Float64Array(4).fill(1) };

const PARTS: LaneParts = {
  makeEnv: () => registry.make("CartPole-v1"),
  makePolicy: () => models.createPolicy(spec, SHAPE),
};

async function openLane(): Promise<Lane> {
  return { env: await PARTS.makeEnv(), policy: await PARTS.makePolicy() };
}

const JOBS: EvaluationJob[] = [1, 2, 3].map((k) => ({
  parameters: Float32Array.from(
    { length: SHAPE.parameterCount },
    (_, i) => Math.sin(k * (i + 1)),
  ) as PolicyParameters,
  seeds: [k, 10 + k, 20 + k, 30 + k].slice(0, k + 1),
}));

Deno.test("createParallelRunner() gives the same for any number of lanes", async () => {
  const { env, policy } = await openLane();
  const expected = await createLocalRunner(env, policy).run(JOBS, NORMALISER);
  assert.deepEqual(expected.map((episodes) => episodes.length), [2, 3, 4]);
  for (const count of [1, 2, 3, 20]) {
    let opened = 1;
    const lanes = new Lanes(count, await openLane(), {
      ...PARTS,
      makeEnv() {
        opened++;
        return PARTS.makeEnv();
      },
    });
    const runner = createParallelRunner(lanes);
    assert.deepEqual(await runner.run(JOBS, NORMALISER), expected);
    assert.deepEqual(await runner.run(JOBS, NORMALISER), expected);
    assert.equal(opened, Math.min(count, 9));
    const told: Episode[] = [];
    const observed = await runner.run(JOBS, NORMALISER, {
      observed: true,
      onEpisode: (episode, place) => told[place] = episode,
    });
    assert.deepEqual(told, observed.flat());
    told.forEach(({ observations, length }) => assert.equal(observations!.length, 4 * length));
  }
});

Deno.test("Lanes throw the error of the first task that fails, however fast the others are", async () => {
  const lanes = new Lanes(3, await openLane(), PARTS);
  const started: number[] = [];
  await assert.rejects(
    lanes.play(9, async (_, task) => {
      started.push(task);
      await new Promise((resolve) => setTimeout(resolve, task === 1 ? 20 : 1));
      if (task === 1 || task === 2) throw new Error(`task ${task}`);
    }),
    { message: "task 1" },
  );
  assert.ok(started.length < 9, `${started}`);
  const stop = new AbortController();
  const stopped = lanes.play(9, () => Promise.resolve(stop.abort(new Error("stop"))), stop);
  await assert.rejects(stopped, { message: "stop" });
});
