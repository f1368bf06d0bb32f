/** Where the curve is refined, by hand, and what rehearsed requests add to it. */

import assert from "node:assert/strict";
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

Deno.test("calibrate() measures the grid, then the answers to requests, and joins what it knew", async () => {
  const best = { command: 1, mean: 4, std: 1, n: 20 };
  const curveWith = async (rehearsals: number) => {
    const run = tinyRun({ calibration: { commands: 3, refinements: 0, rehearsals, episodes: 2 } });
    const { points, bestCommand, bestReturn } = await calibrate(run, best);
    await run.tools.learner.close();
    assert.equal(bestCommand, 1);
    assert.equal(points.find(({ command }) => command === 1)!.mean, bestReturn);
    return { points, steps: run.tally.steps.calibration };
  };
  const plain = await curveWith(0);
  assertAllClose(plain.points.map(({ command }) => command), [0, 0.55, 1, 1.1], {
    tolerance: 1e-12,
  });
  assert.deepEqual(plain.points.map(({ n }) => n), [2, 2, 20, 2]);
  const rehearsed = await curveWith(20);
  // Each of the three groups of requests measures some answers: two episodes of ten steps each.
  const episodes = rehearsed.points.reduce((sum, { n }) => sum + n, 0) - best.n;
  assert.ok(episodes >= 6 + 3 * 2 && episodes <= 6 + 20 * 2, `${episodes}`);
  assert.equal(rehearsed.steps, 10 * episodes);
  assert.ok(rehearsed.points.some(({ n }) => n > 2), "an answer was measured again");
  const commands = rehearsed.points.map(({ command }) => command);
  assert.deepEqual(commands, [...commands].sort((a, b) => a - b));
});
