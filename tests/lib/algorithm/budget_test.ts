/** How the budget is divided, by hand. */

import assert from "node:assert/strict";
import {
  affordableEpisodes,
  calibrationSteps,
  choiceEnd,
  dueReports,
  fallingCosine,
  finalEpisodes,
  hasBudget,
  isSettled,
  isWarm,
  proofEpisodes,
  reportEpisodes,
  siblingCount,
  spentSteps,
  stepsLeft,
  trainingEnd,
} from "../../../lib/algorithm/budget.ts";
import type { PartialConfig } from "../../../lib/config/config.ts";
import { assertAllClose, assertClose } from "../../support/close.ts";
import { ADAPTED, tinyRun } from "../../support/tiny_run.ts";

Deno.test("fallingCosine() falls from 1 to 0, half of it half way, and stays at 0", () => {
  const values = [0, 0.25, 0.5, 0.75, 1, 2].map(fallingCosine);
  const root = Math.SQRT1_2;
  assertAllClose(values, [1, (1 + root) / 2, 0.5, (1 - root) / 2, 0, 0]);
});

Deno.test("adapted noise divides the budget between training, choice and calibration", () => {
  const run = tinyRun({ ...ADAPTED, steps: 1000, calibration: { budgetShare: 0.1 } });
  const { task } = run;
  // 0.1 for the calibration, 0.05 for the choice, the rest for training.
  assertClose(trainingEnd(task), 850, 1e-9);
  assertClose(choiceEnd(task), 900, 1e-9);
  // The calibration has what the others left as well.
  run.tally.steps.training = 840;
  run.tally.steps.noiseFree = 40;
  assert.equal(calibrationSteps(run), 120);
});

Deno.test("the choice has three episodes at least, within two thirds of what training leaves", () => {
  const choiceOf = (steps: number, budgetShare: number) => {
    const { task } = tinyRun({ ...ADAPTED, steps, calibration: { budgetShare } });
    return choiceEnd(task) - trainingEnd(task);
  };
  // Episodes have up to 10 steps; 0.15 of 400 are 60, 0.15 of 200 are 30.
  assertClose(choiceOf(400, 0.1), 30, 1e-9);
  assertClose(choiceOf(200, 0.1), 20, 1e-9);
  assertClose(choiceOf(200, 0), 10, 1e-9);
});

Deno.test("fixed noise trains to the end of the budget and is calibrated beyond it", () => {
  const run = tinyRun({ steps: 1000, calibration: { budgetShare: 0.1 } });
  assert.equal(trainingEnd(run.task), 1000);
  run.tally.steps.training = 1000;
  assertClose(calibrationSteps(run), 100, 1e-9);
});

/** A run that has spent steps on training, in episodes of a length. */
function spent(
  changes: PartialConfig,
  { steps, length = 10, longest = 0, noiseFree = 0 }: {
    steps: number;
    length?: number;
    longest?: number;
    noiseFree?: number;
  },
) {
  const run = tinyRun(changes);
  run.tally.longest = longest;
  run.tally.steps.training = steps;
  run.tally.steps.noiseFree = noiseFree;
  run.tally.episodes = steps / length;
  return run;
}

Deno.test("affordableEpisodes() counts whole episodes of any length, choice included", () => {
  const run = spent({ steps: 600 }, { steps: 70, noiseFree: 20 });
  assert.equal(spentSteps(run), 90);
  // Episodes have up to 10 steps.
  assert.deepEqual([90, 99, 100, 129].map((end) => affordableEpisodes(run, { end })), [0, 0, 1, 3]);
});

Deno.test("hasBudget() asks for an episode where noise is fixed, for a group where it adapts", () => {
  assert.equal(hasBudget(spent({ steps: 600 }, { steps: 590 })), true);
  assert.equal(hasBudget(spent({ steps: 600 }, { steps: 591 })), false);
  // Training ends at 850: four episodes fit from 810.
  const adapted = { ...ADAPTED, steps: 1000 };
  assert.equal(hasBudget(spent(adapted, { steps: 810 })), true);
  assert.equal(hasBudget(spent(adapted, { steps: 811 })), false);
  // Of the length of the longest before, 7, four fit from 822.
  assert.equal(hasBudget(spent(adapted, { steps: 822, longest: 7 })), true);
  assert.equal(hasBudget(spent(adapted, { steps: 823, longest: 7 })), false);
});

Deno.test("siblingCount() is a hundredth of the episodes that the budget holds, within bounds", () => {
  const countAt = (budget: number, { steps, length = 10 }: { steps: number; length?: number }) =>
    siblingCount(spent({ ...ADAPTED, steps: budget }, { steps, length }));
  assert.equal(countAt(100_000, { steps: 0 }), 10, "the first cycle knows no length");
  // 24,000 / 10 / 100 = 24; 26 for 26,900 since the number is even.
  assert.equal(countAt(24_000, { steps: 100 }), 24);
  assert.equal(countAt(26_900, { steps: 100 }), 26);
  assert.equal(countAt(24_000, { steps: 100, length: 5 }), 40, "no more than 40");
  assert.equal(countAt(2000, { steps: 100 }), 8, "no fewer than 8");
  // Training ends at 850: five more episodes fit, four of them in pairs.
  assert.equal(countAt(1000, { steps: 800 }), 4);
  assert.equal(countAt(1000, { steps: 770 }), 8);
  assert.equal(countAt(1000, { steps: 780 }), 6);
  // Where hidden layers and a linear policy take turns, it is a hundredth of the episodes so far: 22,000 / 10.
  const deep = {
    ...ADAPTED,
    policy: { hiddenSizes: [32], skip: "linear" },
    steps: 100_000,
  } as const;
  assert.equal(siblingCount(spent(deep, { steps: 22_000 })), 22);
  assert.equal(siblingCount(spent(deep, { steps: 100 })), 8);
  // Ten episodes of 5 fit in 50 steps.
  assert.equal(siblingCount(spent({ ...ADAPTED, steps: 1000 }, { steps: 800, longest: 5 })), 8);
});

Deno.test("stepsLeft() shares what training has left, and is no limit where whole episodes fit", () => {
  const leftAt = (steps: number) =>
    stepsLeft(spent({ ...ADAPTED, steps: 1000 }, { steps, longest: 5 }), 8);
  assert.equal(leftAt(770), Infinity);
  assert.equal(leftAt(771), 9);
  assert.equal(leftAt(800), 6);
});

Deno.test("isSettled() tells a cycle whose episodes all returned the most from others", () => {
  const settled = (changes: PartialConfig, returns: number[], { floor = 1, last = 3 } = {}) => {
    const run = tinyRun(changes);
    run.history.returns.push(...returns);
    run.history.bestReturn = Math.max(...returns);
    run.experience.floor = floor;
    run.tally.lastRollouts = last;
    return isSettled(run);
  };
  assert.equal(settled(ADAPTED, [2, 5, 5, 5]), true);
  assert.equal(settled(ADAPTED, [5, 5, 5, 4]), false);
  assert.equal(settled(ADAPTED, [2, 5, 5, 5], { last: 4 }), false);
  assert.equal(settled(ADAPTED, [9, 5, 5, 5]), false, "more was returned before");
  assert.equal(settled(ADAPTED, [5, 5, 5], { floor: 5 }), false, "random policies do as well");
  assert.equal(settled(ADAPTED, [], { last: 0 }), false);
  assert.equal(settled({}, [2, 5, 5, 5]), false, "fixed noise trains on");
});

Deno.test("proofEpisodes() are a tenth of the budget, from two to sixteen", () => {
  const proofs = [100, 300, 1000, 1600, 1e6].map((steps) =>
    proofEpisodes(tinyRun({ ...ADAPTED, steps }).task)
  );
  assert.deepEqual(proofs, [2, 3, 10, 16, 16]);
});

Deno.test("isWarm() waits for ten episodes where noise is fixed, for a cycle where it adapts", () => {
  assert.equal(isWarm(spent({}, { steps: 90 })), false);
  assert.equal(isWarm(spent({}, { steps: 100 })), true);
  assert.equal(isWarm(spent(ADAPTED, { steps: 0 })), false);
  assert.equal(isWarm(spent(ADAPTED, { steps: 10 })), true);
});

Deno.test("createRun() rejects a budget that holds no cycle", () => {
  assert.throws(() => tinyRun({ steps: 9 }), {
    name: "RangeError",
    message: "Cannot create run: the budget must hold 1 episodes of 10 steps for training, " +
      "at least 10 steps, got 9",
  });
  assert.equal(spentSteps(tinyRun({ steps: 10 })), 0);
  // Four episodes: 40 steps are 0.85 of 47.1.
  assert.throws(() => tinyRun({ ...ADAPTED, steps: 47 }), {
    name: "RangeError",
    message: "Cannot create run: the budget must hold 4 episodes of 10 steps for training, " +
      "at least 48 steps, got 47",
  });
  assert.equal(spentSteps(tinyRun({ ...ADAPTED, steps: 48 })), 0);
});

Deno.test("finalEpisodes() are the published twenty, or what a twentieth of the budget pays", () => {
  const count = (changes: PartialConfig) => finalEpisodes(tinyRun(changes).task);
  assert.equal(count({ steps: 600 }), 20);
  // 0.05 * 1600 / 10 = 8.
  assert.equal(count({ ...ADAPTED, steps: 1600 }), 8);
  assert.equal(count({ ...ADAPTED, steps: 100 }), 3);
  assert.equal(count({ ...ADAPTED, steps: 100_000 }), 20);
});

Deno.test("dueReports() counts the intervals that have passed, and none without reports", () => {
  const dueAt = (step: number, reports: { evaluations: number; sweeps: number }) => {
    const run = tinyRun({ reports });
    run.tally.steps.training = step;
    return dueReports(run);
  };
  // Every 200 and every 150 of 600 steps.
  assert.deepEqual(dueAt(199, { evaluations: 3, sweeps: 4 }), { evaluations: 0, sweeps: 1 });
  assert.deepEqual(dueAt(200, { evaluations: 3, sweeps: 4 }), { evaluations: 1, sweeps: 1 });
  assert.deepEqual(dueAt(600, { evaluations: 0, sweeps: 0 }), { evaluations: 0, sweeps: 0 });
});

Deno.test("dueReports() gives adapted noise as many evaluations as a twentieth of the budget pays", () => {
  const dueAt = (steps: number, evaluations: number) => {
    const run = tinyRun({ ...ADAPTED, steps: 1000, reports: { evaluations, sweeps: 0 } });
    assert.equal(reportEpisodes(run.task.config), 2);
    run.tally.steps.training = steps;
    return dueReports(run).evaluations;
  };
  // 0.05 * 1000 / (2 * 10) = 2.5 evaluations: every 400 steps.
  assert.deepEqual([399, 400, 799, 800, 1000].map((steps) => dueAt(steps, 20)), [0, 1, 1, 2, 2]);
  assert.equal(dueAt(1000, 1), 1, "fewer when fewer are asked for");
});
