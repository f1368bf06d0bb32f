/** Which command a search tries next, from the means of those that it has measured. */

import type { CalibrationPoint } from "./calibration.ts";
import type { Trial } from "./trial.ts";

/** How many grid steps around the calibrated command the search looks at first. */
const FIRST_STEP = 0.5;
/** The grid of a calibration with a single point. */
const LONE_GRID = 0.01;
/** Policies whose commands are this share of a grid step apart hardly differ. */
const CLOSEST = 1 / 4096;

/**
 * Chooses halfway between the closest two measured commands of which one is surely too low and one too
 * high, or the next grid point outwards while all means lie on one side.
 * @param points The calibration: its widest gap is the grid step.
 * @returns undefined when those two are so close that their policies hardly differ, or when what lies
 * between them is there already.
 */
export function nextCommand(
  trials: readonly Trial[],
  { requested, points }: { requested: number; points: readonly CalibrationPoint[] },
): number | undefined {
  const generated = trials.filter(({ isGenerated }) => isGenerated);
  const sorted = generated.toSorted((a, b) => a.command - b.command);
  const gaps = points.slice(1).map(({ command }, i) => command - points[i].command);
  const grid = gaps.length > 0 ? Math.max(...gaps) : LONE_GRID;
  const middle = narrowestMiddle(sorted, { requested, closest: grid * CLOSEST });
  if (middle !== undefined || isBracketed(sorted, requested)) return middle;
  const step = grid * FIRST_STEP;
  const lowest = sorted[0].command;
  // Both ways in turn, first where a rising curve has the return; there is nothing below command 0.
  const first = generated[0].measured.mean < requested ? 1 : 0;
  const goesUp = generated.length % 2 === first;
  return goesUp || lowest <= 0 ? sorted.at(-1)!.command + step : Math.max(0, lowest - step);
}

/** The middle of the narrowest pair of neighbours that are surely on different sides. */
function narrowestMiddle(
  sorted: readonly Trial[],
  { requested, closest }: { requested: number; closest: number },
): number | undefined {
  let [narrowest, middle]: [number, number | undefined] = [Infinity, undefined];
  for (let i = 1; i < sorted.length; i++) {
    const [a, b] = [sorted[i - 1], sorted[i]];
    const width = b.command - a.command;
    const isBetween = a.side(requested) * b.side(requested) < 0;
    if (isBetween && width < narrowest && width > closest) {
      [narrowest, middle] = [width, (a.command + b.command) / 2];
    }
  }
  return middle;
}

function isBracketed(trials: readonly Trial[], requested: number): boolean {
  const means = trials.map(({ measured }) => measured.mean);
  return Math.min(...means) <= requested && Math.max(...means) >= requested;
}
