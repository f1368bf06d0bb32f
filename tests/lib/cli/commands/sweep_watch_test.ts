import assert from "node:assert/strict";
import { SweepWatch } from "../../../../lib/cli/commands/sweep/sweep_watch.ts";
import type { SweepRun } from "../../../../lib/sweep/expand.ts";
import { tinyConfig } from "../../../support/tiny_run.ts";

function sweepOf(...steps: number[]): SweepRun[] {
  return steps.map((steps, i) => ({
    folder: `runs/${i}`,
    config: tinyConfig({ steps }),
    given: new Map(),
    settings: new Map(),
    hash: "",
  }));
}

Deno.test("SweepWatch counts runs by their budgets and by what they tell of themselves", () => {
  const [short, long, before] = sweepOf(1000, 3000, 50_000);
  const watch = new SweepWatch([short, long, before], {
    now: 0,
    isFinished: (run) => run === before,
  });
  assert.deepEqual(watch.state(0).whole, { share: 0, secondsLeft: undefined });
  watch.start(before, 0);
  watch.end(before, { isFailure: false, now: 0 });
  assert.equal(watch.state(0).whole?.share, 0, "it was finished before");
  watch.start(short, 0);
  watch.start(long, 0);
  watch.hear(short, "50%, 10 s left, training 400 of 800, best 3", 10_000);
  watch.hear(short, "Warning: nothing to worry about", 10_000);
  watch.hear(long, "10%, training 300 of 3000", 10_000);
  // (0.5 * 1000 + 0.1 * 3000) / 4000
  const { whole, done, total, facts } = watch.state(10_000);
  assert.deepEqual([whole?.share, done, total], [0.2, 1, 3]);
  assert.deepEqual(facts, [["now", "training, training"]]);
  // None waits: the long one has nine tenths to go, at a tenth in ten seconds.
  assert.equal(whole?.secondsLeft, 90);
  assert.equal(watch.state(14_000).whole?.secondsLeft, 86, "time passes while nothing is heard");
  watch.end(short, { isFailure: true, now: 20_000 });
  watch.hear(long, "55%, fitting 8 of 4500", 20_000);
  const after = watch.state(20_000);
  assert.deepEqual(after.facts, [["failed", "1"], ["now", "fitting"]]);
  assert.equal(after.whole?.share, (1000 + 0.55 * 3000) / 4000);
});

Deno.test("SweepWatch goes by the share of all while runs wait", () => {
  const [first, second] = sweepOf(1000, 1000);
  const watch = new SweepWatch([first, second], { now: 0, isFinished: () => false });
  watch.start(first, 0);
  watch.hear(first, "50%, training 1 of 2", 30_000);
  // A quarter of all in 30 s.
  assert.deepEqual(watch.state(30_000).whole, { share: 0.25, secondsLeft: 90 });
});
