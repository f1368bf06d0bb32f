/** Where the curve is refined, by hand, and what rehearsed requests add to it. */

import assert from "node:assert/strict";
import { drain } from "../../support/drain.ts";
import { calibrate, steepestMidpoints } from "../../../lib/algorithm/calibrate.ts";
import { assertAllClose } from "../../support/close.ts";
import { tinyRun } from "../../support/tiny_run.ts";

Deno.test("steepestMidpoints() halves the steps of greatest rise", () => {
  const points = [[0, 0], [1, 10], [2, 11], [4, -20]]
    .map(([command, mean]) => ({ command, mean, std: 0, n: 1 }));
  // Rises 10, 1 and 31.
  assertAllClose(steepestMidpoints(points, 2), [3, 0.5]);
  // A rise of 1 of 31 is more than a fiftieth, one of 1 of 60 is not.
  assertAllClose(steepestMidpoints(points, 9), [3, 0.5, 1.5]);
  const higher = [...points, { ...points[3], command: 5, mean: 40 }];
  assertAllClose(steepestMidpoints(higher, 9), [4.5, 3, 0.5]);
  assert.deepEqual(steepestMidpoints(points.slice(0, 1), 2), []);
});

Deno.test("calibrate() measures the grid, halves steep steps, and joins answers to what it knew", async () => {
  const best = { command: 1, mean: 4, std: 1, n: 20 };
  const run = tinyRun({ calibration: { commands: 5, episodes: 2 } });
  const { calibration, asked } = await drain(calibrate(run, best));
  const { points, bestCommand, bestReturn } = calibration;
  await run.tools.learner.close();
  assert.equal(bestCommand, 1);
  assert.equal(points.find(({ command }) => command === 1)!.mean, bestReturn);
  const commands = points.map(({ command }) => command);
  assert.deepEqual(commands, commands.toSorted((a, b) => a - b));
  for (const grid of [0, 0.275, 0.55, 0.825, 1.1]) {
    assert.ok(commands.some((command) => Math.abs(command - grid) < 1e-12), `${grid}`);
  }
  // Two episodes of ten steps for each of the grid, of at most four midpoints and of eight answers.
  const episodes = points.reduce((sum, { n }) => sum + n, 0) - best.n;
  assert.equal(run.tally.steps.calibration, 10 * episodes);
  assert.ok(episodes > 2 * 5 && episodes <= 2 * (5 + 4 + 8), `${episodes}`);
  assert.ok(
    points.some(({ n, command }) => n > 2 && command !== 1),
    "an answer was measured again",
  );
  // Twice as many requests as the grid has steps, each met by the fresh episodes of its answer alone.
  assert.equal(asked.length, 8);
  assert.ok(asked.every(({ n }) => n === 2));
  assert.ok(asked.every(({ command }) => commands.includes(command)));
});
