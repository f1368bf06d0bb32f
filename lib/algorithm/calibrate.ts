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
import type { Config } from "../config/config.ts";
import { goldenBetween } from "../numbers/golden.ts";
import { joinSummaries, summarise } from "../numbers/statistics.ts";
import type { AskedReturn, Events, PhaseEvent } from "./events.ts";
import { measureCommands } from "./measure.ts";
import type { TrainingRun } from "./run.ts";

/** The curve is measured up to this multiple of the best command. */
const HIGHEST_COMMAND = 1.1;
/** Commands measured between two looks at the curve: enough for workers to share. */
const GROUP = 8;

/** Gives how many commands are measured: a grid, as many again where it is steep, twice as many requests. */
export function plannedCommands({ calibration: { commands } }: Config): {
  readonly commands: number;
  readonly refinements: number;
  readonly rehearsals: number;
} {
  return { commands, refinements: commands - 1, rehearsals: 2 * (commands - 1) };
}

/** A measured curve, and how the rehearsed requests were met on the way. */
export interface Rehearsed {
  /** Which command earns which return. */
  readonly calibration: Calibration;
  /** In the order in which they were asked. */
  readonly asked: readonly AskedReturn[];
}

/** Measures the curve of a trained run, given what its best command returned. */
export async function* calibrate(
  run: TrainingRun,
  best: CalibrationPoint,
): Events<PhaseEvent, Rehearsed> {
  const { commands, refinements, rehearsals } = plannedCommands(run.task.config);
  const curve = new MeasuredCurve(run, best);
  const top = best.command * HIGHEST_COMMAND;
  let total = commands + refinements + rehearsals;
  const told = (done: number): PhaseEvent => ({ kind: "phase", phase: "calibrating", done, total });
  yield told(0);
  await curve.measure(Array.from({ length: commands }, (_, i) => top * i / (commands - 1)));
  yield told(commands);
  for (let left = refinements; left > 0; left -= GROUP) {
    const middles = steepestMidpoints(curve.calibration.points, Math.min(left, GROUP));
    if (middles.length === 0) {
      total -= left;
      break;
    }
    await curve.measure(middles);
    yield told(total - rehearsals - Math.max(0, left - GROUP));
  }
  const met: AskedReturn[] = [];
  for (let asked = 0; asked < rehearsals; asked += GROUP) {
    const now = curve.calibration;
    const range = reachableRange(now);
    const count = Math.min(GROUP, rehearsals - asked);
    const requests = Array.from({ length: count }, (_, i) => goldenBetween(asked + i, range));
    const answers = requests.map((requested) => commandFor(now, requested).command);
    const measured = await curve.measure([...new Set(answers)]);
    met.push(...requests.map((requested, i) => ({ requested, ...measured.get(answers[i])! })));
    yield told(total - rehearsals + asked + count);
  }
  return { calibration: curve.calibration, asked: met };
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

  /**
   * Runs the policies of commands and adds what they return to what was known of the commands.
   * @returns what they returned now, by command.
   */
  async measure(commands: readonly number[]): Promise<ReadonlyMap<number, CalibrationPoint>> {
    const { episodes } = this.#run.task.config.calibration;
    const results = await measureCommands(this.#run, commands, {
      episodes,
      purpose: "calibration",
      firstEpisode: this.#episodes,
      account: "calibration",
    });
    this.#episodes += commands.length * episodes;
    const measured = new Map<number, CalibrationPoint>();
    results.forEach((result, i) => {
      const command = commands[i];
      const summary = summarise(result.map((episode) => episode.return));
      measured.set(command, { command, ...summary });
      const before = this.#known.get(command);
      this.#known.set(command, {
        command,
        ...(before ? joinSummaries(before, summary) : summary),
      });
    });
    return measured;
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
