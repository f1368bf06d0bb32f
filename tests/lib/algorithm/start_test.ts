/** What a run begins with: the generator, the way and the normaliser stand there, and training goes on from it. */

import assert from "node:assert/strict";
import { createRun, currentNormaliser, type TrainingRun } from "../../../lib/algorithm/run.ts";
import { checkStart, type GivenPolicy, type Start } from "../../../lib/algorithm/given.ts";
import { begin } from "../../../lib/algorithm/start.ts";
import { generate } from "../../../lib/algorithm/measure.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { type RawParameters, toPolicyOrder } from "../../../lib/policy_space.ts";
import { models } from "../../../models/models.ts";
import { TINY_ENV_SPEC, TinyEnv } from "../../support/tiny_env.ts";
import { ADAPTED, follow, recordsOf, tinyConfig } from "../../support/tiny_run.ts";

const LINEAR = {
  ...ADAPTED,
  policy: { hiddenSizes: [] },
  steps: 2000,
  consolidation: { updates: 2000 },
  generator: { hiddenSizes: [64], commandEncoding: "fourier" as const },
};

/** Policies of the tiny environment, as random as an untrained one. */
function drawPolicies(count: number): GivenPolicy[] {
  const rng = Rng.fromSeed(4);
  const { parameterCount } = models.policyShape(TINY_ENV_SPEC, {
    hiddenSizes: [],
    activation: "tanh",
    skip: "none",
  });
  return Array.from({ length: count }, (_, i) => {
    const parameters = Float32Array.from({ length: parameterCount }, () => rng.standardNormal());
    return { name: `p${i}`, parameters: parameters as Float32Array as RawParameters };
  });
}

async function withRun(
  start: Start,
  use: (run: TrainingRun) => Promise<void>,
  changes = LINEAR,
): Promise<void> {
  const config = tinyConfig(changes);
  const session = { threads: 1 };
  const run = createRun(config, { env: new TinyEnv(), models, session, start });
  try {
    await use(run);
  } finally {
    await run.tools.learner.close();
  }
}

Deno.test("begin() fits the generator to what it begins with, the best of it at the best command", () => {
  const start: Start = { policies: drawPolicies(5), use: "training", order: "byReturn" };
  return withRun(start, async (run) => {
    for await (const _ of begin(run));
    const { experience: { floor, goal, way, followed, buffer }, tally, task, tools } = run;
    // The untrained policy is one of them.
    assert.equal(way.length, 6);
    assert.equal(buffer.size, 6);
    assert.deepEqual(
      way.map((one) => one.return),
      way.map((one) => one.return).sort((a, b) => a - b),
    );
    assert.deepEqual([way[0].return, way[5].return], [floor, goal]);
    assert.deepEqual([tally.cycles, tally.lastRollouts, followed !== undefined], [1, 6, true]);
    // 5 % of 87 % of 2000 steps hold eight episodes of ten, more than the one that each plays.
    assert.equal(tally.episodes, 8);
    const [made] = await generate(run, [1]);
    const raw = toPolicyOrder(tools.model, task.frame.toRaw(made, currentNormaliser(run)));
    const best = toPolicyOrder(tools.model, way[5].policy);
    const given = start.policies.map(({ parameters }) => [...parameters].join());
    const size = Math.sqrt(best.reduce((sum, x) => sum + x * x, 0));
    const miss = Math.sqrt(raw.reduce((sum, x, i) => sum + (x - best[i]) ** 2, 0));
    assert.ok(miss < 0.1 * size, `${miss} of ${size}`);
    const close = (text: string) =>
      text.split(",").every((x, i) => Math.abs(Number(x) - best[i]) < 1e-4 * size);
    assert.ok(given.some(close), "the best is one of those that were given");
  });
});

Deno.test("train() goes on from what a run begins with", () => {
  const start: Start = { policies: drawPolicies(3), use: "training", order: "byReturn" };
  return withRun(start, async (run) => {
    const told = await follow(run);
    assert.ok(told.outcome);
    assert.ok(run.tally.cycles > 2, `${run.tally.cycles}`);
    const returns = recordsOf(told, "episode").map((each) => each.return);
    assert.deepEqual(returns.length, run.tally.episodes);
    assert.ok(run.experience.goal >= Math.max(...returns.slice(0, 4)) - 1e-9);
  });
});

Deno.test("an archive is all that its run learns from: no rollout follows", () => {
  const start: Start = { policies: drawPolicies(4), use: "archive", order: "given" };
  return withRun(start, async (run) => {
    const told = await follow(run);
    assert.ok(told.outcome);
    assert.equal(run.tally.cycles, 1);
    // As many rounds as training's share of the budget holds.
    const episodes = recordsOf(told, "episode").length;
    assert.ok(episodes > 8 && run.tally.steps.training > 0.7 * 2000, `${run.tally.steps.training}`);
    assert.equal(run.experience.way.length, 4);
  });
});

Deno.test("checkStart() refuses a budget without room, other algorithms and fixed noise", () => {
  const start: Start = { policies: drawPolicies(3), use: "training", order: "byReturn" };
  const spec = { ...TINY_ENV_SPEC, maxEpisodeSteps: 100 };
  const check = (changes: Parameters<typeof tinyConfig>[0]) =>
    checkStart(tinyConfig({ ...ADAPTED, ...changes }), { spec, start });
  // Eight episodes of 100 steps in 85 % of the budget.
  assert.throws(
    () => check({ steps: 900 }),
    /^RangeError: Cannot create run: the budget must hold 8 episodes of 100 steps .* at least 942 steps, got 900$/,
  );
  check({ steps: 942 });
  assert.throws(
    () => check({ rollout: { noise: "fixed" } }),
    /must have the algorithm udrlpg and rollout.noise = "adapted", got udrlpg and "fixed"/,
  );
});
