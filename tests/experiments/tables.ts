/**
 * The experiments: which environments, budgets, seeds and options. A row is a set of runs that differ only
 * in their seed. To add one, add it here and run `deno task experiments TABLE`.
 */

import { registry } from "../../envs/registry.ts";
import { ALGORITHM_NAMES } from "../../lib/config/options.ts";
import { ALGORITHMS } from "../../lib/rivals/algorithms.ts";

/** What needs continuous actions. */
const CONTINUOUS: readonly string[] = ["ddpg", "td3"];

/** A band of returns. */
export interface Band {
  readonly low: number;
  readonly high: number;
}

/** One row of a table. */
export interface Row {
  readonly env: string;
  /** Budget of simulated steps. */
  readonly steps: number;
  readonly seeds: readonly number[];
  /** Says what differs from the default, where something does. */
  readonly variant?: string;
  /** Options that differ from the preset, by dotted name. */
  readonly set?: Readonly<Record<string, number | string>>;
  /** The returns that `set` keeps out of every update. */
  readonly band?: Band;
  /** Preset of the runs; the default one when absent. */
  readonly preset?: string;
  /** The run has one policy, which no request changes. */
  readonly isOne?: true;
  /** Random requests that `generate --tolerance` must meet; 0 where a row is about something else. */
  readonly requests: number;
}

/** What a row of the paper's table is there for. */
export type PaperPart = "algorithm" | "published" | "ablation" | "band";

/** A row of the paper's table. */
export interface PaperRow extends Row {
  readonly variant: string;
  readonly part: PaperPart;
}

/** The preset of a run that names none. */
export const PRESET = "default";

/** Random requests of a row that is about obeying; where budgets are larger, searches take longer than training. */
const REQUESTS = { count: 20, largestBudget: 100_000 };
const THREE = [1, 2, 3];
const FIVE = [1, 2, 3, 4, 5];
/** The published method's rollouts. */
const FIXED = { "rollout.noise": "fixed" };

/** All tables by name. */
export const TABLES = {
  /** What the default preset returns after a budget, and how well its generator obeys. */
  returns: [
    createReturnsRow("CartPole-v1", 50_000, FIVE),
    createReturnsRow("InvertedPendulum-v5", 20_000, FIVE),
    createReturnsRow("Acrobot-v1", 100_000, FIVE),
    createReturnsRow("MountainCarContinuous-v0", 100_000, FIVE),
    createReturnsRow("Pendulum-v1", 1_000_000, THREE),
    createReturnsRow("InvertedDoublePendulum-v5", 200_000, FIVE),
    createReturnsRow("Reacher-v5", 300_000, FIVE),
    createReturnsRow("Swimmer-v5", 300_000, FIVE),
    createReturnsRow("Hopper-v5", 300_000, FIVE),
    createReturnsRow("Hopper-v5", 1_000_000, THREE),
    createReturnsRow("Walker2d-v5", 300_000, FIVE),
    createReturnsRow("Walker2d-v5", 1_000_000, THREE),
    createReturnsRow("HalfCheetah-v5", 300_000, FIVE),
    createReturnsRow("HalfCheetah-v5", 1_000_000, THREE),
    createReturnsRow("Ant-v5", 1_000_000, THREE),
    createReturnsRow("Humanoid-v5", 1_000_000, THREE),
  ],
  /** The published method's fixed noise with its kinds of buffer, and the fit at the end left out. */
  ablation: [
    createAblationRow("default", {}),
    createAblationRow("fixed noise", FIXED),
    createAblationRow("fixed noise, even draws over buckets", {
      ...FIXED,
      "buffer.weightingScale": 0,
    }),
    createAblationRow("fixed noise, queue, weighted by rank", { ...FIXED, "buffer.kind": "fifo" }),
    createAblationRow("fixed noise, queue, even draws", {
      ...FIXED,
      "buffer.kind": "fifo",
      "buffer.weightingScale": 0,
    }),
    createAblationRow("no fit to the way at the end", { "consolidation.updates": 0 }),
  ],
  /** The published method and its rivals. */
  paper: createPaperRows("InvertedPendulum-v5", 20_000, FIVE),
  /** A band of Swimmer's returns is kept out of every update. */
  "zero-shot": [
    {
      env: "Swimmer-v5",
      steps: 500_000,
      seeds: THREE,
      variant: "a band left out",
      set: { "buffer.exclude": "86,179" },
      band: { low: 86, high: 179 },
      requests: 0,
    },
  ],
} as const satisfies Record<string, readonly Row[]>;

/** The name of a table. */
export type TableName = keyof typeof TABLES;

/** Makes a row of `returns`. */
export function createReturnsRow(env: string, steps: number, seeds: readonly number[]): Row {
  const { count, largestBudget } = REQUESTS;
  return { env, steps, seeds, requests: steps <= largestBudget ? count : 0 };
}

/** The published method and what it is compared with, in its ablation and with a band of returns left out. */
export function createPaperRows(env: string, steps: number, seeds: readonly number[]): PaperRow[] {
  const { actionSpace, returnRange: [low, high] } = registry.spec(env);
  const isContinuous = actionSpace.kind === "box";
  const rivals = ALGORITHM_NAMES.filter((name) =>
    name !== "udrlpg" && (isContinuous || !CONTINUOUS.includes(name))
  );
  const shared = { env, steps, seeds, requests: 0 };
  const published = { ...shared, preset: "paper" };
  const even = { "buffer.weightingScale": 0 };
  const queue = { "buffer.kind": "fifo" };
  const ablation = (variant: string, set: Row["set"] & object): PaperRow => ({
    ...published,
    part: "ablation",
    variant,
    set,
  });
  // The second quarter of the range, on the scale of commands.
  const [from, to] = [0.25, 0.5];
  const at = (share: number) => low + share * (high - low);
  return [
    { ...shared, part: "algorithm", variant: "this program" },
    { ...published, part: "published", variant: "udrlpg as published" },
    ...rivals.map((name): PaperRow => ({
      ...shared,
      part: "algorithm",
      variant: name,
      set: { algorithm: name },
      ...(ALGORITHMS[name].answers === "one" ? { isOne: true } : {}),
    })),
    ablation("published, even draws over buckets", even),
    ablation("published, queue weighted by rank", queue),
    ablation("published, queue, even draws", { ...queue, ...even }),
    {
      ...published,
      part: "band",
      variant: "published, a band left out",
      set: { "buffer.exclude": `${from},${to}` },
      band: { low: at(from), high: at(to) },
    },
  ];
}

function createAblationRow(variant: string, set: Record<string, number | string>): Row {
  return {
    env: "Swimmer-v5",
    steps: 200_000,
    seeds: THREE,
    variant,
    set,
    requests: 0,
  };
}
