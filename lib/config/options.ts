/**
 * The one table of training options.
 *
 * Every number that a training run depends on stands here once, with its type, range, default and
 * meaning; the configuration type, the validation, the configuration file, `--set key=value`, the
 * help, the JSON Schema and the header of a run are all read from it. An option is named
 * `section.key`; the top-level options (`env`, `seed`, `steps`) have no section.
 *
 * The defaults in this table are the `default` preset; `presets.ts` lists what other presets and
 * single environments change. `config.ts` reads and checks values by the table.
 *
 * When you add an option: add one line here, use it, and say in its `doc` what it does and in which
 * unit. Everything else follows.
 *
 * Longer than other files because the table is one thing.
 */

import { ACTIVATIONS } from "../kernels/policy_kernel.ts";

/** Describes one option: its type, its range and its meaning. */
export type OptionRule =
  | IntegerRule
  | NumberRule
  | { readonly type: "flag"; readonly default: boolean; readonly doc: string }
  | ChoiceRule<string>
  | {
    readonly type: "integers";
    readonly default: readonly number[];
    readonly min: number;
    readonly doc: string;
  }
  | { readonly type: "text"; readonly default: string; readonly doc: string };

/** What whole numbers and numbers have in common. */
export interface RangeRule {
  /** The value where no layer gives one. */
  readonly default: number;
  /** The least value allowed. */
  readonly min: number;
  /** The greatest value allowed. */
  readonly max: number;
  /** What is counted, where the meaning does not say it. */
  readonly unit?: string;
  /** What it does, for the help. */
  readonly doc: string;
}

/** An option whose value is a whole number. */
export interface IntegerRule extends RangeRule {
  /** Tells the rules apart. */
  readonly type: "integer";
}

/** An option whose value is a finite number. */
export interface NumberRule extends RangeRule {
  /** Tells the rules apart. */
  readonly type: "number";
}

/** An option whose value is one of a few words. */
export interface ChoiceRule<C extends string> {
  /** Tells the rules apart. */
  readonly type: "choice";
  /** The words allowed, in the order in which the help shows them. */
  readonly choices: readonly C[];
  /** The value where no layer gives one. */
  readonly default: C;
  /** What it does, for the help. */
  readonly doc: string;
}

type RangeFields = Omit<RangeRule, "doc" | "default" | "min" | "max"> & {
  min?: number;
  max?: number;
};

function integer(value: number, doc: string, fields: RangeFields = {}): IntegerRule {
  return {
    type: "integer",
    default: value,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    doc,
    ...fields,
  };
}

function number(value: number, doc: string, fields: RangeFields = {}): NumberRule {
  return { type: "number", default: value, min: 0, max: Number.MAX_VALUE, doc, ...fields };
}

function choice<const C extends string>(value: NoInfer<C>, choices: readonly C[], doc: string) {
  return { type: "choice", choices, default: value, doc } as ChoiceRule<C>;
}

function integers(value: readonly number[], doc: string, fields: { min: number }) {
  return { type: "integers", default: value, doc, ...fields } as const;
}

const ANY = { min: -Number.MAX_VALUE };

/** The options at the top level of a configuration. */
export const RUN_OPTIONS = {
  env: { type: "text", default: "", doc: "Environment id, see `udrlpg envs`" },
  seed: integer(1, "Seed of every random stream of the run"),
  steps: integer(0, "Budget of simulated training steps; 0 stands for the preset's own", {
    unit: "steps",
  }),
} as const satisfies Record<string, OptionRule>;

/** The options of a run by section, in the order in which files and help show them. */
export const OPTION_SECTIONS = {
  policy: {
    hiddenSizes: integers(
      [],
      "Widths of the policy's hidden layers, multiples of the tile; none: linear",
      {
        min: 1,
      },
    ),
    activation: choice(
      "tanh",
      ACTIVATIONS,
      "What follows each hidden layer: tanh, or relu, max(x, 0), which is cheaper and never saturates",
    ),
  },
  generator: {
    kind: choice(
      "tiled",
      ["tiled", "cvae"],
      "Deterministic hypernetwork, or a conditional variational autoencoder around it",
    ),
    tileSize: integer(32, "Features that one generated tile spans, F", { min: 1, max: 1024 }),
    embeddingSize: integer(32, "Length of the learnt embedding of a tile, E", {
      min: 1,
      max: 4096,
    }),
    hiddenSizes: integers([128, 128], "Widths of the generator's ReLU layers", { min: 1 }),
    initialisation: choice(
      "reference",
      ["reference", "bias", "variance"],
      "reference: uniform +-1/sqrt(fan-in); bias: zero heads whose bias is a normal policy; variance: generated weights have a normal policy's variance",
    ),
    commandEncoding: choice(
      "fourier",
      ["scalar", "fourier"],
      "The raw scalar, or cos and sin features of constant norm",
    ),
    commandFeatures: integer(8, "Frequencies of the fourier encoding", { min: 1, max: 256 }),
    outputScale: number(0, "Generated weights are scaled by this / sqrt(fan-in); 0 is off"),
  },
  cvae: {
    latentSize: integer(512, "Length of the latent vector", { min: 1, max: 65536 }),
    encoderSizes: integers([256, 256, 256], "Widths of the encoder's leaky ReLU layers", {
      min: 1,
    }),
    dropout: number(0.1, "Share of encoder activations dropped in training", { max: 0.95 }),
    loss: choice(
      "squared",
      ["squared", "nll"],
      "Squared error, or Gaussian likelihood with a learnt sigma",
    ),
    divergenceScale: number(1, "Weight of the Kullback-Leibler term"),
  },
  update: {
    loss: choice(
      "weights",
      ["weights", "function", "both"],
      "What a generated policy is fitted to: the stored policy's weights, what it does on visited states (weights of deep policies do not average, actions do), or that and a little of the weights",
    ),
    perCycle: integer(8, "Gradient updates between two rollouts, K", { min: 1, max: 256 }),
    batchSize: integer(24, "Draws from the buffer for one update", { min: 1, max: 65536 }),
    goalShare: number(
      0,
      "Share of each batch that is the policies whose returns rollouts ask for, see command.top, beside what is drawn: the generator follows them closely",
      { max: 1 },
    ),
    learningRate: number(3e-4, "Adam's step size"),
    finalLearningRate: number(1e-4, "Step size at the end of the budget; cosine in between"),
    warmupUpdates: integer(0, "Updates over which the step size rises linearly from 0"),
    beta1: number(0.9, "Adam's decay of the mean gradient", { max: 0.9999999 }),
    beta2: number(0.999, "Adam's decay of the mean squared gradient", { max: 0.9999999 }),
    epsilon: number(1e-8, "Adam's guard against division by zero"),
  },
  attempts: {
    steps: integer(
      0,
      "Steps of an attempt in one round: a first part of the budget goes to several that begin anew, of which the worse half leaves after each round, and the last one has the rest; 0: one attempt",
      { unit: "steps" },
    ),
    budgetShare: number(
      0.8,
      "Share of training's steps for all rounds and what is measured after them, which says how many attempts there are; one where two do not fit",
      {
        max: 0.9,
      },
    ),
  },
  rollout: {
    perCycle: integer(1, "Exploring episodes between two groups of updates", { min: 1, max: 1024 }),
    noise: choice(
      "fixed",
      ["fixed", "relative", "learnt"],
      "Same sigma for every weight; sigma times 1/sqrt(fan-in) of the weight's layer; or the cvae's own sigma",
    ),
    noiseScale: number(0.3, "Sigma of the exploration noise"),
    noiseSpread: number(
      1,
      "Deviation of the logarithm of a factor on sigma, drawn for each episode",
    ),
    weightLimit: number(
      0,
      "Noise leaves the root mean square of a policy's weights at most this, or what it was if that is more: the policy is scaled down; 0 is no limit",
    ),
    refreshEvery: integer(
      0,
      "Every so many rollouts, run one of the ten best stored policies again and average its return; 0 is never",
    ),
    lateRefreshEvery: integer(0, "The same late in a run, see fineAfter, in place of refreshEvery"),
    noiseFreeShare: number(
      0,
      "Share of the budget for episodes without noise: the policy for a goal runs five and is stored under their mean",
      { max: 0.9 },
    ),
    finalNoiseShare: number(
      0.2,
      "Share of sigma that is left at the end of the budget or of an attempt; a cosine in between",
    ),
    successShare: number(
      0.25,
      "Sigma grows while more than this share of noisy rollouts keeps half of the goal, and shrinks while fewer do; 0 is a sigma that does not adapt",
      { max: 0.9 },
    ),
    fineShare: number(
      0.8,
      "Share of late rollouts that explore finely: with half the spread, and a sigma of their own that adapts to how many keep nine tenths of the goal",
      { max: 1 },
    ),
    fineAfter: integer(
      0,
      "Steps after which rollouts are late, if no further attempt is to come; 0 is never",
      { unit: "steps" },
    ),
    noiseProbability: number(1, "Share of rollouts that get noise (the reference's epsilon)", {
      max: 1,
    }),
  },
  command: {
    top: integer(
      3,
      "Rollouts ask for the return of one of this many stored policies of highest credit, drawn evenly",
      {
        min: 1,
        max: 10_000,
      },
    ),
    credit: number(
      0,
      "Weight of a policy's own return in its credit, beside that of each rollout that asked for it; 0: credit is the own return alone",
    ),
    margin: number(0, "Rollouts ask for that return plus this scaled return", ANY),
  },
  returns: {
    range: choice(
      "environment",
      ["environment", "fixed"],
      "Take the range that scales returns to 0..1 from the environment or from the two options below",
    ),
    min: number(0, "Return that becomes the scaled command 0", ANY),
    max: number(1, "Return that becomes the scaled command 1", ANY),
    survivalBonus: choice(
      "keep",
      ["keep", "remove"],
      "Keep or remove the reward for being alive in stored returns; reports always keep it",
    ),
  },
  buffer: {
    kind: choice(
      "bucket",
      ["bucket", "fifo"],
      "Buckets by return, or a plain queue (for ablations)",
    ),
    bucketCount: integer(800, "Buckets over the scaled returns 0..1, K", {
      min: 1,
      max: 1_000_000,
    }),
    bucketCapacity: integer(10, "Policies that one bucket holds", { min: 1, max: 1_000_000 }),
    whenFull: choice(
      "oldest",
      ["drop", "oldest", "stalest"],
      "What gives way when a bucket is full: the newcomer, the oldest, or the one whose return was measured longest ago",
    ),
    capacity: integer(10_000, "Policies in the whole buffer; the oldest leaves first", {
      min: 1,
      max: 10_000_000,
    }),
    weighting: choice(
      "exponential",
      ["uniform", "reciprocal", "exponential", "max", "even"],
      "How the rank of a bucket among the non-empty ones weights its draw; even: by its distance to its neighbours, so that draws are even over returns",
    ),
    weightingScale: number(0.3, "Scale of the reciprocal and exponential weightings"),
    excludeFrom: number(0, "Scaled returns above this are kept out of every update, up to:"),
    excludeTo: number(0, "End of the band kept out; none is where it is not above its start"),
  },
  warmup: {
    episodes: integer(20, "Episodes before the first update", { min: 1, max: 1_000_000 }),
    budgetShare: number(0, "The warm-up goes on until this share of the budget is spent", {
      max: 0.9,
    }),
    source: choice(
      "generator",
      ["generator", "xavier"],
      "Policies from the generator without noise, or freshly initialised ones",
    ),
    noise: number(0.4, "Deviation of normal noise on the weights of these policies"),
  },
  normaliser: {
    kind: choice(
      "running",
      ["running", "off", "fixed"],
      "Running mean and deviation of observations, none, or frozen after the warm-up",
    ),
  },
  evaluation: {
    every: integer(0, "Steps between evaluations; 0 is a twentieth of the budget", {
      unit: "steps",
    }),
    episodes: integer(5, "Episodes of one evaluation", { min: 1, max: 100_000 }),
    finalEpisodes: integer(20, "Episodes of the last evaluation", { min: 1, max: 100_000 }),
  },
  sweep: {
    every: integer(0, "Steps between command sweeps; 0 is a quarter of the budget", {
      unit: "steps",
    }),
    commands: integer(10, "Commands over the range in one sweep", { min: 2, max: 10_000 }),
    episodes: integer(5, "Episodes for each command", { min: 1, max: 100_000 }),
  },
  consolidation: {
    updates: integer(4000, "Updates after the last rollout that fit the whole buffer evenly"),
    learningRate: number(1e-3, "Their step size, falling to 0 as a cosine"),
    weighting: choice(
      "even",
      ["uniform", "reciprocal", "exponential", "max", "even"],
      "How they weigh buckets",
    ),
    winnerShare: number(
      0.25,
      "Share of each of these batches that is the policy that won the selection",
      {
        max: 1,
      },
    ),
    floorShare: number(
      0.1,
      "Share of each of these batches that is a policy which returns what random ones do",
      { max: 1 },
    ),
    surveyShare: number(
      0,
      "Share of the budget kept for running stored policies from all over the range again; the steadiest of them are then all that the even phase learns from",
      { max: 0.5 },
    ),
  },
  selection: {
    candidates: integer(
      6,
      "Policies that compete for the best one at the end, and as many again of those that ran more than once",
      { min: 1, max: 1000 },
    ),
    budgetShare: number(0.1, "Share of the budget kept for that competition's episodes", {
      max: 0.9,
    }),
  },
  calibration: {
    commands: integer(33, "Commands at which the achieved return is measured after training", {
      min: 2,
      max: 10_000,
    }),
    refinements: integer(
      32,
      "At most so many further commands, each where the curve is steepest, until it rises by steps of 2 %",
      { max: 10_000 },
    ),
    rehearsals: integer(
      64,
      "Returns over the range that are then asked for, each answer measured and remembered",
      { max: 10_000 },
    ),
    episodes: integer(5, "Episodes for each of them", { min: 1, max: 100_000 }),
  },
} as const satisfies Record<string, Record<string, OptionRule>>;
