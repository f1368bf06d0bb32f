/** The episodes of the highest returns, step by step, as float32: what was seen, done and still to come. */

import { joinFloats } from "../system/bytes.ts";
import type { Kept } from "../learner/kept.ts";
import type { Rng } from "../numbers/rng.ts";

/** An episode with all of its steps. */
export interface StoredEpisode {
  /** Sum of rewards. */
  readonly return: number;
  /** Steps, T. */
  readonly length: number;
  /** For each step the observation, the action taken, the return to go and the steps to go, [T, S + A + 2]. */
  readonly rows: Float32Array;
}

/** The widths of a step. */
export interface StepSizes {
  /** Numbers of an observation, S. */
  readonly observation: number;
  /** Numbers of an action as it is learnt, A. */
  readonly action: number;
}

/** Holds the best episodes; of equal ones the newest. */
export class BestEpisodes {
  readonly #sizes: StepSizes;
  readonly #capacity: number;
  /** Best first. */
  #episodes: StoredEpisode[] = [];

  /** Makes room for a number of episodes. */
  constructor(sizes: StepSizes, { capacity }: { capacity: number }) {
    this.#sizes = sizes;
    this.#capacity = capacity;
  }

  /** Lets checkpoints hold the episodes under a name. */
  keepIn(kept: Kept, name: string): void {
    const width = this.#sizes.observation + this.#sizes.action + 2;
    kept.keep<Float64Array>(`${name}.returns`, {
      save: () => Float64Array.from(this.#episodes, (episode) => episode.return),
      load: (saved) =>
        this.#episodes = Array.from(
          saved,
          (value) => ({ return: value, length: 0, rows: new Float32Array() }),
        ),
    });
    kept.keep<Float64Array>(`${name}.lengths`, {
      save: () => Float64Array.from(this.#episodes, ({ length }) => length),
      load: (saved) =>
        this.#episodes = this.#episodes.map((each, i) => ({ ...each, length: saved[i] })),
    });
    kept.keep<Float32Array>(`${name}.steps`, {
      save: () => joinFloats(this.#episodes.map(({ rows }) => rows)),
      load: (saved) => {
        let at = 0;
        this.#episodes = this.#episodes.map((each) => ({
          ...each,
          rows: saved.slice(at, at += each.length * width),
        }));
      },
    });
  }

  /** Adds an episode; the worst gives way. */
  add(episode: StoredEpisode): void {
    const place = this.#episodes.findIndex((each) => each.return <= episode.return);
    this.#episodes.splice(place < 0 ? this.#episodes.length : place, 0, episode);
    this.#episodes.length = Math.min(this.#episodes.length, this.#capacity);
  }

  /** The best ones, best first. */
  best(count: number): readonly StoredEpisode[] {
    return this.#episodes.slice(0, count);
  }

  /**
   * Draws an episode evenly and a step of it evenly: two numbers from `rng`.
   * @param out.input is filled with observation, return to go and steps to go, [S + 2]
   * @param out.taken is filled with the action, [A]
   */
  drawStep(rng: Rng, { input, taken }: { input: Float32Array; taken: Float32Array }): void {
    const { observation: S, action: A } = this.#sizes;
    const { length, rows } = this.#episodes[rng.integer(this.#episodes.length)];
    const at = rng.integer(length) * (S + A + 2);
    input.set(rows.subarray(at, at + S));
    taken.set(rows.subarray(at + S, at + S + A));
    input.set(rows.subarray(at + S + A, at + S + A + 2), S);
  }
}

/**
 * Lays out an episode from what was seen, done and earned at each step.
 * @param steps observation, action as it is learnt, and reward, by step
 */
export function layOutEpisode(
  steps: readonly {
    readonly observation: ArrayLike<number>;
    readonly taken: ArrayLike<number>;
    readonly reward: number;
  }[],
): StoredEpisode {
  const width = steps[0].observation.length + steps[0].taken.length + 2;
  const rows = new Float32Array(steps.length * width);
  let toGo = 0;
  for (let t = steps.length - 1; t >= 0; t--) {
    const { observation, taken, reward } = steps[t];
    toGo += reward;
    const at = t * width;
    rows.set(observation, at);
    rows.set(taken, at + observation.length);
    rows.set([toGo, steps.length - t], at + width - 2);
  }
  return { return: toGo, length: steps.length, rows };
}
