import assert from "node:assert/strict";
import {
  addMilestone,
  type Milestone,
  MOST_MILESTONES,
  stationsOf,
} from "../../../lib/algorithm/way.ts";
import type { StoredPolicy } from "../../../lib/policy_space.ts";
import { assertAllClose } from "../../support/close.ts";

/** A milestone whose policy is its return, or its place on the way. */
function milestone(value: number, place = value): Milestone {
  return { policy: Float32Array.of(place) as StoredPolicy, return: value };
}

function wayOf(returns: readonly number[]): Milestone[] {
  return returns.map((value, place) => milestone(value, place));
}

Deno.test("stationsOf() gives shares of the rise, and a detour ends where its stage does", () => {
  // Rising blocks of -10, 0, 20, 10, 30: -10, 0, (20, 10) = 15, 30; a rise of 40.
  const stations = stationsOf(wayOf([-10, 0, 20, 10, 30]));
  assert.deepEqual(stations.map(({ command }) => command), [0, 0.25, 0.625, 1]);
  assert.deepEqual(stations.map(({ policy }) => policy[0]), [0, 1, 3, 4]);
});

Deno.test("stationsOf() does not depend on scale and offset of returns", () => {
  const returns = [-1, 4, 3, 9];
  const commands = stationsOf(wayOf(returns)).map(({ command }) => command);
  for (const [scale, offset] of [[1e-7, 0], [1e9, 0], [1, -1e4]]) {
    const moved = stationsOf(wayOf(returns.map((value) => scale * value + offset)));
    assertAllClose(moved.map(({ command }) => command), commands, { tolerance: 1e-9 });
  }
});

Deno.test("stationsOf() has one station, the last policy, where nothing rose", () => {
  for (const returns of [[2], [2, 2], [3, 2]]) {
    const [station, ...others] = stationsOf(wayOf(returns));
    assert.deepEqual([station.command, station.policy[0]], [1, returns.length - 1]);
    assert.deepEqual(others, []);
  }
});

Deno.test("addMilestone() lets the milestone go that says least, never an end", () => {
  const way: Milestone[] = [];
  for (let i = 0; i < MOST_MILESTONES; i++) addMilestone(way, milestone(i * 10));
  addMilestone(way, milestone((MOST_MILESTONES - 1) * 10 + 1));
  assert.equal(way.length, MOST_MILESTONES);
  // 2549's neighbours would be 11 apart, all others 20.
  assert.ok(!way.some((each) => each.return === (MOST_MILESTONES - 1) * 10));
  assert.deepEqual([way[0].return, way.at(-1)!.return], [0, (MOST_MILESTONES - 1) * 10 + 1]);
});
