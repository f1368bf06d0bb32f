/** `udrlpg evaluate`: measures what policy files return, or repeats what they promise. */

import { merge, object } from "@optique/core/constructs";
import { FileError, UsageError } from "../../system/errors.ts";
import { type MeasuredReturn, measureReturn } from "../../episodes/evaluate.ts";
import { type Lane, type LaneParts, Lanes } from "../../episodes/parallel_runner.ts";
import { POLICY_FORMATS } from "../../generator/policy_file.ts";
import { type LoadedPolicy, readPolicy } from "../../generator/read_policy.ts";
import { describeProof, keepsPromise, type Promised, readPromise } from "../../generator/proof.ts";
import { type Episode, runEpisode } from "../../episodes/rollout.ts";
import { episodeSeed } from "../../numbers/streams.ts";
import { summarise } from "../../numbers/statistics.ts";
import {
  checkIdentity,
  envCommandOptions,
  type EnvCommandValues,
  envWorkersOption,
  withEnvironments,
  withOwnHint,
} from "../env_command.ts";
import { findSpec } from "./envs.ts";
import { formatMeasured } from "../measured.ts";
import { formatNumber } from "../../numbers/format.ts";
import { asFileError } from "../blame.ts";
import { formatTable } from "../output.ts";
import type { Command, CommandContext } from "../program.ts";
import { setting, settingOr, toggle, words } from "../options.ts";
import { fileValue, integerValue, textValue } from "../values.ts";
import { policiesIn, requirePath } from "../paths.ts";

/** The options of `udrlpg evaluate`. */
export interface EvaluateValues extends EnvCommandValues {
  /** Policy files and folders of them, as words. */
  readonly paths: readonly string[];
  /** --policy */
  readonly policy: string | undefined;
  /** --env */
  readonly env: string | undefined;
  /** --episodes */
  readonly episodes: number;
  /** --seed */
  readonly seed: number;
  /** --check */
  readonly check: boolean;
  /** --trust */
  readonly trust: boolean;
}

const DEFAULT_EPISODES = 20;
/** Endings of the files that policies are read from. */
export const POLICY_ENDINGS: readonly string[] = POLICY_FORMATS.map((format) => `.${format}`);

/** The `evaluate` command. */
export const evaluateCommand: Command<EvaluateValues> = {
  description: [
    "Takes ONNX, safetensors or JSON policies, of this program or, in ONNX, of any other one. Of several, or a folder, it prints one table, best first.",
    "With --check it runs the very episodes again that a file's promise was measured in: the exit code is 3 where the policy does not keep it.",
  ],
  examples: [
    { command: "udrlpg evaluate policy.onnx", does: "Run 20 fresh episodes" },
    {
      command: "udrlpg evaluate policy.onnx --episodes 100 --seed 7 --json",
      does: "Surer numbers, for a script",
    },
    { command: "udrlpg evaluate ladder", does: "One table of all policies in a folder" },
    { command: "udrlpg evaluate --check policy.onnx", does: "Repeat what the file promises" },
    {
      command: "udrlpg evaluate policy.onnx --env InvertedPendulum-v4",
      does: "In another environment than the file names",
    },
  ],
  parser: (names) =>
    merge(
      object("The policies", {
        paths: words(fileValue("POLICY", POLICY_ENDINGS), "Policy files, or folders of them"),
        policy: setting("--policy", fileValue("FILE", POLICY_ENDINGS), "One policy file"),
        trust: toggle(
          "--trust",
          "Run an ONNX file that holds other operators than this program writes",
        ),
      }),
      object("An environment of your own", {
        ...envCommandOptions(),
        envWorkers: envWorkersOption(),
      }),
      object("The episodes", {
        env: setting(
          "--env",
          textValue("ID", names.environments),
          "Environment (default: the one in the policy file)",
        ),
        episodes: settingOr("--episodes", integerValue({ metavar: "N", min: 1, max: 1e6 }), {
          fallback: DEFAULT_EPISODES,
          doc: "Episodes to run",
        }),
        seed: settingOr("--seed", integerValue({ metavar: "N" }), {
          fallback: 1,
          doc: "Seed of the episodes",
        }),
        check: toggle("--check", "Run the episodes again that the file's promise comes from"),
      }),
    ),
  startsPrograms: true,
  run: async (values, context) => {
    const files = filesOf(values, context);
    // Of several files a later one may need a program where the first did not.
    const program = { ...context.program, giveUpPrograms: () => {} };
    await withEnvironments(
      values,
      files.length === 1 ? context : { ...context, program },
      (values, context) => evaluateFiles(files, values, context),
    );
  },
};

/** What was measured of one policy file. */
interface Evaluation {
  readonly env: string;
  readonly policy: string;
  readonly return: MeasuredReturn & { readonly min: number; readonly max: number };
  readonly length: { readonly mean: number };
  /** With --check: whether the file keeps what it promises, and what that is. */
  readonly kept?: boolean;
  readonly promised?: Promised;
}

async function evaluateFiles(
  files: readonly string[],
  values: EvaluateValues,
  context: CommandContext,
): Promise<void> {
  const results: Evaluation[] = [];
  for (const path of files) results.push(await evaluateFile(path, values, context));
  results.sort((a, b) => b.return.mean - a.return.mean);
  const isOne = results.length === 1 && !values.paths.some((path) => path !== results[0].policy);
  context.output.result(
    isOne ? results[0] : { policies: results },
    () => isOne ? linesOf(results[0]) : tableOf(results),
  );
  const broken = results.filter(({ kept }) => kept === false);
  if (broken.length === 0) return;
  throw new FileError(
    `Cannot confirm policy ${JSON.stringify(broken[0].policy)}: ` +
      `it must return ${formatNumber(broken[0].promised!.mean)} as it promises, got ${
        formatNumber(broken[0].return.mean)
      } in the same episodes`,
  );
}

/** Lists the files that are meant, in place of folders the policies in them. */
function filesOf({ paths, policy }: EvaluateValues, { origin }: CommandContext): string[] {
  if (paths.length < 2) {
    const sources = { does: "evaluate", word: paths[0], options: { "--policy": policy } };
    return policiesIn(requirePath({ ...sources, origin }));
  }
  if (origin("--policy") === "--policy") {
    throw new UsageError(
      `Cannot evaluate: several policies must be given as words, got --policy too`,
    );
  }
  return paths.flatMap(policiesIn);
}

async function evaluateFile(
  path: string,
  values: EvaluateValues,
  context: CommandContext,
): Promise<Evaluation> {
  const { file, env, policy, ...parts } = await openPolicy(path, values, context);
  const lanes = new Lanes(values.envWorkers ?? 1, { env, policy }, parts);
  try {
    const promised = values.check ? readPromise(file, { path }) : undefined;
    const seeds = promised?.seeds ??
      Array.from({ length: values.episodes }, (_, i) => episodeSeed(values.seed, "evaluation", i));
    const episodes = await runEpisodes(lanes, { seeds, context });
    const returns = episodes.map((episode) => episode.return);
    const [min, max] = [Math.min(...returns), Math.max(...returns)];
    const measured = { ...measureReturn(episodes), min, max };
    return {
      env: env.spec.id,
      policy: path,
      return: measured,
      length: { mean: summarise(episodes.map((episode) => episode.length)).mean },
      ...promised ? { kept: keepsPromise({ ...measured, returns }, promised), promised } : {},
    };
  } finally {
    await lanes.close();
  }
}

function linesOf({ env, policy, return: measured, length, kept, promised }: Evaluation): string[] {
  return [
    `Environment  ${env}`,
    `Policy       ${policy}`,
    `Return       ${formatMeasured(measured)}`,
    `Range        ${formatNumber(measured.min)} to ${formatNumber(measured.max)}`,
    `Length       ${formatNumber(length.mean)} steps on average`,
    ...promised ? [`Promise      It ${describeProof(promised)}`] : [],
    ...promised ? [`Kept         ${kept ? "yes, in the same episodes" : "no"}`] : [],
  ];
}

function tableOf(results: readonly Evaluation[]): string[] {
  const isCheck = results.some(({ kept }) => kept !== undefined);
  const rows = results.map(({ policy, return: { mean, std, n, ci95: [low, high] }, kept }) => [
    formatNumber(mean),
    formatNumber(std),
    formatNumber(low),
    formatNumber(high),
    String(n),
    ...isCheck ? [kept ? "yes" : "no"] : [],
    policy,
  ]);
  const kept = isCheck ? ["kept"] : [];
  return formatTable([
    ["return", "std", "95 % from", "to", "episodes", ...kept, "policy"],
    ...rows,
  ]);
}

/** A policy file in use, and what makes more like it. */
export interface OpenPolicy extends Lane, LaneParts {
  /** What the file says. */
  readonly file: LoadedPolicy;
}

/**
 * Opens a policy file and the environment that it is for.
 * @throws {UsageError} when the environment is not known. @throws {FileError} when the file is not good.
 */
export async function openPolicy(
  path: string,
  options: EnvCommandValues & { readonly trust: boolean },
  { program, output }: CommandContext,
): Promise<OpenPolicy> {
  const { env: id, trust } = options;
  const models = await program.models();
  const file = asFileError(() => readPolicy(path, { models, trust }));
  const named = id ?? file.environment;
  if (named === undefined) {
    throw new UsageError(
      `Cannot run policy "${path}": the file names no environment, got none: use --env ID`,
    );
  }
  const { environmentIdentity = "", environmentCommand } = file.metadata;
  const registry = await program.registry(named, id === undefined ? environmentCommand : undefined);
  const spec = id === undefined
    ? asFileError(() => withOwnHint(options, () => registry.spec(named)))
    : findSpec(registry, id);
  if (named === file.environment) {
    checkIdentity(environmentIdentity, spec, { does: "use policy", name: path, output });
  }
  const makeEnv = () => registry.make(spec.id);
  const policy = await file.open(spec, (text) => output.note(text));
  return { policy, env: await makeEnv(), file, makeEnv, makePolicy: () => file.open(spec) };
}

async function runEpisodes(
  lanes: Lanes,
  { seeds, context }: { seeds: readonly number[]; context: CommandContext },
): Promise<Episode[]> {
  const progress = context.output.progress("episodes");
  let done = 0;
  const episodes = await lanes.play(seeds.length, async ({ env, policy }, task) => {
    const episode = await runEpisode(env, policy, { seed: seeds[task] });
    const facts = [["last", formatNumber(episode.return)]] as const;
    progress.update({ done: ++done, total: seeds.length, facts });
    return episode;
  });
  context.output.endProgress();
  return episodes;
}
