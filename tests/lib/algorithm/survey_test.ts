/** The survey of stored policies: what runs again, what is kept, and what the even phase makes of it. */

import assert from "node:assert/strict";
import { consolidate } from "../../../lib/algorithm/consolidation.ts";
import type { Entry } from "../../../lib/algorithm/buffer.ts";
import type { PartialConfig } from "../../../lib/config/config.ts";
import { measureRows } from "../../../lib/algorithm/probe.ts";
import { summarise } from "../../../lib/numbers/statistics.ts";
import { steadiest, survey } from "../../../lib/algorithm/survey.ts";
import { train } from "../../../lib/algorithm/trainer.ts";
import { currentNormaliser, spentSteps, type TrainingRun } from "../../../lib/algorithm/run.ts";
import { assertClose } from "../../support/close.ts";
import { recorder, tinyRun } from "../../support/tiny_run.ts";

/** A run whose training is over: episodes have 10 steps, so a surveyed policy costs 80. */
async function trained(changes: PartialConfig = {}): Promise<TrainingRun> {
  const run = tinyRun({
    steps: 8000,
    buffer: { kind: "fifo" },
    rollout: { noiseScale: 0.5, perCycle: 10 },
    selection: { budgetShare: 0.1 },
    evaluation: { every: 8000 },
    sweep: { every: 8000 },
    ...changes,
  });
  await train(run, { ...recorder(), beforeFinish: () => Promise.resolve(false) });
  return run;
}

Deno.test("survey() runs policies from all over the range again, within its share", async () => {
  const run = await trained({ consolidation: { surveyShare: 0.5 } });
  const { buffer } = run.attempt;
  const before = new Map([...buffer.entries()].map((entry) => [entry, entry.scaledReturn]));
  assert.equal(spentSteps(run), 8000 - 4000 - 800, "training leaves both their shares");
  const kept = await survey(run);
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
  const rows = [...kept!].map(({ slot }) => {
    const row = buffer.row(slot).slice();
    run.frame.toNormalised(row, currentNormaliser(run));
    return row;
  });
  const results = await measureRows(run, rows, {
    episodes: 400,
    purpose: "verification",
    firstEpisode: 0,
    account: "evaluation",
  });
  [...kept!].forEach(({ scaledReturn }, i) => {
    const { mean, std } = summarise(results[i].map((each) => run.scale.scale(each.return)));
    assertClose(scaledReturn, mean, 4 * std / Math.sqrt(8) + 1e-9);
  });
  await run.learner.close();
});

Deno.test("survey() does nothing without a share, and keeps all where it can run too few", async () => {
  for (const [surveyShare, surveyed] of [[0, 0], [0.2, 20]]) {
    const run = await trained({ consolidation: { surveyShare } });
    assert.equal(await survey(run), undefined);
    const again = [...run.attempt.buffer.entries()].filter(({ episodes }) => episodes === 8);
    assert.equal(again.length, surveyed);
    await run.learner.close();
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
  const row = new Float32Array(run.model.parameterCount);
  const steady = new Set<Entry>();
  for (let i = 0; i < 20; i++) { // one a bucket
    const entry = buffer.add(row.fill(i / 100), { scaledReturn: (41 + 2 * i) / 100, step: 0 })!;
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
  const update = run.learner.update.bind(run.learner);
  run.learner.update = (batches, options) => {
    for (const batch of batches) commands.push(batch.commands.at(-1)!);
    return update(batches, options);
  };
  const winner = { row, command: 0.9, meanReturn: 8 };
  await consolidate(run, { winner, steady, observer: recorder() });
  assert.deepEqual([...drawn].sort(), [0.53, 0.63, 0.73]);
  assert.deepEqual(
    new Set(commands.splice(0)),
    new Set([0.43]),
    "0.43 is the steady one nearest to 0.4",
  );
  assert.equal(buffer.bucketCount, 20, "all can be drawn again");

  // Also where no selection chose a winner, and so there are no anchors.
  drawn.clear();
  await consolidate(run, { winner: undefined, steady, observer: recorder() });
  assert.deepEqual([...drawn].sort(), [0.43, 0.53, 0.63, 0.73]);
  await run.learner.close();
});
