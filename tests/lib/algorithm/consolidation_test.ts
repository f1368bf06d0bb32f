/** What the last updates draw, by hand, and that the generator gives it afterwards. */

import assert from "node:assert/strict";
import { consolidate } from "../../../lib/algorithm/consolidation.ts";
import { generate } from "../../../lib/algorithm/measure.ts";
import type { TrainingRun } from "../../../lib/algorithm/run.ts";
import type { PartialConfig } from "../../../lib/config/config.ts";
import type { Batch } from "../../../lib/learner/staging.ts";
import type { StoredPolicy } from "../../../lib/policy_space.ts";
import { assertAllClose, assertClose } from "../../support/close.ts";
import { ADAPTED, tinyRun } from "../../support/tiny_run.ts";

/** A policy whose numbers are all the same; a run without statistics has it alike in both frames. */
function policyOf(run: TrainingRun, value: number): StoredPolicy {
  return new Float32Array(run.tools.model.parameterCount).fill(value) as StoredPolicy;
}

/** A run whose way went through policies of these numbers and returns. */
function runWith(way: readonly (readonly [value: number, mean: number])[], changes: PartialConfig) {
  const run = tinyRun({ ...ADAPTED, ...changes });
  for (const [value, mean] of way) {
    run.experience.way.push({ policy: policyOf(run, value), return: mean });
  }
  return run;
}

/** Makes all of the last updates for a winner of 100: their batches and step sizes. */
async function consolidateAll(run: TrainingRun) {
  const batches: Batch[] = [];
  const rates: number[] = [];
  const update = run.tools.learner.update.bind(run.tools.learner);
  run.tools.learner.update = (given, { rng, learningRate }) => {
    batches.push(...given);
    return update(given, {
      rng,
      learningRate(number) {
        rates.push(learningRate(number));
        return rates.at(-1)!;
      },
    });
  };
  const winner = { policy: policyOf(run, 9), meanReturn: 100 };
  for await (const _ of consolidate(run, winner));
  await run.tools.learner.close();
  return { batches, rates };
}

/** How often each command was drawn, and the policy that it stood for; the winner's rows apart. */
function drawnIn(run: TrainingRun, batches: readonly Batch[]) {
  const drawn = new Map<number, { share: number; value: number }>();
  const row = new Float32Array(run.tools.model.parameterCount);
  for (const { commands, shares, writeTarget } of batches) {
    commands.slice(0, -1).forEach((command, i) => {
      writeTarget(i, row);
      const share = (drawn.get(command)?.share ?? 0) + shares[i] / batches.length;
      drawn.set(command, { share, value: row[0] });
    });
  }
  return [...drawn].sort(([a], [b]) => a - b).map(([command, rest]) => ({ command, ...rest }));
}

const WAY = [[1, 0], [2, 50], [3, 25], [4, 75]] as const;

/** Every other batch is drawn from the way, those between them from stored policies. */
const fromWay = (batches: readonly Batch[]) => batches.filter((_, i) => i % 2 === 0);
const fromBuffer = (batches: readonly Batch[]) => batches.filter((_, i) => i % 2 === 1);

Deno.test("consolidate() draws evenly over the rise of the way, whose end is the winner", async () => {
  const run = runWith(WAY, { update: { batchSize: 1000 }, consolidation: { updates: 40 } });
  const drawn = drawnIn(run, fromWay((await consolidateAll(run)).batches));
  // 50 and 25 are one stage of 37.5: commands are shares of the rise to 100.
  assert.deepEqual(drawn.map(({ command }) => command), [0, 0.375, 0.75, 1]);
  assert.deepEqual(drawn.map(({ value }) => value), [1, 3, 4, 9]);
  // Half the distances of neighbours, of 0.85: the winner takes the rest. Four deviations of 20,000 draws.
  const expected = [0.1875, 0.375, 0.3125, 0.125].map((chance) => chance * 0.85);
  assertAllClose(drawn.map(({ share }) => share), expected, {
    tolerance: 4 * 0.5 / Math.sqrt(20_000),
  });
});

Deno.test("consolidate() draws stored policies evenly over their returns, those below the winner", async () => {
  const run = runWith(WAY, {
    update: { batchSize: 1000 },
    consolidation: { updates: 40 },
    buffer: { exclude: [60, 70] },
  });
  // 65 is excluded; 99 is too near the winner's 100.
  for (const value of [50, 20, 65, 0, 99, 90]) {
    run.experience.buffer.add(policyOf(run, value), value);
  }
  const drawn = drawnIn(run, fromBuffer((await consolidateAll(run)).batches));
  assertAllClose(drawn.map(({ command }) => command), [0, 0.2, 0.5, 0.9]);
  assert.deepEqual(drawn.map(({ value }) => value), [0, 20, 50, 90]);
  // Half the distances of neighbours: 0.1, 0.25, 0.35 and 0.2 of 0.9.
  const expected = [0.1, 0.25, 0.35, 0.2].map((weight) => 0.85 * weight / 0.9);
  const tolerance = 4 * 0.5 / Math.sqrt(20_000);
  assertAllClose(drawn.map(({ share }) => share), expected, { tolerance });
});

Deno.test("consolidate() draws the winner where no stored policy is below it", async () => {
  const run = runWith(WAY, {});
  run.experience.buffer.add(policyOf(run, 5), 120);
  const drawn = drawnIn(run, fromBuffer((await consolidateAll(run)).batches));
  assert.deepEqual(drawn.map(({ command, value }) => [command, value]), [[1, 9]]);
});

Deno.test("consolidate() gives the winner a share of every batch at the best command", async () => {
  const run = runWith(WAY, { update: { batchSize: 8 }, consolidation: { updates: 3 } });
  const { batches } = await consolidateAll(run);
  assert.equal(batches.length, 3);
  const row = new Float32Array(run.tools.model.parameterCount);
  for (const { commands, shares, writeTarget } of batches) {
    assert.deepEqual([commands.length, commands[8]], [9, 1]);
    assertClose(shares[8], 0.15, 1e-7);
    assertClose(shares.reduce((sum, share) => sum + share, 0), 1, 1e-6);
    writeTarget(8, row);
    assert.equal(row[0], 9);
  }
});

Deno.test("consolidate() never draws milestones of the excluded band", async () => {
  const run = runWith(WAY, { buffer: { exclude: [50, 75] }, consolidation: { updates: 40 } });
  const drawn = drawnIn(run, fromWay((await consolidateAll(run)).batches));
  // 50 is not above 50; 75 is in the band.
  assert.deepEqual(drawn.map(({ value }) => value), [1, 3, 9]);
});

Deno.test("consolidate() makes as many updates as told, with steps that fall to 0", async () => {
  const run = runWith(WAY, { consolidation: { updates: 20 } });
  const { rates } = await consolidateAll(run);
  assert.equal(run.tools.learner.updates, 20);
  assert.equal(rates.length, 20);
  assertClose(Math.max(...rates), 1e-3, 1e-5);
  assert.deepEqual(rates, rates.toSorted((a, b) => b - a));
  assert.ok(rates[19] < 1e-5);
  const none = runWith(WAY, { consolidation: { updates: 0 } });
  assert.deepEqual((await consolidateAll(none)).batches, []);
});

Deno.test("consolidate() makes the generator give the way's policies for their commands", async () => {
  const way = [[-0.4, 0], [0, 50]] as const;
  const run = runWith(way, {
    consolidation: { updates: 1500 },
    generator: { hiddenSizes: [32, 32] },
  });
  const winner = { policy: policyOf(run, 0.4), meanReturn: 100 };
  for await (const _ of consolidate(run, winner));
  const rows = await generate(run, [0, 0.5, 1]);
  await run.tools.learner.close();
  rows.forEach((row, i) =>
    assertAllClose(row, policyOf(run, [-0.4, 0, 0.4][i]), { tolerance: 0.05 })
  );
});
