/** The competition at the end: equal terms, rounds that share the budget, the truly best one wins. */

import assert from "node:assert/strict";
import { drain } from "../../support/drain.ts";
import type { PartialConfig } from "../../../lib/config/config.ts";
import type { EpisodeRunner, EvaluationJob } from "../../../lib/episodes/evaluate.ts";
import { selectBest } from "../../../lib/algorithm/selection.ts";
import { spentSteps } from "../../../lib/algorithm/budget.ts";
import { createRun, type TrainingRun } from "../../../lib/algorithm/run.ts";
import type { StoredPolicy } from "../../../lib/policy_space.ts";
import { models } from "../../../models/models.ts";
import { assertAllClose, assertClose } from "../../support/close.ts";
import { TinyEnv } from "../../support/tiny_env.ts";
import { tinyConfig } from "../../support/tiny_run.ts";

const STEPS = 10;

/** Pays a policy its first number, plus what the episode's seed says, up to `luck`. */
function payingRunner(luck: number): EpisodeRunner & { rounds: EvaluationJob[][] } {
  const rounds: EvaluationJob[][] = [];
  return {
    rounds,
    run(jobs) {
      rounds.push([...jobs]);
      return Promise.resolve(jobs.map(({ parameters, seeds }) =>
        seeds.map((seed) => ({
          return: parameters[0] + luck * (seed % 1000) / 1000,
          survivalReturn: 0,
          length: STEPS,
          terminated: false,
        }))
      ));
    },
    close: () => Promise.resolve(),
  };
}

/** A run at the end of its training, whose buffer holds policies of these first numbers. */
function trainedRun(
  runner: EpisodeRunner,
  { stored, episodes, ...changes }: PartialConfig & { stored: number[]; episodes: number },
): TrainingRun {
  const config = tinyConfig({ buffer: { kind: "fifo" }, ...changes });
  const run = createRun(config, { env: new TinyEnv(), models, session: { threads: 1 }, runner });
  stored.forEach((value, i) => {
    const row = new Float32Array(run.tools.model.parameterCount) as StoredPolicy;
    row[run.tools.model.order.indexOf(0)] = value;
    // The luckiest is not the best: returns fall while the first number rises.
    run.attempt.buffer.add(row, { scaledReturn: 0.9 - 0.1 * i, step: 0 });
  });
  run.tally.steps.training = config.steps - STEPS * episodes;
  return run;
}

Deno.test("selectBest() halves the field in rounds that share the budget, on the same episodes", async () => {
  const runner = payingRunner(5);
  const run = trainedRun(runner, {
    stored: [1, 2, 3],
    episodes: 40,
    command: { top: 3, credit: 1 },
  });
  const winner = await drain(selectBest(run));
  await run.tools.learner.close();
  const sizes = runner.rounds.map((jobs) => [jobs.length, jobs[0].seeds.length]);
  // 40 / 3 / 6 = 2 episodes for each of six, then 28 / 2 / 3 = 4, then 16 / 1 / 2 = 8.
  assert.deepEqual(sizes, [[6, 2], [3, 4], [2, 8]]);
  for (const jobs of runner.rounds) {
    for (const { seeds } of jobs) assert.deepEqual(seeds, jobs[0].seeds);
  }
  const all = runner.rounds.flatMap(([{ seeds }]) => seeds);
  assert.equal(new Set(all).size, 14, "no episode is played twice by the last ones");
  assert.equal(spentSteps(run), run.task.config.steps);
  assertClose(winner!.policy[run.tools.model.order.indexOf(0)], 3);
});

Deno.test("selectBest() lets those compete as well that ran more than once, if there is room", async () => {
  const firsts = async (episodes: number) => {
    const runner = payingRunner(0);
    const stored = [1, 2, 3, 4, 5, 6, 7, 8];
    const run = trainedRun(runner, { stored, episodes });
    for (const entry of [...run.attempt.buffer.entries()].slice(2)) {
      run.attempt.buffer.relabel(entry, { ...entry, step: 0, episodes: 5 });
    }
    const winner = await drain(selectBest(run));
    await run.tools.learner.close();
    assert.ok(winner);
    return runner.rounds[0].map(({ parameters }) => parameters[0]).filter(Number.isInteger);
  };
  // Three by return, one generated for the one goal, and of the sure ones, 3 and on, as many as fit.
  assert.deepEqual(await firsts(100), [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.deepEqual(await firsts(16), [1, 2, 3, 4]);
  assert.deepEqual(await firsts(12), [1, 2, 3]);
  assert.deepEqual(await firsts(2), []);
});

Deno.test("selectBest() gives the mean of all of the winner's episodes as its command", async () => {
  const run = trainedRun(payingRunner(0), { stored: [4, 2], episodes: 9 });
  const winner = await drain(selectBest(run));
  await run.tools.learner.close();
  // The range of returns is -10..10.
  assertAllClose([winner!.meanReturn, winner!.command], [4, 0.7]);
});

Deno.test("selectBest() is content with what is affordable, and without an episode gives nothing", async () => {
  const few = payingRunner(0);
  const run = trainedRun(few, { stored: [1, 2, 3], episodes: 3 });
  assert.ok(Number.isFinite((await drain(selectBest(run)))!.meanReturn));
  assert.deepEqual(few.rounds.map((jobs) => [jobs.length, jobs[0].seeds.length]), [[1, 3]]);
  await run.tools.learner.close();
  const broke = trainedRun(few, { stored: [1], episodes: 0 });
  assert.equal(await drain(selectBest(broke)), undefined);
  await broke.tools.learner.close();
});
