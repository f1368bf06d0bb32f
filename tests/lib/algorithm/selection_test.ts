/** The competition at the end: means over the way, equal terms, the truly best one wins. */

import assert from "node:assert/strict";
import type { PartialConfig } from "../../../lib/config/config.ts";
import type { EpisodeRunner, EvaluationJob } from "../../../lib/episodes/evaluate.ts";
import { selectBest, type Winner } from "../../../lib/algorithm/selection.ts";
import { choiceEnd, spentSteps, trainingEnd } from "../../../lib/algorithm/budget.ts";
import { createRun, type TrainingRun } from "../../../lib/algorithm/run.ts";
import type { GeneratedPolicy, StoredPolicy } from "../../../lib/policy_space.ts";
import { models } from "../../../models/models.ts";
import { assertAllClose, assertClose } from "../../support/close.ts";
import { TinyEnv } from "../../support/tiny_env.ts";
import { ADAPTED, tinyConfig } from "../../support/tiny_run.ts";

const STEPS = 10;

/** Pays what a policy's first number is worth, plus what the episode's seed says, up to `luck`. */
function payingRunner(
  worth: (value: number) => number,
  luck = 0,
): EpisodeRunner & { rounds: EvaluationJob[][] } {
  const rounds: EvaluationJob[][] = [];
  return {
    rounds,
    run(jobs) {
      rounds.push([...jobs]);
      return Promise.resolve(jobs.map(({ parameters, seeds }) =>
        seeds.map((seed) => ({
          return: worth(parameters[0]) + luck * (seed % 1000) / 1000,
          survivalReturn: 0,
          length: STEPS,
          terminated: false,
        }))
      ));
    },
    close: () => Promise.resolve(),
  };
}

/** A run at the end of its training, whose way went through policies of these first numbers. */
function trainedRun(
  runner: EpisodeRunner,
  { way, ...changes }: PartialConfig & { way: readonly number[] },
): TrainingRun {
  const config = tinyConfig({ ...ADAPTED, ...changes });
  const run = createRun(config, {
    env: new TinyEnv(),
    models,
    session: { threads: 1 },
    makeRunner: () => runner,
  });
  for (const value of way) run.experience.way.push({ policy: policyOf(run, value), return: value });
  run.tally.steps.training = Math.floor(trainingEnd(run.task));
  return run;
}

/** A policy that is this number first and else 0; without statistics both frames are the same. */
function policyOf(run: TrainingRun, value: number): StoredPolicy & GeneratedPolicy {
  const row = new Float32Array(run.tools.model.parameterCount);
  row[run.tools.model.order.indexOf(0)] = value;
  return row as unknown as StoredPolicy & GeneratedPolicy;
}

/** Lets policies compete, and gives the winner. */
async function choose(run: TrainingRun, last: GeneratedPolicy): Promise<Winner> {
  const events = selectBest(run, last);
  const first = await events.next();
  assert.deepEqual(first.value, { kind: "phase", phase: "choosing", done: 0, total: 1 });
  const { value, done } = await events.next();
  assert.ok(done);
  return value as Winner;
}

const firstsOf = ({ rounds: [jobs] }: { rounds: EvaluationJob[][] }) =>
  jobs.map(({ parameters }) => parameters[0]);

Deno.test("selectBest() lets the place where a first attempt stood compete, and win", async () => {
  const runner = payingRunner((value) => value);
  const run = trainedRun(runner, { way: [1, 2, 3], steps: 10_000 });
  run.experience.earlier = policyOf(run, 12);
  const { policy, meanReturn } = await choose(run, policyOf(run, 0));
  assert.deepEqual([...policy], [...policyOf(run, 12)]);
  assert.equal(meanReturn, 12);
});

Deno.test("selectBest() compares the last policy, the best stored ones, means over the way, its best and its first place", async () => {
  const runner = payingRunner((value) => value);
  const run = trainedRun(runner, { way: [10, 6, 8, 4, 2], steps: 10_000 });
  for (const value of [3, 9, 1, 7, 5, 2]) run.experience.buffer.add(policyOf(run, value), value);
  await choose(run, policyOf(run, 0));
  // The last five: (6 + 8 + 4 + 2 + 0) / 5; the stored best; the last one; the best but the first, which is below
  // the way: 8; 6; three more of those stored.
  assertAllClose(firstsOf(runner), [4, 9, 0, 8, 6, 7, 5, 3], { tolerance: 1e-6 });
  const long = payingRunner((value) => value);
  const other = trainedRun(long, { way: Array.from({ length: 50 }, (_, i) => i), steps: 10_000 });
  await choose(other, policyOf(other, 50));
  assertAllClose(firstsOf(long), [48, 50, 43, 49, 1], { tolerance: 1e-5 });
});

Deno.test("selectBest() lets all play the same episodes, the better half more of them, within its share", async () => {
  const runner = payingRunner((value) => value, 5);
  const run = trainedRun(runner, { way: [1, 2, 3, 4], steps: 10_000 });
  await choose(run, policyOf(run, 5));
  const [first, second] = runner.rounds;
  // 500 steps pay for 50 episodes: half of them are 6 for each of four, the other 26 are 13 for each of two.
  assert.deepEqual(first.map(({ seeds }) => seeds.length), [6, 6, 6, 6]);
  assert.deepEqual(second.map(({ seeds }) => seeds.length), [13, 13]);
  assert.deepEqual(first[1].seeds, first[0].seeds);
  assert.equal(new Set([...first[0].seeds, ...second[0].seeds]).size, 19);
  assert.equal(run.tally.steps.noiseFree, 500);
  assert.equal(run.tally.noiseFreeEpisodes, 19);
  assert.ok(spentSteps(run) <= choiceEnd(run.task));
});

Deno.test("selectBest() gives what returned most, and its measured mean", async () => {
  // Returns -(x - 3)^2: the last policy overshoots, the mean of the last five is the best one.
  const runner = payingRunner((value) => -((value - 3) ** 2));
  const run = trainedRun(runner, { way: [1, 5, 1, 5], steps: 10_000 });
  const winner = await choose(run, policyOf(run, 3.5));
  assertClose(winner.policy[run.tools.model.order.indexOf(0)], 3.1, 1e-6);
  assertClose(winner.meanReturn, -0.01, 1e-6);
});

Deno.test("selectBest() lets as many compete as it can pay three episodes each for, two at least", async () => {
  const way = Array.from({ length: 50 }, (_, i) => i);
  const sizesAt = async (episodes: number) => {
    const runner = payingRunner((value) => value);
    const run = trainedRun(runner, { way, steps: 100_000 });
    run.tally.steps.training = Math.floor(choiceEnd(run.task)) - 10 * episodes;
    await choose(run, policyOf(run, 50));
    assert.ok(spentSteps(run) <= choiceEnd(run.task));
    return runner.rounds.map((jobs) => jobs.map(({ seeds }) => seeds.length));
  };
  assert.deepEqual(await sizesAt(1), []);
  assert.deepEqual(await sizesAt(3), [[1, 1]]);
  assert.deepEqual(await sizesAt(9), [[1, 1, 1], [3, 3]]);
  // No more than 50 each.
  assert.deepEqual(await sizesAt(500), [[33, 33, 33, 33, 33], [17, 17, 17]]);
});

Deno.test("selectBest() does not believe what a stored policy returned once", async () => {
  const runner = payingRunner((value) => value);
  const run = trainedRun(runner, { way: [1, 2, 3], steps: 10_000 });
  run.experience.buffer.add(policyOf(run, 0.5), 99);
  const winner = await choose(run, policyOf(run, 4));
  assert.equal(winner.policy[run.tools.model.order.indexOf(0)], 4);
  assert.equal(winner.meanReturn, 4);
});

Deno.test("selectBest() takes the last policy unmeasured where no second one is affordable", async () => {
  const runner = payingRunner((value) => value);
  const run = trainedRun(runner, { way: [1, 2, 7], steps: 100 });
  const winner = await choose(run, policyOf(run, 5));
  assert.deepEqual(runner.rounds, []);
  assert.equal(winner.policy[run.tools.model.order.indexOf(0)], 5);
  // What the last rollouts returned.
  assert.equal(winner.meanReturn, 7);
});
