/** How long a run has left, by a clock that the test moves: right within a third from a tenth of the run on. */

import assert from "node:assert/strict";
import type { TrainingEvent } from "../../../lib/algorithm/events.ts";
import { createRun, type Tally } from "../../../lib/algorithm/run.ts";
import {
  finalEpisodes,
  plannedReports,
  reportEpisodes,
  spentSteps,
  trainingEnd,
} from "../../../lib/algorithm/budget.ts";
import { SWEPT_COMMANDS } from "../../../lib/algorithm/reports.ts";
import { Forecast } from "../../../lib/run/forecast.ts";
import { Pace, purposeOf, TIME_PURPOSES } from "../../../lib/run/pace.ts";
import { models } from "../../../models/models.ts";
import { registry } from "../../../envs/registry.ts";
import { ManualClock } from "../../support/program.ts";
import { tinyConfig } from "../../support/tiny_run.ts";

/** What work costs, and how episodes grow over the budget. */
interface Script {
  /** Milliseconds of a simulated step while training. */
  readonly step: number;
  /** Milliseconds of a simulated step without noise, which workers may share. */
  readonly noiseFree: number;
  /** Milliseconds of an update. */
  readonly update: number;
  /** Milliseconds before the first update. */
  readonly start: number;
  /** Length of a training episode when this share of the budget is spent. */
  length(share: number): number;
  /** Everything takes this many times as long at first, until code is compiled: one in the end. */
  cold?(seconds: number): number;
  /** Episodes that come at once, after the time of all of them: workers. */
  readonly burst?: number;
  /** Share of the budget at which nothing is left to learn. */
  readonly settled?: number;
  /** Rounds of the fit; one when absent. */
  readonly rounds?: number;
}

/** A run of CartPole as its events and its tally tell it, moving the clock by what the script says. */
async function* play(script: Script, clock: ManualClock, steps: number) {
  const config = tinyConfig({
    env: "CartPole-v1",
    steps,
    update: { perCycle: 8 },
    reports: { evaluations: 20, sweeps: 4 },
    consolidation: { updates: 1000 },
    rollout: { noise: "adapted" },
    calibration: { budgetShare: 0.1 },
  });
  const env = await registry.make("CartPole-v1");
  const run = createRun(config, { env, models, session: { threads: 1 } });
  const tally = run.tally as Tally;
  const events = function* (): Generator<TrainingEvent> {
    const trained = trainingEnd(run.task);
    const planned = plannedReports(run.task);
    const measured = { std: 0, n: 5, ci95: [0, 0] as const };
    const take = (milliseconds: number) => {
      clock.now += milliseconds * (script.cold?.(clock.now / 1000) ?? 1);
    };
    take(script.start);
    const { settled = 1 } = script;
    let waited = 0;
    for (
      let cycle = 0, evaluations = 0, sweeps = 0;
      spentSteps(run) + 500 <= settled * trained;
      cycle++
    ) {
      if (cycle >= 10) {
        take(8 * script.update);
        yield { kind: "update", updates: 8 * cycle, loss: 1 };
      }
      const length = Math.round(script.length(spentSteps(run) / trained));
      waited += length * script.step;
      if (cycle % (script.burst ?? 1) === 0) {
        take(waited);
        waited = 0;
      }
      tally.steps.training += length;
      yield { kind: "episode", episode: cycle, return: 1, length, scaledReturn: 0, stored: true };
      const report = function* (episodes: number, event: TrainingEvent) {
        tally.steps.evaluation += episodes * length;
        take(episodes * length * script.noiseFree);
        yield event;
      };
      if (spentSteps(run) >= (evaluations + 1) * steps / planned.evaluations) {
        evaluations++;
        yield* report(reportEpisodes(config), {
          kind: "evaluation",
          command: 1,
          mean: 1,
          ...measured,
        });
      }
      if (spentSteps(run) >= (sweeps + 1) * steps / 4) {
        sweeps++;
        yield* report(reportEpisodes(config) * SWEPT_COMMANDS * 0.6, {
          kind: "curve",
          range: [0, 1],
          points: [],
        });
      }
      take(0.1);
      if (cycle >= 9) yield { kind: "cycle" };
    }
    const last = script.length(1);
    const phase = function* (
      name: "choosing" | "measuring" | "calibrating",
      { parts, cost, count }: { parts: number; cost: number; count: number },
    ): Generator<TrainingEvent> {
      yield { kind: "phase", phase: name, done: 0, total: parts };
      for (let done = 1; done <= parts; done++) {
        take(cost);
        tally.steps[name === "choosing" ? "noiseFree" : "calibration"] += count;
        yield { kind: "phase", phase: name, done, total: parts };
      }
    };
    const reserved = 0.03 * steps;
    yield* phase("choosing", {
      parts: 4,
      cost: reserved / 4 * script.noiseFree,
      count: Math.round(reserved / 4),
    });
    // The calibration lends the choice half of its steps, to look at lines.
    const lent = (steps - spentSteps(run)) / 2;
    yield* phase("choosing", {
      parts: 7,
      cost: lent / 7 * script.noiseFree,
      count: Math.round(lent / 7),
    });
    const { updates } = config.consolidation;
    for (let done = 0; done <= (script.rounds ?? 1) * updates; done += 8) {
      if (done > 0) take(8 * script.update);
      const round = Math.max(1, Math.ceil(done / updates));
      yield { kind: "phase", phase: "fitting", done, total: round * updates };
    }
    const few = finalEpisodes(run.task) * last;
    yield* phase("measuring", { parts: 1, cost: few * script.noiseFree, count: few });
    const left = steps - spentSteps(run);
    yield* phase("calibrating", {
      parts: 40,
      cost: left / 40 * script.noiseFree,
      count: Math.round(left / 40),
    });
  };
  try {
    for (const event of events()) yield { event, run };
  } finally {
    await run.tools.learner.close();
    await env.close();
  }
}

const SCRIPTS: Readonly<Record<string, Script & { readonly steps: number }>> = {
  "episodes that grow twenty times as long": {
    steps: 50_000,
    step: 0.01,
    noiseFree: 0.01,
    update: 1.3,
    start: 200,
    length: (share) => 25 + 475 * Math.min(1, 3 * share),
  },
  "episodes of one length, and workers": {
    steps: 200_000,
    step: 0.05,
    noiseFree: 0.05,
    update: 0.5,
    start: 500,
    length: () => 500,
    burst: 4,
  },
  "code that is compiled on the way, and few long cycles": {
    steps: 50_000,
    step: 0.12,
    noiseFree: 0.12,
    update: 0.7,
    start: 30,
    length: () => 500,
    cold: (seconds) => 1 + 9 * Math.exp(-8 * seconds),
  },
  "training that settles at half of its budget": {
    steps: 50_000,
    step: 0.02,
    noiseFree: 0.02,
    update: 0.7,
    start: 200,
    length: (share) => 25 + 475 * Math.min(1, 5 * share),
    settled: 0.5,
  },
  "a fit that takes two rounds": {
    steps: 50_000,
    step: 0.02,
    noiseFree: 0.02,
    update: 0.7,
    start: 200,
    length: (share) => 25 + 475 * Math.min(1, 3 * share),
    rounds: 2,
  },
  "a calibration that takes longer than training": {
    steps: 50_000,
    step: 0.02,
    noiseFree: 0.04,
    update: 0.2,
    start: 100,
    length: (share) => 50 + 450 * Math.min(1, 2 * share),
  },
};

for (const [name, { steps, ...script }] of Object.entries(SCRIPTS)) {
  Deno.test(`Forecast is right within a third from a tenth of the run on: ${name}`, async () => {
    const clock = new ManualClock();
    const pace = new Pace(clock);
    let forecast: Forecast | undefined;
    const said: { readonly now: number; readonly left: number }[] = [];
    for await (const { event, run } of play(script, clock, steps)) {
      forecast ??= new Forecast(run.task, run);
      const seconds = pace.book(purposeOf(event));
      forecast.see(event, { run, seconds });
      if (event.kind === "cycle") forecast.seeSaving(pace.book("saving"));
      const left = forecast.secondsLeft;
      if (left !== undefined) said.push({ now: clock.now / 1000, left });
    }
    const total = clock.now / 1000;
    const late = said.filter(({ now }) => now >= total / 10);
    assert.ok(late.length > 50, "it says something");
    assert.ok(said[0].now < Math.max(1.5, total / 10), "early");
    for (const { now, left } of late) {
      const ratio = (now + left) / total;
      assert.ok(ratio > 2 / 3 && ratio < 4 / 3, `at ${now} of ${total} s: ${left} s left`);
    }
    const { seconds } = pace;
    const booked = TIME_PURPOSES.reduce((sum, purpose) => sum + seconds[purpose], 0);
    assert.ok(Math.abs(booked - total) < 1e-6, "all of the time is booked");
  });
}
