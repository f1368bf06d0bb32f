/** What running a policy counts, stores and changes. */

import assert from "node:assert/strict";
import { DivergedError } from "../../../lib/system/errors.ts";
import {
  beginCycle,
  endCycle,
  isWhole,
  measure,
  runAgain,
  runAndStore,
  runSiblings,
} from "../../../lib/algorithm/measure.ts";
import { currentNormaliser, type TrainingRun } from "../../../lib/algorithm/run.ts";
import { episodeSeed } from "../../../lib/numbers/streams.ts";
import type { GeneratedPolicy } from "../../../lib/policy_space.ts";
import { assertAllClose, assertClose } from "../../support/close.ts";
import { TINY_SURVIVAL_REWARD, TinyEnv } from "../../support/tiny_env.ts";
import { ADAPTED, tinyRun } from "../../support/tiny_run.ts";

/** A policy of zeros: it always acts 0, and earns 10 (1 - |start - 0.5|). */
function zeros(run: TrainingRun): GeneratedPolicy {
  return new Float32Array(run.tools.model.parameterCount) as GeneratedPolicy;
}

/** Runs a policy in a cycle of its own. */
async function runOnce(run: TrainingRun, policy: GeneratedPolicy) {
  const cycle = beginCycle(run);
  const episode = await runAndStore(run, { policy, start: run.tally.starts }, cycle);
  endCycle(run, cycle);
  return episode;
}

Deno.test("runAndStore() counts, scales and stores an episode", async () => {
  const run = tinyRun();
  const { event, ...told } = await runOnce(run, zeros(run));
  const [entry] = run.experience.buffer.entries();
  assert.deepEqual([told.length, event.stored, event.episode], [10, true, 1]);
  // The range of returns is -10..10.
  assertClose(entry.scaledReturn, (told.return + 10) / 20);
  assert.equal(entry.scaledReturn, event.scaledReturn);
  assert.deepEqual([run.tally.episodes, run.tally.steps.training], [1, 10]);
  assert.deepEqual(run.history.returns, [told.return]);
  assert.equal(run.history.bestReturn, told.return);
  assert.equal(run.experience.moments.count, 10);
});

Deno.test("runAndStore() stores without the survival reward and reports with it", async () => {
  const run = tinyRun({ returns: { survivalBonus: "remove" } });
  const told = await runOnce(run, zeros(run));
  const [entry] = run.experience.buffer.entries();
  assertClose(entry.scaledReturn, (told.return - 10 * TINY_SURVIVAL_REWARD + 10) / 20);
  assert.equal(run.history.returns[0], told.return);
});

Deno.test("runAndStore() stores the whole return as it is where noise adapts", async () => {
  const run = tinyRun(ADAPTED);
  const told = await runOnce(run, zeros(run));
  const [entry] = run.experience.buffer.entries();
  assert.equal(entry.scaledReturn, told.return);
});

Deno.test("runAndStore() stores the policy as it acted, in the frame of raw observations", async () => {
  const run = tinyRun(ADAPTED);
  await runOnce(run, zeros(run));
  const normaliser = currentNormaliser(run);
  const row = zeros(run).map((_, i) => Math.sin(i + 1)) as GeneratedPolicy;
  const { policy } = await runOnce(run, row);
  const entries = [...run.experience.buffer.entries()];
  const stored = run.experience.buffer.row(entries[entries.length - 1].slot);
  assert.deepEqual(policy, stored);
  assert.throws(() => assertAllClose(stored, row, { tolerance: 1e-2 }), "the frames differ");
  assertAllClose(run.task.frame.toNormalised(stored, normaliser), row, { tolerance: 1e-5 });
});

Deno.test("runAndStore() of the published method stores numbers as they are, and moves the normaliser at every step", async () => {
  const seen: number[] = [];
  class ShownEnv extends TinyEnv {
    override reset(seed?: number) {
      super.reset(seed);
      seen.push(this.observation[0]);
    }
    override step(action: ArrayLike<number>) {
      const transition = super.step(action);
      seen.push(this.observation[0]);
      return transition;
    }
  }
  const run = tinyRun({}, new ShownEnv());
  const states: [mean: number, deviation: number][] = [];
  const { normalise } = run.tools.policy;
  run.tools.policy.normalise = (state) => {
    states.push([state.mean[0], state.deviation[0]]);
    normalise.call(run.tools.policy, state);
  };
  const row = zeros(run).map((_, i) => Math.sin(i + 1)) as GeneratedPolicy;
  const { policy, length } = await runOnce(run, row);
  assert.deepEqual([...policy], [...row]);
  assert.deepEqual([...run.experience.buffer.row(0)], [...row]);
  assert.deepEqual([...run.task.frame.toNormalised(policy, currentNormaliser(run))], [...row]);
  // Once for the cycle, which nothing was seen before, and once for each step, its observation included.
  assert.deepEqual([states.length, run.experience.moments.count], [length + 1, length]);
  assert.deepEqual(states.slice(0, 2), [[0, 1], [seen[0], 1]]);
  const [a, b] = seen;
  assertClose(states[2][0], (a + b) / 2);
  assertClose(states[2][1], Math.abs(a - b) / 2 + 1e-8, 1e-12);
});

Deno.test("runAndStore() rejects a policy that is not finite and stores nothing", async () => {
  const run = tinyRun();
  const row = zeros(run);
  row[3] = NaN;
  await assert.rejects(runOnce(run, row), (error: Error) => {
    assert.ok(error instanceof DivergedError);
    assert.equal(
      error.message,
      "Cannot continue training: every number of the policy must be finite, got NaN at index 3, " +
        "step 0, episode 0",
    );
    return true;
  });
  assert.deepEqual([run.experience.buffer.size, run.tally.episodes], [0, 0]);
});

Deno.test("runAndStore() rejects a return that is not finite and stores nothing", async () => {
  class EndlessEnv extends TinyEnv {
    override step(action: ArrayLike<number>) {
      return Object.assign(super.step(action), { reward: -Infinity });
    }
  }
  const run = tinyRun({}, new EndlessEnv());
  await assert.rejects(runOnce(run, zeros(run)), { name: "DivergedError" });
  assert.deepEqual([run.experience.buffer.size, run.tally.episodes], [0, 0]);
});

/** Notes the seeds of its episodes. */
class SeedEnv extends TinyEnv {
  readonly seeds: number[] = [];
  override reset(seed?: number) {
    this.seeds.push(seed!);
    super.reset(seed);
  }
}

Deno.test("runAndStore() starts siblings of a group alike and sees through one normaliser", async () => {
  const env = new SeedEnv();
  const run = tinyRun(ADAPTED, env);
  await runOnce(run, zeros(run));
  const before = currentNormaliser(run);
  const cycle = beginCycle(run);
  assert.equal(run.tally.lastRollouts, 0);
  for (const start of [1, 1, 2]) await runAndStore(run, { policy: zeros(run), start }, cycle);
  assert.deepEqual([run.tally.lastRollouts, run.tally.starts], [3, 3]);
  assert.deepEqual(env.seeds, [0, 1, 1, 2].map((start) => episodeSeed(1, "training", start)));
  assert.deepEqual(
    run.history.returns[1],
    run.history.returns[2],
    "the same policy from the same start",
  );
  assert.notEqual(run.history.returns[3], run.history.returns[2]);
  assert.deepEqual(currentNormaliser(run), before, "until the cycle ends");
  endCycle(run, cycle);
  assert.equal(run.experience.moments.count, 40);
  assert.notDeepEqual(currentNormaliser(run), before);
  assert.equal(run.tally.cycles, 2);
});

Deno.test("measure() gives every policy episodes of its own, or the same when they are paired", async () => {
  for (const paired of [false, true]) {
    const env = new SeedEnv();
    const run = tinyRun({}, env);
    const results = await measure(run, [zeros(run), zeros(run)], {
      episodes: 3,
      purpose: "choice",
      firstEpisode: 5,
      account: "noiseFree",
      paired,
    });
    assert.deepEqual(results.map(({ length }) => length), [3, 3]);
    const numbers = paired ? [5, 6, 7, 5, 6, 7] : [5, 6, 7, 8, 9, 10];
    assert.deepEqual(env.seeds, numbers.map((number) => episodeSeed(1, "choice", number)));
    assert.deepEqual(run.tally.steps, {
      training: 0,
      noiseFree: 60,
      calibration: 0,
      evaluation: 0,
    });
    assert.equal(run.experience.buffer.size, 0, "nothing is stored");
  }
});

/** Falls after 4 steps from a start, after 9 from the next, and so on. */
class FallingEnv extends TinyEnv {
  #episodes = 0;
  #left = 0;
  override reset(seed?: number) {
    super.reset(seed);
    this.#left = this.#episodes++ % 2 === 0 ? 4 : 9;
  }
  override step(action: ArrayLike<number>) {
    const transition = super.step(action);
    return Object.assign(transition, { terminated: --this.#left === 0 });
  }
}

Deno.test("runSiblings() stores who ends within the limit, and counts the parts of others", async () => {
  const run = tinyRun(ADAPTED, new FallingEnv());
  const cycle = beginCycle(run);
  const siblings = [0, 0, 1, 1].map((start) => ({ policy: zeros(run), start }));
  const rollouts = await Array.fromAsync(runSiblings(run, siblings, { cycle, limit: 6 }));
  assert.deepEqual(rollouts.map(isWhole), [true, false, true, false]);
  assert.deepEqual(rollouts.map(({ event }) => event.length), [4, 6, 4, 6]);
  const { episodes, parts, lastRollouts, longest, steps } = run.tally;
  assert.deepEqual([episodes, parts, lastRollouts, longest, steps.training], [2, 2, 4, 6, 20]);
  assert.equal(run.experience.buffer.size, 2);
  assert.equal(run.history.returns.length, 2);
  endCycle(run, cycle);
  assert.equal(run.experience.moments.count, 20, "parts show observations as well");
});

Deno.test("runAgain() runs as far as siblings ran", async () => {
  const run = tinyRun(ADAPTED);
  const cycle = beginCycle(run);
  const sibling = { policy: zeros(run), start: 3 };
  const [part, episode] = [
    await runAgain(run, sibling, { cycle, limit: 4 }),
    await runAgain(run, sibling, { cycle, limit: Infinity }),
  ];
  assert.deepEqual([isWhole(part), part.event.length], [false, 4]);
  assert.deepEqual([isWhole(episode), episode.event.length], [true, 10]);
  assert.ok(part.return < episode.return);
});
