/**
 * Which command earns which return, measured after training, and the way back from a wanted return to
 * a command.
 *
 * A generator's achieved return differs from the requested one in a lawful way: regression averages
 * the exploration noise away, so a policy for a return does better than the noisy ones it was learnt
 * from. A table of (command, mean return, deviation) undoes that.
 */

/** The measured return of one command. */
export interface CalibrationPoint {
  /** Scaled command. */
  readonly command: number;
  /** Mean return, survival bonus included. */
  readonly mean: number;
  /** Sample standard deviation of the returns. */
  readonly std: number;
  /** Number of episodes. */
  readonly n: number;
}

/** A calibrated generator: its curve and the command that was chosen as the best. */
export interface Calibration {
  /** By rising command. */
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

/**
 * Finds the command for a wanted return. From the best return upwards it is the command that was chosen
 * as the best, which was measured most. Below, on each piece of the curve whose ends bracket the return, the
 * linear interpolation; of several pieces the one whose ends vary least, since a steep or bimodal
 * piece gives the wanted mean but seldom the wanted return.
 */
export function commandFor(calibration: Calibration, wanted: number): CalibratedCommand {
  const { points, bestCommand, bestReturn } = calibration;
  if (wanted >= bestReturn) {
    return { command: bestCommand, expected: bestReturn, within: wanted === bestReturn };
  }
  let best: CalibratedCommand | undefined;
  let bestSpread = Infinity;
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1], points[i]];
    if ((wanted - a.mean) * (wanted - b.mean) > 0) continue;
    const t = a.mean === b.mean ? 0 : (wanted - a.mean) / (b.mean - a.mean);
    const spread = Math.max(a.std, b.std) + Math.abs(b.mean - a.mean);
    if (spread < bestSpread) {
      bestSpread = spread;
      best = { command: a.command + t * (b.command - a.command), expected: wanted, within: true };
    }
  }
  if (best) return best;
  const nearest = [...points, { command: bestCommand, mean: bestReturn }]
    .reduce((a, b) => (Math.abs(b.mean - wanted) < Math.abs(a.mean - wanted) ? b : a));
  return { command: nearest.command, expected: nearest.mean, within: false };
}

/** The returns between which every request is answered. */
export function reachableRange({ points, bestReturn }: Calibration): { min: number; max: number } {
  const means = points.map(({ mean }) => mean);
  return { min: Math.min(...means, bestReturn), max: Math.max(...means, bestReturn) };
}
