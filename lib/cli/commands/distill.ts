/** `udrlpg distill`: makes a generator of an archive of policies. */

import { merge, object } from "@optique/core/constructs";
import { type Fit, FITS, type Plan, type Served, tryPlan } from "../../algorithm/distill.ts";
import { createRun, type RunParts } from "../../algorithm/run.ts";
import { type MeasuredPolicies, MOST_POLICIES } from "../../algorithm/given.ts";
import { measureStart } from "../../algorithm/start.ts";
import { type Config, type ConfigLayer, flattenConfig } from "../../config/config.ts";
import { presetLayers } from "../../config/presets.ts";
import { resolveRun } from "../../config/run_settings.ts";
import type { EnvSpec } from "../../env.ts";
import { asManySteps } from "../../episodes/evaluate.ts";
import { formatNumber, roundDown } from "../../numbers/format.ts";
import { readRunData } from "../../report/run_data.ts";
import {
  describeObedience,
  describeReachable,
  describeUnknownObedience,
  resultOf,
} from "../../report/run_result.ts";
import { trainInFolder } from "../../run/session.ts";
import { sealStart } from "../../run/start_file.ts";
import type { TrainResult } from "../../run/train_result.ts";
import { UsageError } from "../../system/errors.ts";
import { ownLine, pathWord } from "../../system/words.ts";
import { asUsage } from "../blame.ts";
import { envCommandOptions, type EnvCommandValues, withEnvironments } from "../env_command.ts";
import {
  environmentOf,
  type GivenPolicies,
  networkOptions,
  readGivenPolicies,
} from "../given_policies.ts";
import { formatMeasured } from "../measured.ts";
import { setting, settingOr, words } from "../options.ts";
import type { Command, CommandContext } from "../program.ts";
import { choiceValue, fileValue, folderValue, integerValue, textValue } from "../values.ts";
import { DistillParts } from "./distill_parts.ts";
import { POLICY_ENDINGS } from "./evaluate.ts";
import { variableLayers } from "./train/settings.ts";

/** The options of `udrlpg distill`. */
export interface DistillValues extends EnvCommandValues {
  /** Policy files, or folders of them, as words. */
  readonly paths: readonly string[];
  /** --out */
  readonly out: string | undefined;
  /** --steps */
  readonly steps: number | undefined;
  /** --seed */
  readonly seed: number;
  /** --fit */
  readonly fit: Fit | "best";
}

/** Episodes of the longest kind that each policy gets where no budget is given; more where they are short. */
const DEFAULT_EPISODES = 10;
/** Share of the budget for the calibration: nothing is trained, so that there is more to measure with. */
const CALIBRATION_SHARE = 0.5;
/** The choice's share beside it (lib/algorithm/budget.ts). */
const MEASURING_SHARE = 1 - CALIBRATION_SHARE - 0.03;

/** What --fit takes. */
const FIT_CHOICES = ["best", ...FITS] as const;

/** The `distill` command. */
export const distillCommand: Command<DistillValues> = {
  description: [
    "Policies that somebody has trained already, such as the checkpoints of a run of another library, become a generator that answers every return in between. They are multilayer perceptrons with tanh or ReLU layers and one architecture: ONNX files of any library, or ours as safetensors or JSON.",
    "Each policy is measured in fresh episodes within the budget; hidden neurons are put in one order; a generator is fitted to weights and one to what the policies do, and the one that obeys better, its best policy included, is kept and calibrated. The run folder is like one of `train`: `train --resume` goes on from it with more --steps.",
  ],
  examples: [
    {
      command: "udrlpg distill checkpoints --env CartPole-v1 --out runs/archive",
      does: "Make a generator of a folder of ONNX files",
    },
    {
      command:
        "udrlpg distill a.onnx b.onnx c.json --env Pendulum-v1 --steps 100000 --out runs/three",
      does: "Of single files, within a budget",
    },
    {
      command: "udrlpg distill ladder --fit function --out runs/ladder --json",
      does: "Of policies of `generate`, fitted to what they do",
    },
  ],
  parser: (names) =>
    merge(
      object("The archive", {
        paths: words(fileValue("POLICY", POLICY_ENDINGS), "Policy files, or folders of them"),
        env: setting(
          "--env",
          textValue("ID", names.environments),
          "Environment (default: the one in the policy files)",
        ),
      }),
      object("An environment of your own", envCommandOptions()),
      object("The run folder", {
        out: setting("--out", folderValue("DIR"), "Run folder, new or empty"),
      }),
      object("The work", {
        steps: setting(
          "--steps",
          integerValue({ metavar: "N", min: 1 }),
          `Budget of simulated steps (default: about 20,000 for each policy, and ${DEFAULT_EPISODES} of the longest episodes at least)`,
        ),
        seed: settingOr("--seed", integerValue({ metavar: "N" }), {
          fallback: 1,
          doc: "Seed of the episodes and of the generator",
        }),
        fit: settingOr<Fit | "best">("--fit", choiceValue(FIT_CHOICES, "FIT"), {
          fallback: "best",
          doc:
            "Fit weights, or function: what policies do on the states that they see; best tries both",
        }),
      }),
    ),
  startsPrograms: true,
  run: (values, context) => withEnvironments(values, context, runDistill),
};

/** Every plan that is tried. */
const PLANS: readonly Plan[] = FITS.flatMap((fit) =>
  [
    { fit, order: "given" },
    { fit, order: "byReturn" },
  ] as const
);

/** A plan that was tried. */
interface Trial extends Plan, Served {}

async function runDistill(values: DistillValues, context: CommandContext): Promise<void> {
  const { program, output } = context;
  const { out } = values;
  if (out === undefined) {
    throw new UsageError("Cannot distil policies: a run folder must be given: use --out DIR");
  }
  if (values.paths.length === 0) failCount(0);
  const models = await program.models();
  const env = values.env ?? environmentOf(values.paths, models);
  if (env === undefined) {
    throw new UsageError(
      `Cannot distil policies: ${
        JSON.stringify(values.paths[0])
      } names no environment: use --env ID`,
    );
  }
  const registry = await program.registry(env);
  const spec = asUsage(() => registry.spec(env));
  const given = await readGivenPolicies(values.paths, {
    spec,
    models,
    does: "distil policies",
    output,
  });
  if (given.policies.length < 2 || given.policies.length > MOST_POLICIES) {
    failCount(given.policies.length);
  }
  const variables = variableLayers(program.env, ({ section }) => section !== undefined);
  const configOf: Configure = (fit, start = "") =>
    configFor(given, { values, spec, fit, variables, start });
  const interruption = program.listen();
  const { signal } = interruption;
  const session = { device: "cpu" } as const;
  try {
    await using closed = new AsyncDisposableStack();
    const made = closed.adopt(await registry.make(env), (one) => one.close());
    const parts = { env: made, models, session };
    const plans = PLANS.filter(({ fit }) => values.fit === "best" || values.fit === fit);
    const work = new DistillParts(plans.length, program.clock);
    const choice = await choosePlan(given, { configOf, parts, plans, work, signal, context });
    const { archive: measured, plan: { fit, order } } = choice;
    const { policies } = given;
    const sealed = sealStart({ policies, use: "archive", order }, { environment: spec.id });
    const progress = output.progress("steps");
    const result = await trainInFolder(configOf(fit, sealed.hash), {
      registry,
      models,
      folder: out,
      preset: "default",
      session,
      async writeReport(folder) {
        const { writeReport } = await import("../../report/report.ts");
        await writeReport(folder);
      },
      clock: program.clock,
      signal,
      start: { ...sealed, start: { ...sealed.start, measured } },
      onWarning: (text) => output.warn(text),
      onProgress: (state) => progress.update(work.running(state)),
    });
    output.endProgress();
    if (!result.finished) throw signal.reason;
    describe(result, { ...choice, context });
  } finally {
    interruption.stop();
  }
}

function failCount(count: number): never {
  throw new UsageError(
    `Cannot distil policies: there must be 2 to ${MOST_POLICIES} of them, got ${count}`,
  );
}

/** Makes the configuration of a run that is fitted so, and begins with a start of that checksum. */
type Configure = (fit: Fit, start?: string) => Config;

/** What was found of an archive. */
interface Choice {
  readonly archive: MeasuredPolicies;
  readonly trials: readonly Trial[];
  readonly plan: Trial;
}

/** Measures an archive and tries every plan. */
async function choosePlan(
  { policies }: GivenPolicies,
  { configOf, parts, plans, work, signal, context: { output } }: {
    configOf: Configure;
    parts: RunParts;
    plans: readonly Plan[];
    work: DistillParts;
    signal: AbortSignal;
    context: CommandContext;
  },
): Promise<Choice> {
  const measuring = asUsage(() => createRun(configOf("weights"), parts));
  const progress = output.progress("steps");
  const total = measuring.task.config.steps * MEASURING_SHARE;
  const archive = await measureStart(measuring, { policies, use: "archive" }, {
    signal,
    onEpisode: (done) => progress.update(work.measuring({ done, total })),
  });
  await measuring.tools.learner.close();
  const trials: Trial[] = [];
  for (const plan of plans) {
    const served = await tryPlan(configOf(plan.fit), parts, {
      archive,
      order: plan.order,
      onPhase: (state) => progress.update(work.trying(trials.length, state)),
    });
    trials.push({ ...plan, ...served });
    signal.throwIfAborted();
  }
  output.endProgress();
  const worth = ({ miss, shortfall }: Trial) => miss + shortfall;
  return { archive, trials, plan: trials.reduce((a, b) => worth(b) < worth(a) ? b : a) };
}

function configFor(
  { policies: files, network }: GivenPolicies,
  { values, spec, fit, variables, start }: {
    values: DistillValues;
    spec: EnvSpec;
    fit: Fit;
    variables: readonly ConfigLayer[];
    start: string;
  },
): Config {
  const steps = values.steps ??
    Math.ceil(
      files.length * asManySteps(spec, DEFAULT_EPISODES) * spec.maxEpisodeSteps / MEASURING_SHARE,
    );
  const least = Math.ceil(files.length * spec.maxEpisodeSteps / MEASURING_SHARE);
  if (steps < least) {
    throw new UsageError(
      `Cannot distil policies: --steps must hold an episode of each, at least ${least}, got ${steps}`,
    );
  }
  const given = {
    env: spec.id,
    environment: spec.identity ?? "",
    start,
    seed: values.seed,
    steps,
    update: { loss: fit },
    calibration: { budgetShare: CALIBRATION_SHARE },
    ...networkOptions(network),
  };
  const layer = { source: "udrlpg distill", values: flattenConfig(given) };
  const layers = [...presetLayers("default", spec.id), ...variables, layer];
  return asUsage(() => resolveRun(layers)).config;
}

function describe(
  result: TrainResult,
  { archive: { policies, episodes }, plan, trials, context }: {
    archive: MeasuredPolicies;
    plan: Trial;
    trials: readonly Trial[];
    context: CommandContext;
  },
): void {
  const { reachable = null, obedience = null } = resultOf(readRunData(result.run), undefined);
  const means = policies.map(({ measured }) => measured.mean);
  const document = {
    env: result.env,
    run: result.run,
    policies: policies.map(({ name, measured }) => ({ policy: name, return: measured })),
    fit: plan.fit,
    order: plan.order,
    trials,
    finalReturn: result.finalReturn ?? null,
    reachable,
    obedience,
    stepsByPurpose: result.stepsByPurpose,
  };
  context.output.result(document, () => [
    `Environment   ${result.env}`,
    `Archive       ${policies.length} policies in ${episodes.length} episodes, from ${
      formatNumber(Math.min(...means))
    } to ${formatNumber(Math.max(...means))}`,
    `Fitted to     ${FIT_WORDS[plan.fit]}, in the order ${ORDER_WORDS[plan.order]}: off by ${
      formatNumber(100 * plan.miss, 2)
    } % of that range before calibration, its best by ${formatNumber(100 * plan.shortfall, 2)} %`,
    ...(result.finalReturn ? [`Best command  returns ${formatMeasured(result.finalReturn)}`] : []),
    ...(reachable
      ? [
        `Ask for       ${describeReachable(reachable)}`,
        `It obeys      ${
          obedience ? describeObedience(obedience) : describeUnknownObedience(result.run)
        }`,
      ]
      : []),
    `Run folder    ${result.run}`,
    `Next: ${
      ownLine(
        "generate",
        "--run",
        pathWord(result.run),
        "--return",
        formatNumber(roundDown(result.finalReturn?.mean ?? 0)),
      )
    }`,
  ]);
}

const FIT_WORDS: { readonly [F in Fit]: string } = {
  weights: "weights",
  function: "what the policies do",
};
const ORDER_WORDS: { readonly [O in Plan["order"]]: string } = {
  given: "of the files, as far as they rise",
  byReturn: "of their returns",
};
