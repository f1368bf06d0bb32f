/**
 * Measures which command earns which return, within a share of the budget.
 *
 * Returns rise with the command, but for luck and for what lies between the policies that the generator learnt. So the
 * curve is the rising one that is closest to what episodes returned (isotonic regression, lib/numbers/isotonic.ts),
 * and it falls where luck, known from commands that were run again, does not explain a fall. Every other episode goes
 * to the highest steps of the rising one: halfway across, which is bisection where returns do not vary, or to an end
 * again where the step may be luck. The others go anywhere around the rise, and to what answers a request. It ends
 * where every step is low or as narrow as a cliff, or where the share is spent: of its last steps, fewer than an episode
 * may have, only what may end within them is asked for, and what does not is dropped.
 */

import {
  type Calibration,
  type CalibrationPoint,
  commandFor,
  likelyDeviation,
} from "../generator/calibration.ts";
import { goldenBetween } from "../numbers/golden.ts";
import { risingBlocks, risingFit } from "../numbers/isotonic.ts";
import { joinSummaries, summarise } from "../numbers/statistics.ts";
import { calibrationSteps } from "./budget.ts";
import type { AskedReturn, Events, PhaseEvent } from "./events.ts";
import { isOver, measureCommands, type Room } from "./measure.ts";
import type { TrainingRun } from "./run.ts";

/** Steps that are measured between two looks at the curve, so that workers have something to share. */
const STEEP = 2;
/** A step that rises by less than this share of the curve's height is fine enough. */
const FINE_ENOUGH = 0.01;
/** A step between commands that are closer than this share of the range is a cliff. */
const CLIFF = 2 ** -12;
/** A step wider than this share of the range is halved without more ado. */
const WIDE = 1 / 32;
/** A narrower one is halved where it rises by more than so many standard errors. */
const SURE = 2;

/** A measured curve, and how requests were met on the way. */
export interface Rehearsed {
  /** Which command earns which return. */
  readonly calibration: Calibration;
  /** The later half, in the order in which they were asked. */
  readonly asked: readonly AskedReturn[];
}

/** Measures the curve of a trained run, given what its best command returned. */
export async function* calibrate(
  run: TrainingRun,
  best: CalibrationPoint,
): Events<PhaseEvent, Rehearsed> {
  let points: CalibrationPoint[] = [best];
  const asked: AskedReturn[] = [];
  const { task: { spec }, tally: { steps } } = run;
  const total = Math.ceil(calibrationSteps(run));
  const lengths = new Map<number, number>();
  let [episodes, looks] = [0, 0];
  let wanted: Question[] = [0, 2, 1, 3].map((quarter) => ({ command: best.command * quarter / 4 }));
  while (wanted.length > 0) {
    const done = Math.min(total, steps.calibration);
    yield { kind: "phase", phase: "calibrating", done, total };
    const left = calibrationSteps(run) - steps.calibration;
    const most = Math.max(1, Math.floor(left / spec.maxEpisodeSteps));
    const limit = Math.floor(Math.min(spec.maxEpisodeSteps, left / most));
    const affordable = wanted.flatMap((one) => within(one, { lengths, limit, spec }))
      .slice(0, most);
    if (affordable.length === 0) break;
    const results = await measureCommands(run, affordable.map(({ command }) => command), {
      episodes: 1,
      purpose: "calibration",
      firstEpisode: episodes,
      account: "calibration",
      ...(limit < spec.maxEpisodeSteps ? { limit } : {}),
    });
    episodes += affordable.length;
    results.forEach(([episode], i) => {
      const { command, requested } = affordable[i];
      lengths.set(command, episode.length);
      if (!isOver(episode, { limit, spec })) return;
      const point = { command, ...summarise([episode.return]) };
      points = addPoint(points, point);
      if (requested !== undefined) asked.push({ requested, ...point });
    });
    const steep = highestSteps(points, STEEP);
    wanted = steep.length > 0 ? [...steep, anywhere(points, looks), rehearsal(points, looks)] : [];
    looks++;
  }
  const curve = likelyCurve(points);
  const bestReturn = curve[curve.length - 1].mean;
  return {
    calibration: { points: curve, bestCommand: best.command, bestReturn },
    // At first the curve promised what it could not know.
    asked: asked.slice(Math.floor(asked.length / 2)),
  };
}

/**
 * Moves a question to where its episode is likely to end within a limit: as it is where a whole episode fits, or where
 * the last ones of the nearest commands below and above were as short; halfway to the one that was where the other was
 * not. Poor policies fall early, and where the budget is nearly spent they are still worth asking for.
 * @returns nothing where neither was
 */
function within(
  question: Question,
  { lengths, limit, spec }: Room & { readonly lengths: ReadonlyMap<number, number> },
): Question[] {
  if (limit >= spec.maxEpisodeSteps) return [question];
  const known = [...lengths.keys()].sort((a, b) => a - b);
  const { command } = question;
  const near = [
    known.findLast((one) => one <= command),
    known.find((one) => one >= command),
  ];
  const short = near.filter((one) => one !== undefined && lengths.get(one)! <= limit);
  if (short.length === 2) return [question];
  return short.map((one) => ({ command: (command + one!) / 2 }));
}

/** Adds a measurement to points by rising command; one of a known command is joined to what was known. */
function addPoint(
  points: readonly CalibrationPoint[],
  point: CalibrationPoint,
): CalibrationPoint[] {
  const known = points.find(({ command }) => command === point.command);
  return [...points.filter((other) => other !== known), known ? joinPoints(known, point) : point]
    .sort((a, b) => a.command - b.command);
}

/** A command to measure. */
interface Question {
  readonly command: number;
  /** The return that it answers, where one was asked for. */
  readonly requested?: number;
}

/**
 * What points say of the curve, by rising command: it rises but for what luck does not explain.
 *
 * Where measured points do not rise, the rising fit pools them. How much of their scatter luck explains is known from
 * commands that were run again: what it does not explain is the curve's own, and each point keeps that share of its
 * distance from the fit (Efron and Morris 1975). Where luck may be most of it, a pool is one plateau: from the middle
 * of its lower half to that of its upper one, since its ends were lucky or unlucky.
 */
export function likelyCurve(points: readonly CalibrationPoint[]): CalibrationPoint[] {
  let first = 0;
  const pools = risingBlocks(points.map(({ mean }) => mean), points.map(({ n }) => n)).map(
    ({ mean, weight, last }) => {
      const members = points.slice(first, last + 1);
      first = last + 1;
      const scatter = members.reduce((sum, p) => sum + p.n * (p.mean - mean) ** 2, 0);
      return { mean, weight, members, scatter, freedom: members.length - 1 };
    },
  );
  const luck = luckOf(pools);
  const curve = pools.flatMap(({ mean, weight, members, scatter, freedom }) => {
    const variance = members.reduce((sum, p) => sum + p.n * luck.get(p)! ** 2, 0) / weight;
    const own = scatter > 0 ? 1 - freedom * variance / scatter : 1;
    if (own >= LEAST_OWN) {
      return members.map((point) => ({ ...point, mean: mean + own * (point.mean - mean) }));
    }
    const summary = { ...members.reduce(joinPoints), mean };
    const half = Math.ceil(members.length / 2);
    const ends = new Set([meanCommand(members.slice(0, half)), meanCommand(members.slice(-half))]);
    return [...ends].map((command) => ({ ...summary, command }));
  });
  // The range is what was measured, whatever its ends were pooled with.
  return curve.map((point, i) => ({
    ...point,
    command: i === 0
      ? points[0].command
      : i === curve.length - 1
      ? points[points.length - 1].command
      : point.command,
  }));
}

/** Where a smaller share of a pool's scatter is the curve's own, its points are not told apart. */
const LEAST_OWN = 0.25;
/** The scatter of a pool says of luck as much as such a part of an episode that was run again. */
const SCATTER_WEIGHT = 0.3;

/** Points that the rising fit pools. */
interface Pool {
  readonly members: readonly CalibrationPoint[];
  /** Their squared distances from its mean, by episodes. */
  readonly scatter: number;
  /** Points that are free to differ. */
  readonly freedom: number;
}

/**
 * The deviation of a point's episodes: that of commands near it that were run again, the nearer the more, and
 * a little what the scatter of its pool would make it.
 */
function luckOf(pools: readonly Pool[]): ReadonlyMap<CalibrationPoint, number> {
  const known = pools.flatMap(({ members, scatter, freedom }) =>
    members.map((point) => ({
      point,
      sum: (point.n - 1) * point.std +
        (freedom > 0 ? SCATTER_WEIGHT * Math.sqrt(scatter / freedom) : 0),
      weight: point.n - 1 + SCATTER_WEIGHT * Math.sign(freedom),
    }))
  );
  return new Map(known.map(({ point }, i) => {
    let [total, weights] = [0, 0];
    known.forEach(({ sum, weight }, j) => {
      const near = 1 / (1 + Math.abs(i - j)) ** 2;
      total += near * sum;
      weights += near * weight;
    });
    return [point, weights > 0 ? total / weights : 0];
  }));
}

function meanCommand(points: readonly CalibrationPoint[]): number {
  return points.reduce((sum, { command }) => sum + command, 0) / points.length;
}

function joinPoints(a: CalibrationPoint, b: CalibrationPoint): CalibrationPoint {
  return { command: a.command, ...joinSummaries(a, b) };
}

/**
 * The commands that tell most of the highest steps of the rising fit, highest first: the middle, or again the end
 * that is less sure. Two episodes that differ by luck would otherwise be taken for a cliff, and halved again and again.
 */
export function highestSteps(
  points: readonly CalibrationPoint[],
  count: number,
): { command: number }[] {
  const { fit, last, enough } = fitted(points);
  const range = points[last].command - points[0].command;
  // How sure a mean is; that of one or two episodes is not.
  const doubts = points.map(({ n }, i) =>
    n > 2 ? likelyDeviation(points, i) / Math.sqrt(n) : Infinity
  );
  return points.slice(1)
    .map((b, i) => ({ a: points[i], b, i, rise: fit[i + 1] - fit[i] }))
    .filter(({ a, b, rise }) => rise > enough && b.command - a.command > CLIFF * range)
    .sort((one, two) => two.rise - one.rise)
    .slice(0, count)
    .map(({ a, b, i }) => {
      const [doubt, doubtAbove] = [doubts[i], doubts[i + 1]];
      const isSure = b.mean - a.mean > SURE * Math.hypot(doubt, doubtAbove);
      if (isSure || b.command - a.command > WIDE * range) {
        return { command: (a.command + b.command) / 2 };
      }
      const isLow = doubt === doubtAbove ? a.n <= b.n : doubt > doubtAbove;
      return { command: (isLow ? a : b).command };
    });
}

/** The rising fit of points, the place of the last, and the rise that is fine enough. */
function fitted(points: readonly CalibrationPoint[]) {
  const fit = risingFit(points.map(({ mean }) => mean), points.map(({ n }) => n));
  const last = points.length - 1;
  return { fit, last, enough: FINE_ENOUGH * (fit[last] - fit[0]) };
}

/** This much on either side of where a curve rises belongs to it, as a share of the rise and of the range. */
const MARGIN = { ofRise: 0.25, ofRange: 1 / 32 };

/**
 * A command anywhere around where the curve rises, evenly one after the other: what was unlucky below it, or lucky
 * above, looks like the end of a plateau, and no step leads there.
 */
function anywhere(points: readonly CalibrationPoint[], number: number): Question {
  const { fit, last, enough } = fitted(points);
  const [lowest, highest] = [points[0].command, points[last].command];
  const low = points[fit.findLastIndex((value) => value <= fit[0] + enough)].command;
  const high = points[fit.findIndex((value) => value >= fit[last] - enough)].command;
  const margin = Math.max(MARGIN.ofRise * (high - low), MARGIN.ofRange * (highest - lowest));
  const range = { min: Math.max(lowest, low - margin), max: Math.min(highest, high + margin) };
  return { command: goldenBetween(number, range) };
}

/** Asks for returns all over the range, as somebody may: how the answers do tells how well requests are met. */
function rehearsal(points: readonly CalibrationPoint[], number: number): Question {
  const curve = likelyCurve(points);
  const [{ mean: min }, { mean: max, command: bestCommand }] = [curve[0], curve[curve.length - 1]];
  const requested = goldenBetween(number, { min, max });
  const { command } = commandFor({ points: curve, bestCommand, bestReturn: max }, requested);
  return { command, requested };
}
