/** What requests are told to expect, against what happens to them in worlds that the calibration saw little of. */

import assert from "node:assert/strict";
import { likelyCurve } from "../../../lib/algorithm/calibrate.ts";
import { answerRequest, type Request } from "../../../lib/generator/answer.ts";
import type { CalibrationPoint } from "../../../lib/generator/calibration.ts";
import { expectAnswer, type Expectation } from "../../../lib/generator/expectation.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { summarise } from "../../../lib/numbers/statistics.ts";
import { fakeGenerator, fakeRunner } from "../../support/fake_generator.ts";

const REQUESTS = 200;
const POINTS = 16;
const OPTIONS = { episodes: 10, episodeBudget: 200 };

/** A rising curve with a cliff somewhere; policies differ from their neighbours, and in how wild they are. */
function drawWorld(rng: Rng) {
  const cliff = rng.uniform(0.2, 0.8);
  const wildness = rng.uniform(2, 25);
  const deviation = (command: number) => wildness * (0.3 + Math.sin(3 * command) ** 2);
  const truth = (command: number) =>
    60 * command + 40 / (1 + Math.exp(-40 * (command - cliff))) +
    0.8 * deviation(command) * Math.sin(300 * command);
  const points = Array.from({ length: POINTS }, (_, i): CalibrationPoint => {
    const command = i / (POINTS - 1);
    const returns = Array.from(
      { length: i === POINTS - 1 ? 20 : 4 },
      () => truth(command) + deviation(command) * rng.standardNormal(),
    );
    return { command, ...summarise(returns) };
  });
  const curve = likelyCurve(points);
  const best = curve[curve.length - 1];
  const generator = fakeGenerator([[best.command, best.mean]]);
  const calibration = { ...generator.calibration, points: curve };
  return { generator: { ...generator, calibration }, runner: fakeRunner(truth, { deviation }) };
}

interface Outcome {
  readonly expected: Expectation;
  readonly met: boolean;
  readonly episodes: number;
}

async function playRequests(aim: Request["aim"]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let seed = 0; seed < REQUESTS; seed++) {
    const rng = Rng.fromSeed([3, seed]);
    const { generator, runner } = drawWorld(rng);
    const request = {
      requested: aim === "atLeast" ? rng.uniform(70, 120) : rng.uniform(-10, 110),
      tolerance: rng.uniform(2, 12),
      aim,
    };
    const options = { ...OPTIONS, seed };
    const expected = await expectAnswer(generator, request, options);
    const { met } = await answerRequest(generator, request, { ...options, runner });
    outcomes.push({ expected, met, episodes: runner.episodes });
  }
  return outcomes;
}

const mean = (numbers: readonly number[]) => summarise(numbers).mean;

/** How far shares that were met are from what had been expected, over four bins of it, by their sizes. */
function miscalibration(outcomes: readonly Outcome[]): number {
  let total = 0;
  for (let bin = 0; bin < 4; bin++) {
    const inside = outcomes.filter(({ expected: { probability } }) =>
      Math.min(3, Math.floor(4 * probability)) === bin
    );
    if (inside.length === 0) continue;
    const expected = mean(inside.map((each) => each.expected.probability));
    total += inside.length * Math.abs(expected - mean(inside.map(({ met }) => Number(met))));
  }
  return total / outcomes.length;
}

for (const aim of ["within", "answer", "atLeast"] as const) {
  Deno.test(`expectAnswer() is calibrated over many requests: ${aim}`, async () => {
    const outcomes = await playRequests(aim);
    const miss = miscalibration(outcomes);
    assert.ok(miss < 0.1, `${miss}`);
    // It tells requests apart: better than the share of all that are met.
    const share = mean(outcomes.map(({ met }) => Number(met)));
    assert.ok(share > 0.15 && share < 0.85, `${share}`);
    const score = mean(
      outcomes.map(({ expected, met }) => (expected.probability - Number(met)) ** 2),
    );
    assert.ok(score < 0.8 * share * (1 - share), `${score} of ${share * (1 - share)}`);
    // The same measure refuses what is sure of everything.
    const sure = outcomes.map((each) => ({
      ...each,
      expected: { ...each.expected, probability: 1 },
    }));
    assert.ok(miscalibration(sure) > 0.1);
    const inside = outcomes.filter(({ expected: { range: [low, high] }, episodes }) =>
      episodes >= low && episodes <= high
    );
    assert.ok(inside.length >= 0.7 * REQUESTS, `${inside.length} of ${REQUESTS} within the range`);
  });
}

Deno.test("expectAnswer() says what is out of reach and what one measurement answers", async () => {
  const generator = fakeGenerator(Array.from({ length: 11 }, (_, i) => [i / 10, 10 * i] as const));
  const ask = (requested: number) =>
    expectAnswer(generator, { requested, tolerance: 5, aim: "answer" }, { ...OPTIONS, seed: 1 });
  assert.deepEqual(await ask(40), {
    reachable: true,
    episodes: 10,
    range: [10, 10],
    probability: 1,
  });
  const { reachable, probability } = await ask(120);
  assert.deepEqual([reachable, probability], [false, 0]);
});
