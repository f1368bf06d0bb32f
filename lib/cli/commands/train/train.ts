/** `udrlpg train`: trains a generator and leaves a run folder. */

import { merge, object } from "@optique/core/constructs";
import { formatDuration } from "../../../system/clock.ts";
import type { Config } from "../../../config/config.ts";
import type { EnvRegistry } from "../../../env.ts";
import { InterruptedError } from "../../../system/errors.ts";
import { ownLine, pathWord } from "../../../system/words.ts";
import { withFileErrors } from "../../../system/file_errors.ts";
import { isThere } from "../../../system/files.ts";
import type { ModelTable } from "../../../model.ts";
import { PRESETS } from "../../../config/presets.ts";
import { describeProfile, Profile } from "../../../run/profile.ts";
import type { Progress as TrainProgress } from "../../../run/progress_watch.ts";
import type { AttemptEvent } from "../../../algorithm/events.ts";
import type { TrainResult } from "../../../run/train_result.ts";
import type { WorkerModules } from "../../../episodes/workers/messages.ts";
import { asUsage } from "../../blame.ts";
import { formatMeasured } from "../../measured.ts";
import { formatCount, formatNumber, roundDown } from "../../../numbers/format.ts";
import {
  envCommandOptions,
  envCommandWords,
  envWorkersOption,
  warnOfWorkers,
  withEnvironments,
} from "../../env_command.ts";
import type { Command, CommandContext, KnownNames } from "../../program.ts";
import {
  type ResolvedTraining,
  resolveTraining,
  runFolderOf,
  type TrainOptions,
} from "./settings.ts";
import {
  type OptionParser,
  setting,
  settingOption,
  settings,
  toggle,
  word,
} from "../../options.ts";
import {
  assignmentValue,
  choiceValue,
  fileValue,
  folderValue,
  integerValue,
  runValue,
  textValue,
} from "../../values.ts";
import {
  describeObedience,
  describeReachable,
  describeSeconds,
  describeSteps,
  describeUnknownObedience,
  resultOf,
  type RunResult,
} from "../../../report/run_result.ts";
import { readRunData } from "../../../report/run_data.ts";
import { timesOf } from "../../../report/run_times.ts";
import { ALGORITHMS } from "../../../rivals/algorithms.ts";
import { listSettings, type ResolvedRun } from "../../../config/run_settings.ts";
import { listOptions } from "../../../config/config.ts";
import { ALGORITHM_NAMES } from "../../../config/options.ts";

/** The options of `udrlpg train`. */
export interface TrainValues extends TrainOptions {
  /** --dry-run */
  readonly dryRun: boolean;
  /** --verbose */
  readonly verbose: boolean;
  /** --cuda-path */
  readonly cudaPath: string | undefined;
  /** --allow-tf32 */
  readonly allowTf32: boolean;
}

/** What --set takes. */
const SETTABLE: readonly { readonly name: string; readonly choices?: readonly string[] }[] = [
  ...listOptions(),
  ...listSettings(),
].filter(({ rule }) => !rule.isRecorded).map(({ name, rule }) => ({
  name,
  ...(rule.type === "choice" ? { choices: rule.choices } : {}),
}));

function trainParser({ environments }: KnownNames): OptionParser<TrainValues> {
  const count = (min: number) => integerValue({ metavar: "N", min });
  return merge(
    object("What to train", {
      env: setting("--env", textValue("ID", environments), "Environment, see udrlpg envs"),
      algorithm: setting(
        "--algorithm",
        choiceValue(ALGORITHM_NAMES, "NAME"),
        "What learns: udrlpg, or one to compare it with, see udrlpg help algorithms",
      ),
      preset: settingOption("preset", textValue("NAME", Object.keys(PRESETS))),
      config: setting(
        "--config",
        fileValue("FILE", [".toml"]),
        "Configuration file, see udrlpg presets show",
      ),
      set: settings(
        "--set",
        assignmentValue("KEY=VALUE", SETTABLE),
        "Set any option of a configuration; may be given many times",
      ),
      steps: setting(
        "--steps",
        count(1),
        "Budget of simulated training steps (default: the preset's)",
      ),
      seed: setting("--seed", count(0), "Seed of every random stream of the run (default: 1)"),
      from: settings(
        "--from",
        fileValue("PATH", [".onnx", ".safetensors", ".json"]),
        "Begin with a finished run, policy files or folders of them; may be given many times",
      ),
    }),
    object("An environment of your own", {
      ...envCommandOptions(),
      envWorkers: envWorkersOption(),
    }),
    object("The run folder", {
      path: word(runValue("RUN"), "Run folder to go on with, after --resume or --continue"),
      out: settingOption("out", runValue()),
      resume: toggle("--resume", "Go on from the run folder's last checkpoint"),
      continue: toggle(
        "--continue",
        "As --resume, but start the run when the folder is not there yet: for lines that are run again",
      ),
      checkpointEvery: settingOption("checkpointEvery"),
      dryRun: toggle("--dry-run", "Show every value and where it comes from; train nothing"),
    }),
    object("The machine", {
      device: settingOption("device"),
      cudaPath: setting(
        "--cuda-path",
        folderValue("DIR"),
        "Folder with ONNX Runtime's CUDA provider, see udrlpg doctor",
      ),
      allowTf32: toggle("--allow-tf32", "Let CUDA round the factors of matrix products to 10 bits"),
      threads: settingOption("threads"),
      workers: settingOption("workers"),
      verbose: toggle("--verbose", "Say at the end where the time went, here and in metrics.jsonl"),
    }),
  );
}

/** The `train` command. */
export const trainCommand: Command<TrainValues> = {
  description: [
    "Leaves a run folder with the generator, its configuration and its metrics. Every option of a configuration can be set with --set, with a variable (udrlpg help variables) or in a file.",
  ],
  examples: [
    {
      command: "udrlpg train --env InvertedPendulum-v5 --seed 1 --out runs/pendulum",
      does: "Balance a pole, in under a minute",
    },
    {
      command: "udrlpg train --env Swimmer-v5 --steps 1e6 --set update.learningRate=1e-4",
      does: "Change the budget and an option",
    },
    {
      command: "udrlpg train --env Hopper-v5 --preset paper --dry-run",
      does: "See what a preset would do",
    },
    {
      command: "udrlpg train --config runs/pendulum/config.toml --out runs/again",
      does: "Repeat a run",
    },
    {
      command: "udrlpg train --resume runs/pendulum --steps 40000",
      does: "Go on with a run, also with a finished one and more steps",
    },
    {
      command: "udrlpg train --from runs/pendulum --from other.onnx --out runs/better",
      does: "Begin with what a run and a policy can do already",
    },
    {
      command: 'udrlpg train --env-command "python my_env.py" --out runs/mine',
      does: "Train in your own environment, see udrlpg help environments",
    },
  ],
  exclusive: [["--resume", "--continue"]],
  settable: SETTABLE.map(({ name }) => name),
  parser: trainParser,
  startsPrograms: true,
  run: (values, context) => withEnvironments(values, context, runTraining),
};

async function runTraining(values: TrainValues, context: CommandContext): Promise<void> {
  const settings = await resolveTraining(values, context);
  const models = await context.program.models();
  await checkRun(settings.config, { registry: await context.program.registry(), models });
  if (values.dryRun) return await (await import("./preview.ts")).preview(settings, context);
  await trainRun(settings, { values, resume: goesOn(values, settings), context });
}

/** Workers load their environments themselves, and know none of a child process. */
function workersOf(
  { config, settings }: ResolvedRun,
  context: CommandContext,
): { count: number; modules: WorkerModules } | undefined {
  const { workers: count } = settings;
  if (config.environment === "") return { count, modules: context.program.modules };
  warnOfWorkers(count, context);
  return undefined;
}

/** Tells whether the folder's run is to be taken up; --continue asks for it only where there is one. */
function goesOn(values: TrainValues, settings: ResolvedRun): boolean {
  const path = runFolderOf(settings);
  const file = { path, kind: "run" };
  return values.resume || (values.continue && withFileErrors("open", file, () => isThere(path)));
}

/**
 * Finds out before anything is written whether the networks can be built and an episode fits the
 * budget. @throws {UsageError}
 */
export async function checkRun(
  config: Config,
  { registry, models }: { registry: EnvRegistry; models: ModelTable },
): Promise<void> {
  const { checkBudget } = await import("../../../algorithm/budget.ts");
  asUsage(() => {
    const spec = registry.spec(config.env);
    checkBudget(config, spec);
    models.createGenerator(config, models.policyShape(spec, config.policy));
  });
}

async function trainRun(
  resolved: ResolvedTraining,
  { values, resume, context }: { values: TrainValues; resume: boolean; context: CommandContext },
): Promise<void> {
  const { config, settings } = resolved;
  const { program, output } = context;
  const { threads, device: wanted } = settings;
  const { chooseDevice, deviceProbes } = await import("../../../onnx/devices.ts");
  const probes = deviceProbes({ ...values, env: program.env });
  const { countUpdate } = await import("../../../learner/update_graph.ts");
  const [registry, models] = [await program.registry(), await program.models()];
  const { device, line } = await chooseDevice(wanted, {
    probes,
    multiplyAdds() {
      const shape = models.policyShape(registry.spec(config.env), config.policy);
      return countUpdate(models.createGenerator(config, shape), config.update.batchSize);
    },
  });
  if (values.verbose) output.note(line);
  const workers = workersOf(resolved, context);
  const { trainInFolder } = await import("../../../run/session.ts");
  const progress = output.progress("steps");
  const interruption = program.listen();
  try {
    const result = await trainInFolder(config, {
      registry,
      models,
      folder: runFolderOf(resolved),
      preset: settings.preset,
      session: { device, ...(threads > 0 ? { threads } : {}) },
      async writeReport(folder) {
        const { writeReport } = await import("../../../report/report.ts");
        await writeReport(folder);
      },
      clock: program.clock,
      ...(values.verbose ? { profile: new Profile(program.clock) } : {}),
      signal: interruption.signal,
      ...(workers ? { workers } : { envWorkers: values.envWorkers ?? 1 }),
      resume,
      checkpointEverySteps: settings.checkpointEvery,
      start: resolved.start,
      onWarning: (text) => output.warn(text),
      onProgress: (state, event) => {
        if (event.kind === "attempt") output.note(describeAttempt(event, state));
        progress.update({
          phase: state.phase,
          done: state.done,
          total: state.total,
          whole: state,
          facts: factsOf(state),
        });
      },
    });
    output.endProgress();
    const spec = (await program.registry()).spec(config.env);
    const consent = envCommandWords(spec, program);
    if (!result.finished) failInterrupted(interruption.signal, result, consent);
    const folder = runFolderOf(resolved);
    const summary = resultOf(readRunData(folder), timesOf(folder));
    const { reachable = null, obedience = null } = summary;
    output.result(
      { finalReturn: null, ...result, reachable, obedience },
      () => describeResult(result, summary, consent),
    );
  } finally {
    interruption.stop();
  }
}

/** Says which policies are trained from now on, and why. */
function describeAttempt(
  { hiddenSizes, return: own, beside }: AttemptEvent,
  { steps }: TrainProgress,
): string {
  const kinds = ["linear policies", "policies with hidden layers"];
  const [kind, other] = hiddenSizes.length > 0 ? kinds.toReversed() : kinds;
  const returned = beside === null ? "have returned nothing yet" : `return ${formatNumber(beside)}`;
  return own === null
    ? `After ${steps} steps ${other} ${returned}, and get no better: ${kind} try as long`
    : `After ${steps} steps ${kind} return ${formatNumber(own)} and go on; ${other} ${returned}`;
}

/** Names the episodes of training, and how many were run in part. */
function rolloutsOf({ episodes, parts }: Pick<TrainResult, "episodes" | "parts">): string {
  return `${episodes} episodes` + (parts > 0 ? ` and the first part of ${parts}` : "");
}

/** Says what an interrupted run left. @throws {InterruptedError} always, for the exit code. */
function failInterrupted(
  { reason }: AbortSignal,
  { run, steps, env }: TrainResult,
  consent: readonly string[],
): never {
  if (!(reason instanceof InterruptedError)) throw reason;
  // There is no --trust here; naming a module again is as good.
  const words = consent.includes("--trust") ? ["--env", env] : consent;
  throw new InterruptedError(
    `${reason.message} after ${steps} steps, which are saved: go on with ${
      ownLine("train", "--resume", "--out", pathWord(run), ...words)
    }`,
    reason.signal,
  );
}

function factsOf(state: TrainProgress): [label: string, value: string][] {
  const { bestReturn, lastReturn, lastEvaluation, episodes, bufferFill, loss } = state;
  return [
    ["best", formatNumber(bestReturn)],
    ["last", formatNumber(lastReturn)],
    ...(lastEvaluation
      ? [["evaluation", formatNumber(lastEvaluation.mean)] as [string, string]]
      : []),
    ["episodes", formatCount(episodes)],
    ["loss", formatNumber(loss, 3)],
    ["buffer", String(bufferFill)],
  ];
}

function describeResult(
  result: TrainResult,
  { reachable, obedience, steps, seconds }: RunResult,
  consent: readonly string[],
): string[] {
  const { finalReturn, run } = result;
  const best = formatNumber(roundDown(finalReturn?.mean ?? 0));
  const words = ["generate", "--run", pathWord(run), "--return", best, ...consent];
  const { algorithm } = result;
  const isOne = ALGORITHMS[algorithm].answers === "one";
  return [
    `Environment   ${result.env}, ${
      algorithm === "udrlpg" ? "" : `${algorithm}, `
    }preset ${result.preset}, seed ${result.seed}`,
    `Trained       ${result.steps} steps, ${rolloutsOf(result)}, ${result.updates} updates in ${
      formatDuration(result.wallSeconds)
    } on ${result.device}`,
    ...(finalReturn
      ? [`${isOne ? "Policy      " : "Best command"}  returns ${formatMeasured(finalReturn)}`]
      : []),
    ...(reachable && !isOne
      ? [
        `Ask for       ${describeReachable(reachable)}`,
        `It obeys      ${obedience ? describeObedience(obedience) : describeUnknownObedience(run)}`,
      ]
      : []),
    `Steps         ${describeSteps(steps)}`,
    ...(seconds ? [`Time          ${describeSeconds(seconds)}`] : []),
    ...(result.profile ? [`Time went to  ${describeProfile(result.profile)}`] : []),
    `Run folder    ${run}`,
    `Next: ${ownLine(...words)}`,
  ];
}
