/** A candidate of a search with everything that was measured of it, and what that says of its mean. */

import { type MeasuredReturn, measureReturn } from "../episodes/evaluate.ts";
import type { Episode } from "../episodes/rollout.ts";
import type { PolicyParameters } from "../policy_space.ts";

/** What a trial is made from. */
export interface TrialPolicy {
  /** Scaled command that it, or what its weights were made from, was generated for. */
  readonly command: number;
  /** For the generator's normaliser, [P]. */
  readonly parameters: PolicyParameters;
  /** Whether it is what the generator puts out for its command: no blend, and without noise. */
  readonly isGenerated: boolean;
}

/** A return that is wanted, and how far a mean may lie from it. */
export interface Wanted {
  /** The wanted mean return. */
  readonly requested: number;
  /** How far the confidence interval may reach from it; 0 when absent. */
  readonly tolerance?: number;
}

/** A policy and its episodes so far; the statistics need at least one. */
export class Trial implements TrialPolicy {
  /** Scaled command that it, or what its weights were made from, was generated for. */
  readonly command: number;
  /** For the generator's normaliser, [P]. */
  readonly parameters: PolicyParameters;
  /** Whether it is what the generator puts out for its command. */
  readonly isGenerated: boolean;
  readonly #episodes: Episode[] = [];
  #measured: MeasuredReturn | undefined;

  /** Starts without episodes. */
  constructor({ command, parameters, isGenerated }: TrialPolicy) {
    this.command = command;
    this.parameters = parameters;
    this.isGenerated = isGenerated;
  }

  /** Adds further episodes of the policy. */
  add(episodes: readonly Episode[]): void {
    this.#episodes.push(...episodes);
    this.#measured = undefined;
  }

  /** How many episodes it has had. */
  get count(): number {
    return this.#episodes.length;
  }

  /** The return of each of its episodes. */
  get returns(): number[] {
    return this.#episodes.map((episode) => episode.return);
  }

  /** What all of its episodes returned. */
  get measured(): MeasuredReturn {
    return this.#measured ??= measureReturn(this.#episodes);
  }

  /** How far from a return its mean may lie: the end of its interval that is farther away. */
  reach(requested: number): number {
    return Math.max(...this.#interval().map((bound) => Math.abs(bound - requested)));
  }

  /** Whether its mean is surely below a return (-1), surely above it (1), or neither (0). */
  side(requested: number): -1 | 0 | 1 {
    const [low, high] = this.#interval();
    return low > requested ? 1 : high < requested ? -1 : 0;
  }

  /**
   * Estimates how many more episodes would make it sure: its confidence interval within the tolerance
   * after no fewer than `least` of them. Infinitely many where its mean is outside.
   */
  missing({ requested, tolerance = 0 }: Wanted, least: number): number {
    const { mean, std, ci95: [low, high], n } = this.measured;
    const room = tolerance - Math.abs(mean - requested);
    if (room < 0 || (room === 0 && std > 0)) return Infinity;
    // The interval narrows with the root of the number of episodes.
    const needed = std === 0 ? n : n * ((high - low) / 2 / room) ** 2;
    return Math.max(0, needed - n, least - n);
  }

  /** Where its mean may lie: its 95 % interval, or what one episode, which has none, returned. */
  #interval(): readonly [low: number, high: number] {
    const { mean, n, ci95 } = this.measured;
    return n > 1 ? ci95 : [mean, mean];
  }
}
