/**
 * The scale between returns and commands.
 *
 * A fixed scale is the published method's: a command is a return on the scale 0..1 of a range that somebody
 * has to know. What is scaled is the *stored* return: the episode's return, or the return without the reward
 * for being alive where the configuration removes it (in Hopper standing still for 1000 steps would otherwise
 * be worth 1000, and the buckets would sort by survival). Returns below the range are clipped to it.
 *
 * Where noise adapts, returns are stored as they are, and a command is a return relative to what the run has
 * seen (`commandOf` in lib/algorithm/batches.ts): nobody has to know a range.
 */

import { adaptsNoise } from "./budget.ts";
import type { Config } from "../config/config.ts";
import type { EnvSpec } from "../env.ts";
import type { Episode } from "../episodes/rollout.ts";

/** Converts returns into stored returns. */
export interface ReturnScale {
  /** The returns that the commands 0 and 1 stand for, where the scale is fixed. */
  readonly range?: readonly [number, number];
  /** The return of an episode as the buffer stores it: scaled where the scale is fixed. */
  scale(episode: Pick<Episode, "return" | "survivalReturn">): number;
}

/**
 * Creates the scale of a run.
 * @throws {RangeError} when the range is empty.
 */
export function createReturnScale(
  config: Pick<Config, "algorithm" | "rollout" | "returns">,
  spec: EnvSpec,
): ReturnScale {
  const { range, survivalBonus } = config.returns;
  if (adaptsNoise(config)) return { scale: (episode) => episode.return };
  const [min, max] = range.length > 0 ? range : spec.returnRange;
  if (!(max > min)) {
    throw new RangeError(`Cannot scale returns: their range must rise, got ${min} to ${max}`);
  }
  const removed = survivalBonus === "remove";
  return {
    range: [min, max],
    scale(episode) {
      const stored = episode.return - (removed ? episode.survivalReturn : 0);
      return Math.max(0, (stored - min) / (max - min));
    },
  };
}
