/** How the budget is divided, by hand. */

import assert from "node:assert/strict";
import {
  attemptProgress,
  dueReports,
  fallingCosine,
  isGoalMeasurementDue,
  plannedRounds,
  spentSteps,
} from "../../../lib/algorithm/budget.ts";
import { assertAllClose, assertClose } from "../../support/close.ts";
import { TINY_ENV_SPEC } from "../../support/tiny_env.ts";
import { tinyConfig, tinyRun } from "../../support/tiny_run.ts";

/** Four attempts of 60 steps, two of them with 60 more, then one. */
const FOUR = { steps: 1000, attempts: { roundShare: 0.06 } };

Deno.test("fallingCosine() falls from 1 to 0, half of it half way, and stays at 0", () => {
  const values = [0, 0.25, 0.5, 0.75, 1, 2].map(fallingCosine);
  const root = Math.SQRT1_2;
  assertAllClose(values, [1, (1 + root) / 2, 0.5, (1 - root) / 2, 0, 0]);
});

Deno.test("plannedRounds() halves as many attempts as the budget holds until one is left", () => {
  const planned = (steps: number, roundSteps = 50) => {
    const attempts = { roundShare: roundSteps / steps };
    const config = tinyConfig({ attempts, steps, selection: { budgetShare: 0 } });
    return plannedRounds({ config, spec: TINY_ENV_SPEC });
  };
  // 50 steps and one goal in five episodes of ten make 100; four fifths of the budget pay for them.
  const sizes = [100, 240, 250, 375, 740, 750, 875, 1125].map((steps) => planned(steps));
  assert.deepEqual(sizes, [[], [], [2], [3], [3], [4, 2], [5, 2], [6, 3]]);
  assert.deepEqual(planned(1000, 0), []);
});

Deno.test("attemptProgress() goes on over an attempt's rounds and starts anew for the rest", () => {
  const run = tinyRun(FOUR);
  const at = (rounds: number, startStep: number, step: number) => {
    run.attempt.rounds = rounds;
    run.attempt.startStep = startStep;
    run.tally.steps.training = step;
    return attemptProgress(run);
  };
  assert.equal(at(0, 0, 0), 0);
  assertClose(at(0, 0, 60), 0.5);
  assertClose(at(1, 0, 60), 0.5);
  assert.equal(at(1, 0, 125), 1);
  assertClose(at(0, 130, 160), 0.25);
  assertClose(at(2, 400, 550), 0.25);
  assert.equal(at(2, 400, 1000), 1);
  assertClose(attemptProgress(tinyRun()), 0);
});

Deno.test("createRun() rejects a budget that holds no episode", () => {
  assert.throws(() => tinyRun({ steps: 10, selection: { budgetShare: 0.05 } }), {
    name: "RangeError",
    message: "Cannot create run: the budget must hold an episode of 10 steps besides what " +
      "is kept for survey and selection, at least 15 steps, got 10",
  });
  const half = { consolidation: { surveyShare: 0.5 }, selection: { budgetShare: 0 } };
  assert.throws(() => tinyRun({ steps: 19, ...half }), /at least 20 steps, got 19$/);
  assert.throws(() => tinyRun({ ...half, selection: { budgetShare: 0.5 } }), {
    name: "RangeError",
    message:
      "Cannot create run: selection.budgetShare and consolidation.surveyShare must be less " +
      "than 1 together, got 0.5 and 0.5",
  });
  assert.equal(spentSteps(tinyRun({ steps: 15 })), 0);
});

Deno.test("isGoalMeasurementDue() leaves the selection its share", () => {
  const run = tinyRun({ rollout: { noiseFreeShare: 0.9 }, selection: { budgetShare: 0.1 } });
  // Five episodes of ten steps have to fit before the last 60 of 600.
  run.tally.steps.training = 600 - 60 - 49;
  assert.equal(isGoalMeasurementDue(run), false);
  run.tally.steps.training--;
  assert.equal(isGoalMeasurementDue(run), true);
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
