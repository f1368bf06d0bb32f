/** What a policy promises, by simulation on curves with known answers. */

import assert from "node:assert/strict";
import { findPolicy } from "../../../lib/generator/find_policy.ts";
import { measureReturn } from "../../../lib/episodes/evaluate.ts";
import {
  countReached,
  describeProof,
  keepsPromise,
  provePolicy,
  readPromise,
} from "../../../lib/generator/proof.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { fakeGenerator, fakeRunner } from "../../support/fake_generator.ts";

const REQUESTS = 1000;
/** The truth lies off the calibration, so that the search has to look. */
const truth = (command: number) => 100 * command + 8 * Math.sin(12 * command);
const GENERATOR = fakeGenerator(Array.from({ length: 11 }, (_, i) => [i / 10, 10 * i] as const));

interface Outcome {
  readonly searchCovers: boolean;
  readonly proofCovers: boolean;
  readonly accepted: boolean;
  readonly near: boolean;
}

interface Case {
  readonly deviation: number;
  readonly tolerance: number;
  readonly episodes: number;
  readonly episodeBudget: number;
}

async function request(
  seed: number,
  { deviation, tolerance, ...effort }: Case,
): Promise<Outcome> {
  const runner = fakeRunner(truth, { deviation });
  const requested = Rng.fromSeed(seed).uniform(10, 90);
  const found = await findPolicy(GENERATOR, { ...effort, requested, tolerance, seed, runner });
  const mean = truth(found.parameters[0]);
  const { normaliser } = GENERATOR;
  const episodes = found.measured.n;
  const proof = await provePolicy(found.parameters, { normaliser, runner, episodes, seed });
  const covers = ([low, high]: readonly [number, number]) => low <= mean && mean <= high;
  return {
    searchCovers: covers(found.measured.ci95),
    proofCovers: covers(proof.ci95),
    accepted: found.accepted && Math.abs(proof.mean - requested) <= tolerance,
    near: Math.abs(mean - requested) <= tolerance,
  };
}

async function simulate(conditions: Case) {
  const outcomes: Outcome[] = [];
  for (let seed = 0; seed < REQUESTS; seed++) outcomes.push(await request(seed, conditions));
  return outcomes;
}

function shareOf(outcomes: readonly Outcome[], key: keyof Outcome): number {
  return outcomes.filter((outcome) => outcome[key]).length / outcomes.length;
}

/** 95 % of 1000 intervals has a deviation of 0.7 %: two of them below. */
const LEAST_COVERED = 0.936;

Deno.test("provePolicy() gives intervals that hold the mean, of accepted policies within the tolerance", async () => {
  const outcomes = await simulate({
    deviation: 10,
    tolerance: 6,
    episodes: 10,
    episodeBudget: 600,
  });
  const covered = shareOf(outcomes, "proofCovers");
  assert.ok(covered >= LEAST_COVERED, `${covered}`);
  const accepted = outcomes.filter((outcome) => outcome.accepted);
  assert.ok(accepted.length > 0.9 * REQUESTS, `${accepted.length} accepted`);
  assert.ok(shareOf(accepted, "near") >= 0.95);
});

Deno.test("provePolicy() gives intervals that hold the mean where those of the search do not", async () => {
  // Returns so wild that the search chooses among luck.
  const outcomes = await simulate({
    deviation: 30,
    tolerance: 6,
    episodes: 5,
    episodeBudget: 200,
  });
  assert.ok(shareOf(outcomes, "proofCovers") >= LEAST_COVERED);
  assert.ok(shareOf(outcomes, "searchCovers") < LEAST_COVERED);
});

Deno.test("provePolicy() runs other episodes than the search did", async () => {
  const runner = fakeRunner(truth, { deviation: 1 });
  const options = { requested: 40, episodes: 10, episodeBudget: 200, seed: 3, runner };
  const found = await findPolicy(GENERATOR, { ...options, tolerance: 5 });
  const { normaliser } = GENERATOR;
  const proof = await provePolicy(found.parameters, { normaliser, runner, episodes: 10, seed: 3 });
  assert.deepEqual(proof.seeds.filter((seed) => found.measured.seeds.includes(seed)), []);
});

Deno.test("describeProof() says in a sentence what a file promises", () => {
  assert.equal(
    describeProof({ mean: 151, n: 20, ci95: [148, 154] }),
    "returned 151 on average in 20 fresh episodes that no search had seen; its mean return lies " +
      "between 148 and 154 (95 % sure)",
  );
  assert.equal(
    describeProof({ mean: 7, n: 1, ci95: [-Infinity, Infinity] }),
    "returned 7 on average in one fresh episode that no search had seen",
  );
});

Deno.test("readPromise() reads back one episode without an interval and refuses a file without seeds", () => {
  const promise = { mean: 7, std: 0, n: 1, ci95: [-Infinity, Infinity], seeds: [5] };
  const metadata = { measuredReturn: JSON.stringify(promise) };
  assert.deepEqual(readPromise({ metadata }, { path: "p" }), promise);
  for (const wrong of ["null", "{}", '{"mean":1,"std":1,"n":2,"ci95":[0,2],"seeds":[1]}']) {
    assert.throws(
      () => readPromise({ metadata: { measuredReturn: wrong } }, { path: "p" }),
      /^FileError: Cannot check policy "p": it must hold the return and the seeds/,
    );
  }
});

Deno.test("keepsPromise() takes the same mean or one in the interval, and no other", () => {
  const promise = { mean: 100, std: 5, n: 10, ci95: [96, 104] } as const;
  const keeps = (mean: number, n = 10) =>
    keepsPromise({ mean, returns: [] }, { ...promise, n, seeds: [] });
  assert.deepEqual([keeps(100.0005), keeps(103), keeps(105), keeps(101, 1)], [
    true,
    true,
    false,
    false,
  ]);
});

Deno.test("countReached() bounds the share of episodes, and a file's promise of it is kept or broken", () => {
  const returns = Array.from({ length: 60 }, (_, i) => (i < 58 ? 200 : 10));
  const reached = countReached(returns, { return: 150, wanted: 0.9 });
  // 58 of 60 with a share of 0.9: 1770 * 0.9^58 * 0.1^2 + 60 * 0.9^59 * 0.1 + 0.9^60 = 0.053.
  assert.equal(reached.episodes, 58);
  assert.ok(reached.surelyAbove > 0.89 && reached.surelyAbove < 0.9, `${reached.surelyAbove}`);
  const all = countReached(returns.map(() => 150), reached);
  assert.ok(all.surelyAbove > 0.95, `${all.surelyAbove}`);
  const { mean, std, n, ci95 } = measureReturn(
    returns.map((each) => ({ return: each, survivalReturn: 0, length: 1, terminated: true })),
  );
  const promise = { mean, std, n, ci95, seeds: [], reached };
  assert.equal(keepsPromise({ mean, returns }, promise), true);
  const worse = returns.map((each, i) => (i < 10 ? 140 : each));
  assert.equal(keepsPromise({ mean, returns: worse }, promise), false);
  assert.match(
    describeProof(promise),
    /; 58 of 60 reached 150: more than 89\.\d+ % of all do \(95 % sure\)$/,
  );
});

Deno.test("readPromise() reads back a share and refuses one that is none", () => {
  const promise = { mean: 7, std: 0, n: 1, ci95: [-Infinity, Infinity], seeds: [5] };
  const reached = { return: 5, wanted: 0.5, episodes: 1, surelyAbove: 0.05 };
  const read = (proof: unknown) =>
    readPromise({
      metadata: { measuredReturn: JSON.stringify(promise), proof: JSON.stringify(proof) },
    }, { path: "p" });
  assert.deepEqual(read({ reached }), { ...promise, reached });
  assert.throws(
    () => read({ reached: { ...reached, episodes: "all" } }),
    /^FileError: Cannot check policy "p": what its episodes reached must be four numbers, got/,
  );
});
