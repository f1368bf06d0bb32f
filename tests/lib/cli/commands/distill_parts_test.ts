import assert from "node:assert/strict";
import { DistillParts } from "../../../../lib/cli/commands/distill_parts.ts";
import { ManualClock } from "../../../support/program.ts";

Deno.test("DistillParts makes one whole of measuring, two trials and the run", () => {
  const clock = new ManualClock();
  const parts = new DistillParts(2, clock);
  const measuring = parts.measuring({ done: 30, total: 60 });
  // Half of the first of four parts.
  assert.deepEqual(measuring, {
    phase: "measuring",
    done: 30,
    total: 60,
    whole: { share: 0.125, secondsLeft: undefined },
  });
  clock.now = 5000;
  assert.equal(
    parts.trying(0, { phase: "fitting", done: 0, total: 4000 }).whole?.secondsLeft,
    undefined,
  );
  clock.now = 9000;
  const first = parts.trying(0, { phase: "fitting", done: 2000, total: 4000 });
  assert.deepEqual(first.facts, [["trial", "1/2"]]);
  // Half a trial took 4 s: half of it, another one and the run are left.
  assert.deepEqual(first.whole, { share: 0.375, secondsLeft: 20 });
  clock.now = 21_000;
  const { whole } = parts.running({ phase: "fitting", done: 0, total: 4000 });
  assert.deepEqual(whole, { share: 0.75, secondsLeft: 8 });
  const told = parts.running({ phase: "training", done: 28_000, total: 28_000 });
  assert.equal(told.whole?.share, 0.75, "it was measured before");
  clock.now = 29_000;
  const end = parts.running({ phase: "calibrating", done: 32_000, total: 32_000 });
  assert.deepEqual(end.whole, { share: 1, secondsLeft: 0 });
});
