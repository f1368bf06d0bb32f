/** Where the curve is measured, by hand, and what that may cost. */

import assert from "node:assert/strict";
import { calibrate, steepestMidpoints } from "../../../lib/algorithm/calibrate.ts";
import { createRun, type RunParts } from "../../../lib/algorithm/run.ts";
import type { PartialConfig } from "../../../lib/config/config.ts";
import type { EpisodeRunner } from "../../../lib/episodes/evaluate.ts";
import { models } from "../../../models/models.ts";
import { assertAllClose } from "../../support/close.ts";
import { TinyEnv } from "../../support/tiny_env.ts";
import { ADAPTED, tinyConfig } from "../../support/tiny_run.ts";

const BEST = { command: 1, mean: 10, std: 1, n: 20 };

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

/** Episodes whose length, and return, follow the place among those that were asked for. */
function runnerOf(lengthOf: (place: number) => number): EpisodeRunner & { lengths: number[] } {
  const lengths: number[] = [];
  return {
    lengths,
    run(jobs) {
      return Promise.resolve(jobs.map(({ seeds }) =>
        seeds.map(() => {
          const length = lengthOf(lengths.length);
          lengths.push(length);
          return { return: length, survivalReturn: 0, length, terminated: false };
        })
      ));
    },
    close: () => Promise.resolve(),
  };
}

/** Measures the curve, and gives it with how its rehearsed requests were met. */
async function measureCurve(...args: Parameters<typeof calibrate>) {
  const events = calibrate(...args);
  let next = await events.next();
  while (!next.done) {
    const { phase, done, total } = next.value;
    assert.ok(phase === "calibrating" && done <= total);
    next = await events.next();
  }
  const { calibration, asked } = next.value;
  return { ...calibration, asked };
}

/** A run after its training, with so many steps left for the calibration. */
function trained(changes: PartialConfig, { left, ...parts }: Partial<RunParts> & { left: number }) {
  const config = tinyConfig({ steps: 10_000, ...changes });
  const run = createRun(config, {
    ...{ env: new TinyEnv(), models, session: { threads: 1 } },
    ...parts,
  });
  run.tally.steps.training = config.steps - left;
  run.tally.episodes = 1000;
  return run;
}

Deno.test("calibrate() spends what is left of the budget and never more, however long episodes are", async () => {
  const lengths: ((place: number) => number)[] = [
    () => 10,
    () => 1,
    (place) => place < 10 ? 1 : 10,
    (place) => 1 + (place * 7) % 10,
  ];
  for (const lengthOf of lengths) {
    const runner = runnerOf(lengthOf);
    const run = trained(ADAPTED, { left: 300, runner });
    await measureCurve(run, BEST);
    await run.tools.learner.close();
    const spent = run.tally.steps.calibration;
    assert.equal(spent, runner.lengths.reduce((sum, length) => sum + length, 0));
    assert.ok(spent <= 300, `${spent} of 300`);
    // No two episodes of a command fit any more.
    assert.ok(spent > 300 - 2 * 10, `${spent} of 300`);
  }
});

Deno.test("calibrate() spends its share beyond the budget where noise is fixed", async () => {
  const run = trained({ calibration: { budgetShare: 0.05 } }, {
    left: 0,
    runner: runnerOf(() => 7),
  });
  await measureCurve(run, BEST);
  await run.tools.learner.close();
  const { calibration } = run.tally.steps;
  assert.ok(calibration <= 500 && calibration > 500 - 20, `${calibration} of 500`);
});

Deno.test("calibrate() spans the range with whatever it can pay for, coarse steps first", async () => {
  const commandsFor = async (left: number, command: number) => {
    const run = trained(ADAPTED, { left });
    const { points, bestCommand } = await measureCurve(run, { ...BEST, command });
    await run.tools.learner.close();
    assert.equal(bestCommand, command);
    assert.ok(points.at(-1)!.n >= 20);
    return points.map((point) => point.command);
  };
  const hasAll = (commands: number[], wanted: number[]) =>
    assert.deepEqual(wanted.filter((command) => !commands.includes(command)), []);
  // Two episodes of ten steps for each command; the grid has half of what is left.
  assert.deepEqual(await commandsFor(19, 1), [1]);
  assert.deepEqual(await commandsFor(20, 1), [0, 1]);
  hasAll(await commandsFor(80, 1), [0, 0.5, 1]);
  hasAll(await commandsFor(160, 1), [0, 0.25, 0.5, 0.75, 1]);
  hasAll(await commandsFor(120, 0.8), [0, 0.2, 0.4, 0.8]);
  hasAll(await commandsFor(640, 1), Array.from({ length: 17 }, (_, i) => i / 16));
});

Deno.test("calibrate() halves steep steps, and joins answers to what it knew of their commands", async () => {
  const run = trained(ADAPTED, { left: 4000 });
  const { points, bestReturn, asked } = await measureCurve(run, { ...BEST, mean: 4 });
  await run.tools.learner.close();
  assert.ok(points.length > 17, "between the commands of the grid");
  assert.equal(points.at(-1)!.mean, bestReturn);
  const commands = points.map(({ command }) => command);
  assert.deepEqual(commands, commands.toSorted((a, b) => a - b));
  assert.equal(new Set(commands).size, commands.length);
  const episodes = points.reduce((sum, { n }) => sum + n, 0) - BEST.n;
  assert.equal(run.tally.steps.calibration, 10 * episodes);
  assert.ok(points.some(({ n }) => n > 2 && n < 20), "an answer was measured again");
  assert.ok(asked.length > 10);
  const means = points.map(({ mean }) => mean);
  for (const { requested, n } of asked) {
    assert.ok(requested >= Math.min(...means) - 1 && requested <= Math.max(...means) + 1);
    assert.equal(n, 2, "what it returned then");
  }
});
