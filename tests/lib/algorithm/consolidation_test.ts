/** What the survey runs again and keeps, and which policies the last updates leave out, by hand. */

import assert from "node:assert/strict";
import { drain } from "../../support/drain.ts";
import { spentSteps } from "../../../lib/algorithm/budget.ts";
import type { Entry } from "../../../lib/algorithm/buffer.ts";
import {
  consolidate,
  type ConsolidationOptions,
  farFromLine,
  steadiest,
  survey,
} from "../../../lib/algorithm/consolidation.ts";
import { measure } from "../../../lib/algorithm/measure.ts";
import { currentNormaliser, recall, type TrainingRun } from "../../../lib/algorithm/run.ts";
import type { PartialConfig } from "../../../lib/config/config.ts";
import type { Batch } from "../../../lib/learner/staging.ts";
import { summarise } from "../../../lib/numbers/statistics.ts";
import type { StoredPolicy } from "../../../lib/policy_space.ts";
import { assertAllClose, assertClose } from "../../support/close.ts";
import { follow, tinyRun } from "../../support/tiny_run.ts";

/** Makes all of the last updates. */
async function consolidateAll(run: TrainingRun, options: ConsolidationOptions): Promise<void> {
  for await (const _ of consolidate(run, options));
}

/** A policy whose numbers are all the same. */
function policyOf(run: TrainingRun, value = 0): StoredPolicy {
  return new Float32Array(run.tools.model.parameterCount).fill(value) as StoredPolicy;
}

/** A run whose random policies have command 0.4 and whole return 0.5, both scaled. */
function runWithBonus() {
  const run = tinyRun({ returns: { survivalBonus: "remove" }, warmup: { episodes: 2 } });
  run.history.returns.push(-1, 1, 7); // the range is -10..10; the third was no warm-up
  run.attempt.startReturn = 0.4;
  return run;
}

/** Command 0.8, whole return 0.9: the line rises by 0.4, as commands do. */
const WINNER = { command: 0.8, meanReturn: 8 };

Deno.test("farFromLine() tells policies whose whole return is more than a quarter of the rise off", () => {
  const isFar = farFromLine(runWithBonus(), WINNER);
  assert.equal(isFar({ scaledReturn: 0.4, survival: 0.19 }), false);
  assert.equal(isFar({ scaledReturn: 0.4, survival: 0.21 }), true, "it stands for long");
  assert.equal(isFar({ scaledReturn: 0.6, survival: 0.01 }), false, "0.09 below the line");
  assert.equal(isFar({ scaledReturn: 0.8, survival: 0.3 }), true);
  assert.equal(isFar({ scaledReturn: 0, survival: 0 }), false, "nothing was left out of it");
});

Deno.test("farFromLine() leaves all where the winner is no better than random policies", () => {
  for (const winner of [{ command: 0.8, meanReturn: -1 }, { command: 0.3, meanReturn: 8 }]) {
    const isFar = farFromLine(runWithBonus(), winner);
    assert.equal(isFar({ scaledReturn: 0.4, survival: 0.5 }), false);
  }
});

Deno.test("consolidate() learns from all where all are far", async () => {
  const run = runWithBonus();
  const policy = policyOf(run);
  run.attempt.buffer.add(policy, { scaledReturn: 0.45, survival: 0.5, step: 0 });
  await consolidateAll(run, { winner: { ...WINNER, policy } });
  assert.equal(run.tools.learner.updates, run.task.config.consolidation.updates);
  await run.tools.learner.close();
});

Deno.test("consolidate() learns nothing from them and stores them all the same", async () => {
  const run = runWithBonus();
  const policy = policyOf(run);
  for (const [scaledReturn, survival] of [[0.4, 0.1], [0.45, 0.5], [0.7, 0.1]]) {
    run.attempt.buffer.add(policy, { scaledReturn, survival, step: 0 });
  }
  const drawn: number[] = [];
  const draw = run.attempt.buffer.draw.bind(run.attempt.buffer);
  run.attempt.buffer.draw = (rng, options) => {
    const result = draw(rng, options);
    drawn.push(...result.entries.map(({ scaledReturn }) => scaledReturn));
    return result;
  };
  await consolidateAll(run, { winner: { ...WINNER, policy } });
  await run.tools.learner.close();
  assert.deepEqual(new Set(drawn), new Set([0.4, 0.7]));
  assert.equal(run.attempt.buffer.bucketCount, 3);
});

Deno.test("consolidate() holds both ends: the winner and a policy that returns what random ones do", async () => {
  const run = tinyRun({
    returns: { survivalBonus: "remove" },
    warmup: { episodes: 2 },
    consolidation: { floorShare: 0.2, updates: 1 },
    update: { perCycle: 1 },
  });
  run.history.returns.push(-1, 1);
  run.attempt.startReturn = 0.4;
  // Whole returns 0.51 and 0.4: the first is closer to 0.5. The third is beside it, the fourth is not.
  for (const [command, survival] of [[0.41, 0.1], [0.3, 0.1], [0.425, 0.12], [0.6, 0.1]]) {
    run.attempt.buffer.add(policyOf(run, command), { scaledReturn: command, survival, step: 0 });
  }
  const batches: Batch[] = [];
  const update = run.tools.learner.update.bind(run.tools.learner);
  run.tools.learner.update = (given, options) => {
    batches.push(...given);
    return update(given, options);
  };
  await consolidateAll(run, { winner: { ...WINNER, policy: policyOf(run, 9) } });
  await run.tools.learner.close();
  const [{ commands, shares, writeTarget }] = batches;
  assert.deepEqual(commands, [0.6, 0.8, 0.41]);
  assertAllClose(shares, [0.75 * 0.8, 0.25 * 0.8, 0.2], { tolerance: 1e-7 });
  assert.equal(run.attempt.buffer.size, 4);
  const row = new Float32Array(run.tools.model.parameterCount);
  writeTarget(2, row);
  const expected = run.task.frame.toNormalised(policyOf(run, 0.41), currentNormaliser(run));
  assert.deepEqual(row, expected);
});

/** A run whose training is over: episodes have 10 steps, so a surveyed policy costs 80. */
async function trained(changes: PartialConfig = {}): Promise<TrainingRun> {
  const run = tinyRun({
    steps: 8000,
    buffer: { kind: "fifo" },
    rollout: { noiseScale: 0.5 },
    update: { perCycle: 1 },
    selection: { budgetShare: 0.1 },
    reports: { evaluations: 0, sweeps: 0 },
    ...changes,
  });
  await follow(run, "spent");
  return run;
}

Deno.test("survey() runs policies from all over the range again, within its share", async () => {
  const run = await trained({ consolidation: { surveyShare: 0.5 } });
  const { buffer } = run.attempt;
  const before = new Map([...buffer.entries()].map((entry) => [entry, entry.scaledReturn]));
  assert.equal(spentSteps(run), 8000 - 4000 - 800, "training leaves both their shares");
  const kept = await drain(survey(run));
  assert.equal(spentSteps(run), 8000 - 800);
  const again = [...buffer.entries()].filter(({ episodes }) => episodes === 8);
  assert.equal(again.length, 4000 / 80);
  assert.equal(kept?.size, Math.ceil(again.length / 4));
  // They lie all over the range: none of ten parts that hold policies is left out.
  const returns = [...before.values()];
  const [low, high] = [Math.min(...returns), Math.max(...returns)];
  const partOf = (entry: Entry) =>
    Math.min(9, Math.floor(10 * (before.get(entry)! - low) / (high - low)));
  assert.deepEqual(
    [...new Set(again.map(partOf))].sort(),
    [...new Set([...before.keys()].map(partOf))].sort(),
  );
  // Each is stored under the mean of its episodes.
  const policies = [...kept!].map((entry) => recall(run, entry));
  const results = await measure(run, policies, {
    episodes: 400,
    purpose: "verification",
    firstEpisode: 0,
    account: "evaluation",
  });
  [...kept!].forEach(({ scaledReturn }, i) => {
    const { mean, std } = summarise(results[i].map((each) => run.task.scale.scale(each.return)));
    assertClose(scaledReturn, mean, 4 * std / Math.sqrt(8) + 1e-9);
  });
  await run.tools.learner.close();
});

Deno.test("survey() does nothing without a share, and keeps all where it can run too few", async () => {
  for (const [surveyShare, surveyed] of [[0, 0], [0.2, 20]]) {
    const run = await trained({ consolidation: { surveyShare } });
    assert.equal(await drain(survey(run)), undefined);
    const again = [...run.attempt.buffer.entries()].filter(({ episodes }) => episodes === 8);
    assert.equal(again.length, surveyed);
    await run.tools.learner.close();
  }
});

Deno.test("steadiest() keeps the least deviation of each four neighbours by return", () => {
  const entryOf = (scaledReturn: number) => ({ scaledReturn } as Entry);
  const stds = [3, 1, 2, 4, 5, 7, 6, 8, 9];
  const surveyed = stds.map((std, i) => ({ entry: entryOf(i / 10), std }));
  const kept = steadiest(surveyed.toReversed());
  assert.deepEqual([...kept].map(({ scaledReturn }) => scaledReturn), [0.1, 0.4, 0.8]);
});

Deno.test("consolidate() draws steady policies alone, and its floor is one of them", async () => {
  const run = tinyRun({
    warmup: { episodes: 2 },
    consolidation: { floorShare: 0.2, updates: 8 },
  });
  const { buffer } = run.attempt;
  run.history.returns.push(-2, -2); // scaled 0.4, which none of the steady ones returns
  run.attempt.startReturn = 0.4;
  const policy = policyOf(run);
  const steady = new Set<Entry>();
  for (let i = 0; i < 20; i++) { // one a bucket
    const entry = buffer.add(policy.fill(i / 100), { scaledReturn: (41 + 2 * i) / 100, step: 0 })!;
    if (i % 5 === 1) steady.add(entry);
  }
  const drawn = new Set<number>();
  const draw = buffer.draw.bind(buffer);
  buffer.draw = (rng, options) => {
    const result = draw(rng, options);
    for (const { scaledReturn } of result.entries) drawn.add(scaledReturn);
    return result;
  };
  const commands: number[] = [];
  const update = run.tools.learner.update.bind(run.tools.learner);
  run.tools.learner.update = (batches, options) => {
    for (const batch of batches) commands.push(batch.commands.at(-1)!);
    return update(batches, options);
  };
  const winner = { policy, command: 0.9, meanReturn: 8 };
  await consolidateAll(run, { winner, steady });
  assert.deepEqual([...drawn].sort(), [0.53, 0.63, 0.73]);
  assert.deepEqual(
    new Set(commands.splice(0)),
    new Set([0.43]),
    "0.43 is the steady one nearest to 0.4",
  );
  assert.equal(buffer.bucketCount, 20, "all can be drawn again");

  // Also where no selection chose a winner, and so there are no anchors.
  drawn.clear();
  await consolidateAll(run, { winner: undefined, steady });
  assert.deepEqual([...drawn].sort(), [0.43, 0.53, 0.63, 0.73]);
  await run.tools.learner.close();
});
