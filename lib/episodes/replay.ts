/**
 * One episode as a list of lines that anyone can hold against Gymnasium: the core of `rollout`.
 *
 * Line t = 0 is the reset: its observation, no action, reward 0. Line t = 1, 2, ... is step t: the
 * action, and the observation, reward and flags that it led to. Numbers are printed so that they read
 * back exactly.
 */

import type { Env, EnvSpec, MaybePromise } from "../env.ts";
import { FileError } from "../system/errors.ts";
import { parseJsonLimited } from "../formats/json.ts";
import { Rng } from "../numbers/rng.ts";

/** One line of a rollout, ready for JSON. */
export interface ReplayLine {
  /** Steps taken so far: 0 is the reset. */
  readonly t: number;
  /** The observation after the step, [S]. */
  readonly observation: number[];
  /** The action of the step, [A] or [index]; null for the reset. */
  readonly action: number[] | null;
  /** What the step paid; 0 for the reset. */
  readonly reward: number;
  /** Whether the task ended the episode at this step. */
  readonly terminated: boolean;
  /** Whether the time limit ended it. */
  readonly truncated: boolean;
}

/**
 * Chooses the action for an observation, or nothing to stop. `observation` is the environment's own
 * array, valid until the next step; `t` counts the steps taken.
 */
export type ActionSource = (
  observation: Float64Array,
  t: number,
) => MaybePromise<ArrayLike<number> | undefined>;

/** How an episode is replayed. */
export interface ReplayOptions {
  /** Seed of the environment's reset. */
  readonly seed: number;
  /** Stops after this many steps even if the episode goes on; without it only the episode's end does. */
  readonly steps?: number;
}

/**
 * Runs one episode and yields its lines: until it terminates or is truncated, the source has no more
 * actions, or `steps` are taken. The environment is left open.
 * @throws {RangeError | TypeError} from the environment on a bad seed or action.
 */
export async function* replay(
  env: Env,
  source: ActionSource,
  { seed, steps = Infinity }: ReplayOptions,
): AsyncGenerator<ReplayLine> {
  await env.reset(seed);
  yield {
    t: 0,
    observation: Array.from(env.observation),
    action: null,
    reward: 0,
    terminated: false,
    truncated: false,
  };
  for (let t = 1; t <= steps; t++) {
    const action = await source(env.observation, t - 1);
    if (action === undefined) return;
    const { reward, terminated, truncated } = await env.step(action);
    yield {
      t,
      observation: Array.from(env.observation),
      action: Array.from(action),
      reward,
      terminated,
      truncated,
    };
    if (terminated || truncated) return;
  }
}

/**
 * Draws actions as Gymnasium's `action_space.seed(seed)` and `action_space.sample()` do: uniform
 * between the bounds, rounded to the space's type. A space with an unbounded dimension, which no
 * environment here has, gives N(0, 1) in every dimension instead.
 */
export function randomActions(spec: EnvSpec, seed: number): ActionSource {
  const space = spec.actionSpace;
  const rng = Rng.fromSeed(seed);
  if (space.kind === "discrete") return () => [rng.integer(space.n)];
  const { low, high } = space;
  const action = space.dtype === "float32"
    ? new Float32Array(low.length)
    : new Float64Array(low.length);
  const isBounded = low.every(Number.isFinite) && high.every(Number.isFinite);
  return () => {
    for (let i = 0; i < action.length; i++) {
      action[i] = isBounded ? rng.uniform(low[i], high[i]) : rng.standardNormal();
    }
    return action;
  };
}

/** Plays a recorded list; without more actions the replay stops. */
export function listedActions(actions: readonly ArrayLike<number>[]): ActionSource {
  return (_observation, t) => actions[t];
}

/** How a recorded list is read. */
export interface ActionListOptions {
  /** What errors call the list, e.g. the file's path. */
  readonly name: string;
  /**
   * The type of the arrays, on which arithmetic depends as it does in NumPy. "auto": float32 where the
   * action space is float32 and every number of the list is one, so that a list recorded from
   * float32 actions is replayed as them; else float64.
   */
  readonly dtype?: "auto" | "float32" | "float64";
}

/** A recorded list may have so many numbers and actions: 260 of the longest episodes here. */
const MOST_NUMBERS = 2_000_000;
const MOST_ACTIONS = 2 ** 18;

/**
 * Reads a recorded list of actions: a JSON array with one entry per step, each an array of A numbers,
 * or, for one number per action (also the choice in a discrete space), the number itself.
 * @throws {FileError} when it is anything else; numbers outside of a box are taken, as Gymnasium does.
 */
export function parseActionList(
  text: string | Uint8Array,
  spec: EnvSpec,
  { name, dtype = "auto" }: ActionListOptions,
): ArrayLike<number>[] {
  const fail = (rule: string, got: string): never => {
    throw new FileError(`Cannot read actions "${name}": ${rule}, got ${got}`);
  };
  const parsed = parseJsonLimited(text, {
    name,
    kind: "actions",
    maxValues: MOST_NUMBERS,
    maxContainers: MOST_ACTIONS,
  });
  if (!Array.isArray(parsed)) return fail("it must be an array", typeof parsed);
  const space = spec.actionSpace;
  const size = space.kind === "discrete" ? 1 : space.low.length;
  const rows = parsed.map((entry: unknown, t) => {
    const row: unknown[] = Array.isArray(entry) ? entry : [entry];
    if (row.length !== size) fail(`action ${t} must have ${size} numbers`, `${row.length}`);
    return Float64Array.from(row, (value) => {
      if (typeof value !== "number" || !Number.isFinite(value)) {
        return fail(`action ${t} must have finite numbers`, describe(value));
      }
      const isChoice = Number.isInteger(value) && value >= 0;
      if (space.kind === "discrete" && !(isChoice && value < space.n)) {
        return fail(`action ${t} must be an integer from 0 to ${space.n - 1}`, `${value}`);
      }
      return value;
    });
  });
  const isFloat32 = space.kind === "box" && space.dtype === "float32" &&
    rows.every((row) => row.every((value) => Math.fround(value) === value));
  const wanted = dtype === "auto" ? (isFloat32 ? "float32" : "float64") : dtype;
  return wanted === "float32" ? rows.map((row) => Float32Array.from(row)) : rows;
}

/** Names a wrong value in an error text without repeating what may be long. */
function describe(value: unknown): string {
  return typeof value === "number" || value === null
    ? String(value)
    : `value of type ${typeof value}`;
}
