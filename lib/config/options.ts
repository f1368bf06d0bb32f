/**
 * The one table of training options.
 *
 * Every number that a training run depends on stands here once, with its type, range, default and
 * meaning; the configuration type, the validation, the configuration file, `--set key=value`, the
 * help, the JSON Schema and the header of a run are all read from it. An option is named
 * `section.key`; the top-level options (`env`, `seed`, `steps`) have no section.
 *
 * The defaults in this table are the `default` preset, but for `policy.skip`, which other algorithms have not;
 * `presets.ts` lists what presets and single environments change. `config.ts` reads and checks values by the table.
 *
 * When you add an option: add one line here, use it, and say in its `doc` what it does, in which unit and
 * when to change it. A number that no preset changes and no user asks for is no option but a constant beside
 * its use, and no option is an absolute number of steps but the budget itself. Everything else follows.
 *
 * Longer than other files because the table is one thing.
 */

import { ACTIVATIONS, SKIPS } from "../kernels/policy_kernel.ts";

/** Another option's value without which an option does not count. */
export type Need =
  | { readonly option: string; readonly is: string | readonly string[] }
  | { readonly option: string; readonly isFilled: true };

/** What all rules have in common. */
export interface RuleBase {
  /** What the option does and when to change it, for the help. */
  readonly doc: string;
  /** The option is refused where this is not so. */
  readonly needs?: Need;
  /** Written by the program for what it describes: nobody sets it. */
  readonly isRecorded?: true;
}

/** An option whose value is a number within a range. */
export interface NumberRule extends RuleBase {
  /** Whole numbers, or all. */
  readonly type: "integer" | "number";
  /** The value where no layer gives one. */
  readonly default: number;
  /** The least value allowed. */
  readonly min: number;
  /** The greatest value allowed. */
  readonly max: number;
  /** What is counted, where the meaning does not say it. */
  readonly unit?: string;
}

/** An option whose value is one of a few words. */
export interface ChoiceRule<C extends string> extends RuleBase {
  /** Tells the rules apart. */
  readonly type: "choice";
  /** The words allowed, in the order in which the help shows them. */
  readonly choices: readonly C[];
  /** The value where no layer gives one. */
  readonly default: C;
}

/** An option whose value is a list of whole numbers. */
export interface IntegersRule extends RuleBase {
  /** Tells the rules apart. */
  readonly type: "integers";
  /** The value where no layer gives one. */
  readonly default: readonly number[];
  /** The least number allowed in it. */
  readonly min: number;
}

/** An option whose value is two rising numbers, or none. */
export interface IntervalRule extends RuleBase {
  /** Tells the rules apart. */
  readonly type: "interval";
  /** The value where no layer gives one. */
  readonly default: readonly number[];
}

/** An option whose value is any text. */
export interface TextRule extends RuleBase {
  /** Tells the rules apart. */
  readonly type: "text";
  /** The value where no layer gives one. */
  readonly default: string;
}

/** Describes one option: its type, its range and its meaning. */
export type OptionRule = NumberRule | ChoiceRule<string> | IntegersRule | IntervalRule | TextRule;

type NumberFields = Partial<Pick<NumberRule, "min" | "max" | "unit" | "needs">>;

function integer(value: number, doc: string, fields: NumberFields = {}): NumberRule {
  const max = Number.MAX_SAFE_INTEGER;
  return { type: "integer", default: value, min: 0, max, doc, ...fields };
}

function number(value: number, doc: string, fields: NumberFields = {}): NumberRule {
  return { type: "number", default: value, min: 0, max: Number.MAX_VALUE, doc, ...fields };
}

function choice<const C extends string>(
  value: NoInfer<C>,
  choices: readonly C[],
  doc: string,
  fields: { readonly needs?: Need } = {},
): ChoiceRule<C> {
  return { type: "choice", choices, default: value, doc, ...fields };
}

function integers(value: readonly number[], doc: string): IntegersRule {
  return { type: "integers", default: value, min: 1, doc };
}

function interval(doc: string, fields: { readonly needs?: Need } = {}): IntervalRule {
  return { type: "interval", default: [], doc, ...fields };
}

/** The algorithms that a run may train by; lib/rivals/algorithms.ts has what each is. */
export const ALGORITHM_NAMES = ["udrlpg", "ars", "ddpg", "td3", "udrl", "gogepo"] as const;

const HIDDEN_LAYERS: Need = { option: "policy.hiddenSizes", isFilled: true };
const FIXED_NOISE: Need = { option: "rollout.noise", is: "fixed" };
const BUCKETS: Need = { option: "buffer.kind", is: "bucket" };

/** The options at the top level of a configuration. */
export const RUN_OPTIONS = {
  env: { type: "text", default: "", doc: "Environment id, see `udrlpg envs`" },
  algorithm: choice(
    "udrlpg",
    ALGORITHM_NAMES,
    "What learns: udrlpg, this program's method, or one to compare it with, see `udrlpg help algorithms`",
  ),
  seed: integer(1, "Seed of every random stream of the run"),
  steps: integer(0, "Budget of simulated training steps; 0 stands for the preset's own", {
    unit: "steps",
  }),
  environment: {
    type: "text",
    default: "",
    doc:
      "What an environment of your own is: written by the program, and compared with what it is later",
    isRecorded: true,
  },
  start: {
    type: "text",
    default: "",
    doc:
      "Checksum of the policies that training begins with, start.safetensors beside this file: written by the program",
    isRecorded: true,
  },
} as const satisfies Record<string, OptionRule>;

/** What the options of a whole section need to count. */
export const SECTION_NEEDS: Readonly<Record<string, Need>> = {
  ...Object.fromEntries(
    ["generator", "cvae", "update", "rollout", "returns", "buffer", "consolidation"].map((
      section,
    ) => [section, { option: "algorithm", is: "udrlpg" }]),
  ),
  // One policy, which is all that others have, needs no curve.
  calibration: { option: "algorithm", is: ["udrlpg", "udrl", "gogepo"] },
};

/** The options of a run by section, in the order in which files and help show them. */
export const OPTION_SECTIONS = {
  policy: {
    hiddenSizes: integers(
      [],
      "Widths of the policy's hidden layers, each a multiple of generator.tileSize; empty: a linear policy, and " +
        "with policy.skip = linear 64, 64 beside it where that gets no better and they do",
    ),
    activation: choice(
      "tanh",
      ACTIVATIONS,
      "What follows each hidden layer: tanh, or relu, max(x, 0), which is cheaper and never saturates",
      { needs: HIDDEN_LAYERS },
    ),
    skip: choice(
      "none",
      SKIPS,
      "What the last layer sees besides the last hidden layer; linear: the observation, so that a linear policy " +
        "stands beside the hidden layers",
      { needs: { option: "algorithm", is: "udrlpg" } },
    ),
  },
  generator: {
    kind: choice(
      "tiled",
      ["tiled", "cvae"],
      "tiled gives one policy for a command; cvae, a conditional variational autoencoder, gives several",
    ),
    tileSize: integer(32, "Width of the square tiles that a policy's weights are generated in", {
      min: 1,
      max: 1024,
      needs: HIDDEN_LAYERS,
    }),
    hiddenSizes: integers([128, 128], "Widths of the generator's ReLU layers"),
    commandEncoding: choice(
      "fourier",
      ["scalar", "fourier"],
      "The command enters the generator as one number, or as cos and sin features of constant norm",
    ),
  },
  cvae: {
    latentSize: integer(
      512,
      "Length of the latent vector that tells policies of one return apart",
      {
        min: 1,
        max: 65536,
        needs: { option: "generator.kind", is: "cvae" },
      },
    ),
  },
  update: {
    loss: choice(
      "weights",
      ["weights", "function", "both"],
      "What a generated policy is fitted to: the stored policy's weights, what it does on visited states (weights of deep policies do not average, actions do), or that and a little of the weights",
      { needs: { option: "generator.kind", is: "tiled" } },
    ),
    perCycle: integer(
      64,
      "Gradient updates in a cycle of rollouts, K",
      { min: 1, max: 256 },
    ),
    batchSize: integer(16, "Draws from the buffer for one update", { min: 1, max: 65536 }),
    learningRate: number(1e-3, "Adam's step size"),
  },
  rollout: {
    noise: choice(
      "adapted",
      ["adapted", "fixed"],
      "adapted: cycles of several rollouts, whose order adapts size and shape of the noise, in any environment; fixed: the published method's rollouts, one at a time, with the same noise on every weight and a normaliser that moves at every step",
    ),
    noiseScale: number(0.1, "Sigma of the noise on each weight", { needs: FIXED_NOISE }),
  },
  returns: {
    range: interval(
      "The two returns that become the commands 0 and 1; empty: the environment's",
      { needs: FIXED_NOISE },
    ),
    survivalBonus: choice(
      "keep",
      ["keep", "remove"],
      "Keep or remove the reward for being alive in stored returns; reports always keep it",
      { needs: FIXED_NOISE },
    ),
  },
  buffer: {
    kind: choice(
      "bucket",
      ["bucket", "fifo"],
      "Buckets by return, or a plain queue (for ablations)",
      { needs: FIXED_NOISE },
    ),
    bucketCapacity: integer(1, "Policies that one bucket holds", {
      min: 1,
      max: 1_000_000,
      needs: BUCKETS,
    }),
    whenFull: choice(
      "drop",
      ["drop", "oldest"],
      "When a bucket is full, drop the newcomer or replace the oldest",
      { needs: BUCKETS },
    ),
    weightingScale: number(
      0.3,
      "A bucket is drawn exp(this) times as often as the next lower one; 0: all alike",
      { needs: FIXED_NOISE },
    ),
    exclude: interval("Policies of stored returns between these two are never drawn"),
  },
  critic: {
    discount: number(
      0.99,
      "What a reward one step later is worth, gamma; nearer to 1 where what pays off comes late, as in Swimmer",
      { max: 1, needs: { option: "algorithm", is: ["ddpg", "td3"] } },
    ),
  },
  reports: {
    evaluations: integer(
      20,
      "Evaluations of the best command, spread over the budget; fewer where they would cost much of it",
      {
        max: 100_000,
      },
    ),
    sweeps: integer(0, "Sweeps over the range of commands, spread over the budget", {
      max: 100_000,
    }),
  },
  consolidation: {
    updates: integer(
      1000,
      "Updates in a round after the last rollout, which fits the generator to the line from the worst policy seen to the best; up to four rounds, until it is close",
      { needs: { option: "rollout.noise", is: "adapted" } },
    ),
  },
  calibration: {
    budgetShare: number(
      0.1,
      "Share of the budget for measuring which command earns which return; more makes answers to requests surer. Where noise is fixed it comes on top of the budget",
      { max: 0.5 },
    ),
  },
} as const satisfies Record<string, Record<string, OptionRule>>;
