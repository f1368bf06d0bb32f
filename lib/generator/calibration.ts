/**
 * Which command earns which return, measured after training, and the way back from a wanted return to
 * a command.
 *
 * A generator's achieved return differs from the requested one in a lawful way: regression averages
 * the exploration noise away, so a policy for a return does better than the noisy ones it was learnt
 * from. A table of (command, mean return, deviation) undoes that. Where neighbouring commands give
 * policies that behave quite differently, a command that was measured is a safer answer than one in
 * between, and one whose neighbours are steady as well a safer one than a lone lucky one.
 */

import { powerOfTwoNear, type Summary } from "../numbers/statistics.ts";

/** The measured returns of one command, survival bonus included. */
export interface CalibrationPoint extends Summary {
  /** Scaled command. */
  readonly command: number;
}

/** A calibrated generator: its curve and the command that was chosen as the best. */
export interface Calibration {
  /** By rising command; `bestCommand` is among them. */
  readonly points: readonly CalibrationPoint[];
  /** The command whose policies did best when measured, not the luckiest episode's. */
  readonly bestCommand: number;
  /** Mean return measured at `bestCommand`. */
  readonly bestReturn: number;
}

/** What a wanted return leads to. */
export interface CalibratedCommand {
  /** Scaled command to generate with. */
  readonly command: number;
  /** The mean return to expect there. */
  readonly expected: number;
  /** False when no command reaches the wanted return: `command` is then the nearest. */
  readonly within: boolean;
}

/** A few episodes, such as somebody may run to see whether a request was met. */
const FEW_EPISODES = 5;
/** The neighbours' deviation counts as so many episodes of a command's own. */
const NEIGHBOURS_WEIGHT = 2;

/** Finds the command for a wanted return: the first of `answersFor`. */
export function commandFor(calibration: Calibration, wanted: number): CalibratedCommand {
  return answersFor(calibration, wanted)[0];
}

/**
 * Lists what may answer a request, least error to expect first: every measured command and, on each
 * piece of the curve whose ends bracket the return, the linear interpolation. From the best return
 * upwards the one answer is the command that was chosen as the best, which was measured most.
 */
export function answersFor(calibration: Calibration, wanted: number): CalibratedCommand[] {
  const { points, bestCommand, bestReturn } = calibration;
  if (wanted >= bestReturn || points.length === 0) {
    return [{ command: bestCommand, expected: bestReturn, within: wanted === bestReturn }];
  }
  const within = points.some(({ mean }) => mean <= wanted) &&
    points.some(({ mean }) => mean >= wanted);
  const answers: (CalibratedCommand & { error: number })[] = [];
  const doubts = points.map((_, i) => doubtOf(points, i));
  points.forEach((a, i) => {
    const error = Math.abs(wanted - a.mean) + doubts[i];
    answers.push({ command: a.command, expected: a.mean, within, error });
    const b = points[i + 1];
    if (b === undefined || (wanted - a.mean) * (wanted - b.mean) >= 0) return;
    const t = (wanted - a.mean) / (b.mean - a.mean);
    // As a parabola through both ends that turns within the piece would be off.
    const bend = Math.abs(b.mean - a.mean) * t * (1 - t) / 2;
    const command = a.command + t * (b.command - a.command);
    const doubt = Math.max(doubts[i], doubts[i + 1]);
    answers.push({ command, expected: wanted, within, error: bend + doubt });
  });
  return answers
    .sort((a, b) => a.error - b.error)
    .map(({ command, expected, within }) => ({ command, expected, within }));
}

/** How far the mean of a few fresh episodes is to be expected from a point's mean. */
export function doubtOf(points: readonly CalibrationPoint[], index: number): number {
  return likelyDeviation(points, index) * Math.sqrt(1 / points[index].n + 1 / FEW_EPISODES);
}

/**
 * The deviation of a point's episodes. That of a handful can be small by luck, as where one in five falls: the
 * neighbours have a say in it.
 */
export function likelyDeviation(points: readonly CalibrationPoint[], index: number): number {
  const { std, n } = points[index];
  const near = [points[index - 1], points[index + 1]].filter((point) => point !== undefined);
  const unit = powerOfTwoNear([std, ...near.map((point) => point.std)]);
  const prior = near.reduce((sum, point) => sum + (point.std / unit) ** 2 / near.length, 0);
  const weight = near.length > 0 ? NEIGHBOURS_WEIGHT : 0;
  const variance = ((n - 1) * (std / unit) ** 2 + weight * prior) / Math.max(1, n - 1 + weight);
  return unit * Math.sqrt(variance);
}

/** The returns between which every request is answered. */
export function reachableRange({ points, bestReturn }: Calibration): { min: number; max: number } {
  const means = points.map(({ mean }) => mean);
  return { min: Math.min(...means, bestReturn), max: Math.max(...means, bestReturn) };
}
