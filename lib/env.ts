/**
 * The environment contract: what `envs/` implements and what everything else relies on.
 *
 * It follows Gymnasium's `Env`: `reset(seed)` starts an episode, `step(action)` advances it, and an
 * episode ends by `terminated` (the task's own end) or `truncated` (the time limit), never by one
 * merged flag. Two things differ, both for speed: an environment owns one observation array and one
 * transition object and fills them at every step, and a discrete action is the array `[index]`, so
 * that every environment is driven by the same loop without allocation.
 */

/** A value that is either there or on its way; only environments in a child process are late. */
export type MaybePromise<T> = T | Promise<T>;

/** Describes a box of reals, one bound per dimension; an unbounded dimension is +-Infinity. */
export interface BoxSpace {
  /** Tells the spaces apart. */
  readonly kind: "box";
  /** Lower bounds, length S (observations) or A (actions). */
  readonly low: Float64Array;
  /** Upper bounds, as long as `low`. */
  readonly high: Float64Array;
  /** Precision that values are rounded to, as in Gymnasium's space; the arrays are float64. */
  readonly dtype: "float32" | "float64";
}

/** Describes the integers 0 to n - 1. */
export interface DiscreteSpace {
  /** Tells the spaces apart. */
  readonly kind: "discrete";
  /** Number of values. */
  readonly n: number;
}

/** Describes what an environment is, without making one. */
export interface EnvSpec {
  /** Gymnasium's id, such as "Hopper-v5". */
  readonly id: string;
  /** Bounds of observations, [S]. */
  readonly observationSpace: BoxSpace;
  /** Bounds of continuous actions, [A], or the number of discrete ones. */
  readonly actionSpace: BoxSpace | DiscreteSpace;
  /** The time limit in steps: the episode is truncated at this step. */
  readonly maxEpisodeSteps: number;
  /** Gymnasium's mark for "solved"; absent where Gymnasium names none. */
  readonly rewardThreshold?: number;
  /** Returns that a scaled command of 0 and of 1 stand for, unless the configuration says otherwise. */
  readonly returnRange: readonly [min: number, max: number];
  /** Where the dynamics and the constants come from. */
  readonly source: string;
  /**
   * What an environment of the user's own described itself as, in a line (lib/episodes/identity.ts); the
   * program's own have none.
   */
  readonly identity?: string;
  /** How observations are laid flat and actions made of numbers, as JSON, where the environment says it. */
  readonly layout?: string;
  /** The command that plays it, where `--env-command` named one. */
  readonly command?: string;
}

/** What one step gives besides the observation. Reused from step to step: copy what must last. */
export interface Transition {
  /** The step's reward, `survivalReward` included. */
  reward: number;
  /** The part of `reward` paid for being alive, 0 where the environment pays none. */
  survivalReward: number;
  /** True when the task itself ended the episode. */
  terminated: boolean;
  /** True when the time limit ended it. */
  truncated: boolean;
}

/** One running environment. */
export interface Env {
  /** What kind of environment it is. */
  readonly spec: EnvSpec;
  /** The current observation, [S]; the same array for the life of the environment. */
  readonly observation: Float64Array;
  /**
   * Starts an episode and fills `observation`. With a seed the random stream starts anew from it;
   * without one it goes on.
   * @throws {RangeError} when the seed is not a non-negative safe integer.
   */
  reset(seed?: number): MaybePromise<void>;
  /**
   * Advances by one action, [A] or `[index]`, and fills `observation`. Returns the reused transition.
   * @throws {RangeError} on a non-finite or out-of-space action, or when no episode is running.
   */
  step(action: ArrayLike<number>): MaybePromise<Transition>;
  /**
   * Makes more environments like it that play beside it at less than the price of two, up to `count` with it;
   * none where that is not possible. Asked between episodes, after the first; a second call gives what is new.
   */
  beside?(count: number): Promise<Env[]>;
  /** Frees what the environment holds, and those beside it; it is not usable afterwards. */
  close(): MaybePromise<void>;
}

/** An environment whose physics state can be read and put back: what goldens and previews need. */
export interface StatefulEnv extends Env {
  /** Copies the physics state, e.g. qpos then qvel. */
  state(): Float64Array;
  /** Puts a state back as if it had just been reached; the step counter is left as it is. */
  setState(state: ArrayLike<number>): void;
}

/** A physics engine as files. */
export interface PhysicsFiles {
  /** A JavaScript module whose default export loads the engine. */
  readonly script: string;
  /** The WebAssembly module that the script takes. */
  readonly wasm: Uint8Array<ArrayBuffer>;
}

/** The environments that a program offers. */
export interface EnvRegistry {
  /** Every id, in the order in which help lists them. */
  readonly ids: readonly string[];
  /**
   * Describes an environment.
   * @throws {RangeError} with the nearest id when the id is unknown.
   */
  spec(id: string): EnvSpec;
  /**
   * Reads the physics engine of an environment, for a page that plays it; undefined where it needs none.
   * A registry without this has no environment that a page could play.
   */
  physicsFiles?(id: string): Promise<PhysicsFiles | undefined>;
  /** Makes an independent environment; loads the physics engine when it is first needed. */
  make(id: string): Promise<Env>;
}

/** Counts the numbers in one observation, S. */
export function observationSize(spec: EnvSpec): number {
  return spec.observationSpace.low.length;
}

/** Counts the numbers that a policy puts out for one action, A: dimensions, or discrete choices. */
export function actionSize(spec: EnvSpec): number {
  return spec.actionSpace.kind === "discrete" ? spec.actionSpace.n : spec.actionSpace.low.length;
}
