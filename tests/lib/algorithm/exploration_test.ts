/** Exploration noise by its statistics, and how its size adapts. */

import assert from "node:assert/strict";
import type { PartialConfig } from "../../../lib/config/config.ts";
import { adaptNoise, addNoise, type NoiseKind } from "../../../lib/algorithm/exploration.ts";
import type { TrainingRun } from "../../../lib/algorithm/run.ts";
import type { GeneratedPolicy } from "../../../lib/policy_space.ts";
import { assertAllClose, assertClose } from "../../support/close.ts";
import { tinyRun } from "../../support/tiny_run.ts";

/** A run with a policy large enough for statistics: 1 -> 64 -> 64 -> 1. */
function wideRun(
  rollout: NonNullable<PartialConfig["rollout"]>,
  changes: PartialConfig = {},
): TrainingRun {
  return tinyRun({
    policy: { hiddenSizes: [64, 64] },
    generator: { tileSize: 32 },
    rollout,
    ...changes,
  });
}

function zeros(run: TrainingRun): GeneratedPolicy {
  return new Float32Array(run.tools.model.parameterCount) as GeneratedPolicy;
}

/** The noise on a policy of zeros in one episode, in policy order. */
function noiseOf(run: TrainingRun, episode = 0): Float32Array {
  run.tally.episodes = episode;
  const row = zeros(run);
  addNoise(run, row);
  const noise = new Float32Array(row.length);
  run.tools.model.order.forEach((place, i) => noise[place] = row[i]);
  return noise;
}

function spread(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

Deno.test("addNoise() gives every weight the fixed sigma", () => {
  const noise = noiseOf(wideRun({ noiseScale: 0.1 }));
  // 4,353 numbers: the deviation is known to one per cent.
  assertClose(spread(noise), 0.1, 0.004);
  assert.ok(Math.abs(noise.reduce((sum, x) => sum + x, 0) / noise.length) < 0.005);
});

Deno.test("addNoise() repeats itself in the same episode and differs in another", () => {
  const run = wideRun({});
  assert.deepEqual(noiseOf(run, 3), noiseOf(run, 3));
  assert.notDeepEqual(noiseOf(run, 4), noiseOf(run, 3));
});

Deno.test("addNoise() explores at many scales when the noise has a spread", () => {
  const run = wideRun({ noiseSpread: 1 });
  const logs = Array.from({ length: 60 }, (_, i) => Math.log(spread(noiseOf(run, i)) / 0.1));
  const mean = logs.reduce((sum, x) => sum + x, 0) / logs.length;
  const deviation = Math.sqrt(logs.reduce((sum, x) => sum + (x - mean) ** 2, 0) / logs.length);
  assertClose(mean, 0, 0.5);
  assertClose(deviation, 1, 0.35);
});

Deno.test("addNoise() lets the noise fall to its final share over the budget", () => {
  const run = wideRun({ finalNoiseShare: 0.2 });
  assertClose(spread(noiseOf(run)), 0.1, 0.004);
  run.tally.steps.training = run.task.config.steps;
  assertClose(spread(noiseOf(run)), 0.02, 0.001);
  run.tally.steps.training = run.task.config.steps / 2;
  // Half of the cosine: 0.2 + 0.8 / 2.
  assertClose(spread(noiseOf(run)), 0.06, 0.003);
});

Deno.test("addNoise() leaves weights no larger than the limit, or than they were", () => {
  const sizeAfter = (before: number, weightLimit: number) => {
    const run = wideRun({ noiseScale: 3, noiseSpread: 0, weightLimit });
    const row = zeros(run).fill(before);
    addNoise(run, row);
    return spread(row);
  };
  assertClose(sizeAfter(0.5, 1), 1, 1e-6); // would be the root of 0.25 + 9
  assertClose(sizeAfter(2, 1), 2, 1e-6);
  assertClose(sizeAfter(4, 6), 5, 0.1); // the root of 16 + 9 is below the limit
  assertClose(sizeAfter(4, 0), 5, 0.1);
});

Deno.test("addNoise() scales a policy down without turning it", () => {
  const [free, limited] = [0, 0.2].map((weightLimit) =>
    noiseOf(wideRun({ noiseScale: 1, noiseSpread: 0, weightLimit }))
  );
  const factor = 0.2 / spread(free);
  assertAllClose(limited, free.map((value) => value * factor), { tolerance: 1e-6 });
});

Deno.test("addNoise() starts anew with every attempt", () => {
  const attempts = { roundShare: 0.2 };
  const run = wideRun({ finalNoiseShare: 0 }, { attempts, steps: 1000 });
  const sigmaAt = (step: number) => {
    run.tally.steps.training = step;
    return spread(noiseOf(run));
  };
  assertClose(sigmaAt(0), 0.1, 0.004);
  assertClose(sigmaAt(100), 0.05, 0.002);
  assert.ok(sigmaAt(200) < 1e-5);
  run.attempt.startStep = 210;
  assertClose(sigmaAt(210), 0.1, 0.004);
  // The last one has all the rest.
  run.attempt.rounds = 1;
  run.attempt.startStep = 420;
  assertClose(sigmaAt(710), 0.05, 0.002);
  assert.ok(sigmaAt(1000) < 1e-5);
});

Deno.test("addNoise() explores finely in four of five late rollouts", () => {
  const run = wideRun({ lateFrom: 0.5, finalNoiseShare: 0.1, noiseSpread: 1 });
  run.attempt.noiseFactor = 1e-9;
  const kindsAt = (step: number) => {
    run.tally.steps.training = step;
    return Array.from({ length: 200 }, (_, episode) => {
      run.tally.episodes = episode;
      const row = zeros(run);
      const kind = addNoise(run, row);
      assert.equal(spread(row) > 1e-6, kind === "fine", "fine noise has a factor of its own");
      return kind;
    });
  };
  assert.ok(kindsAt(299).every((kind) => kind === "wide"));
  const fine = kindsAt(300).filter((kind) => kind === "fine").length;
  // Binomial: 160 +- 6.
  assert.ok(fine > 142 && fine < 178, `${fine}`);
  // At the end of the budget fine noise has not faded; its logarithm deviates by half of the spread.
  run.tally.steps.training = 600;
  const logs = Array.from({ length: 200 }, (_, i) => Math.log(spread(noiseOf(run, i)) / 0.1))
    .filter((log) => log > -9);
  assertClose(logs.reduce((sum, log) => sum + log, 0) / logs.length, 0, 0.15);
  assertClose(Math.sqrt(logs.reduce((sum, log) => sum + log ** 2, 0) / logs.length), 0.5, 0.1);
});

Deno.test("addNoise() multiplies sigma by the factor that it adapted to", () => {
  const run = wideRun({});
  run.attempt.noiseFactor = 3;
  assertClose(spread(noiseOf(run)), 0.3, 0.012);
});

/** The noise factor after episodes of these scaled returns, from 0.2 for random policies to 1. */
function factorAfter(
  returns: readonly number[],
  successShare: number,
  kind: NoiseKind = "wide",
): number {
  const run = tinyRun({ rollout: { successShare } });
  run.attempt.startReturn = 0.2;
  const goals = [0.9, 1.1].map((goal) => ({ scaledReturn: goal, asked: 0, answered: 0 }));
  for (const scaledReturn of returns) adaptNoise(run, { kind, scaledReturn, goals });
  const { noiseFactor, fineFactor } = run.attempt;
  assert.equal(kind === "wide" ? fineFactor : noiseFactor, 1, "the other kind stays");
  return kind === "wide" ? noiseFactor : fineFactor;
}

Deno.test("adaptNoise() grows with successes, shrinks with failures and rests at the share", () => {
  // Half of the way from 0.2 to 1 is 0.6.
  assertClose(factorAfter([0.61], 0.25), Math.exp(0.075));
  assertClose(factorAfter([0.59], 0.25), Math.exp(-0.025));
  assertClose(factorAfter([0.9, 0, 0.1, 0.5], 0.25), 1);
  // Nine tenths of it are 0.92.
  assertClose(factorAfter([0.91], 0.25, "fine"), Math.exp(-0.025));
  assertClose(factorAfter([0.93], 0.25, "fine"), Math.exp(0.075));
  assert.equal(factorAfter([1, 0, 1], 0), 1, "a share of 0 turns it off");
});

Deno.test("adaptNoise() keeps the noise within a tenth and five times its size", () => {
  assert.equal(factorAfter(new Array(100).fill(1), 0.25), 5);
  assert.equal(factorAfter(new Array(200).fill(0), 0.25), 0.1);
});

Deno.test("adaptNoise() lets the noise grow where every return is the same", () => {
  const run = tinyRun({ rollout: { successShare: 0.25 } });
  run.attempt.startReturn = 0.4;
  adaptNoise(run, {
    kind: "wide",
    scaledReturn: 0.4,
    goals: [{ scaledReturn: 0.4, asked: 0, answered: 0 }],
  });
  assert.ok(run.attempt.noiseFactor > 1);
});
