/** Where the curve is measured, by hand, and what that may cost. */

import assert from "node:assert/strict";
import { calibrate, highestSteps, likelyCurve } from "../../../lib/algorithm/calibrate.ts";
import { createRun } from "../../../lib/algorithm/run.ts";
import type { PartialConfig } from "../../../lib/config/config.ts";
import type { EpisodeRunner } from "../../../lib/episodes/evaluate.ts";
import type { CalibrationPoint } from "../../../lib/generator/calibration.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { models } from "../../../models/models.ts";
import type { GeneratedPolicy } from "../../../lib/policy_space.ts";
import { assertAllClose, assertClose } from "../../support/close.ts";
import { TinyEnv } from "../../support/tiny_env.ts";
import { ADAPTED, tinyConfig } from "../../support/tiny_run.ts";

const BEST = { command: 1, mean: 10, std: 1, n: 20 };

/** Points that were measured n times each, or as often as said. */
function pointsOf(
  points: readonly (readonly [command: number, mean: number, n?: number, std?: number])[],
): CalibrationPoint[] {
  return points.map(([command, mean, n = 3, std = 0]) => ({ command, mean, std, n }));
}

Deno.test("likelyCurve() pools what falls by luck, between the middles of its halves", () => {
  // Whoever was run again deviates by 2: the falls among single episodes of 6, 4, 5 and 5 are luck.
  const curve = likelyCurve(
    pointsOf([[0, 1, 4, 2], [1, 6, 1], [2, 4, 1], [3, 5, 1], [4, 5, 1], [8, 9, 4, 2]]),
  );
  // They share 5: lower half 1 and 2, upper half 3 and 4.
  assert.deepEqual(curve.map(({ command, mean, n }) => [command, mean, n]), [
    ...[[0, 1, 4], [1.5, 5, 4], [3.5, 5, 4], [8, 9, 4]],
  ]);
  // (1 + 1 + 0 + 0) / 3
  assertAllClose(curve.map(({ std }) => std), [2, Math.sqrt(2 / 3), Math.sqrt(2 / 3), 2]);
});

Deno.test("likelyCurve() falls where luck does not explain it", () => {
  // Three episodes of each command returned the same.
  const points = pointsOf([[0, 1], [1, 6], [2, 4], [3, 9]]);
  const means = likelyCurve(points).map(({ mean }) => mean);
  assert.deepEqual(likelyCurve(points).map(({ command }) => command), [0, 1, 2, 3]);
  assertAllClose([means[0], means[3]], [1, 9]);
  // 6 and 4 have 5 in common; the scatter of their pool leaves a little to luck.
  assertClose(means[1], 6, 0.1);
  assertClose(means[2], 4, 0.1);
  // With deviations of 0.7, 0.5 of variance by 3 episodes beside 6 of scatter: they keep about 0.9 of it.
  const varied = likelyCurve(pointsOf([[0, 1, 3, 0.7], [1, 6, 3, 0.7], [2, 4, 3, 0.7]]));
  assert.ok(varied[1].mean > 5.7 && varied[1].mean < 5.95, `${varied[1].mean}`);
  // Nothing else changes, and one point is one point.
  assert.deepEqual(varied.map(({ n, std }) => [n, std]), [[3, 0.7], [3, 0.7], [3, 0.7]]);
  assert.deepEqual(likelyCurve(pointsOf([[1, 5]])), pointsOf([[1, 5]]));
});

Deno.test("likelyCurve() weighs points by their episodes, and reaches as far as they do", () => {
  const curve = likelyCurve(
    pointsOf([[0, 3, 1], [1, 0, 2, 4], [2, 8, 4, 4], [3, 8, 4, 4], [4, 7, 4, 4]]),
  );
  assertAllClose(curve.map(({ mean }) => mean), [1, 1, 23 / 3, 23 / 3]);
  assert.deepEqual(curve.map(({ command }) => command), [0, 1, 2.5, 4]);
});

Deno.test("highestSteps() halves the highest steps", () => {
  const points = pointsOf([[0, 0, 1], [1, 10, 1], [2, 11, 1], [4, 40, 1]]);
  assert.deepEqual(highestSteps(points, 2), [{ command: 3 }, { command: 0.5 }]);
  // A rise of 1 of 40 is more than a hundredth, one of 1 of 110 is not.
  assert.deepEqual(highestSteps(points, 9).map(({ command }) => command), [3, 0.5, 1.5]);
  const higher = [...points, ...pointsOf([[5, 110]])];
  assert.deepEqual(highestSteps(higher, 9).map(({ command }) => command), [4.5, 3, 0.5]);
  assert.deepEqual(highestSteps(pointsOf([[0, 1]]), 2), []);
  assert.deepEqual(highestSteps(pointsOf([[0, 1], [1, 1], [2, 0]]), 2), []);
});

Deno.test("highestSteps() halves a narrow step only where both ends are sure", () => {
  const next = (low: number[], high: number[]) => {
    const [n1, s1] = low, [n2, s2] = high;
    return highestSteps(pointsOf([[0, 0, n1, s1], [0.02, 10, n2, s2], [1, 10, 9]]), 1)[0].command;
  };
  assert.equal(next([3, 1], [3, 1]), 0.01);
  // Fewer than three episodes tell nothing of luck: the end with fewer again.
  assert.equal(next([1, 0], [1, 0]), 0);
  assert.equal(next([2, 0], [1, 0]), 0.02);
  // 10 < 2 * 6.5 with what neighbours say of deviations: the end that is less sure again.
  assert.equal(next([6, 1], [3, 14]), 0.02);
  assert.equal(next([3, 14], [6, 1]), 0);
  assert.equal(next([30, 9], [3, 1]), 0.01);
  // Luck that cannot be: a step as narrow as this is a cliff.
  assert.deepEqual(highestSteps(pointsOf([[0, 0], [2 ** -13, 10], [1, 10]]), 1), []);
});

/** What episodes of a command return, given a number that says how lucky they are, and their length. */
interface Behaviour {
  readonly returnOf: (command: number, luck: number) => number;
  readonly lengthOf?: (place: number, command: number) => number;
}

/** Calibrates a run with so many steps left whose policies behave as told, and gives the run as well. */
async function calibrateRun(
  { returnOf, lengthOf = () => 10 }: Behaviour,
  { left, best = BEST, changes = ADAPTED }: {
    left: number;
    best?: CalibrationPoint;
    changes?: PartialConfig;
  },
) {
  const rng = Rng.fromSeed(1);
  let episodes = 0;
  const runner: EpisodeRunner = {
    run: (jobs) =>
      Promise.resolve(
        jobs.map(({ parameters, seeds, limit = Infinity }) =>
          Array.from(seeds, () => {
            const length = lengthOf(episodes++, parameters[0]);
            return {
              return: returnOf(parameters[0], rng.standardNormal()),
              survivalReturn: 0,
              length: Math.min(limit, length),
              terminated: length < 10 && length <= limit,
            };
          })
        ),
      ),
    close: () => Promise.resolve(),
  };
  const config = tinyConfig({ steps: 10_000, ...changes });
  const run = createRun(config, {
    ...{ env: new TinyEnv(), models, session: { threads: 1 }, makeRunner: () => runner },
  });
  run.tally.steps.training = config.steps - left;
  // A policy that is its command tells the runner which it is.
  run.tools.learner.generate = (commands) =>
    Promise.resolve(
      commands.map((command) =>
        new Float32Array(run.tools.model.parameterCount).fill(command) as GeneratedPolicy
      ),
    );
  const events = calibrate(run, best);
  let next = await events.next();
  while (!next.done) {
    const { phase, done, total } = next.value;
    assert.ok(phase === "calibrating" && done <= total);
    next = await events.next();
  }
  return { ...next.value.calibration, asked: next.value.asked, run, episodes };
}

const NOISY: Behaviour = { returnOf: (command, luck) => 10 * command + luck };

Deno.test("calibrate() spends what is left of the budget and never more, however long episodes are", async () => {
  const lengths: ((place: number) => number)[] = [
    () => 10,
    () => 1,
    (place) => place < 10 ? 1 : 10,
    (place) => 1 + (place * 7) % 10,
  ];
  for (const lengthOf of lengths) {
    const { run } = await calibrateRun({ ...NOISY, lengthOf }, { left: 300 });
    const spent = run.tally.steps.calibration;
    assert.ok(spent <= 300, `${spent} of 300`);
    // No other episode fits.
    assert.ok(spent > 300 - 10, `${spent} of 300`);
  }
});

Deno.test("calibrate() asks on for what falls early where no whole episode is left", async () => {
  // Below 0.6 episodes have a step, above it ten.
  const behaviour: Behaviour = {
    returnOf: (command) => command < 0.6 ? 5 * command : 10,
    lengthOf: (_, command) => command < 0.6 ? 1 : 10,
  };
  // Two whole ones fit, at 0 and 0.5; later ones between 0.5 and what was long are asked nearer to 0.5.
  const { points, run, episodes } = await calibrateRun(behaviour, { left: 21 });
  assert.deepEqual([0, 0.5].filter((one) => points.some(({ command }) => command === one)), [
    0,
    0.5,
  ]);
  assert.ok(points.some(({ command }) => command > 0.5 && command < 0.6), `${episodes}`);
  assert.ok(run.tally.steps.calibration <= 21);
  // Every point is a whole episode's: what was left at the limit is none.
  for (const { command, mean, n } of points) {
    if (n === 1) assertClose(mean, behaviour.returnOf(command, 0), 1e-6);
  }
  // Episodes that are never short are not begun where they do not fit.
  const long = await calibrateRun({ returnOf: (command) => 10 * command }, { left: 29 });
  assert.deepEqual([long.episodes, long.run.tally.steps.calibration], [2, 20]);
});

Deno.test("calibrate() spends its share beyond the budget where noise is fixed", async () => {
  const changes = { calibration: { budgetShare: 0.05 } };
  const { run } = await calibrateRun({ ...NOISY, lengthOf: () => 7 }, { left: 0, changes });
  const { calibration } = run.tally.steps;
  assert.ok(calibration <= 500 && calibration > 500 - 10, `${calibration} of 500`);
});

Deno.test("calibrate() quarters the range first, from its end and its middle on", async () => {
  const commandsFor = async (left: number, command: number) => {
    const best = { ...BEST, command };
    const { points, bestCommand } = await calibrateRun(
      { returnOf: (asked) => 10 * asked / command },
      { left, best },
    );
    assert.equal(bestCommand, command);
    assert.equal(points.at(-1)!.n, 20);
    return points.map((point) => point.command);
  };
  assert.deepEqual(await commandsFor(9, 1), [1]);
  assert.deepEqual(await commandsFor(19, 1), [0, 1]);
  assert.deepEqual(await commandsFor(20, 1), [0, 0.5, 1]);
  assert.deepEqual(await commandsFor(40, 0.5), [0, 0.125, 0.25, 0.375, 0.5]);
  assert.deepEqual(await commandsFor(60, 1), [0, 0.125, 0.25, 0.375, 0.5, 0.75, 1]);
});

Deno.test("calibrate() halves its way to where returns rise, and ends when it knows", async () => {
  // Flat up to 0.6, then up to 10 within a twentieth.
  const returnOf = (command: number) => 10 * Math.min(1, Math.max(0, 20 * (command - 0.6)));
  const { points, run, episodes, asked } = await calibrateRun({ returnOf }, { left: 1e6 });
  assert.ok(run.tally.steps.calibration < 10_000, `${episodes} episodes`);
  for (let wanted = 0.5; wanted < 10; wanted += 0.5) {
    const above = points.findIndex(({ mean }) => mean >= wanted);
    const [a, b] = [points[above - 1], points[above]];
    const command = a.command + (wanted - a.mean) / (b.mean - a.mean) * (b.command - a.command);
    assertClose(returnOf(command), wanted, 0.1);
  }
  assert.ok(asked.length > 4);
  for (const { requested, mean, command } of asked) {
    // The command went through float32.
    assertClose(mean, returnOf(command), 1e-4);
    assert.ok(requested >= 0 && requested <= 10);
    assertClose(mean, requested, 0.5);
  }
});

Deno.test("calibrate() leaves a cliff alone once it is narrow", async () => {
  const returnOf = (command: number) => command < 0.3 ? 0 : 10;
  const { points, episodes } = await calibrateRun({ returnOf }, {
    left: 1e6,
    best: { ...BEST, std: 0 },
  });
  const above = points.findIndex(({ mean }) => mean > 0);
  const [low, high] = [points[above - 1], points[above]];
  assert.deepEqual([low.mean, high.mean], [0, 10]);
  assert.ok(low.command < 0.3 && high.command >= 0.3 && high.command - low.command < 2 ** -11);
  assert.ok(episodes < 100, `${episodes}`);
});

Deno.test("calibrate() takes luck for no cliff", async () => {
  // Half of all episodes fail in the middle, as where the start decides.
  const returnOf = (command: number, luck: number) => 10 * command > 5 + 3 * luck ? 10 : 0;
  const { points, asked } = await calibrateRun({ returnOf }, { left: 4000 });
  // The mean return is 10 times the normal distribution of (10 c - 5) / 3: 0.5 and 2.5 at 0.5 and 0.3.
  const meanAt = (command: number) => {
    const above = points.findIndex((point) => point.command >= command);
    const [a, b] = [points[above - 1], points[above]];
    return a.mean + (command - a.command) / (b.command - a.command) * (b.mean - a.mean);
  };
  assertClose(meanAt(0.5), 5, 1.6);
  assertClose(meanAt(0.3), 2.5, 1.6);
  assertClose(meanAt(0.7), 7.5, 1.6);
  assert.ok(asked.length > 40, `${asked.length}`);
});
