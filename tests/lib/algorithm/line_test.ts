/** Which line leads to the winner, by hand, and what looking at it may cost. */

import assert from "node:assert/strict";
import { chooseLine, meanGap, policyAt } from "../../../lib/algorithm/line.ts";
import { createRun, type TrainingRun } from "../../../lib/algorithm/run.ts";
import type { EpisodeRunner } from "../../../lib/episodes/evaluate.ts";
import type { StoredPolicy } from "../../../lib/policy_space.ts";
import { models } from "../../../models/models.ts";
import { assertAllClose, assertClose } from "../../support/close.ts";
import { TinyEnv } from "../../support/tiny_env.ts";
import { ADAPTED, tinyConfig } from "../../support/tiny_run.ts";

const corners = [0, 2, 10].map((value) => Float32Array.of(value, -value) as StoredPolicy);

Deno.test("policyAt() runs through the corners of a line in equal parts", () => {
  const at = (command: number, line = corners) => policyAt(line, command)[0];
  assertAllClose([0, 0.25, 0.5, 0.75, 1].map((command) => at(command)), [0, 1, 2, 6, 10]);
  assertClose(at(0.25, [corners[0], corners[2]]), 2.5);
  assert.equal(policyAt(corners, 1)[1], -10);
});

Deno.test("meanGap() is how far requests are from the nearest return", () => {
  // Requests 0, 5, ... 100 from 0 or 100: 0, 5, ... 50, ... 5, 0.
  assertClose(meanGap([0, 100], [0, 100]), 500 / 21);
  // 0, 5, 10, 15, 20, 25, 20, ... 0 and again: 5 + 10 + 15 + 20 + 25 + 20 + 15 + 10 + 5 = 125.
  assertClose(meanGap([0, 50, 100], [0, 100]), 250 / 21);
  assert.ok(meanGap([0, 50, 100], [0, 100]) < meanGap([0, 90, 100], [0, 100]));
  // Nothing is gained beyond what is asked for.
  assert.equal(meanGap([0, 100, 300], [0, 100]), meanGap([0, 100], [0, 100]));
});

/** A run after training whose policies return what their first number leads to, and the numbers of its line. */
async function chosenLine(
  returnOf: (value: number) => number,
  { left = 10_000, way = [-4, 0], exclude = [] }: {
    left?: number;
    way?: readonly number[];
    exclude?: readonly number[];
  } = {},
) {
  const runner: EpisodeRunner = {
    run: (jobs) =>
      Promise.resolve(jobs.map(({ parameters, seeds }) =>
        Array.from(seeds, () => ({
          ...{ return: returnOf(parameters[0]), survivalReturn: 0, length: 10, terminated: false },
        }))
      )),
    close: () => Promise.resolve(),
  };
  const config = tinyConfig({ ...ADAPTED, steps: 20_000, buffer: { exclude } });
  const run = createRun(config, {
    ...{ env: new TinyEnv(), models, session: { threads: 1 }, makeRunner: () => runner },
  });
  const policyOf = (value: number) =>
    new Float32Array(run.tools.model.parameterCount).fill(value) as StoredPolicy;
  run.tally.steps.training = config.steps - left;
  for (const value of way) {
    run.experience.way.push({ policy: policyOf(value), return: returnOf(value) });
  }
  run.experience.floor = 0;
  const winner = { policy: policyOf(2), meanReturn: returnOf(2) };
  let next;
  for (const events = chooseLine(run, winner); !(next = await events.next()).done;);
  return { line: next.value.map(([value]) => value), run };
}

const spent = ({ tally }: TrainingRun) => tally.steps.noiseFree;

Deno.test("chooseLine() goes by way of the first policy where that has more to offer", async () => {
  // Nothing below 0, then up to 100: the straight line has a third of its length there, the other half.
  const { line, run } = await chosenLine((value) => 50 * Math.max(0, value), { way: [-8, 0, -1] });
  assert.deepEqual(line, [-8, 0, 2]);
  // Three places of three lines, all from one start.
  assert.deepEqual([spent(run), run.tally.noiseFreeEpisodes], [90, 1]);
});

Deno.test("chooseLine() goes straight where the first policy is a cliff", async () => {
  // Up to 100 at 0, and 100 from there on.
  const { line } = await chosenLine((value) => Math.min(100, 100 + 25 * value));
  assert.deepEqual(line, [-4, 2]);
});

Deno.test("chooseLine() goes by way of all that beat what was before, where it rose between", async () => {
  // All of the rise is between 0 and 0.2.
  const returnOf = (value: number) => 100 * Math.min(1, Math.max(0, 5 * value));
  const way = [-4, 0, 0.06, 0.04, 0.12, 1];
  const { line } = await chosenLine(returnOf, { way });
  assert.deepEqual(line.map((value) => Number(value.toFixed(2))), [-4, 0.06, 0.12, 2]);
});

Deno.test("chooseLine() without a look goes by way of what has returned something", async () => {
  const returnOf = (value: number) => 100 * Math.min(1, Math.max(0, 5 * value));
  const { line, run } = await chosenLine(returnOf, { left: 29, way: [-4, 0, 0.0625, 1] });
  assert.deepEqual(line, [-4, 0.0625, 2]);
  assert.equal(spent(run), 0);
});

Deno.test("chooseLine() takes returns that fall again for luck", async () => {
  // The straight line has a hill of 90 on its way, which falls to 0 and rises to 100 at once.
  const returnOf = (value: number) =>
    value < -0.5 ? Math.max(0, 90 - 60 * Math.abs(value + 2)) : 50 * Math.max(0, value);
  const { line } = await chosenLine(returnOf);
  assert.deepEqual(line, [-4, 0, 2]);
});

Deno.test("chooseLine() looks until half of the calibration's steps are spent, and never beyond them", async () => {
  const rising = (value: number) => 50 * Math.max(0, value);
  const way = [-8, 0, -1];
  // Three lines, ten steps each: 30, 60, ... until less than half is left, or a quarter might not be.
  const costs = [[39, 0], [40, 30], [59, 30], [61, 30], [119, 60], [120, 90], [500, 90]];
  for (const [left, cost] of costs) {
    const { run } = await chosenLine(rising, { left, way });
    assert.equal(spent(run), cost, `${left}`);
  }
  assert.deepEqual((await chosenLine(rising, { left: 29, way })).line, [-8, 2]);
});

Deno.test("chooseLine() has no corner in an excluded band", async () => {
  // 0.06 and 0.12 return 30 and 60.
  const returnOf = (value: number) => 100 * Math.min(1, Math.max(0, 5 * value));
  const way = [-4, 0, 0.06, 0.04, 0.12, 1];
  const shown = (line: readonly number[]) => line.map((value) => Number(value.toFixed(2)));
  const { line } = await chosenLine(returnOf, { way, exclude: [50, 70] });
  assert.deepEqual(shown(line), [-4, 0.06, 2]);
  // Nothing is left but the winner.
  const none = await chosenLine(returnOf, { way: [-4, 0], exclude: [-1, 70] });
  assert.deepEqual(shown(none.line), [2, 2]);
});
