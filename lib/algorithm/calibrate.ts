/**
 * Measures which command earns which return, from command 0 to above the best one.
 *
 * The first commands form an even grid. Then the gaps between the neighbours whose means differ most are
 * halved, until none differs much. At last requests are rehearsed: the curve answers requests from all over
 * the range, and what the answers earn is added to what was known of their commands, so that a lucky
 * measurement does not stay the answer.
 */

import {
  type Calibration,
  type CalibrationPoint,
  commandFor,
  reachableRange,
} from "../generator/calibration.ts";
import { goldenBetween } from "../numbers/golden.ts";
import { joinSummaries, summarise } from "../numbers/statistics.ts";
import { measureCommands } from "./measure.ts";
import type { TrainingRun } from "./run.ts";

/** The curve is measured up to this multiple of the best command. */
const HIGHEST_COMMAND = 1.1;
/** Commands measured between two looks at the curve: enough for workers to share. */
const GROUP = 8;

/** Measures the curve of a trained run, given what its best command returned. */
export async function calibrate(run: TrainingRun, best: CalibrationPoint): Promise<Calibration> {
  const { commands } = run.task.config.calibration;
  // As many commands again where the curve is steep, and twice as many rehearsed requests.
  const [refinements, rehearsals] = [commands - 1, 2 * (commands - 1)];
  const curve = new MeasuredCurve(run, best);
  const top = best.command * HIGHEST_COMMAND;
  await curve.measure(Array.from({ length: commands }, (_, i) => top * i / (commands - 1)));
  for (let left = refinements; left > 0; left -= GROUP) {
    const middles = steepestMidpoints(curve.calibration.points, Math.min(left, GROUP));
    if (middles.length === 0) break;
    await curve.measure(middles);
  }
  for (let asked = 0; asked < rehearsals; asked += GROUP) {
    const now = curve.calibration;
    const range = reachableRange(now);
    const count = Math.min(GROUP, rehearsals - asked);
    const answers = Array.from(
      { length: count },
      (_, i) => commandFor(now, goldenBetween(asked + i, range)).command,
    );
    await curve.measure([...new Set(answers)]);
  }
  return curve.calibration;
}

/** The curve as far as it is known. */
class MeasuredCurve {
  readonly #run: TrainingRun;
  readonly #best: number;
  readonly #known: Map<number, CalibrationPoint>;
  #episodes = 0;

  constructor(run: TrainingRun, best: CalibrationPoint) {
    this.#run = run;
    this.#best = best.command;
    this.#known = new Map([[best.command, best]]);
  }

  get calibration(): Calibration {
    return {
      points: [...this.#known.values()].sort((a, b) => a.command - b.command),
      bestCommand: this.#best,
      bestReturn: this.#known.get(this.#best)!.mean,
    };
  }

  /** Runs the policies of commands and adds what they return to what was known of the commands. */
  async measure(commands: readonly number[]): Promise<void> {
    const { episodes } = this.#run.task.config.calibration;
    const results = await measureCommands(this.#run, commands, {
      episodes,
      purpose: "calibration",
      firstEpisode: this.#episodes,
      account: "calibration",
    });
    this.#episodes += commands.length * episodes;
    results.forEach((result, i) => {
      const command = commands[i];
      const summary = summarise(result.map((episode) => episode.return));
      const before = this.#known.get(command);
      this.#known.set(command, {
        command,
        ...(before ? joinSummaries(before, summary) : summary),
      });
    });
  }
}

/** A gap is fine enough where the means differ by less than this share of the curve's height. */
const FINE_ENOUGH = 0.02;

/**
 * Gives the commands halfway between the neighbours whose means differ most, steepest first; none where
 * the whole curve is fine enough.
 */
export function steepestMidpoints(points: readonly CalibrationPoint[], count: number): number[] {
  const means = points.map(({ mean }) => mean);
  const enough = FINE_ENOUGH * (Math.max(...means) - Math.min(...means));
  const gaps = points.slice(1).map((b, i) => {
    const a = points[i];
    return { middle: (a.command + b.command) / 2, rise: Math.abs(b.mean - a.mean) };
  });
  return gaps
    .filter(({ rise }) => rise > enough)
    .sort((a, b) => b.rise - a.rise)
    .slice(0, count)
    .map(({ middle }) => middle);
}
