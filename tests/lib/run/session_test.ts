/** Sessions in run folders: stopped, damaged, changed and continued, with the bytes that they leave. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { Config, PartialConfig } from "../../../lib/config/config.ts";
import type { Clock } from "../../../lib/system/clock.ts";
import { loadCheckpoint } from "../../../lib/run/checkpoint/reader.ts";
import { decodeTfevents } from "../../../lib/formats/tfevents.ts";
import { readMetrics } from "../../../lib/run/metrics_reader.ts";
import { hashHex } from "../../../lib/system/files.ts";
import { models } from "../../../models/models.ts";
import { loadGenerator } from "../../../lib/generator/generator_file.ts";
import { verifyRun } from "../../../lib/run/verify.ts";
import { lockRun } from "../../../lib/run/lock.ts";
import { hashRun, tinyRegistry, trainTiny, withFolder } from "../../support/run_folder.ts";
import { LuckyEnv, TINY_ENV_SPEC, TinyEnv } from "../../support/tiny_env.ts";
import { ADAPTED, tinyConfig } from "../../support/tiny_run.ts";

/** Less than thirty episodes of ten steps, 10 of them before the first cycle. */
const CONFIG = tinyConfig({ steps: 300, reports: { evaluations: 3, sweeps: 2 } });
let unbroken: { generator: string; metrics: string } | undefined;

async function hashOfUnbroken(): Promise<typeof unbroken> {
  if (!unbroken) {
    await withFolder(async (folder) => {
      await trainTiny(CONFIG, folder);
      unbroken = hashRun(folder);
    });
  }
  return unbroken;
}

function damage(folder: string, pattern: RegExp): void {
  const name = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) =>
    pattern.test(name)
  ).sort().at(-1)!;
  const bytes = Deno.readFileSync(join(folder, name));
  bytes[bytes.length >> 1] ^= 4;
  Deno.writeFileSync(join(folder, name), bytes);
}

Deno.test("trainInFolder() ends with the same bytes wherever it was stopped", async () => {
  let last = 0;
  await withFolder(async (folder) => {
    last = (await trainTiny(CONFIG, folder)).cycles;
  });
  for (const stops of [[1], [10], [last], [3, 1, 9, 5]]) {
    await withFolder(async (folder) => {
      for (const [i, stopAfter] of stops.entries()) {
        const { result } = await trainTiny(CONFIG, folder, { stopAfter, resume: i > 0 });
        assert.equal(result.finished, false);
        assert.equal("finalReturn" in result, false);
      }
      const { result, warnings } = await trainTiny(CONFIG, folder, { resume: true });
      assert.ok(result.finished);
      assert.deepEqual(warnings, []);
      assert.deepEqual(hashRun(folder), await hashOfUnbroken(), `stopped after ${stops}`);
    });
  }
});

Deno.test("trainInFolder() ends with the same bytes under options that keep more state", async () => {
  const variants: PartialConfig[] = [
    { buffer: { bucketCapacity: 2, whenFull: "oldest" } },
    { buffer: { kind: "fifo" } },
    { generator: { kind: "cvae" } },
    { ...ADAPTED, steps: 600 },
    { ...ADAPTED, steps: 600, policy: { hiddenSizes: [] } },
    { ...ADAPTED, steps: 600, update: { loss: "both" } },
  ];
  for (const variant of variants) {
    const config = tinyConfig({ steps: 250, ...variant });
    await withFolder(async (whole) => {
      await trainTiny(config, whole);
      await withFolder(async (folder) => {
        const { result } = await trainTiny(config, folder, { stopAfter: 3 });
        assert.equal(result.finished, false);
        await trainTiny(config, folder, { stopAfter: 1, resume: true });
        await trainTiny(config, folder, { resume: true });
        assert.deepEqual(hashRun(folder), hashRun(whole), JSON.stringify(variant));
      });
    });
  }
});

/** Linear policies that learn nothing, since nothing can be learnt: others compete. */
const LUCK = tinyConfig({
  ...ADAPTED,
  steps: 4000,
  policy: { hiddenSizes: [], skip: "linear" },
});

// What is luck decides by the seed.
for (const [seed, hiddenSizes] of [[25, [64, 64]], [18, []]] as const) {
  Deno.test(`trainInFolder() tries two kinds of policies, goes on with [${hiddenSizes}], and ends with the same bytes`, async () => {
    const context = { registry: tinyRegistry(() => new LuckyEnv()) };
    const config = { ...LUCK, seed };
    await withFolder(async (whole) => {
      const { result, cycles } = await trainTiny(config, whole, context);
      const { records } = readMetrics(join(whole, "metrics.jsonl"));
      const places = records.flatMap(({ kind }, i) => kind === "attempt" ? [i] : []);
      assert.deepEqual(places.map((i) => records[i].hiddenSizes), [[64, 64], hiddenSizes]);
      assert.deepEqual(result.hiddenSizes, hiddenSizes);
      assert.match(Deno.readTextFileSync(join(whole, "config.toml")), /^hiddenSizes = \[\]$/m);
      const generator = loadGenerator(join(whole, "generator.safetensors"), {
        ...{ specOf: () => TINY_ENV_SPEC, models, session: { threads: 1 } },
      });
      assert.deepEqual(generator.config.policy.hiddenSizes, hiddenSizes);

      // The first rollouts come before the first update.
      const [before, until] = places.map((place) =>
        records.slice(0, place).filter(({ kind }) => kind === "update").length + 1
      );
      for (const stops of [[before], [before + 2, until, 1], [cycles]]) {
        await withFolder(async (folder) => {
          for (const [i, stopAfter] of stops.entries()) {
            await trainTiny(config, folder, { ...context, stopAfter, resume: i > 0 });
          }
          const { warnings } = await trainTiny(config, folder, { ...context, resume: true });
          assert.deepEqual(warnings, []);
          assert.deepEqual(hashRun(folder), hashRun(whole), `stopped after ${stops}`);
        });
      }
      // Side by side, environments stay and policies change.
      await withFolder(async (folder) => {
        await trainTiny(config, folder, { ...context, envWorkers: 2 });
        assert.deepEqual(hashRun(folder), hashRun(whole), "in two environments");
      });
      const verified = await verifyRun(whole, {
        ...{ ...context, models, session: { threads: 1 } },
        cycles: until + 1,
      });
      assert.ok(verified.matches, JSON.stringify(verified.difference));
    });
  });
}

Deno.test("trainInFolder() ends with the same bytes however often it saves", async () => {
  await withFolder(async (folder) => {
    await trainTiny(CONFIG, folder, { checkpointEverySteps: 1 });
    assert.deepEqual(hashRun(folder), await hashOfUnbroken());
    assert.match(Deno.readTextFileSync(join(folder, "config.toml")), /^seed = 1$/m);
  });
});

/** Every file below a folder with its hash, the lock apart. */
function snapshot(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory) Object.assign(files, snapshot(path));
    else if (name !== ".lock") files[path] = hashHex(Deno.readFileSync(path));
  }
  return files;
}

Deno.test("trainInFolder() writes nothing into a run that was begun where its own folder was", async () => {
  let last = 0;
  await withFolder(async (folder) => {
    last = (await trainTiny(CONFIG, folder)).cycles;
  });
  for (const moveAfter of [12, last]) {
    await withFolder(async (parent) => {
      const folder = join(parent, "run");
      await trainTiny(tinyConfig({ steps: 200, seed: 2 }), `${folder}-other`);
      let other: Record<string, string> = {};
      let cycles = 0;
      const first = trainTiny(CONFIG, folder, {
        checkpointEverySteps: 1,
        onProgress(_, { kind }) {
          if (kind !== "cycle" || ++cycles !== moveAfter) return;
          Deno.renameSync(folder, `${folder}-moved`);
          Deno.renameSync(`${folder}-other`, folder);
          other = snapshot(folder);
        },
      });
      await assert.rejects(first, {
        name: "FileError",
        message: /^Cannot write run ".*run": it must be the folder that was opened/,
      });
      assert.deepEqual(snapshot(folder), other);
      // What it had saved is where the folder is now, and goes on there to the same end.
      await trainTiny(CONFIG, `${folder}-moved`, { resume: true });
      assert.deepEqual(hashRun(`${folder}-moved`), await hashOfUnbroken());
    });
  }
});

Deno.test("trainInFolder() follows no link that stands where its own files should", async () => {
  for (const name of ["metrics.jsonl", "config.toml", "generator.safetensors", "checkpoint"]) {
    await withFolder(async (parent) => {
      const [folder, target] = [join(parent, "run"), join(parent, "target")];
      await trainTiny(CONFIG, folder, { stopAfter: 15 });
      const path = join(folder, name);
      if (name === "checkpoint") Deno.renameSync(path, target);
      else {Deno.writeTextFileSync(
          target,
          name === "config.toml" ? Deno.readTextFileSync(path) : "",
        );}
      await Deno.remove(path).catch(() => {});
      Deno.symlinkSync(target, path);
      const before = Deno.statSync(target).isFile ? Deno.readFileSync(target) : snapshot(target);
      await assert.rejects(trainTiny(CONFIG, folder, { resume: true }), {
        name: "FileError",
        message: new RegExp(`${name}": it must be a (regular file|folder), got a link$`),
      });
      const after = Deno.statSync(target).isFile ? Deno.readFileSync(target) : snapshot(target);
      assert.deepEqual(after, before);
    });
  }
});

/** An environment that tells of every episode that starts. */
class ToldEnv extends TinyEnv {
  readonly #onReset: () => void;
  constructor(onReset: () => void) {
    super();
    this.#onReset = onReset;
  }
  override reset(seed?: number): void {
    this.#onReset();
    super.reset(seed);
  }
}

Deno.test("trainInFolder() ends with the same bytes when its end was interrupted", async () => {
  let total = 0;
  await withFolder(async (folder) => {
    const registry = tinyRegistry(() => new ToldEnv(() => total++));
    await trainTiny(CONFIG, folder, { registry });
  });
  // The end: 3 episodes of calibration and 3 of the final evaluation, and before them the selection.
  for (const left of [1, 7]) {
    await withFolder(async (folder) => {
      const controller = new AbortController();
      let episodes = 0;
      const registry = tinyRegistry(() =>
        new ToldEnv(() => {
          if (++episodes === total - left) controller.abort(new Error("stop"));
        })
      );
      const stopped = await trainTiny(CONFIG, folder, { signal: controller.signal, registry });
      assert.equal(stopped.result.finished, false);
      assert.equal(episodes, total - left);
      const { result } = await trainTiny(CONFIG, folder, { resume: true });
      assert.ok(result.finished);
      assert.deepEqual(hashRun(folder), await hashOfUnbroken());
    });
  }
});

Deno.test("trainInFolder() ends with the same bytes when the clock jumps", async () => {
  const hour = 3_600_000;
  let [monotonic, epoch] = [0, 0];
  const clock: Clock = {
    monotonicMs: () => monotonic += hour, // as after a night's sleep
    epochMs: () => (epoch = epoch === 0 ? 50 * hour : 0), // set back and forth
  };
  await withFolder(async (folder) => {
    await trainTiny(CONFIG, folder, { clock, stopAfter: 14 });
    const { result } = await trainTiny(CONFIG, folder, { clock, resume: true });
    assert.ok(result.wallSeconds > 0);
    assert.deepEqual(hashRun(folder), await hashOfUnbroken());
  });
});

Deno.test("trainInFolder() says that a finished run is finished, and changes nothing", async () => {
  await withFolder(async (folder) => {
    const { result } = await trainTiny(CONFIG, folder);
    const before = hashRun(folder);
    const again = await trainTiny(CONFIG, folder, { resume: true });
    assert.deepEqual(again.warnings, [
      `Run ${
        JSON.stringify(folder)
      } is finished: there is nothing to do: give more --steps to go ` +
      `on with it`,
    ]);
    const same = ({ wallSeconds: _, ...rest }: typeof result) => rest;
    assert.deepEqual(same(again.result), same(result));
    assert.deepEqual(hashRun(folder), before);
  });
});

Deno.test("trainInFolder() does the end of a finished run again when its generator is gone", async () => {
  await withFolder(async (folder) => {
    await trainTiny(CONFIG, folder);
    Deno.removeSync(join(folder, "generator.safetensors"));
    await trainTiny(CONFIG, folder, { resume: true });
    assert.deepEqual(hashRun(folder), await hashOfUnbroken());
  });
});

Deno.test("trainInFolder() goes on with a finished run when it gets more steps", async () => {
  await withFolder(async (folder) => {
    const first = await trainTiny(CONFIG, folder);
    const longer = { ...CONFIG, steps: 500 };
    const { result, warnings } = await trainTiny(longer, folder, { resume: true });
    assert.deepEqual(warnings, []);
    assert.ok(result.steps > 430 && result.steps <= 500, `${result.steps} steps`);
    // What the first end simulated stays counted.
    assert.ok(result.stepsByPurpose.noiseFree >= first.result.stepsByPurpose.noiseFree);
    assert.ok(result.stepsByPurpose.calibration > first.result.stepsByPurpose.calibration);
    const { records, skippedLines } = readMetrics(join(folder, "metrics.jsonl"));
    assert.equal(skippedLines, 0);
    const change = records.find(({ changes }) => changes !== undefined)!;
    assert.deepEqual(JSON.parse(JSON.stringify(change.changes)), [
      { name: "steps", from: 300, to: 500 },
    ]);
    assert.equal(records.filter(({ final }) => final === true).length, 4);
    assert.match(Deno.readTextFileSync(join(folder, "config.toml")), /^steps = 500$/m);
  });
});

Deno.test("trainInFolder() refuses to go on with another configuration and shows the difference", async () => {
  await withFolder(async (folder) => {
    await trainTiny(CONFIG, folder, { stopAfter: 2 });
    const other: Config = {
      ...CONFIG,
      seed: 7,
      update: { ...CONFIG.update, learningRate: 0.5 },
    };
    await assert.rejects(trainTiny(other, folder, { resume: true }), {
      name: "FileError",
      message:
        `Cannot resume run ${JSON.stringify(folder)}: its configuration must stay as it is, ` +
        `got seed = 7 instead of 1, update.learningRate = 0.5 instead of 0.001: take the run's own ` +
        `config.toml or start a new run`,
    });
  });
});

Deno.test("trainInFolder() refuses another preset's name on resuming, and keeps its own", async () => {
  for (const stopAfter of [3, 15]) { // without a checkpoint and with one
    await withFolder(async (folder) => {
      await trainTiny(CONFIG, folder, { stopAfter, preset: "default" });
      const path = join(folder, "config.toml");
      const before = Deno.readTextFileSync(path);
      await assert.rejects(trainTiny(CONFIG, folder, { resume: true, preset: "paper" }), {
        name: "FileError",
        message: /^Cannot resume run ".*": .* got preset = "paper" instead of "default": leave the/,
      });
      assert.equal(Deno.readTextFileSync(path), before);
    });
  }
});

Deno.test("trainInFolder() uses the checkpoint before a damaged one, and says so", async () => {
  for (const pattern of [/manifest/, /learner/, /-rows/]) {
    await withFolder(async (folder) => {
      await trainTiny(CONFIG, folder, { stopAfter: 12 });
      await trainTiny(CONFIG, folder, { stopAfter: 12, resume: true });
      damage(join(folder, "checkpoint"), pattern);
      const { warnings } = await trainTiny(CONFIG, folder, { resume: true });
      assert.equal(warnings.length, 1);
      assert.match(warnings[0], /^checkpoint 2 is damaged and was passed over/);
      assert.deepEqual(hashRun(folder), await hashOfUnbroken());
    });
  }
});

Deno.test("trainInFolder() starts nothing anew when no checkpoint is whole", async () => {
  await withFolder(async (folder) => {
    await trainTiny(CONFIG, folder, { stopAfter: 20 });
    damage(join(folder, "checkpoint"), /learner/);
    const metrics = Deno.readTextFileSync(join(folder, "metrics.jsonl"));
    await assert.rejects(
      trainTiny(CONFIG, folder, { resume: true }),
      /^FileError: Cannot read checkpoint ".*": none is whole: checkpoint 1 is damaged/,
    );
    assert.equal(Deno.readTextFileSync(join(folder, "metrics.jsonl")), metrics);
  });
});

Deno.test("trainInFolder() repairs a torn log on the way", async () => {
  await withFolder(async (folder) => {
    await trainTiny(CONFIG, folder, { stopAfter: 20 });
    const path = join(folder, "metrics.jsonl");
    Deno.writeTextFileSync(path, '{"kind":"episode","st', { append: true });
    const { warnings } = await trainTiny(CONFIG, folder, { resume: true });
    assert.deepEqual(warnings, []);
    assert.deepEqual(hashRun(folder), await hashOfUnbroken());
  });
});

Deno.test("trainInFolder() warns when metrics that a checkpoint knows of are gone", async () => {
  await withFolder(async (folder) => {
    await trainTiny(CONFIG, folder, { stopAfter: 20 });
    Deno.truncateSync(join(folder, "metrics.jsonl"), 10);
    const { warnings, result } = await trainTiny(CONFIG, folder, { resume: true });
    assert.equal(warnings.length, 2);
    assert.match(warnings[0], /hold 10 bytes and not the \d+ that the checkpoint knows of/);
    assert.ok(result.finished);
    assert.equal(hashRun(folder).generator, (await hashOfUnbroken())!.generator);
  });
});

Deno.test("trainInFolder() starts where a folder has no checkpoint yet, and refuses what is no run", async () => {
  await withFolder(async (parent) => {
    const folder = join(parent, "run");
    await assert.rejects(
      trainTiny(CONFIG, folder, { resume: true }),
      /^FileError: Cannot resume run ".*": there is no such folder: start it without --resume$/,
    );
    Deno.mkdirSync(folder);
    Deno.writeTextFileSync(join(folder, "notes.txt"), "mine");
    await assert.rejects(
      trainTiny(CONFIG, folder),
      /^FileError: Cannot train in ".*": the folder must be empty, got "notes.txt" and perhaps more/,
    );
    await assert.rejects(
      trainTiny(CONFIG, folder, { resume: true }),
      /^FileError: Cannot resume run ".*": there must be a config.toml, got none$/,
    );
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["notes.txt"]);
    Deno.removeSync(join(folder, "notes.txt"));
    await trainTiny(CONFIG, folder);
    Deno.removeSync(join(folder, "checkpoint"), { recursive: true });
    await assert.rejects(
      trainTiny({ ...CONFIG, seed: 2 }, folder, { resume: true }),
      /seed = 2 instead of 1/,
    );
    const { warnings } = await trainTiny(CONFIG, folder, { resume: true });
    assert.match(warnings[0], /has no checkpoint yet: it starts from the beginning$/);
    assert.deepEqual(hashRun(folder), await hashOfUnbroken());
  });
});

Deno.test("trainInFolder() leaves a folder alone that another process uses", async () => {
  await withFolder(async (folder) => {
    using _lock = lockRun(folder);
    await assert.rejects(
      trainTiny(CONFIG, folder),
      /^FileError: Cannot open run ".*": another udrlpg \(process \d+\) is using it$/,
    );
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), [".lock"]);
  });
});

Deno.test("trainInFolder() stops when numbers explode, and keeps the last good checkpoint", async () => {
  const config = tinyConfig({ update: { learningRate: 1e30 } });
  await withFolder(async (folder) => {
    await assert.rejects(
      trainTiny(config, folder, { checkpointEverySteps: 1 }),
      (error: Error) => {
        assert.equal(error.name, "DivergedError");
        assert.match(error.message, /must be finite, got (NaN|-?Infinity).* training steps/);
        assert.match(error.message, /: the last good checkpoint, of step \d+, stays$/);
        return true;
      },
    );
    const { meta } = loadCheckpoint(join(folder, "checkpoint"));
    assert.equal(meta.end, null);
  });
});

Deno.test("trainInFolder() names the number that an environment spoils, and the step", async () => {
  class Spoilt extends TinyEnv {
    #steps = 0;
    override step(action: ArrayLike<number>) {
      const transition = super.step(action);
      // Fifty steps are of an evaluation.
      if (++this.#steps === 187) this.spoil(transition);
      return transition;
    }
    spoil(transition: { reward: number }) {
      transition.reward = NaN;
    }
  }
  class Blind extends Spoilt {
    override spoil() {
      this.observation[0] = Infinity;
    }
  }
  const cases: [() => TinyEnv, RegExp][] = [
    [() => new Spoilt(), /number of the reward must be finite, got NaN at index 0, step 7 of/],
    [
      () => new Blind(),
      /number of the observation must be finite, got Infinity at index 0, step 7/,
    ],
  ];
  for (const [make, message] of cases) {
    await withFolder(async (folder) => {
      await assert.rejects(
        trainTiny(CONFIG, folder, { registry: tinyRegistry(make), checkpointEverySteps: 50 }),
        (error: Error) => {
          assert.equal(error.name, "DivergedError");
          assert.match(error.message, message);
          assert.match(
            error.message,
            /after \d+ training steps: the last good checkpoint, of step 100, stays$/,
          );
          return true;
        },
      );
      // The environment was to blame: with a sound one the run goes on as if nothing had happened.
      await trainTiny(CONFIG, folder, { resume: true });
      assert.deepEqual(hashRun(folder), await hashOfUnbroken());
    });
  }
});

Deno.test("trainInFolder() writes the same scalars for TensorBoard as in its metrics", async () => {
  await withFolder(async (folder) => {
    await trainTiny(CONFIG, folder, { stopAfter: 15 });
    await trainTiny(CONFIG, folder, { resume: true });
    const { records } = readMetrics(join(folder, "metrics.jsonl"));
    const [name] = [...Deno.readDirSync(folder)].map(({ name }) => name)
      .filter((name) => name.startsWith("events.out.tfevents."));
    const { events } = decodeTfevents(Deno.readFileSync(join(folder, name)), { name });
    const loss = (tag: string) =>
      events.flatMap(({ step, scalars }) => scalars.has(tag) ? [[step, scalars.get(tag)]] : []);
    for (const [kind, key] of [["update", "loss"], ["episode", "return"], ["evaluation", "mean"]]) {
      const expected = records.filter((record) => record.kind === kind)
        .map((record) => [record.step, Math.fround(record[key] as number)]);
      assert.deepEqual(loss(`${kind}/${key}`), expected);
      assert.ok(expected.length > 1);
    }
  });
});

Deno.test("trainInFolder() counts every simulated step under one purpose", async () => {
  await withFolder(async (folder) => {
    let steps = 0;
    class Counted extends TinyEnv {
      override step(action: ArrayLike<number>) {
        steps++;
        return super.step(action);
      }
    }
    const { result } = await trainTiny(CONFIG, folder, {
      registry: tinyRegistry(() => new Counted()),
    });
    const { training, noiseFree, calibration, evaluation } = result.stepsByPurpose;
    assert.equal(training + noiseFree + calibration + evaluation, steps);
    assert.equal(result.steps, training + noiseFree);
    const last = readMetrics(join(folder, "metrics.jsonl")).records.at(-1)!;
    assert.deepEqual(JSON.parse(JSON.stringify(last.simulated)), result.stepsByPurpose);
  });
});
