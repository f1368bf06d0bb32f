/**
 * Times evaluations on one worker and on two:
 *
 *     deno run -A tests/bench/workers.ts [ENV] [ROUNDS] [GENERATOR]
 *
 * Both take turns on the same episodes, so that whatever else the machine does hits both. The policies
 * are fresh ones, or those of a trained generator, whose episodes are longer where bad ones end early.
 */

import { cpuUsage } from "node:process";
import { registry } from "../../envs/registry.ts";
import { loadGenerator, type TrainedGenerator } from "../../lib/generator/generator_file.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { type PolicyParameters, toPolicyOrder } from "../../lib/policy_space.ts";
import { WorkerRunner } from "../../lib/episodes/workers/worker_runner.ts";
import { models } from "../../models/models.ts";
import { drawPolicy } from "../support/random_policy.ts";
import { tanhNetwork } from "../support/tanh_network.ts";

const JOBS = 4;
const EPISODES = 5;

if (import.meta.main) {
  const [env = "Swimmer-v5", rounds = "5", generatorFile] = Deno.args;
  const spec = registry.spec(env);
  const trained = generatorFile === undefined ? undefined : loadGenerator(generatorFile, {
    specOf: (id) => registry.spec(id),
    models,
    session: { threads: 1 },
  });
  const network = trained?.config.policy ?? tanhNetwork([32, 32]);
  const shape = models.policyShape(spec, network);
  const modules = {
    registry: import.meta.resolve("../../envs/registry.ts"),
    models: import.meta.resolve("../../models/models.ts"),
  };
  const size = shape.sizes[0];
  const normaliser = trained?.normaliser ??
    { mean: new Float64Array(size), deviation: new Float64Array(size).fill(1) };
  const parameters = trained
    ? await bestPolicies(trained)
    : Array.from({ length: JOBS }, (_, job) => drawPolicy(shape, Rng.fromSeed([job])));
  const jobs = parameters.map((each, job) => ({
    parameters: each,
    seeds: Array.from({ length: EPISODES }, (_, i) => job * EPISODES + i),
  }));
  const runners = [1, 2].map((count) => new WorkerRunner({ count, modules, env, network }));
  const times: number[][] = [[], []];
  const processorTimes: number[][] = [[], []];
  for (const runner of runners) await runner.run(jobs, normaliser);
  for (let round = 0; round < Number(rounds); round++) {
    for (const [i, runner] of runners.entries()) {
      const started = performance.now();
      const usage = cpuUsage();
      const results = await runner.run(jobs, normaliser);
      times[i].push(performance.now() - started);
      const { user, system } = cpuUsage(usage);
      processorTimes[i].push((user + system) / 1000);
      if (round === 0 && i === 0) {
        const steps = results.flat().reduce((sum, { length }) => sum + length, 0);
        report(`${env}: ${JOBS * EPISODES} episodes, ${steps} steps`);
      }
    }
  }
  for (const runner of runners) await runner.close();
  const ratios = times[0].map((time, i) => time / times[1][i]);
  const [one, two, ratio] = [times[0], times[1], ratios].map(median);
  report(`1 worker ${one.toFixed(0)} ms, 2 workers ${two.toFixed(0)} ms (medians)`);
  // On a busy machine this says what the wall clock cannot: what sharing the work costs.
  const [busyOne, busyTwo] = processorTimes.map(median);
  report(`processor time ${busyOne.toFixed(0)} ms and ${busyTwo.toFixed(0)} ms`);
  report(
    `speed-up: median of rounds ${ratio.toFixed(2)}, of best times ${
      (Math.min(...times[0]) / Math.min(...times[1])).toFixed(2)
    }`,
  );
}

/** The policies of the best command and of some a little below it, in policy order. */
async function bestPolicies(trained: TrainedGenerator): Promise<PolicyParameters[]> {
  const { bestCommand } = trained.calibration;
  const commands = Array.from({ length: JOBS }, (_, job) => bestCommand * (1 - 0.02 * job));
  const rows = await trained.pass.run(trained.values, { commands, rng: Rng.fromSeed(1) });
  await trained.pass.close();
  return rows.map((row) => toPolicyOrder(trained.model, row));
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

function report(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
