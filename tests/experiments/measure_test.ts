/** Measuring a run: by the real program, and what is made of its numbers. */

import assert from "node:assert/strict";
import { run } from "../support/program.ts";
import { TINY, withFolder } from "../support/tiny_command.ts";
import { type Call, measureRun, summarisePoints } from "./measure.ts";
import type { Row } from "./tables.ts";

const ROW: Row = {
  env: "CartPole-v1",
  steps: 5000,
  seeds: [1],
  set: Object.fromEntries(TINY.map((assignment) => assignment.split("="))),
  requests: 1,
};

Deno.test("measureRun() trains with the program and measures what it hands out", async () => {
  await withFolder(async (folder) => {
    const calls: string[][] = [];
    const call: Call = (argv) => {
      calls.push([...argv]);
      return run([...argv, "--json", "--quiet"]);
    };
    const measured = await measureRun(ROW, { seed: 3, folder: `${folder}/run`, call });
    assert.equal(measured.final.n, 20);
    assert.ok(measured.best >= 9 && measured.best <= 500);
    assert.ok(measured.simulatedSteps > 1000);
    const steps = measured.learning!.map(([step]) => step);
    assert.ok(
      steps.length > 0 && steps.length <= 25,
      "of training episodes: nothing was evaluated",
    );
    assert.deepEqual(steps, steps.toSorted((a, b) => a - b));
    assert.ok(steps.at(-1)! <= ROW.steps);
    assert.equal(measured.wallSeconds, 0); // the clock of tests stands still
    const words = calls.map(([command]) => command).join(" ");
    // One request for the best policy, 21 for the curve and one at random, each measured.
    assert.match(
      words,
      /^train generate evaluate( generate evaluate){21,22}( evaluate)?$|^train generate evaluate$/,
    );
    const row = { ...ROW, requests: 0 };
    const again = await measureRun(row, { seed: 3, folder: `${folder}/run`, call });
    assert.deepEqual(again.final, measured.final);
    assert.equal(again.wallSeconds, undefined, "nothing was trained again");
  });
});

Deno.test("measureRun() fails with the words of the program that failed", async () => {
  await withFolder(async (folder) => {
    const call: Call = (argv) => run([...argv, "--json", "--quiet"]);
    const row = { ...ROW, set: { "no.option": 1 } };
    await assert.rejects(
      measureRun(row, { seed: 1, folder: `${folder}/run`, call }),
      /^Error: Cannot measure a run: udrlpg train .* must succeed, got exit code 2: .*no\.option/,
    );
  });
});

Deno.test("summarisePoints() gives errors and requests met as shares of the range", () => {
  const range = { from: 0, to: 100 };
  // Misses of 4, 10 and 1 of 100: 5 % in the mean, two of three within 5 %; ranks agree.
  assert.deepEqual(
    summarisePoints([[0, 4, 0, 20], [50, 60, 0, 20], [100, 99, 0, 20]], range),
    { from: 0, to: 100, spearman: 1, meanError: 0.05, met: 2 / 3 },
  );
  const flat = summarisePoints([[0, 50, 0, 20], [100, 50, 0, 20]], range);
  assert.ok(!("spearman" in flat), "equal returns have no ranks");
});
