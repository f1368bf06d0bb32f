/** The one shape of all schedules: step sizes and noise. */

/** Falls from 1 to 0 as half a cosine while `part` rises from 0 to 1, and stays there. */
export function fallingCosine(part: number): number {
  return 0.5 * (1 + Math.cos(Math.PI * Math.min(1, part)));
}
