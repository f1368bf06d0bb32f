/**
 * A trained generator whose policies are a single number, its command, and a runner that pays a given
 * return for it: for tests of what stands on top of generating and measuring.
 */

import type { Calibration } from "../../lib/generator/calibration.ts";
import type { EpisodeRunner } from "../../lib/episodes/evaluate.ts";
import type { TrainedGenerator } from "../../lib/generator/generator_file.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { TINY_ENV_SPEC } from "./tiny_env.ts";

/** A generator with nothing but a calibration: its policy for a command is [command]. */
export function fakeGenerator(
  points: readonly (readonly [command: number, mean: number])[],
  { seenReturns = [] }: { seenReturns?: readonly number[] } = {},
): TrainedGenerator {
  const best = points.reduce((a, b) => b[1] > a[1] ? b : a);
  const calibration: Calibration = {
    points: points.map(([command, mean]) => ({ command, mean, std: 0, n: 5 })),
    bestCommand: best[0],
    bestReturn: best[1],
  };
  return {
    spec: TINY_ENV_SPEC,
    model: { order: Int32Array.of(0) },
    shape: { sizes: [0, 1], parameterCount: 1, scale: Float32Array.of(1) },
    pass: {
      run: (_: unknown, { commands }: { commands: readonly number[] }) =>
        Promise.resolve(commands.map((command) => Float32Array.of(command))),
    },
    values: {},
    normaliser: { mean: Float64Array.of(0), deviation: Float64Array.of(1) },
    calibration,
    seenReturns: Float64Array.from(seenReturns),
  } as unknown as TrainedGenerator;
}

/** Pays `returnOf(command)` plus N(0, deviation^2) by the episode's seed. Counts episodes. */
export function fakeRunner(
  returnOf: (command: number) => number,
  { deviation = 0 }: { deviation?: number | ((command: number) => number) } = {},
): EpisodeRunner & { episodes: number } {
  const runner = {
    episodes: 0,
    run(jobs: Parameters<EpisodeRunner["run"]>[0]) {
      const results = jobs.map(({ parameters, seeds }) =>
        seeds.map((seed) => {
          runner.episodes++;
          const [command] = parameters;
          const size = typeof deviation === "number" ? deviation : deviation(command);
          const noise = size * Rng.fromSeed(seed).standardNormal();
          const total = returnOf(command) + noise;
          return { return: total, survivalReturn: 0, length: 1, terminated: false };
        })
      );
      return Promise.resolve(results);
    },
    close: () => Promise.resolve(),
  };
  return runner;
}
