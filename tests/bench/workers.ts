/**
 * Times evaluations on one worker and on two: `deno run -A tests/bench/workers.ts [ENV] [ROUNDS]`.
 * Both take turns on the same episodes, so that whatever else the machine does hits both.
 */

import { cpuUsage } from "node:process";
import { registry } from "../../envs/registry.ts";
import { Rng } from "../../lib/rng.ts";
import { WorkerRunner } from "../../lib/workers/worker_runner.ts";
import { models } from "../../models/models.ts";

const JOBS = 4;
const EPISODES = 5;

if (import.meta.main) {
  const [env = "Swimmer-v5", rounds = "5"] = Deno.args;
  const spec = registry.spec(env);
  const hiddenSizes = [32, 32];
  const shape = models.policyShape(spec, hiddenSizes);
  const modules = {
    registry: import.meta.resolve("../../envs/registry.ts"),
    models: import.meta.resolve("../../models/models.ts"),
  };
  const size = shape.sizes[0];
  const normaliser = { mean: new Float64Array(size), deviation: new Float64Array(size).fill(1) };
  const jobs = Array.from({ length: JOBS }, (_, job) => ({
    parameters: models.initialisePolicy(shape, Rng.fromSeed([job])),
    seeds: Array.from({ length: EPISODES }, (_, i) => job * EPISODES + i),
  }));
  const runners = [1, 2].map((count) => new WorkerRunner({ count, modules, env, hiddenSizes }));
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

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

function report(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
