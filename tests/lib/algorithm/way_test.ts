import assert from "node:assert/strict";
import {
  addMilestone,
  type Milestone,
  MOST_MILESTONES,
  recordsOf,
} from "../../../lib/algorithm/way.ts";
import type { StoredPolicy } from "../../../lib/policy_space.ts";

/** A milestone whose policy is its return. */
function milestone(value: number): Milestone {
  return { policy: Float32Array.of(value) as StoredPolicy, return: value };
}

Deno.test("addMilestone() lets the milestone go that says least, never an end", () => {
  const way: Milestone[] = [];
  for (let i = 0; i < MOST_MILESTONES; i++) addMilestone(way, milestone(i * 10));
  addMilestone(way, milestone((MOST_MILESTONES - 1) * 10 + 1));
  assert.equal(way.length, MOST_MILESTONES);
  // 2549's neighbours would be 11 apart, all others 20.
  assert.ok(!way.some((each) => each.return === (MOST_MILESTONES - 1) * 10));
  assert.deepEqual([way[0].return, way.at(-1)!.return], [0, (MOST_MILESTONES - 1) * 10 + 1]);
});

Deno.test("recordsOf() keeps what returned more than all before", () => {
  const returns = [1, 3, 3, 2, 5, 4].map(milestone);
  assert.deepEqual(recordsOf(returns).map((each) => each.return), [1, 3, 5]);
  assert.deepEqual(recordsOf([]), []);
});
