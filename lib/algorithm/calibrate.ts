/**
 * Measures which command earns which return, within a share of the budget.
 *
 * Half of the share is for a grid, coarse steps first. With the other half requests are rehearsed: returns all
 * over the range are asked for, and what the answers earn is added to what was known of their commands, so that a
 * lucky measurement does not stay the answer. In between the steepest steps of the curve are halved. It ends
 * where the share is spent.
 */

import {
  type Calibration,
  type CalibrationPoint,
  commandFor,
  reachableRange,
} from "../generator/calibration.ts";
import { goldenBetween } from "../numbers/golden.ts";
import { joinSummaries, summarise } from "../numbers/statistics.ts";
import { calibrationSteps } from "./budget.ts";
import type { AskedReturn, Events, PhaseEvent } from "./events.ts";
import { measureCommands } from "./measure.ts";
import type { TrainingRun } from "./run.ts";

/** Commands of the first grid. */
const GRID = 17;
/** Commands that are measured between two looks at the curve, so that workers have something to share. */
const GROUP = 4;
/** Episodes of a command at a time: two tell whether it is steady. */
const EPISODES = 2;
/** Requests to rehearse at the most. */
const MOST_REHEARSALS = 400;

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
  const curve = new MeasuredCurve(run, best);
  const asked: AskedReturn[] = [];
  const told = (): PhaseEvent => {
    const total = Math.ceil(calibrationSteps(run));
    const done = Math.min(total, run.tally.steps.calibration);
    return { kind: "phase", phase: "calibrating", done, total };
  };
  yield told();
  // The other half is for requests: what they are answered with has to be sure.
  const half = calibrationSteps(run) / 2;
  for (let wanted = grid(best.command); wanted.length > 0;) {
    if (run.tally.steps.calibration >= half) break;
    const { size } = await curve.measure(wanted.slice(0, GROUP));
    if (size === 0) return { calibration: curve.calibration, asked };
    wanted = wanted.slice(size);
    yield told();
  }
  for (let rehearsed = 0; rehearsed < MOST_REHEARSALS; rehearsed += GROUP) {
    const now = curve.calibration;
    const range = reachableRange(now);
    const middles = steepestMidpoints(now.points, GROUP / 2);
    const requests = Array.from(
      { length: GROUP - middles.length },
      (_, i) => goldenBetween(rehearsed + i, range),
    );
    const answers = requests.map((requested) => commandFor(now, requested).command);
    const measured = await curve.measure([...new Set([...answers, ...middles])]);
    if (measured.size === 0) break;
    requests.forEach((requested, i) => {
      const point = measured.get(answers[i]);
      if (point) asked.push({ requested, ...point });
    });
    yield told();
  }
  return { calibration: curve.calibration, asked };
}

/** The grid, coarse steps first: whatever the share pays for spans the range. */
function grid(best: number): number[] {
  const commands: number[] = [];
  for (let step = GRID - 1; step >= 1; step /= 2) {
    for (let i = 0; i < GRID - 1; i += step) {
      const command = best * i / (GRID - 1);
      if (!commands.includes(command)) commands.push(command);
    }
  }
  return commands;
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
   * Runs the policies of commands, as many as are affordable however long their episodes are, and adds what
   * they return to what was known of the commands.
   * @returns what they returned now, by command.
   */
  async measure(wanted: readonly number[]): Promise<ReadonlyMap<number, CalibrationPoint>> {
    const { task: { spec }, tally: { steps } } = this.#run;
    const left = calibrationSteps(this.#run) - steps.calibration;
    const affordable = Math.floor(left / (EPISODES * spec.maxEpisodeSteps));
    const commands = wanted.slice(0, Math.max(0, affordable));
    if (commands.length === 0) return new Map();
    const results = await measureCommands(this.#run, commands, {
      episodes: EPISODES,
      purpose: "calibration",
      firstEpisode: this.#episodes,
      account: "calibration",
    });
    this.#episodes += commands.length * EPISODES;
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

/** Neighbours whose means differ by less than this share of the curve's height need nothing between. */
const FINE_ENOUGH = 0.02;

/**
 * Commands halfway between the neighbours whose means differ most, steepest first; none where all of
 * the curve is fine enough.
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
