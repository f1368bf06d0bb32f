/** The search for a policy that earns a wanted return, on curves with known answers. */

import assert from "node:assert/strict";
import { type FindOptions, findPolicy } from "../../../lib/generator/find_policy.ts";
import { assertClose } from "../../support/close.ts";
import { fakeGenerator, fakeRunner } from "../../support/fake_generator.ts";

/** A calibration that says: command 0 earns 0, command 1 earns 100, in steps of a tenth. */
const LINE = fakeGenerator(
  Array.from({ length: 11 }, (_, i) => [i / 10, 10 * i] as const),
);

function options(changes: Partial<FindOptions> & Pick<FindOptions, "runner">): FindOptions {
  return { requested: 42, episodes: 10, episodeBudget: 500, seed: 1, ...changes };
}

Deno.test("findPolicy() gives and measures the calibrated policy when no tolerance is asked", async () => {
  const runner = fakeRunner((command) => 100 * command + 3);
  const found = await findPolicy(LINE, options({ runner }));
  assertClose(found.command, 0.42);
  assertClose(found.parameters[0], Math.fround(0.42));
  assertClose(found.measured.mean, 45, 1e-4);
  assert.deepEqual([found.accepted, found.episodes, runner.episodes], [true, 10, 10]);
  assert.equal(new Set(found.measured.seeds).size, 10);
});

Deno.test("findPolicy() searches where the curve has moved until the interval fits", async () => {
  // The truth lies 25 above the calibration: the wanted command is 0.17.
  const runner = fakeRunner((command) => 100 * command + 25, { deviation: 1 });
  const tried: number[] = [];
  const found = await findPolicy(
    LINE,
    options({ runner, tolerance: 2, onCandidate: ({ command }) => tried.push(command) }),
  );
  assert.equal(found.accepted, true);
  const [low, high] = found.measured.ci95;
  assert.ok(low >= 40 && high <= 44, `[${low}, ${high}]`);
  assertClose(found.command, 0.17, 0.02);
  assert.equal(found.episodes, 10 * tried.length);
  assert.equal(found.episodes, runner.episodes);
});

Deno.test("findPolicy() finds a return on a falling curve as well", async () => {
  const runner = fakeRunner((command) => 80 - 100 * command);
  const found = await findPolicy(LINE, options({ runner, tolerance: 1 }));
  assert.equal(found.accepted, true);
  assertClose(found.command, 0.38, 0.011);
});

Deno.test("findPolicy() ends with the closest policy when the budget is spent", async () => {
  const runner = fakeRunner((command) => Math.min(30, 100 * command));
  const found = await findPolicy(LINE, options({ runner, tolerance: 1, episodeBudget: 65 }));
  assert.equal(found.accepted, false);
  assert.equal(found.measured.mean, 30);
  assert.deepEqual([found.episodes, runner.episodes], [60, 60], "the budget holds six candidates");
});

Deno.test("findPolicy() tries noise on the closest policy at a cliff that no command stands on", async () => {
  const runner = fakeRunner((command) => command < 0.305 ? 0 : 100);
  const commands = new Set<number>();
  const policies = new Set<number>();
  const found = await findPolicy(
    LINE,
    options({
      runner,
      tolerance: 5,
      episodes: 2,
      episodeBudget: 100,
      onCandidate({ command, parameters }) {
        commands.add(command);
        policies.add(parameters[0]);
      },
    }),
  );
  assert.equal(found.accepted, false);
  // Bisection from steps of a twentieth down to a 4096th of a tenth, then noise for the budget.
  assert.ok([...commands].some((command) => Math.abs(command - 0.305) < 1e-4));
  assert.ok(policies.size > commands.size);
  assert.equal(found.episodes, 100);
  assert.equal(found.measured.mean, 0, "0 is closer to 42 than 100 is");
});

Deno.test("findPolicy() runs a candidate on until its interval is narrow enough", async () => {
  const runner = fakeRunner((command) => 100 * command, { deviation: 10 });
  const found = await findPolicy(
    LINE,
    options({ runner, tolerance: 4, episodes: 5, episodeBudget: 500 }),
  );
  assert.equal(found.accepted, true);
  // A deviation of 10 needs about (2 * 10 / 4)^2 = 25 episodes; no seed is used twice.
  assert.ok(found.measured.n > 10);
  assert.equal(new Set(found.measured.seeds).size, found.measured.n);
  const [low, high] = found.measured.ci95;
  assert.ok(low >= 38 && high <= 46);
});

Deno.test("findPolicy() looks for a steady policy rather than run a wild one for ever", async () => {
  const runner = fakeRunner((command) => 100 * command, {
    deviation: (command) => Math.abs(command - 0.42) < 0.004 ? 60 : 1,
  });
  // With these seeds the calibrated policy's first ten episodes have about the wanted mean; its
  // interval would take hundreds more.
  for (const seed of [7, 23, 27]) {
    const found = await findPolicy(
      LINE,
      options({ runner, seed, tolerance: 8, episodeBudget: 300 }),
    );
    assert.equal(found.accepted, true);
    assert.ok(found.measured.std < 2, `${found.measured.std}`);
    assert.ok(found.episodes <= 60, `${found.episodes}`);
  }
});

Deno.test("findPolicy() hands out what is surely near rather than what was near by luck", async () => {
  // The first policy's mean happens to be close in five episodes, but may lie anywhere; the others are
  // steady and 10 off.
  const truth = (command: number) => Math.abs(command - 0.42) < 1e-6 ? 42 : 52;
  const runner = fakeRunner(truth, { deviation: (command) => truth(command) === 42 ? 40 : 0.1 });
  for (const seed of [1, 2, 3, 4]) {
    const found = await findPolicy(
      LINE,
      options({ runner, seed, tolerance: 2, episodes: 5, episodeBudget: 40 }),
    );
    assert.equal(found.accepted, false);
    assertClose(found.measured.mean, 52, 1);
  }
});

Deno.test("findPolicy() looks no further between commands where the wanted return may be already", async () => {
  // From 0.415 to 0.425 returns are wild around what is wanted; noise alone leads to steadier policies.
  const isWild = (command: number) => Math.abs(command - 0.42) < 0.005;
  const runner = fakeRunner((command) => isWild(command) ? 42 : command < 0.42 ? 0 : 100, {
    deviation: (command) => isWild(command) ? 60 : 1,
  });
  const commands = new Set<number>();
  await findPolicy(
    LINE,
    options({ runner, tolerance: 8, onCandidate: ({ command }) => void commands.add(command) }),
  );
  const wild = [...commands].filter(isWild);
  assert.ok(wild.length <= 2, `${wild}`);
});

Deno.test("findPolicy() closes in between policies where no single measurement tells their side", async () => {
  // Ten episodes tell a mean to 19, a hundred to 6: neighbouring commands look alike.
  const truth = (command: number) => 100 * command + 15;
  const runner = fakeRunner(truth, { deviation: 30 });
  let met = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const found = await findPolicy(
      LINE,
      options({ runner, seed, tolerance: 6, episodeBudget: 1000 }),
    );
    if (found.accepted && Math.abs(truth(found.parameters[0]) - 42) <= 6) met++;
  }
  // 14, where noise alone finds 6.
  assert.ok(met >= 12, `${met} of 20`);
});

Deno.test("findPolicy() accepts no policy for its first episodes alone", async () => {
  const runs = new Map<number, number>();
  const lucky = (falls: number) => ({
    run: (jobs: Parameters<FindOptions["runner"]["run"]>[0]) =>
      Promise.resolve(jobs.map(({ parameters: [command], seeds }) =>
        seeds.map(() => {
          const episode = (runs.get(command) ?? 0) + 1;
          runs.set(command, episode);
          const total = episode > falls ? 0 : 42;
          return { return: total, survivalReturn: 0, length: 1, terminated: false };
        })
      )),
    close: () => Promise.resolve(),
  });
  const accepted = async (falls: number) => {
    runs.clear();
    const found = await findPolicy(LINE, options({ runner: lucky(falls), tolerance: 2 }));
    return found.accepted ? found.episodes : undefined;
  };
  assert.equal(await accepted(10), undefined, "all fall in the eleventh");
  assert.equal(await accepted(20), 20, "the first candidate needs twenty");
});

Deno.test("findPolicy() never asks for a command below 0 and tries none twice", async () => {
  const runner = fakeRunner((command) => 50 + command);
  const tried: number[] = [];
  await findPolicy(
    LINE,
    options({
      runner,
      requested: 10,
      tolerance: 1,
      episodeBudget: 200,
      onCandidate: ({ command }) => tried.push(command),
    }),
  );
  assert.ok(tried.every((command) => command >= 0), `${tried}`);
  assert.equal(new Set(tried).size, tried.length, `${tried}`);
});

Deno.test("findPolicy() tries noise alone for a return that no command reaches", async () => {
  const runner = fakeRunner((command) => 100 * command);
  const commands = new Set<number>();
  const found = await findPolicy(
    LINE,
    options({
      runner,
      requested: -50,
      tolerance: 5,
      episodeBudget: 1000,
      onCandidate: ({ command }) => void commands.add(command),
    }),
  );
  assert.deepEqual([...commands], [0], "the lowest command, with noise on its policy");
  assert.equal(found.accepted, true);
  assert.equal(found.start.within, false);
});

Deno.test("findPolicy() runs every candidate on the same seeds", async () => {
  const { run } = fakeRunner((command) => 100 * command, { deviation: 5 });
  const seeds: (readonly number[])[] = [];
  const runner: FindOptions["runner"] = {
    run(jobs, normaliser) {
      seeds.push(...jobs.map((job) => job.seeds));
      return run(jobs, normaliser);
    },
  };
  await findPolicy(LINE, options({ runner, tolerance: 0.01, episodeBudget: 40 }));
  assert.equal(seeds.length, 4);
  for (const each of seeds) assert.deepEqual(each, seeds[0]);
});
