/** Episode workers: same results on any number of them, and what happens when one dies. */

import assert from "node:assert/strict";
import type { Episode } from "../../../../lib/episodes/rollout.ts";
import {
  createLocalRunner,
  type EpisodeRunner,
  type EvaluationJob,
} from "../../../../lib/episodes/evaluate.ts";
import { Rng } from "../../../../lib/numbers/rng.ts";
import {
  countWorkers,
  type WorkerOptions,
  WorkerRunner,
} from "../../../../lib/episodes/workers/worker_runner.ts";
import { models } from "../../../../models/models.ts";
import { tanhNetwork } from "../../../support/tanh_network.ts";
import { TINY_ENV_SPEC, TinyEnv } from "../../../support/tiny_env.ts";
import { BAD_SEED } from "../../../support/worker_modules.ts";
import { drawPolicy } from "../../../support/random_policy.ts";

const NORMALISER = { mean: Float64Array.of(0.1), deviation: Float64Array.of(0.7) };
const NETWORK = tanhNetwork([4]);
const SHAPE = models.policyShape(TINY_ENV_SPEC, NETWORK);

function options(changes: Partial<WorkerOptions> = {}): WorkerOptions {
  return {
    count: 2,
    modules: {
      registry: new URL("../../../support/worker_modules.ts", import.meta.url).href,
      models: new URL("../../../../models/models.ts", import.meta.url).href,
    },
    env: TINY_ENV_SPEC.id,
    network: NETWORK,
    ...changes,
  };
}

function jobs(seedsByJob: readonly (readonly number[])[]): EvaluationJob[] {
  return seedsByJob.map((seeds, i) => ({
    parameters: drawPolicy(SHAPE, Rng.fromSeed([7, i])),
    seeds,
  }));
}

function runLocally(list: readonly EvaluationJob[]): Promise<Episode[][]> {
  const env = new TinyEnv();
  const runner = createLocalRunner(env, models.createPolicy(env.spec, SHAPE));
  return runner.run(list, NORMALISER);
}

async function withWorkers<T>(
  changes: Partial<WorkerOptions>,
  test: (runner: WorkerRunner) => Promise<T>,
): Promise<T> {
  const runner = new WorkerRunner(options(changes));
  try {
    return await test(runner);
  } finally {
    await runner.close();
  }
}

const MANY = jobs([[1, 2, 3, 4, 5], [], [6], Array.from({ length: 30 }, (_, i) => 100 + i)]);

Deno.test("WorkerRunner.run() gives what the local runner gives, on any number of workers", async () => {
  const expected = await runLocally(MANY);
  assert.equal(expected[3].length, 30);
  for (const count of [1, 2, 3]) {
    const both = await withWorkers({ count }, async (runner) => [
      await runner.run(MANY, NORMALISER),
      await runner.run(MANY, NORMALISER),
    ]);
    assert.deepEqual(both, [expected, expected], `${count} workers`);
  }
});

Deno.test("WorkerRunner.run() gives observations where they are wanted, and tells of every episode", async () => {
  const env = new TinyEnv();
  const local = createLocalRunner(env, models.createPolicy(env.spec, SHAPE));
  const [told, expected] = await Promise.all(
    [withWorkers({}, (runner) => observe(runner)), observe(local)],
  );
  assert.deepEqual(told, expected);
  assert.equal(told[0].observations!.length, told[0].length);
});

/** Runs episodes with observations; gives what was told of them, by place. */
async function observe(runner: EpisodeRunner): Promise<Episode[]> {
  const told: Episode[] = [];
  const results = await runner.run(MANY, NORMALISER, {
    observed: true,
    onEpisode: (episode, place) => told[place] = episode,
  });
  assert.deepEqual(told, results.flat());
  return told;
}

Deno.test("WorkerRunner.run() keeps several calls at once apart", async () => {
  const lists = [jobs([[1, 2]]), jobs([[3]]), jobs([[], []]), MANY];
  const results = await withWorkers(
    {},
    (runner) => Promise.all(lists.map((list) => runner.run(list, NORMALISER))),
  );
  assert.deepEqual(results, await Promise.all(lists.map(runLocally)));
});

Deno.test("WorkerRunner.run() runs the episodes of a dead worker on a fresh one", async () => {
  const expected = await runLocally(MANY);
  const workers: Worker[] = [];
  const warnings: string[] = [];
  const made = options();
  const createWorker = () => {
    const url = new URL("../../../../lib/episodes/workers/episode_worker.ts", import.meta.url);
    const worker = new Worker(url, { type: "module" });
    workers.push(worker);
    return worker;
  };
  await withWorkers(
    { ...made, createWorker, stallSeconds: 0.5, onWarning: (text) => warnings.push(text) },
    async (runner) => {
      assert.deepEqual(
        await runner.run(jobs([[1, 2]]), NORMALISER),
        await runLocally(jobs([[1, 2]])),
      );
      const running = runner.run(MANY, NORMALISER);
      workers[0].terminate(); // as silently as a thread that runs out of memory
      assert.deepEqual(await running, expected);
    },
  );
  assert.equal(workers.length, 3);
  assert.deepEqual(warnings, [
    "A worker died (it stopped simulating): its episodes are run again",
  ]);
});

Deno.test("WorkerRunner.run() gives up on an episode that kills every worker", async () => {
  for (const [env, reason] of [["Crashing-v0", /nobody caught this/], ["Closing-v0", /stopped/]]) {
    await withWorkers({ env: env as string, stallSeconds: 0.2 }, async (runner) => {
      await assert.rejects(
        runner.run(jobs([[1, 2, BAD_SEED, 4]]), NORMALISER),
        (error: Error) => {
          assert.match(
            error.message,
            /^Cannot run episodes: workers must survive the episode with seed \d+, got 3 that died: /,
          );
          assert.match(error.message, reason as RegExp);
          return true;
        },
      );
      const rest = jobs([[5, 6, 7]]);
      assert.deepEqual(await runner.run(rest, NORMALISER), await runLocally(rest));
    });
  }
});

Deno.test("WorkerRunner.run() passes on the error of the first episode that has one", async () => {
  const cases: [string, string, RegExp][] = [
    ["Throwing-v0", "Error", /^the engine broke$/],
    ["Diverging-v0", "DivergedError", /observation must be finite, got NaN .* with seed 13$/],
    ["Writing-v0", "NotCapable", /Requires write access/],
  ];
  for (const [env, name, message] of cases) {
    await withWorkers({ env }, async (runner) => {
      await assert.rejects(
        runner.run(jobs([[1, BAD_SEED, 3, 4, 5, 6, 7, 8]]), NORMALISER),
        { name, message },
      );
      const rest = jobs([[5, 6, 7]]);
      assert.deepEqual(await runner.run(rest, NORMALISER), await runLocally(rest));
    });
  }
});

Deno.test("WorkerRunner.run() says why workers cannot start", async () => {
  const modules = { ...options().modules, registry: "file:///nowhere/registry.ts" };
  await withWorkers({ modules }, async (runner) => {
    await assert.rejects(runner.run(jobs([[1]]), NORMALISER), /nowhere\/registry\.ts/);
  });
  const createWorker = () =>
    new Worker("data:application/javascript,throw new Error('no')", { type: "module" });
  await withWorkers({ createWorker }, async (runner) => {
    const message =
      /^Error: Cannot run episodes: workers must survive their start, got 3 that died: /;
    await assert.rejects(runner.run(jobs([[1]]), NORMALISER), message);
    await assert.rejects(runner.run(jobs([[1]]), NORMALISER), message);
  });
  assert.throws(
    () => new WorkerRunner(options({ count: 0 })),
    /^RangeError: Cannot start workers: their number must be a whole one from 1, got 0$/,
  );
});

Deno.test("WorkerRunner.run() stops when its signal is aborted, and can be used again", async () => {
  await withWorkers({}, async (runner) => {
    const controller = new AbortController();
    const stop = new Error("stop");
    const running = runner.run(MANY, NORMALISER, { signal: controller.signal });
    controller.abort(stop);
    await assert.rejects(running, stop);
    await assert.rejects(runner.run(MANY, NORMALISER, { signal: controller.signal }), stop);
    const rest = jobs([[5, 6, 7]]);
    assert.deepEqual(await runner.run(rest, NORMALISER), await runLocally(rest));
  });
});

Deno.test("countWorkers() takes a worker per core, up to eight, or what was asked for", () => {
  assert.deepEqual([1, 4, 64].map((cores) => countWorkers(0, cores)), [1, 4, 8]);
  assert.deepEqual([1, 12].map((asked) => countWorkers(asked, 4)), [1, 12]);
});

Deno.test({
  name: "WorkerRunner says so where the process may not open the files that workers need",
  ignore: Deno.build.os === "windows",
  fn() {
    const module = new URL("../../../../lib/episodes/workers/worker_runner.ts", import.meta.url);
    const code = `import { WorkerRunner } from ${JSON.stringify(module.href)};
      try {
        new WorkerRunner(${JSON.stringify(options({ count: 4 }))});
      } catch (error) {
        console.log(error.name + ": " + error.message);
      }
      Deno.exit();`;
    const { stdout } = new Deno.Command("sh", {
      args: ["-c", 'ulimit -n 40; exec "$0" eval --quiet "$1"', Deno.execPath(), code],
      stderr: "null",
    }).outputSync();
    assert.match(
      new TextDecoder().decode(stdout),
      /^FileError: Cannot start 4 workers: the process must be able to open 32 more files, got \d+: /,
    );
  },
});
