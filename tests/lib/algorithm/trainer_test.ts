/** The trainer: what a run repeats, counts, records and learns. */

import assert from "node:assert/strict";
import { registry } from "../../../envs/registry.ts";
import type { PartialConfig } from "../../../lib/config/config.ts";
import { selectionSteps } from "../../../lib/algorithm/budget.ts";
import type { TrainingOutcome } from "../../../lib/algorithm/events.ts";
import { goalPolicies } from "../../../lib/algorithm/goals.ts";
import { generate } from "../../../lib/algorithm/measure.ts";
import { createRun, recall, type TrainingRun } from "../../../lib/algorithm/run.ts";
import { spearman } from "../../../lib/numbers/statistics.ts";
import { models } from "../../../models/models.ts";
import { assertClose } from "../../support/close.ts";
import { TinyEnv } from "../../support/tiny_env.ts";
import { follow, recordsOf, tinyConfig, tinyRun } from "../../support/tiny_run.ts";

/** Trains a small run to its end. */
async function trainTiny(changes: PartialConfig = {}, run: TrainingRun = tinyRun(changes)) {
  const { outcome, records } = await follow(run);
  await run.tools.learner.close();
  return { run, outcome: outcome as TrainingOutcome, records };
}

Deno.test("train() repeats itself to the last bit, and another seed gives another run", async () => {
  const [first, again, other] = [
    await trainTiny(),
    await trainTiny(),
    await trainTiny({ seed: 2 }),
  ];
  assert.deepEqual(again.records, first.records);
  assert.deepEqual(again.outcome, first.outcome);
  assert.deepEqual(again.run.tools.learner.state, first.run.tools.learner.state);
  assert.deepEqual([...again.run.attempt.buffer.entries()], [
    ...first.run.attempt.buffer.entries(),
  ]);
  assert.notDeepEqual(other.records, first.records);
});

Deno.test("train() goes on where it was left as if it had not been", async () => {
  const whole = await trainTiny();
  const run = tinyRun();
  let left = 15;
  const first = await follow(run, () => --left === 0);
  assert.equal(first.outcome, undefined);
  const spent = await follow(run, "spent");
  const rest = await follow(run);
  assert.deepEqual([...first.records, ...spent.records, ...rest.records], whole.records);
  assert.deepEqual(rest.outcome, whole.outcome);
  await run.tools.learner.close();
});

Deno.test("train() never spends more than the budget, and leaves no room for an episode", async () => {
  const budgets: PartialConfig[] = [
    { steps: 200, selection: { budgetShare: 0 } },
    { steps: 217, selection: { budgetShare: 0.3 } },
    { steps: 205, rollout: { refreshEvery: 2 } },
    { steps: 60, warmup: { episodes: 50 } },
  ];
  for (const changes of budgets) {
    const { run } = await trainTiny({ consolidation: { updates: 4 }, ...changes });
    const { training, noiseFree } = run.tally.steps;
    const { steps } = run.task.config;
    assert.ok(training + noiseFree <= steps, `${training} + ${noiseFree} > ${steps}`);
    assert.ok(training > steps - selectionSteps(run.task) - 10);
    assert.equal(training, run.tally.episodes * 10, "every training step was counted");
  }
});

Deno.test("train() books every simulated step under its purpose", async () => {
  class CountingEnv extends TinyEnv {
    steps = 0;
    override step(action: ArrayLike<number>) {
      this.steps++;
      return super.step(action);
    }
  }
  const env = new CountingEnv();
  const { run } = await trainTiny({}, tinyRun({}, env));
  const { training, noiseFree, calibration, evaluation } = run.tally.steps;
  assert.equal(training + noiseFree + calibration + evaluation, env.steps);
  assert.ok(Math.min(training, noiseFree, calibration, evaluation) > 0);
});

Deno.test("train() records episodes, updates, evaluations and curves", async () => {
  const { run, outcome, ...told } = await trainTiny();
  const episodes = recordsOf(told, "episode");
  assert.equal(episodes.length, run.tally.episodes);
  assert.deepEqual(episodes.map(({ episode }) => episode), episodes.map((_, i) => i + 1));
  assert.deepEqual(episodes.map((values) => values.return), run.history.returns);
  for (const key of ["length", "scaledReturn", "stored"]) assert.ok(key in episodes[0], key);
  const updates = recordsOf(told, "update");
  // Four updates for each rollout after the warm-up, and eight to consolidate.
  assert.equal(run.tools.learner.updates, 4 * run.tally.cycles + 8);
  assert.equal(updates.at(-1)?.updates, run.tools.learner.updates);
  assert.ok(updates.every(({ loss }) => Number.isFinite(loss)));
  const evaluations = recordsOf(told, "evaluation");
  // Every 200 of 600 steps, the last 30 of which are the selection's; and one at the end.
  assert.equal(evaluations.length, 3);
  assert.equal(evaluations[2].final, true);
  assert.equal(evaluations[2].mean, outcome.finalReturn.mean);
  assert.deepEqual(evaluations.map(({ n }) => n), [5, 5, 20]);
  const curves = recordsOf(told, "curve");
  assert.equal(curves.length, 2);
  assert.equal(curves[0].points.length, 10);
  assert.equal(curves[1].final, true);
  assert.deepEqual(curves[1].points, outcome.calibration.points);
});

/** Trains with a generator that notes the commands it is asked for. */
async function commandsOf(changes: PartialConfig): Promise<{ asked: number[]; run: TrainingRun }> {
  const asked: number[] = [];
  const spying = {
    ...models,
    createGenerator(...args: Parameters<typeof models.createGenerator>) {
      const model = models.createGenerator(...args);
      return {
        ...model,
        encodeCommand(command: number, out: Float32Array) {
          asked.push(command);
          model.encodeCommand(command, out);
        },
      };
    },
  };
  const config = tinyConfig({
    reports: { evaluations: 0, sweeps: 0 },
    update: { perCycle: 1, batchSize: 1 },
    ...changes,
  });
  const parts = { env: new TinyEnv(), models: spying, session: { threads: 1 } };
  const run = createRun(config, parts);
  let cycles = 0;
  await follow(run, () => run.tally.cycles > 0 && ++cycles === 3);
  await run.tools.learner.close();
  return { asked, run };
}

Deno.test("train() warms up from command 1 and then asks for the best return", async () => {
  const { asked, run } = await commandsOf({});
  assert.deepEqual(asked.slice(0, 10), new Array(10).fill(1));
  const scaled = run.history.returns.map((value) => run.task.scale.scale(value));
  // Then, for each of three cycles, a batch of one draw and the rollout's command.
  for (let cycle = 0; cycle < 3; cycle++) {
    const best = Math.max(...scaled.slice(0, 10 + cycle));
    assertClose(asked[10 + 2 * cycle + 1], best);
  }
});

Deno.test("train() asks for each of the best stored returns when told to", async () => {
  const drawn = new Set<number>();
  for (let seed = 1; seed <= 8; seed++) {
    const { asked, run } = await commandsOf({
      seed,
      command: { top: 3 },
      buffer: { kind: "fifo" },
      warmup: { noise: 0.5 },
    });
    const scaled = run.history.returns.slice(0, 10).map((value) => run.task.scale.scale(value));
    const rank = scaled.sort((a, b) => b - a).indexOf(asked[11]);
    assert.ok(rank >= 0 && rank < 3, `${asked[11]} of ${scaled}`);
    drawn.add(rank);
  }
  assert.equal(drawn.size, 3, "eight runs draw all three");
});

Deno.test("train() makes the generator follow its goals closely when they have a share of each batch", async () => {
  /** How far what the generator puts out for its goal is from the goal's policy, mean square. */
  const missOf = async (goalShare: number) => {
    const run = tinyRun({
      update: { goalShare },
      consolidation: { updates: 0 },
      buffer: { kind: "fifo", weightingScale: 0 },
      warmup: { noise: 0.5 },
    });
    await follow(run);
    const [goal] = goalPolicies(run);
    const wanted = recall(run, goal);
    const [row] = await generate(run, [goal.scaledReturn]);
    const miss = wanted.reduce((sum, value, i) => sum + (value - row[i]) ** 2, 0) / row.length;
    await run.tools.learner.close();
    return miss;
  };
  const [without, half, all] = [await missOf(0), await missOf(0.5), await missOf(1)];
  assert.ok(all < half && half < without, `${[without, half, all]}`);
});

Deno.test("train() remembers what the warm-up reached and adapts the noise from there", async () => {
  const { run } = await trainTiny({ rollout: { successShare: 0.25 }, warmup: { noise: 0.5 } });
  const scaled = run.history.returns.slice(0, 10).map((value) => run.task.scale.scale(value));
  assertClose(run.attempt.startReturn, scaled.reduce((sum, value) => sum + value, 0) / 10);
  assert.notEqual(run.attempt.noiseFactor, 1);
  assert.equal((await trainTiny()).run.attempt.noiseFactor, 1);
});

Deno.test("train() makes warm-up policies differ by noise", async () => {
  /** The last bias of each of the warm-up's policies: it is the same in both frames. */
  const biasesOf = async (noise: number) => {
    const { run } = await trainTiny({ buffer: { kind: "fifo" }, warmup: { noise } });
    const last = run.tools.model.order.indexOf(run.task.shape.parameterCount - 1);
    const { buffer } = run.attempt;
    return new Set([...buffer.entries()].slice(0, 10).map(({ slot }) => buffer.row(slot)[last]));
  };
  assert.equal((await biasesOf(0)).size, 1);
  assert.equal((await biasesOf(0.1)).size, 10);
});

Deno.test("train() runs one rollout in a cycle, and a stored policy every so many", async () => {
  const { run } = await trainTiny({ rollout: { refreshEvery: 3 } });
  const { episodes, cycles } = run.tally;
  assert.equal(episodes - 10, cycles);
  const measured = [...run.attempt.buffer.entries()].map((entry) => entry.episodes);
  assert.ok(Math.max(...measured) > 1, "a stored policy was run again");
});

Deno.test("train() gathers the observations of every training episode for the normaliser", async () => {
  const { run } = await trainTiny();
  assert.equal(run.attempt.moments.count, 10 * run.tally.episodes);
});

Deno.test("train() learns nothing at rate 0", async () => {
  const still = { learningRate: 0, finalLearningRate: 0 };
  const fixed = await trainTiny({ update: still, consolidation: { updates: 0 } });
  const start = tinyRun().tools.learner.state.weights;
  assert.deepEqual(fixed.run.tools.learner.state.weights, start);
});

Deno.test("train() leaves no trace of the end when it is left where the budget is spent", async () => {
  const run = tinyRun({ steps: 200 });
  const told = await follow(run, "spent");
  assert.equal(told.outcome, undefined);
  assert.ok(recordsOf(told, "curve").every(({ final }) => final !== true));
  assert.equal(run.tally.steps.calibration, 0);
  await run.tools.learner.close();
});

Deno.test("train() learns the tiny environment, and its generator obeys commands", async () => {
  const { run, outcome } = await trainTiny({
    steps: 5000,
    policy: { hiddenSizes: [] },
    generator: { hiddenSizes: [32, 32] },
    rollout: { noiseScale: 0.5 },
    warmup: { noise: 1, episodes: 20 },
    consolidation: { updates: 800 },
    calibration: { commands: 9, episodes: 3 },
  });
  const warmup = run.history.returns.slice(0, 20);
  assert.ok(warmup.reduce((sum, value) => sum + value, 0) / 20 < 5, "it starts poor");
  // A perfect policy earns about 9.6: the goal is three steps away.
  assert.ok(outcome.finalReturn.mean > 8.8, `${outcome.finalReturn.mean}`);
  const { points } = outcome.calibration;
  const means = points.map(({ mean }) => mean);
  const order = spearman(points.map(({ command }) => command), means);
  assert.ok(order > 0.75, `${means}`);
  assert.ok(means[0] < -3, "a poor return can be asked for");
});

Deno.test("train() learns the tiny environment with deep policies by what they do", async () => {
  for (const activation of ["tanh", "relu"] as const) {
    const { run, outcome } = await trainTiny({
      steps: 5000,
      policy: { hiddenSizes: [8, 8], activation },
      generator: { tileSize: 8, hiddenSizes: [32, 32] },
      update: { loss: "function" },
      rollout: { noiseScale: 0.5 },
      warmup: { noise: 1, episodes: 20 },
      consolidation: { updates: 800 },
    });
    const { states } = run.attempt;
    assert.equal(states?.seen, 10 * run.tally.episodes, "every observation of every episode");
    assert.ok(outcome.finalReturn.mean > 8.8, `${activation}: ${outcome.finalReturn.mean}`);
  }
});

for (const seed of [1, 2]) {
  Deno.test(`train() learns CartPole within 12,000 steps from seed ${seed}`, async () => {
    const env = await registry.make("CartPole-v1");
    const changes: PartialConfig = {
      env: "CartPole-v1",
      seed,
      steps: 12_000,
      policy: { hiddenSizes: [] },
      rollout: { noiseScale: 0.3 },
      reports: { evaluations: 3, sweeps: 0 },
    };
    const { run, outcome } = await trainTiny(changes, tinyRun(changes, env));
    const { returns } = run.history;
    const first = returns.slice(0, 10).reduce((sum, value) => sum + value, 0) / 10;
    assert.ok(first < 150, `it starts poor: ${first}`);
    // Gymnasium's threshold.
    assert.ok(outcome.finalReturn.mean >= 475, `${outcome.finalReturn.mean}`);
    await env.close();
  });
}
