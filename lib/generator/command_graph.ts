/**
 * The calibration as a graph: a wanted return to a command, as `commandFor` does it.
 *
 * Every candidate answer is a line, `command = start + slope * (wanted - mean)`: a measured command has no
 * slope, a piece of the curve that of its ends. Each has an error to expect; the least one wins:
 *
 *     measured command:  |wanted - mean| + doubt
 *     piece a to b:      |b - a| t (1 - t) / 2 + doubt,  t = (wanted - a) / (b - a), where 0 < t < 1
 */

import type { Tensor } from "../autodiff/node.ts";
import {
  add,
  argMax,
  concat,
  constant,
  gather,
  heaviside,
  maximum,
  mul,
  neg,
  sub,
} from "../autodiff/tensor.ts";
import { type Calibration, doubtOf } from "./calibration.ts";

/** The error of a piece that a return does not lie on; no error of returns is as large. */
const NEVER = 1e30;

interface Line {
  readonly mean: number;
  readonly start: number;
  readonly slope: number;
  readonly doubt: number;
  /** b - a of a piece, 0 of a measured command. */
  readonly rise: number;
}

function linesOf({ points }: Calibration): { measured: Line[]; pieces: Line[] } {
  const doubts = points.map((_, i) => doubtOf(points, i));
  const measured = points.map(({ command, mean }, i) => ({
    mean,
    start: command,
    slope: 0,
    doubt: doubts[i],
    rise: 0,
  }));
  const pieces = points.slice(1).flatMap((b, i) => {
    const a = points[i];
    const rise = b.mean - a.mean;
    if (rise === 0) return [];
    const slope = (b.command - a.command) / rise;
    const doubt = Math.max(doubts[i], doubts[i + 1]);
    return [{ mean: a.mean, start: a.command, slope, doubt, rise }];
  });
  return { measured, pieces };
}

/** Traces the command for a wanted return, [N, 1] -> [N, 1]. */
export function traceCommand(wanted: Tensor, calibration: Calibration): Tensor {
  const { bestCommand, bestReturn, points } = calibration;
  if (points.length === 0) return add(mul(wanted, 0), bestCommand);
  const { measured, pieces } = linesOf(calibration);
  const row = (lines: readonly Line[], value: (line: Line) => number) =>
    constant(lines.map(value), [1, lines.length]);
  const away = sub(wanted, row(measured, ({ mean }) => mean)); // [N, points]
  const errors = [add(maximum(away, neg(away)), row(measured, ({ doubt }) => doubt))];
  if (pieces.length > 0) {
    const share = mul(
      sub(wanted, row(pieces, ({ mean }) => mean)),
      row(pieces, ({ rise }) => 1 / rise),
    ); // t, [N, pieces]
    const bend = mul(share, sub(1, share)); // t (1 - t), positive where 0 < t < 1
    const error = add(
      mul(bend, row(pieces, ({ rise }) => Math.abs(rise) / 2)),
      row(pieces, ({ doubt }) => doubt),
    );
    const isOff = sub(1, heaviside(bend));
    errors.push(maximum(error, mul(isOff, NEVER)));
  }
  const lines = [...measured, ...pieces];
  const chosen = argMax(neg(errors.length === 1 ? errors[0] : concat(errors, 1)), 1); // [N]
  const pick = (value: (line: Line) => number) =>
    gather(constant(lines.map(value), [lines.length, 1]), chosen); // [N, 1]
  const along = mul(sub(wanted, pick(({ mean }) => mean)), pick(({ slope }) => slope));
  const answer = add(pick(({ start }) => start), along);
  const isBelow = heaviside(sub(bestReturn, wanted));
  return add(mul(answer, isBelow), mul(sub(1, isBelow), bestCommand));
}
