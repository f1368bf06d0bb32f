/** What a candidate's episodes say of its mean. */

import assert from "node:assert/strict";
import { Trial } from "../../../lib/generator/trial.ts";
import type { PolicyParameters } from "../../../lib/policy_space.ts";
import { assertClose } from "../../support/close.ts";

function trialOf(...returns: number[]): Trial {
  const parameters = Float32Array.of(0.5) as PolicyParameters;
  const trial = new Trial({ command: 0.5, parameters, isGenerated: true });
  trial.add(returns.map((value) => ({
    return: value,
    survivalReturn: 0,
    length: 1,
    terminated: true,
  })));
  return trial;
}

Deno.test("Trial.side() is 0 where the wanted return lies within the interval", () => {
  // Mean 10, deviation 1, n = 2: 12.7062 / sqrt(2) * sqrt(2) = 12.7062 either way.
  const trial = trialOf(9, 11);
  assert.deepEqual([-3, 10, 23].map((wanted) => trial.side(wanted)), [1, 0, -1]);
  assertClose(trial.reach(0), 10 + 12.7062, 1e-3);
});

Deno.test("Trial.reach() of one episode is that episode's distance", () => {
  assert.equal(trialOf(7).reach(10), 3);
  assert.equal(trialOf(7).side(10), -1);
});

Deno.test("Trial.missing() grows with the square of the interval and is endless outside", () => {
  const trial = trialOf(9, 11);
  // Half of the interval is 12.7062, twice the room of 6.3531: four times the episodes.
  assertClose(trial.missing({ requested: 10, tolerance: 6.3531 }, 0), 6, 1e-3);
  assert.equal(trial.missing({ requested: 20, tolerance: 5 }, 0), Infinity);
  assert.equal(trialOf(10, 10, 10).missing({ requested: 10, tolerance: 1 }, 20), 17);
});

Deno.test("Trial.add() counts further episodes into the mean", () => {
  const trial = trialOf(1, 2);
  assert.equal(trial.measured.mean, 1.5);
  trial.add([{ return: 6, survivalReturn: 0, length: 1, terminated: true }]);
  assert.deepEqual([trial.count, trial.measured.mean], [3, 3]);
});
