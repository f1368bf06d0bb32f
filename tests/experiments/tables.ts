/**
 * The experiments behind the README's tables: which environments, budgets, seeds and options. Each row
 * of a table is a set of runs that differ only in their seed.
 */

/** One row of a table. */
export interface Row {
  /** Names the row in tables and folders. */
  readonly label: string;
  readonly env: string;
  readonly preset: string;
  readonly steps: number;
  readonly seeds: readonly number[];
  /** Further options, by dotted name. */
  readonly set?: Readonly<Record<string, number | string>>;
  /** Random requests that `generate` is asked to meet; 20 when absent. */
  readonly requests?: number;
}

const THREE = [1, 2, 3];
const FIVE = [1, 2, 3, 4, 5];

function ablation(label: string, set: Record<string, number | string>): Row {
  const short = { "calibration.refinements": 0, "calibration.rehearsals": 0, ...set };
  return {
    label,
    env: "Swimmer-v5",
    preset: "default",
    steps: 200_000,
    seeds: THREE,
    set: short,
    requests: 0,
  };
}

/** All tables by name. */
export const TABLES = {
  /** What the default preset returns after a budget. */
  returns: [
    row("CartPole-v1", 50_000, FIVE),
    row("InvertedPendulum-v5", 20_000, FIVE),
    row("MountainCarContinuous-v0", 100_000, FIVE),
    row("Swimmer-v5", 500_000, FIVE),
    { ...row("Swimmer-v5", 1_000_000, FIVE), requests: 0 },
    row("Hopper-v5", 300_000, THREE),
    row("Hopper-v5", 1_000_000, FIVE),
    row("HalfCheetah-v5", 1_000_000, THREE),
    row("Pendulum-v1", 2_000_000, THREE),
  ],
  /** Buckets against a queue, weighting on and off, and this project's own additions off, one by one. */
  ablation: [
    ablation("default", {}),
    ablation("even draws over buckets", { "buffer.weighting": "uniform" }),
    ablation("queue, weighted by rank", { "buffer.kind": "fifo" }),
    ablation("queue, even draws", { "buffer.kind": "fifo", "buffer.weighting": "uniform" }),
    ablation("a sigma that does not adapt", { "rollout.successShare": 0 }),
    ablation("no even phase at the end", { "consolidation.updates": 0 }),
  ],
  /** A band of returns is kept out of every update; the curve shows whether it is served. */
  "zero-shot": [
    {
      label: "returns 40 % to 60 % of the range left out",
      env: "Swimmer-v5",
      preset: "default",
      steps: 500_000,
      seeds: THREE,
      set: { "buffer.excludeFrom": 0.4, "buffer.excludeTo": 0.6 },
      requests: 0,
    },
  ],
} as const satisfies Record<string, readonly Row[]>;

/** The name of a table. */
export type TableName = keyof typeof TABLES;

function row(env: string, steps: number, seeds: readonly number[]): Row {
  return {
    label: `${env}, ${steps.toLocaleString("en")} steps`,
    env,
    preset: "default",
    steps,
    seeds,
  };
}
