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

/** A run whose noise adapts. */
function tinyRunWith(changes: PartialConfig): TrainingRun {
  return tinyRun({ ...ADAPTED, ...changes });
}

/** Fits a run to the line from a policy of ones to one of nines: its batches and step sizes. */
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
  for await (const _ of consolidate(run, [policyOf(run, 1), policyOf(run, 9)]));
  await run.tools.learner.close();
  return { batches, rates };
}

Deno.test("consolidate() draws a command from each of as many equal parts as a batch has rows, on the line", async () => {
  const run = tinyRunWith({ update: { batchSize: 10 }, consolidation: { updates: 40 } });
  const { batches } = await consolidateAll(run);
  const row = new Float32Array(run.tools.model.parameterCount);
  for (const { commands, shares, writeTarget } of batches) {
    commands.slice(0, -1).forEach((command, i) => {
      assert.equal(Math.floor(10 * command), i);
      writeTarget(i, row);
      assertAllClose(row, policyOf(run, 1 + 8 * command), { tolerance: 1e-5 });
      assertClose(shares[i], 0.085, 1e-7);
    });
  }
  // Nowhere twice: the parts are drawn from anew.
  const all = batches.flatMap(({ commands }) => commands.slice(0, -1));
  assert.equal(new Set(all).size, 4 * 400);
});

Deno.test("consolidate() gives the winner a share of every batch at the best command", async () => {
  const run = tinyRunWith({ update: { batchSize: 8 }, consolidation: { updates: 3 } });
  const { batches } = await consolidateAll(run);
  assert.equal(batches.length, 4 * 3);
  const row = new Float32Array(run.tools.model.parameterCount);
  for (const { commands, shares, writeTarget } of batches) {
    assert.deepEqual([commands.length, commands[8]], [9, 1]);
    assertClose(shares[8], 0.15, 1e-7);
    assertClose(shares.reduce((sum, share) => sum + share, 0), 1, 1e-6);
    writeTarget(8, row);
    assert.equal(row[0], 9);
  }
});

Deno.test("consolidate() makes four rounds of updates where none is enough, with steps that fall to 0", async () => {
  const run = tinyRunWith({ consolidation: { updates: 20 } });
  const { rates } = await consolidateAll(run);
  assert.equal(run.tools.learner.updates, 4 * 20);
  assert.equal(rates.length, 4 * 20);
  for (let at = 0; at < rates.length; at += 20) {
    const round = rates.slice(at, at + 20);
    assertClose(Math.max(...round), 1e-3, 1e-5);
    assert.deepEqual(round, round.toSorted((a, b) => b - a));
    assert.ok(round[19] < 1e-5);
  }
  const none = tinyRunWith({ consolidation: { updates: 0 } });
  assert.deepEqual((await consolidateAll(none)).batches, []);
});

Deno.test("consolidate() makes the generator give the policies of the line for their commands", async () => {
  const run = tinyRunWith({
    consolidation: { updates: 1500 },
    generator: { hiddenSizes: [32, 32] },
  });
  const line = [policyOf(run, -0.4), policyOf(run, 0.4)];
  for await (const _ of consolidate(run, line));
  const commands = [0, 0.25, 0.5, 0.9, 1];
  const rows = await generate(run, commands);
  assert.equal(run.tools.learner.updates, 1500, "it is close after a round");
  await run.tools.learner.close();
  rows.forEach((row, i) =>
    assertAllClose(row, policyOf(run, 0.8 * commands[i] - 0.4), { tolerance: 0.02 })
  );
});
