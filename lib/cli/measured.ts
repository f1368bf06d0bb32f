/** How measured returns are written for people. */

import type { MeasuredReturn } from "../episodes/evaluate.ts";
import { formatNumber } from "../numbers/format.ts";

/** Writes a measured return: mean, deviation, number of episodes, confidence interval. */
export function formatMeasured({ mean, std, n, ci95: [low, high] }: MeasuredReturn): string {
  const episodes = n === 1 ? "1 episode" : `${n} episodes`;
  const interval = Number.isFinite(low)
    ? ` (95 % of the mean: ${formatNumber(low)} to ${formatNumber(high)})`
    : "";
  return `${formatNumber(mean)} +- ${formatNumber(std, 3)} over ${episodes}${interval}`;
}
