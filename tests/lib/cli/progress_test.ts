import assert from "node:assert/strict";
import fc from "fast-check";
import { formatBar, formatProgress, parseProgress, Progress } from "../../../lib/cli/progress.ts";
import { CapturedStream, ManualClock } from "../../support/program.ts";

const state = {
  done: 8400,
  total: 20_000,
  facts: [["best", "1000"], ["last", "812.5"], ["buffer", "34%"], ["loss", "0.0123"]],
} as const;

Deno.test("formatBar() shows what fits, the most important first", () => {
  const at = (width: number) => formatBar(state, { rate: 1234, unit: "steps", width });
  assert.equal(at(39), "[###------]  42%  9.4 s left  best 1000");
  assert.equal(
    at(79),
    "[#####--------]  42%  9.4 s left  best 1000  8400/20k steps  1230/s  last 812.5",
  );
  assert.equal(
    at(199),
    "[############------------------]  42%  9.4 s left  best 1000  8400/20k steps  1230/s  last 812.5  buffer 34%  loss 0.0123",
  );
});

Deno.test("formatBar() names the phase where its counts do not fit", () => {
  const whole = { share: 0.19, secondsLeft: 39 };
  const fitting = {
    done: 192,
    total: 4000,
    phase: "fitting",
    whole,
    facts: [["best", "500"]],
  } as const;
  const at = (width: number) => formatBar(fitting, { rate: NaN, unit: "steps", width });
  assert.equal(at(39), "[##----------]  19%  39 s left  fitting");
  assert.equal(at(30), "[##----------]  19%  39 s left");
  assert.equal(at(52), "[##-----------]  19%  39 s left  fitting 192 of 4000");
});

Deno.test("formatBar() never exceeds the width", () => {
  const numbers = fc.double({ min: -10, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 220 }),
      numbers,
      numbers,
      numbers,
      (width, a, b, rate) => {
        const line = formatBar({ ...state, done: a, total: b }, { rate, unit: "steps", width });
        assert.ok(line.length <= width, `${line.length} > ${width}: ${line}`);
      },
    ),
  );
});

Deno.test("formatProgress() leaves out what is not known yet", () => {
  const line = formatProgress({ done: 0, total: 100 }, { rate: NaN, unit: "episodes" });
  assert.equal(line, "0%, 0/100 episodes");
});

function start(mode: "bar" | "lines" | "none", columns = 80) {
  const clock = new ManualClock();
  const stream = new CapturedStream({ columns, isTerminal: mode === "bar" });
  return { clock, stream, progress: new Progress(stream, { clock, mode, unit: "steps" }) };
}

Deno.test("Progress draws a bar at most ten times a second", () => {
  const { clock, stream, progress } = start("bar");
  for (let i = 0; i <= 1000; i++) {
    progress.update({ done: i, total: 1000 });
    clock.now += 1;
  }
  const draws = stream.text.split("\r").length - 1;
  assert.equal(draws, 11); // at 0, 100, ..., 1000 ms
  assert.ok(!stream.text.includes("\n"));
  progress.clear();
  assert.ok(stream.text.endsWith("\r\x1b[K"));
});

Deno.test("Progress writes a plain line every ten seconds, and none for short work", () => {
  const { clock, stream, progress } = start("lines");
  for (let second = 0; second <= 9; second++) {
    clock.now = second * 1000;
    progress.update({ done: second * 50, total: 2000 });
  }
  assert.equal(stream.text.length, 0);
  for (let second = 10; second <= 25; second++) {
    clock.now = second * 1000;
    progress.update({ done: second * 50, total: 2000 });
  }
  assert.equal(
    stream.text,
    "25%, 30 s left, 500/2000 steps, 50/s\n50%, 20 s left, 1000/2000 steps, 50/s\n",
  );
  const before = stream.text.length;
  progress.clear();
  assert.equal(stream.text.length, before);
});

Deno.test("Progress is silent when asked to be", () => {
  const { clock, stream, progress } = start("none");
  for (let i = 0; i < 100; i++) {
    clock.now += 1000;
    progress.update({ done: i, total: 100 });
  }
  progress.clear();
  assert.equal(stream.text, "");
});

Deno.test("Progress forgets the rate of long ago", () => {
  const { clock, progress } = start("lines");
  for (let second = 0; second <= 300; second++) {
    clock.now = second * 1000;
    progress.update({
      done: second < 200 ? second * 1000 : 200_000 + (second - 200) * 10,
      total: 1e6,
    });
  }
  assert.ok(Math.abs(progress.rate() - 10) < 1e-6, String(progress.rate()));
});

Deno.test("formatBar() names the phase, and shows the share and the time of the whole", () => {
  const phase = {
    phase: "calibrating",
    done: 37,
    total: 129,
    whole: { share: 0.81, secondsLeft: 12 },
    facts: [["best", "500"]],
  } as const;
  assert.equal(
    formatBar(phase, { rate: 1000, unit: "steps", width: 70 }),
    "[###############----]  81%  12 s left  calibrating 37 of 129  best 500",
  );
  assert.equal(
    formatProgress({ ...phase, whole: { share: undefined, secondsLeft: undefined } }, {
      rate: 1000,
      unit: "steps",
    }),
    "0%, calibrating 37 of 129, best 500",
  );
});

Deno.test("Progress takes back nothing of the share that it showed", () => {
  const { clock, stream, progress } = start("lines");
  for (const share of [0.5, 0.4, 0.6]) {
    clock.now += 10_000;
    progress.update({ done: 1, total: 2, phase: "training", whole: { share, secondsLeft: 1 } });
  }
  assert.deepEqual(stream.text.match(/^\d+%/gm), ["50%", "50%", "60%"]);
});

Deno.test("parseProgress() reads back what formatProgress() wrote, and nothing else", () => {
  const rate = { rate: NaN, unit: "steps" };
  const whole = { share: 0.456, secondsLeft: 200 };
  const facts = [["best", "1, 2"]] as const;
  const read = (state: Parameters<typeof formatProgress>[0]) =>
    parseProgress(formatProgress(state, rate));
  const fitting = { done: 3000, total: 45_000, phase: "fitting", whole, facts };
  assert.deepEqual(read(fitting), { share: 0.45, phase: "fitting" });
  assert.deepEqual(read({ ...fitting, phase: "warm-up" }), { share: 0.45, phase: "warm-up" });
  assert.deepEqual(
    read({ ...fitting, whole: { share: undefined, secondsLeft: undefined } }),
    { share: 0, phase: "fitting" },
  );
  assert.deepEqual(read({ done: 1, total: 4 }), { share: 0.25, phase: undefined });
  for (const line of ["Warning: 12%, of it", "12% of 3", "", "Cannot train: 5%, 3 s left"]) {
    assert.equal(parseProgress(line), undefined, line);
  }
});
