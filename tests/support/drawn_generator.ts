/** A generator file whose weights are drawn instead of trained: for tests of what is made from one. */

import { flattenConfig, type PartialConfig, resolveConfig } from "../../lib/config/config.ts";
import {
  loadGenerator,
  saveGenerator,
  type TrainedGenerator,
} from "../../lib/generator/generator_file.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { registry } from "../../envs/registry.ts";
import { models } from "../../models/models.ts";

/** Commands of the calibration. */
const POINTS = 9;

/**
 * Writes a generator whose calibration rises with some noise from 20 to about 180.
 * @param options.env one of the program's environments
 */
export function drawGenerator(
  path: string,
  { seed = 3, ...partial }: PartialConfig & { readonly env: string; readonly seed?: number },
): void {
  const values = flattenConfig({ steps: 1000, ...partial });
  const { config } = resolveConfig([{ source: "test", values }]);
  const shape = models.policyShape(registry.spec(config.env), config.policy);
  const model = models.createGenerator(config, shape);
  const rng = Rng.fromSeed(seed);
  const size = shape.sizes[0];
  const points = Array.from({ length: POINTS }, (_, i) => ({
    command: i / (POINTS - 1),
    mean: 20 + 20 * i + rng.uniform(-14, 14),
    std: rng.uniform(1, 9),
    n: 5,
  }));
  const weights = model.initialise(rng).map((weight) => weight + 0.05 * rng.standardNormal());
  saveGenerator(path, {
    model,
    content: {
      config,
      weights,
      normaliser: {
        mean: new Float64Array(size).map(() => rng.standardNormal()),
        deviation: new Float64Array(size).map(() => rng.uniform(0.2, 3)),
      },
      calibration: { points, bestCommand: 1, bestReturn: points[POINTS - 1].mean },
      seenReturns: Float64Array.from(points, ({ mean }) => mean),
      provenance: { steps: 1000 },
    },
  });
}

/** Loads a generator file as the program does. */
export function openDrawn(path: string): TrainedGenerator {
  return loadGenerator(path, {
    specOf: (id) => registry.spec(id),
    models,
    session: { device: "cpu", threads: 1 },
  });
}
