/**
 * The scale between returns and commands.
 *
 * A command is a return on the scale 0..1 of the configured range. The scale applies to the *stored* return:
 * the episode's, without the reward for being alive where the configuration removes it. (In Hopper standing
 * still for 1000 steps would otherwise be worth 1000, and the buckets would sort by survival.) Returns below
 * the range are clipped to it.
 */

import type { Config } from "../config/config.ts";
import type { EnvSpec } from "../env.ts";
import type { Episode } from "../episodes/rollout.ts";

/** Converts between returns and scaled commands. */
export interface ReturnScale {
  /** Stored return of the scaled command 0. */
  readonly min: number;
  /** Stored return of the scaled command 1. */
  readonly max: number;
  /** The return of an episode as the buffer stores it. */
  storedReturn(episode: Episode): number;
  /** The survival bonus that the stored return leaves out, scaled; 0 where it leaves none out. */
  survival(episode: Episode): number;
  /** Stored return -> scaled, at least 0. */
  scale(storedReturn: number): number;
  /** Scaled -> stored return. */
  unscale(scaled: number): number;
}

/**
 * Creates the scale of a run.
 * @throws {RangeError} when the range is empty.
 */
export function createReturnScale(config: Config["returns"], spec: EnvSpec): ReturnScale {
  const [min, max] = config.range.length > 0 ? config.range : spec.returnRange;
  if (!(max > min)) {
    throw new RangeError(
      `Cannot scale returns: their range must rise, got ${min} to ${max}`,
    );
  }
  const removed = config.survivalBonus === "remove";
  return {
    min,
    max,
    storedReturn: (episode) => episode.return - (removed ? episode.survivalReturn : 0),
    survival: (episode) => removed ? episode.survivalReturn / (max - min) : 0,
    scale: (storedReturn) => Math.max(0, (storedReturn - min) / (max - min)),
    unscale: (scaled) => min + scaled * (max - min),
  };
}
