/** When search goes back, and where to. */

import assert from "node:assert/strict";
import { goBack, isLost } from "../../../lib/algorithm/lost_search.ts";
import type { TrainingRun } from "../../../lib/algorithm/run.ts";
import type { StoredPolicy } from "../../../lib/policy_space.ts";
import { ADAPTED, tinyRun } from "../../support/tiny_run.ts";

/** A run of linear policies whose whole cycles reached these returns, the first after two that do not count. */
function runAfter(reached: readonly number[]): TrainingRun {
  const run = tinyRun({ ...ADAPTED, policy: { hiddenSizes: [] } });
  run.experience.reached.push(100, 0, ...reached);
  run.experience.lost = 2;
  return run;
}

// Two means of 9 and 5 with standard errors of 0.58: a fall of 4.9 of the difference's.
const FALLING = [8, 9, 10, 4, 5, 6];

Deno.test("isLost() finds cycles whose returns have clearly fallen", () => {
  assert.equal(isLost(runAfter(FALLING)), true);
  assert.equal(isLost(runAfter(FALLING.toReversed())), false, "they rise");
  assert.equal(isLost(runAfter([8, 9, 10, 7, 8, 9])), false, "by 1.2 standard errors");
  assert.equal(isLost(runAfter(FALLING.slice(1))), false, "too few to tell");
  assert.equal(isLost(runAfter([7, 7, 7, 7, 7, 7])), false, "nothing changes");
  const ofParts = runAfter(FALLING);
  ofParts.experience.horizon.since = 1;
  assert.equal(isLost(ofParts), false, "nothing new is known of whole episodes");
});

Deno.test("isLost() does not depend on the scale of returns nor on where they begin", () => {
  for (const [scale, shift] of [[1e-7, 0], [1e9, 0], [1, 1e6], [3, -50]]) {
    assert.equal(isLost(runAfter(FALLING.map((value) => scale * value + shift))), true);
  }
});

Deno.test("goBack() follows the best place that was measured, with noise of half the size that has learnt nothing", () => {
  const run = runAfter(FALLING);
  const { experience, experience: { way, noise } } = run;
  const place = (value: number) => Float32Array.of(value, value) as StoredPolicy;
  // The first is the worst policy of the first cycle, whatever it returned. Cycles of parts know no return of their own.
  [[0, 100], [1, 8], [2, 10], [3, 10], [4, 5]].forEach(([value, result]) =>
    way.push({ policy: place(value), return: result })
  );
  Object.assign(noise![0], { sigma: 0.3, cycles: 7 });
  noise![0].sizePath.fill(1);
  goBack(run);
  assert.deepEqual([...experience.followed!], [2, 2]);
  assert.deepEqual(noise!.map(({ sigma, largest, cycles }) => [sigma, largest, cycles]), [
    [0.175, 0.175, 0],
  ]);
  assert.ok(noise![0].sizePath.every((value) => value === 0));
  assert.equal(isLost(run), false, "what was before no longer counts");
  goBack(run);
  assert.equal(noise![0].largest, 0.0875);
});
