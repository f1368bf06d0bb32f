/** What rollouts ask for: credit by hand, and a lucky policy that loses its place. */

import assert from "node:assert/strict";
import { creditGoal, drawGoal, goalPolicies, goalsOf } from "../../../lib/algorithm/goals.ts";
import type { PartialConfig } from "../../../lib/config/config.ts";
import type { StoredPolicy } from "../../../lib/policy_space.ts";
import type { TrainingRun } from "../../../lib/algorithm/run.ts";
import { tinyRun } from "../../support/tiny_run.ts";

/** A run whose buffer holds policies of these scaled returns. */
function runWith(
  returns: readonly number[],
  command: NonNullable<PartialConfig["command"]>,
): TrainingRun {
  const run = tinyRun({ command, buffer: { kind: "fifo" } });
  const row = new Float32Array(run.tools.model.parameterCount) as StoredPolicy;
  for (const scaledReturn of returns) run.attempt.buffer.add(row, { scaledReturn, step: 0 });
  return run;
}

function commandsOf(run: TrainingRun): number[] {
  return goalsOf(run).map(({ scaledReturn }) => scaledReturn);
}

Deno.test("goalsOf() gives the stored policies of highest return, best first", () => {
  const returns = [0.1, 0.9, 0.3, 0.7, 0.5];
  assert.deepEqual(commandsOf(runWith(returns, { top: 3, credit: 0 })), [0.9, 0.7, 0.5]);
  assert.deepEqual(commandsOf(runWith(returns, { top: 3, credit: 1 })), [0.9, 0.7, 0.5]);
  assert.deepEqual(commandsOf(runWith([0.4], { top: 3, credit: 1 })), [0.4]);
});

Deno.test("goalsOf() aims at the best return seen, as the reference, for one goal without credit", () => {
  const run = tinyRun({ command: { top: 1, credit: 0 } });
  const row = new Float32Array(run.tools.model.parameterCount) as StoredPolicy;
  run.attempt.buffer.add(row, { scaledReturn: 0.5055, step: 0 });
  // Its bucket is full: dropped, but seen.
  assert.equal(run.attempt.buffer.add(row, { scaledReturn: 0.506, step: 0 }), undefined);
  assert.deepEqual(commandsOf(run), [0.506]);
});

Deno.test("goalPolicies() are stored ones also where the goal was only seen", () => {
  const run = tinyRun({ command: { top: 1, credit: 0 } });
  const row = new Float32Array(run.tools.model.parameterCount) as StoredPolicy;
  run.attempt.buffer.add(row, { scaledReturn: 0.5055, step: 0 });
  run.attempt.buffer.add(row, { scaledReturn: 0.506, step: 0 });
  assert.deepEqual(goalPolicies(run).map(({ scaledReturn }) => scaledReturn), [0.5055]);
});

Deno.test("creditGoal() makes a policy that does not carry give way, and only that one", () => {
  const run = runWith([0.9, 0.6, 0.5], { top: 2, credit: 1 });
  const [lucky] = goalsOf(run);
  assert.equal(lucky.scaledReturn, 0.9);
  creditGoal(lucky, 0.1);
  // (0.9 + 0.1) / 2 = 0.5: level with the third, and the higher return goes first.
  assert.deepEqual(commandsOf(run), [0.6, 0.9]);
  creditGoal(lucky, 0.1);
  assert.deepEqual(commandsOf(run), [0.6, 0.5]);
  // A rollout that reaches more lifts it again: (0.9 + 0.1 + 0.1 + 1.3) / 4 = 0.6.
  creditGoal(lucky, 1.3);
  assert.deepEqual(commandsOf(run), [0.9, 0.6]);
});

Deno.test("goalsOf() lets a heavier own return lose its place more slowly", () => {
  const run = runWith([0.9, 0.6], { top: 1, credit: 4 });
  const [goal] = goalsOf(run);
  creditGoal(goal, 0.1); // (3.6 + 0.1) / 5 = 0.74
  assert.deepEqual(commandsOf(run), [0.9]);
  creditGoal(goal, 0.1); // 3.8 / 6 = 0.633
  assert.deepEqual(commandsOf(run), [0.9]);
  creditGoal(goal, 0.1); // 3.9 / 7 = 0.557
  assert.deepEqual(commandsOf(run), [0.6]);
});

Deno.test("drawGoal() draws every goal evenly, and the same one for the same episode", () => {
  const run = runWith([0.9, 0.6, 0.3], { top: 3, credit: 1 });
  const goals = goalsOf(run);
  const counts = new Map<number, number>();
  for (let episode = 0; episode < 300; episode++) {
    run.tally.episodes = episode;
    const { scaledReturn } = drawGoal(run, goals);
    assert.equal(drawGoal(run, goals).scaledReturn, scaledReturn);
    counts.set(scaledReturn, (counts.get(scaledReturn) ?? 0) + 1);
  }
  // Binomial: 100 +- 8.
  for (const count of counts.values()) assert.ok(count > 75 && count < 125, `${count}`);
  assert.equal(counts.size, 3);
});
