/** `udrlpg evaluate`: measures what a policy file returns. */

import { merge, object } from "@optique/core/constructs";
import type { Env } from "../../env.ts";
import { UsageError } from "../../system/errors.ts";
import { measureReturn } from "../../episodes/evaluate.ts";
import type { Policy } from "../../model.ts";
import { POLICY_FORMATS, readPolicy } from "../../generator/policy_file.ts";
import { type Episode, runEpisode } from "../../episodes/rollout.ts";
import { episodeSeed } from "../../numbers/streams.ts";
import { summarise } from "../../numbers/statistics.ts";
import {
  envCommandOptions,
  type EnvCommandValues,
  withEnvironments,
  withOwnHint,
} from "../env_command.ts";
import { findSpec } from "./envs.ts";
import { formatMeasured } from "../measured.ts";
import { formatNumber } from "../../numbers/format.ts";
import { asFileError } from "../blame.ts";
import type { Command, CommandContext } from "../program.ts";
import { setting, settingOr, toggle, word } from "../options.ts";
import { fileValue, integerValue, textValue } from "../values.ts";
import { requirePath } from "../paths.ts";

/** The options of `udrlpg evaluate`. */
export interface EvaluateValues extends EnvCommandValues {
  /** Policy file, as a word. */
  readonly path: string | undefined;
  /** --policy */
  readonly policy: string | undefined;
  /** --env */
  readonly env: string | undefined;
  /** --episodes */
  readonly episodes: number;
  /** --seed */
  readonly seed: number;
  /** --trust */
  readonly trust: boolean;
}

const DEFAULT_EPISODES = 20;
/** Endings of the files that policies are read from. */
export const POLICY_ENDINGS: readonly string[] = POLICY_FORMATS.map((format) => `.${format}`);

/** The `evaluate` command. */
export const evaluateCommand: Command<EvaluateValues> = {
  description: [
    "Takes an ONNX, safetensors or JSON policy, of this program or, in ONNX, of any other one.",
  ],
  examples: [
    { command: "udrlpg evaluate policy.onnx", does: "Run 20 fresh episodes" },
    {
      command: "udrlpg evaluate policy.onnx --episodes 100 --seed 7 --json",
      does: "Surer numbers, for a script",
    },
    {
      command: "udrlpg evaluate policy.onnx --env InvertedPendulum-v4",
      does: "In another environment than the file names",
    },
  ],
  parser: (names) =>
    merge(
      object("The policy", {
        path: word(fileValue("POLICY", POLICY_ENDINGS), "Policy file"),
        policy: setting("--policy", fileValue("FILE", POLICY_ENDINGS), "The same"),
        trust: toggle(
          "--trust",
          "Run an ONNX file that holds other operators than this program writes",
        ),
      }),
      object("An environment of your own", envCommandOptions()),
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
      }),
    ),
  run: (values, context) => withEnvironments(values, context, runEvaluate),
};

async function runEvaluate(values: EvaluateValues, context: CommandContext): Promise<void> {
  const { path: word, policy: option } = values;
  const sources = { does: "evaluate", word, options: { "--policy": option } };
  const path = requirePath({ ...sources, origin: context.origin });
  const { env, policy } = await openPolicy(path, values, context);
  try {
    const episodes = await runEpisodes(env, policy, { ...values, context });
    const returns = episodes.map((episode) => episode.return);
    const length = summarise(episodes.map((episode) => episode.length)).mean;
    const [min, max] = [Math.min(...returns), Math.max(...returns)];
    const measured = { ...measureReturn(episodes), min, max };
    const document = {
      env: env.spec.id,
      policy: path,
      return: measured,
      length: { mean: length },
    };
    context.output.result(document, () => [
      `Environment  ${env.spec.id}`,
      `Policy       ${path}`,
      `Return       ${formatMeasured(measured)}`,
      `Range        ${formatNumber(min)} to ${formatNumber(max)}`,
      `Length       ${formatNumber(length)} steps on average`,
    ]);
  } finally {
    await env.close();
  }
}

/**
 * Opens a policy file and the environment that it is for.
 * @throws {UsageError} when the environment is not known. @throws {FileError} when the file is not good.
 */
export async function openPolicy(
  path: string,
  options: EnvCommandValues & { readonly trust: boolean },
  { program }: CommandContext,
): Promise<{ env: Env; policy: Policy }> {
  const { env: id, trust } = options;
  const [registry, models] = await Promise.all([program.registry(), program.models()]);
  const file = asFileError(() => readPolicy(path, { models, trust }));
  const named = id ?? file.environment;
  if (named === undefined) {
    throw new UsageError(
      `Cannot run policy "${path}": the file names no environment, got none: use --env ID`,
    );
  }
  const spec = id === undefined
    ? asFileError(() => withOwnHint(options, () => registry.spec(named)))
    : findSpec(registry, id);
  const policy = await file.open(spec);
  return { env: await registry.make(spec.id), policy };
}

async function runEpisodes(
  env: Env,
  policy: Policy,
  { episodes: count, seed, context }: { episodes: number; seed: number; context: CommandContext },
): Promise<Episode[]> {
  const progress = context.output.progress("episodes");
  const episodes: Episode[] = [];
  for (let i = 0; i < count; i++) {
    const episode = await runEpisode(env, policy, { seed: episodeSeed(seed, "evaluation", i) });
    episodes.push(episode);
    const facts = [["last", formatNumber(episode.return)]] as const;
    progress.update({ done: i + 1, total: count, facts });
  }
  context.output.endProgress();
  return episodes;
}
