/** Requested against achieved returns over the range, with the statistics that sum the curve up. */

import type { EpisodeRunner, MeasuredReturn } from "../episodes/evaluate.ts";
import { measureReturn } from "../episodes/evaluate.ts";
import { commandFor } from "./calibration.ts";
import type { TrainedGenerator } from "./generator_file.ts";
import { episodeSeed, streamFor } from "../numbers/streams.ts";
import { spearman } from "../numbers/statistics.ts";
import { toPolicyOrder } from "../policy_space.ts";
import { goldenBetween } from "../numbers/golden.ts";

/** One request and what its policy earned. */
export interface CurvePoint extends MeasuredReturn {
  /** The return that was asked for. */
  readonly requested: number;
  /** The scaled command that the calibration gave for it. */
  readonly command: number;
  /** True when training stored a return within half a request's distance of this one. */
  readonly seen: boolean;
}

/** A measured curve. */
export interface Curve {
  /** Id of the environment. */
  readonly env: string;
  /** One point per request, by rising request. */
  readonly points: readonly CurvePoint[];
  /** Mean absolute difference of requested and achieved mean returns. */
  readonly mae: number;
  /** Rank correlation of requested and achieved mean returns, -1..1; NaN if one of them is constant. */
  readonly spearman: number;
  /** Share of requests whose achieved mean lies within a tenth of the range; NaN if it has no width. */
  readonly coverage: number;
}

/** How to measure a curve. */
export interface CurveOptions {
  /** Requested returns, evenly from `from` to `to`. */
  readonly points: number;
  /** The first requested return. */
  readonly from: number;
  /** The last requested return. */
  readonly to: number;
  /** Episodes for each request. */
  readonly episodes: number;
  /** Seed of latents and environments. */
  readonly seed: number;
  /** Runs the episodes. */
  readonly runner: EpisodeRunner;
  /** Told after each point. */
  readonly onPoint?: (point: CurvePoint) => void;
  /** Told after each episode. */
  readonly onEpisode?: () => void;
}

/** Achieved returns this share of the range away from the request still count as met. */
const COVERAGE_SHARE = 0.1;

/** Measures the achieved return of evenly spaced requests. */
export async function measureCurve(
  generator: TrainedGenerator,
  options: CurveOptions,
): Promise<Curve> {
  const { points: count, from, to, episodes, seed } = options;
  const told = options.onEpisode ? { onEpisode: options.onEpisode } : {};
  const spacing = (to - from) / Math.max(1, count - 1);
  const points = new Array<CurvePoint>(count);
  for (const i of scattered(count)) {
    const requested = count === 1 ? to : from + i * spacing;
    const { command } = commandFor(generator.calibration, requested);
    const rng = streamFor(seed, "latent", i);
    const [row] = await generator.pass.run(generator.values, { commands: [command], rng });
    const seeds = Array.from(
      { length: episodes },
      (_, k) => episodeSeed(seed, "curve", i * episodes + k),
    );
    const jobs = [{ parameters: toPolicyOrder(generator.model, row), seeds }];
    const [results] = await options.runner.run(jobs, generator.normaliser, told);
    const seen = generator.seenReturns.some((value) => Math.abs(value - requested) <= spacing / 2);
    const point = { requested, command, seen, ...measureReturn(results) };
    points[i] = point;
    options.onPoint?.(point);
  }
  return { env: generator.spec.id, points, ...summariseCurve(points, to - from) };
}

/**
 * Lists 0 to count - 1 so that every beginning of the list is spread over all of them: requests for low
 * returns are short episodes, and measured first they would promise an early end.
 */
function scattered(count: number): number[] {
  const places = Array.from({ length: count }, (_, i) => goldenBetween(i, { min: 0, max: 1 }));
  return places.map((_, i) => i).sort((a, b) => places[a] - places[b])
    .reduce<number[]>((order, rank, i) => {
      order[rank] = i;
      return order;
    }, []);
}

/** Sums up how well achieved returns follow requested ones over a range of the given width. */
export function summariseCurve(
  points: readonly { requested: number; mean: number }[],
  width: number,
): Pick<Curve, "mae" | "spearman" | "coverage"> {
  const misses = points.map(({ requested, mean }) => Math.abs(mean - requested));
  return {
    mae: misses.reduce((sum, miss) => sum + miss, 0) / misses.length,
    spearman: spearman(points.map(({ requested }) => requested), points.map(({ mean }) => mean)),
    coverage: width > 0
      ? misses.filter((miss) => miss <= COVERAGE_SHARE * width).length / misses.length
      : NaN,
  };
}
