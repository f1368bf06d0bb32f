/**
 * Stored transitions, the newest so many, in one array: observation, action, next observation, reward and
 * whether the task ended there, as float32.
 */

import type { Kept } from "../learner/kept.ts";
import type { Rng } from "../numbers/rng.ts";
import type { TensorValue } from "../onnx/session.ts";

/** The widths of a transition. */
export interface TransitionSizes {
  /** Numbers of an observation, S. */
  readonly observation: number;
  /** Numbers of an action, A. */
  readonly action: number;
}

/** One transition, in arrays of whoever adds it. */
export interface Transition {
  /** [S] */
  readonly observation: ArrayLike<number>;
  /** [A], as the environment took it. */
  readonly action: ArrayLike<number>;
  /** What followed, [S]. */
  readonly next: ArrayLike<number>;
  /** The reward of the step. */
  readonly reward: number;
  /** Whether the task itself ended there: nothing is earned after that. */
  readonly terminated: boolean;
}

/** Transitions of a batch as inputs of a graph; the next draw overwrites them. */
export interface TransitionBatch {
  /** [B, S] */
  readonly observations: TensorValue;
  /** [B, A] */
  readonly actions: TensorValue;
  /** [B, S] */
  readonly nexts: TensorValue;
  /** [B, 1] */
  readonly rewards: TensorValue;
  /** 0 where the task ended, else 1: [B, 1]. */
  readonly goesOn: TensorValue;
}

/** Holds the newest transitions. */
export class Transitions {
  readonly #sizes: TransitionSizes;
  readonly #capacity: number;
  readonly #rowLength: number;
  #rows: Float32Array;
  /** Transitions that were added in all. */
  #added = 0;

  /** Makes room for a number of transitions, as it fills. */
  constructor(sizes: TransitionSizes, { capacity }: { capacity: number }) {
    this.#sizes = sizes;
    this.#capacity = capacity;
    this.#rowLength = 2 * sizes.observation + sizes.action + 2;
    this.#rows = new Float32Array(0);
  }

  /** Number of transitions that it holds. */
  get size(): number {
    return Math.min(this.#added, this.#capacity);
  }

  /** Lets checkpoints hold the transitions under a name. */
  keepIn(kept: Kept, name: string): void {
    kept.keep<Float32Array>(name, {
      save: () => this.#rows.subarray(0, this.size * this.#rowLength),
      load: (saved) => this.#rows = saved.slice(),
    });
    kept.keep<Float64Array>(`${name}.added`, {
      save: () => Float64Array.of(this.#added),
      load: (saved) => this.#added = saved[0],
    });
  }

  /** Adds a transition; the oldest gives way. The numbers are copied. */
  add({ observation, action, next, reward, terminated }: Transition): void {
    const row = this.#added++ % this.#capacity;
    this.#grow(row + 1);
    let at = row * this.#rowLength;
    for (const numbers of [observation, action, next, [reward, terminated ? 0 : 1]]) {
      this.#rows.set(numbers, at);
      at += numbers.length;
    }
  }

  /** Draws transitions evenly, one number from `rng` for each, into a batch. */
  draw(rng: Rng, batch: TransitionBatch): void {
    const count = batch.rewards.shape[0];
    const { observation, action } = this.#sizes;
    const parts = [
      [batch.observations, observation],
      [batch.actions, action],
      [batch.nexts, observation],
      [batch.rewards, 1],
      [batch.goesOn, 1],
    ] as const;
    for (let i = 0; i < count; i++) {
      let at = rng.integer(this.size) * this.#rowLength;
      for (const [{ data }, width] of parts) {
        for (let j = 0; j < width; j++) data[i * width + j] = this.#rows[at++];
      }
    }
  }

  /** Makes the arrays of a batch of so many transitions. */
  makeBatch(count: number): TransitionBatch {
    const make = (width: number): TensorValue => ({
      data: new Float32Array(count * width),
      shape: [count, width],
    });
    const { observation, action } = this.#sizes;
    return {
      observations: make(observation),
      actions: make(action),
      nexts: make(observation),
      rewards: make(1),
      goesOn: make(1),
    };
  }

  #grow(rows: number): void {
    const needed = rows * this.#rowLength;
    if (needed <= this.#rows.length) return;
    const most = this.#capacity * this.#rowLength;
    const grown = new Float32Array(Math.min(most, Math.max(needed, 2 * this.#rows.length, 1024)));
    grown.set(this.#rows);
    this.#rows = grown;
  }
}
