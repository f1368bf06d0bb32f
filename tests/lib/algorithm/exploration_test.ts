/** Which policies a cycle runs, and who of them did better, by hand. */

import assert from "node:assert/strict";
import { winnerShares } from "../../../lib/algorithm/adapted_noise.ts";
import {
  type Compared,
  drawSiblings,
  findBetterHalf,
  findOutstanding,
  GROUP_SIZE,
} from "../../../lib/algorithm/exploration.ts";
import type { TrainingRun } from "../../../lib/algorithm/run.ts";
import type { PartialConfig } from "../../../lib/config/config.ts";
import type { GeneratedPolicy } from "../../../lib/policy_space.ts";
import { assertAllClose, assertClose } from "../../support/close.ts";
import { ADAPTED, follow, tinyRun } from "../../support/tiny_run.ts";

/** A policy large enough for statistics: 1 -> 64 -> 64 -> 1, 4,353 numbers. */
const WIDE: PartialConfig = { policy: { hiddenSizes: [64, 64] }, generator: { tileSize: 32 } };

function zeros(run: TrainingRun): GeneratedPolicy {
  return new Float32Array(run.tools.model.parameterCount) as GeneratedPolicy;
}

function spread(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((sum, x) => sum + x * x, 0) / values.length);
}

/** A run whose generator has been updated, after some episodes. */
async function trained(changes: PartialConfig): Promise<TrainingRun> {
  const run = tinyRun({ reports: { evaluations: 0, sweeps: 0 }, ...changes });
  await follow(run, () => run.tools.learner.updates > 0);
  await run.tools.learner.close();
  return run;
}

Deno.test("drawSiblings() draws one policy with the fixed sigma on every weight", async () => {
  const run = await trained({ ...WIDE, rollout: { noise: "fixed", noiseScale: 0.1 } });
  const centre = zeros(run).fill(3);
  const siblings = drawSiblings(run, centre);
  assert.equal(siblings.length, 1);
  const [{ policy, start, direction }] = siblings;
  assert.deepEqual([start, direction], [run.tally.starts, undefined]);
  const noise = policy.map((value) => value - 3);
  // 4,353 numbers: the deviation is known to one per cent.
  assertClose(spread(noise), 0.1, 0.004);
  assert.ok(Math.abs(noise.reduce((sum, x) => sum + x, 0) / noise.length) < 0.005);
  assert.deepEqual(drawSiblings(run, centre)[0].policy, policy, "the same cycle");
  run.tally.cycles++;
  assert.notDeepEqual(drawSiblings(run, centre)[0].policy, policy);
});

Deno.test("drawSiblings() runs the generator's own policy in the published warm-up", () => {
  const run = tinyRun();
  const centre = zeros(run).fill(3);
  assert.deepEqual(drawSiblings(run, centre)[0].policy, centre);
});

Deno.test("drawSiblings() draws mirrored pairs of adapted noise, in units of each weight", () => {
  const run = tinyRun({ ...ADAPTED, ...WIDE });
  const { noise } = run.experience;
  noise![0].sigma = 0.5;
  const centre = zeros(run).fill(2);
  const siblings = drawSiblings(run, centre);
  assert.equal(siblings.length, 10);
  for (let i = 0; i < siblings.length; i += 2) {
    const [one, other] = [siblings[i].policy, siblings[i + 1].policy];
    assertAllClose(one.map((value, j) => value + other[j]), zeros(run).fill(4), {
      tolerance: 1e-6,
    });
  }
  const [{ policy, direction }] = siblings;
  const { unit, explored: [explored] } = run.task;
  // The last layer: 64 units and the bias, for one action.
  assert.equal(explored.length, 65);
  const { order } = run.tools.model;
  const last = run.task.shape.parameterCount - 65;
  policy.forEach((value, place) => assert.equal(value !== 2, order[place] >= last));
  const expected = zeros(run).fill(2);
  explored.forEach((place, j) => expected[place] += 0.5 * unit[place] * direction!.shaped[j]);
  assertAllClose(policy, expected, { tolerance: 1e-6 });
  // Unit variance before, so that sigma is what a unit's input deviates by.
  const moved = siblings.flatMap((each) =>
    Array.from(explored, (place) => (each.policy[place] - 2) / unit[place])
  );
  assertClose(spread(moved), 0.5, 0.1);
  // First layer: one input and the bias, 1 / sqrt(2); the others have 65, bias included.
  const sizes = new Set([...unit].map((size) => Math.round(size ** -2)));
  assert.deepEqual([...sizes].sort(), [2, 65]);
});

Deno.test("drawSiblings() moves the linear part and the rest in turn where a policy has a skip connection", () => {
  const run = tinyRun({ ...ADAPTED, policy: { hiddenSizes: [32], skip: "linear" } });
  const { task: { explored, shape }, tools: { model: { order } } } = run;
  // One observation, 32 hidden units, one action: W1 b1 are 64 numbers, the last row 32 + 1, its bias 1.
  assert.equal(shape.parameterCount, 98);
  const placesOf = (places: Int32Array) => Array.from(places, (place) => order[place]);
  assert.deepEqual(placesOf(explored[0]).sort((a, b) => a - b), [96, 97]);
  assert.equal(new Set(explored.flatMap(placesOf)).size, 98);
  const centre = zeros(run);
  const siblings = drawSiblings(run, centre);
  siblings.forEach(({ policy, part, start }, i) => {
    assert.equal(part, Math.floor(i / 2) % 2);
    assert.equal(start, i < 4 ? 0 : 1, "both parts have every start");
    const moved = [...policy.keys()].filter((place) => policy[place] !== 0);
    assert.deepEqual(moved, [...explored[part!]].sort((a, b) => a - b));
    const mirror = siblings[i ^ 1].policy;
    assertAllClose(policy.map((value, j) => value + mirror[j]), centre, { tolerance: 1e-6 });
  });
});

Deno.test("findBetterHalf() ranks those that are asked for by how all did that started alike", () => {
  const episodes = [4, 3, 1, 0].map((value) => ({ return: value, survivalReturn: 0, start: 0 }));
  assert.deepEqual(findBetterHalf(episodes, [2, 3]), [{ place: 2, share: 1 }]);
  assert.deepEqual(findBetterHalf(episodes).map(({ place }) => place), [0, 1]);
});

Deno.test("drawSiblings() gives groups of four a start, the rest joins the last group", async () => {
  const startsOf = (run: TrainingRun) => drawSiblings(run, zeros(run)).map(({ start }) => start);
  const run = tinyRun({ ...ADAPTED, steps: 24_000 });
  assert.equal(GROUP_SIZE, 4);
  assert.deepEqual(startsOf(run), [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
  const later = await trained({ ...ADAPTED, steps: 24_000 });
  const { starts } = later.tally;
  // 24,000 steps hold 24 times a hundred episodes: six groups.
  assert.deepEqual(
    startsOf(later),
    Array.from({ length: 24 }, (_, i) => starts + Math.floor(i / 4)),
  );
});

/** Episodes that are paid nothing for being alive. */
function episodesOf(...returns: (readonly [value: number, start: number])[]): Compared[] {
  return returns.map(([value, start]) => ({ return: value, survivalReturn: 0, start }));
}

Deno.test("findBetterHalf() finds who did better than those that started alike", () => {
  // Means 2 and 100: surpluses -1, 1 and -10, 10. The worst of an easy start is no winner.
  const better = findBetterHalf(episodesOf([1, 0], [3, 0], [90, 1], [110, 1]));
  assert.deepEqual(better.map(({ place }) => place), [3, 1]);
  assertAllClose(better.map(({ share }) => share), winnerShares(4), { tolerance: 1e-12 });
});

Deno.test("findBetterHalf() gives equals equal shares, across the half's border as well", () => {
  // Surpluses 3, -1, -1, -1: one winner, and three share what is left.
  const [first, second] = winnerShares(4);
  const better = findBetterHalf(episodesOf([4, 0], [0, 0], [0, 0], [0, 0]));
  assert.deepEqual(better.map(({ place }) => place), [0, 1, 2, 3]);
  assertAllClose(better.map(({ share }) => share), [first, second / 3, second / 3, second / 3]);
});

Deno.test("findBetterHalf() points nowhere in a cycle in which all are equal", () => {
  const better = findBetterHalf(episodesOf([7, 0], [7, 0], [9, 1], [9, 1]));
  assertAllClose(better.map(({ share }) => share), [0.25, 0.25, 0.25, 0.25]);
});

Deno.test("findBetterHalf() does not depend on scale and offset of returns", () => {
  const values = [3, 1, 4, 1.5, 9, 2, 6, 5];
  const at = (scale: number, offset: number) =>
    findBetterHalf(
      episodesOf(...values.map((value, i) => [scale * value + offset, i >> 2] as const)),
    );
  // Means 2.375 and 5.5: surpluses 0.625, -1.375, 1.625, -0.875 and 3.5, -3.5, 0.5, -0.5.
  assert.deepEqual(at(1, 0).map(({ place }) => place), [4, 2, 0, 6]);
  for (const [scale, offset] of [[1e-7, 0], [1e9, 0], [1, -1e4]]) {
    assert.deepEqual(at(scale, offset), at(1, 0));
  }
});

/** Episodes from one start: [earned, paid for being alive]. */
function alive(...episodes: (readonly [earned: number, survival: number])[]): Compared[] {
  return episodes.map(([earned, survivalReturn]) => ({
    return: earned + survivalReturn,
    survivalReturn,
    start: 0,
  }));
}

const placesOf = (episodes: Compared[]) => findBetterHalf(episodes).map(({ place }) => place);

Deno.test("findBetterHalf() counts being alive up to the cycle's median where more can be earned", () => {
  // Survivals 10, 20, 30, 1000: the third of four is the median. Worths 90 + 10, 50 + 20, 50 + 30, 0 + 30.
  const standing = alive([90, 10], [50, 20], [50, 30], [0, 1000]);
  assert.deepEqual(placesOf(standing), [0, 2]);
  // The one that only stands would win by its return.
  assert.equal(standing.toSorted((a, b) => b.return - a.return)[0], standing[3]);
  // Falling early costs: 60 + 1 is less than 50 + 20, although it earned more.
  assert.deepEqual(placesOf(alive([60, 1], [50, 20], [40, 20], [0, 20])), [1, 0]);
});

Deno.test("findBetterHalf() lets being alive tell siblings apart no more than the rest does", () => {
  // Deviations 7.12 and 34.6: a life counts 0.205. Worths 14, 12.3, 22.3, 0; by returns 14, 60, 70, 0.
  assert.deepEqual(placesOf(alive([14, 0], [0, 60], [10, 60], [0, 0])), [2, 0]);
  // Where lives vary less they count whole: 14, 6, 16, 0.
  assert.deepEqual(placesOf(alive([14, 0], [0, 6], [10, 6], [0, 0])), [2, 0]);
});

Deno.test("findBetterHalf() takes returns as they are where nothing else can be earned", () => {
  assert.deepEqual(placesOf(alive([0, 10], [0, 20], [0, 30], [0, 1000])), [3, 2]);
  assert.deepEqual(placesOf(alive([-1, 10], [-2, 20], [-3, 30], [-4, 1000])), [3, 2]);
});

Deno.test("findOutstanding() finds who is further above the second than that is above the mean", () => {
  const found = (...returns: number[]) =>
    findOutstanding(episodesOf(...returns.map((value) => [value, 0] as const)));
  // The mean is 25: 85 above the second, which is 10 below the mean.
  assert.deepEqual(found(0, 100, 0, 0), { place: 1, second: 0 });
  // The mean of 2, 4, 6, 8 is 5: the best is 2 above the second, which is 1 above the mean.
  assert.deepEqual(found(2, 4, 6, 8), { place: 3, second: 2 });
  // The mean of 0, 0, 6, 8 is 3.5: 2 is less than 2.5.
  assert.equal(found(0, 0, 6, 8), undefined);
  assert.equal(found(5, 5, 5, 5), undefined, "equals do not stand out");
  assert.equal(found(0, 8, 8, 0), undefined, "nor do two");
});

Deno.test("findOutstanding() is not taken in by who stands longest", () => {
  // All live 10 steps but one, which stands for 1000 and earns nothing; another earns 9 in its 10.
  const episodes = alive([0, 1000], [9, 10], [1, 10], [1, 10]);
  assert.equal(findOutstanding(episodes)?.place, 1);
});
