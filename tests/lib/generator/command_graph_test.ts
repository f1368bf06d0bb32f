/** The calibration as a graph against the calibration. */

import assert from "node:assert/strict";
import { trace } from "../../../lib/autodiff/graph.ts";
import { interpret } from "../../../lib/autodiff/interpret.ts";
import { type Calibration, commandFor } from "../../../lib/generator/calibration.ts";
import { traceCommand } from "../../../lib/generator/command_graph.ts";
import { Rng } from "../../../lib/numbers/rng.ts";

const COUNT = 2000;

function drawCurve(seed: number, size: number): Calibration {
  const rng = Rng.fromSeed(seed);
  const points = Array.from({ length: size }, (_, i) => ({
    command: i / size + rng.uniform(0, 0.5 / size),
    mean: 10 * Math.round(rng.uniform(-5, 12)), // some means are equal
    std: rng.uniform(0, 20),
    n: 2 + Math.floor(rng.uniform(0, 9)),
  }));
  const best = points.at(-1);
  return { points, bestCommand: best?.command ?? 0.7, bestReturn: best?.mean ?? 5 };
}

for (const size of [0, 1, 2, 9, 20]) {
  Deno.test(`traceCommand() answers as commandFor() does on curves of ${size} points`, () => {
    for (const seed of [1, 2, 3]) {
      const calibration = drawCurve(seed, size);
      const graph = trace({ wanted: ["N", 1] }, ({ wanted }) => ({
        command: traceCommand(wanted, calibration),
      }));
      const rng = Rng.fromSeed(seed);
      const wanted = Float32Array.from({ length: COUNT }, () => rng.uniform(-80, 150));
      const { command } = interpret(graph, { wanted: { data: wanted, shape: [COUNT, 1] } });
      const expected = Array.from(wanted, (one) => commandFor(calibration, one).command);
      const misses = expected.map((one, i) => Math.abs(Number(command.data[i]) - one));
      assert.ok(Math.max(...misses) < 1e-3, `${Math.max(...misses)}`);
      // Beside a measured return two pieces may be as good as each other: rounding decides.
      const ties = misses.filter((miss) => miss > 1e-5).length;
      assert.ok(ties <= COUNT / 1000, `${ties}`);
    }
  });
}
