import assert from "node:assert/strict";
import { Board, hparamsOf } from "../../../lib/run/board.ts";
import type { MetricRecord } from "../../../lib/run/metrics.ts";
import { tinyConfig } from "../../support/tiny_run.ts";

Deno.test("Board shows what is worth a plot, the last fit by its updates and the final curve by command", () => {
  const board = new Board();
  const points = (record: MetricRecord) => board.pointsOf(record);
  assert.deepEqual(points({ kind: "run", step: 0, seed: 1 }), []);
  assert.deepEqual(points({ kind: "update", step: 90, updates: 4, loss: 3 }), [
    { step: 90, scalars: { "update/loss": 3 } },
  ]);
  const episode = {
    kind: "episode",
    step: 100,
    episode: 1,
    return: 7,
    length: 10,
    scaledReturn: 7,
  };
  assert.deepEqual(points(episode), [
    { step: 100, scalars: { "episode/return": 7, "episode/length": 10 } },
  ]);
  assert.deepEqual(points({ kind: "update", step: 100, updates: 8, loss: 2 }), [
    { step: 100, scalars: { "update/loss": 2 } },
  ]);
  const simulated = { training: 100, evaluation: 20 };
  const measured = { mean: 5, std: 1, n: 3, command: 1, simulated };
  assert.deepEqual(points({ kind: "evaluation", step: 100, ...measured }), [{
    step: 100,
    scalars: {
      "evaluation/mean": 5,
      "evaluation/std": 1,
      "steps/training": 100,
      "steps/evaluation": 20,
    },
  }]);
  // The choice took 30 steps; then updates come one after another.
  for (const [updates, loss] of [[16, 1], [24, 0.5]]) {
    assert.deepEqual(points({ kind: "update", step: 130, updates, loss }), [
      { step: updates, scalars: { "fit/loss by update": loss } },
    ]);
  }
  const curve = [{ command: 0, mean: -2 }, { command: 0.1234, mean: 3 }];
  assert.deepEqual(points({ kind: "curve", step: 130, points: curve, simulated }), []);
  assert.deepEqual(
    points({ kind: "curve", step: 130, final: true, points: curve, simulated }),
    [[0, -2], [123, 3]].map(([step, mean]) => ({
      step,
      scalars: { "curve/return by command in thousandths": mean },
    })),
  );
});

Deno.test("hparamsOf() gives every option as a number or a word", () => {
  const hparams = hparamsOf(tinyConfig({ policy: { hiddenSizes: [64, 32] } }));
  assert.equal(hparams.get("policy.hiddenSizes"), "64, 32");
  assert.equal(hparams.get("steps"), 600);
  assert.equal(hparams.get("update.loss"), "weights");
});
