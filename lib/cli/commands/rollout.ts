/** `udrlpg rollout`: one episode step by step. */

import { merge, object } from "@optique/core/constructs";
import type { Env } from "../../env.ts";
import { UsageError } from "../../system/errors.ts";
import { readFileLimited } from "../../system/files.ts";
import {
  type ActionSource,
  listedActions,
  parseActionList,
  randomActions,
  replay,
  type ReplayLine,
} from "../../episodes/replay.ts";
import { envCommandOptions, type EnvCommandValues, withEnvironments } from "../env_command.ts";
import { findSpec } from "./envs.ts";
import { openPolicy, POLICY_ENDINGS } from "./evaluate.ts";
import { formatNumber } from "../../numbers/format.ts";
import type { Command, CommandContext } from "../program.ts";
import { setting, settingOr, toggle, word } from "../options.ts";
import { fileValue, integerValue, textValue } from "../values.ts";
import { choosePath } from "../paths.ts";

/** The options of `udrlpg rollout`. */
export interface RolloutValues extends EnvCommandValues {
  /** --env */
  readonly env: string | undefined;
  /** --seed */
  readonly seed: number;
  /** Policy file, as a word. */
  readonly path: string | undefined;
  /** --policy */
  readonly policy: string | undefined;
  /** --actions */
  readonly actions: string | undefined;
  /** --random */
  readonly random: boolean;
  /** --trust */
  readonly trust: boolean;
  /** --steps */
  readonly steps: number | undefined;
}

const MAX_ACTIONS_BYTES = 2 ** 25;

/** The `rollout` command. */
export const rolloutCommand: Command<RolloutValues> = {
  description: [
    "Line 0 is the reset, line t is step t. With --json every line is a JSON object with t, observation, action, reward, terminated and truncated, to be held against Gymnasium's own. Actions come from a policy, from a list, or, without either, drawn as Gymnasium's action_space.sample() draws them.",
  ],
  examples: [
    {
      command: "udrlpg rollout --env CartPole-v1 --seed 7 --random",
      does: "Random actions",
    },
    { command: "udrlpg rollout policy.onnx --json", does: "A policy's episode, as JSON" },
    {
      command: "udrlpg rollout --env Hopper-v5 --actions actions.json --steps 100 --json",
      does: "Recorded actions: a JSON list with one entry for each step",
    },
  ],
  exclusive: [["--policy", "--actions", "--random"]],
  parser: (names) =>
    merge(
      object("The episode", {
        env: setting(
          "--env",
          textValue("ID", names.environments),
          "Environment (default: the one in the policy file)",
        ),
        seed: settingOr("--seed", integerValue({ metavar: "N" }), {
          fallback: 1,
          doc: "Seed of the episode and of random actions",
        }),
        steps: setting(
          "--steps",
          integerValue({ metavar: "N", min: 1 }),
          "Stop after this many steps (default: the end of the episode)",
        ),
      }),
      object("An environment of your own", envCommandOptions()),
      object("The actions", {
        path: word(fileValue("POLICY", POLICY_ENDINGS), "Actions of this policy"),
        policy: setting("--policy", fileValue("FILE", POLICY_ENDINGS), "The same"),
        actions: setting("--actions", fileValue("FILE", [".json"]), "Actions of this list"),
        random: toggle("--random", "Random actions, which are the default"),
        trust: toggle(
          "--trust",
          "Run an ONNX file that holds other operators than this program writes",
        ),
      }),
    ),
  startsPrograms: true,
  run: (values, context) => withEnvironments(values, context, runRollout),
};

async function runRollout(values: RolloutValues, context: CommandContext): Promise<void> {
  const { env, source } = await openSource(values, context);
  const { seed, steps } = values;
  const options = { seed, ...(steps === undefined ? {} : { steps }) };
  let total = 0;
  let last: ReplayLine | undefined;
  try {
    for await (const line of replay(env, source, options)) {
      total += line.reward;
      last = line;
      context.output.result(line, () => [describeLine(line)]);
    }
  } finally {
    await env.close();
  }
  const end = last?.terminated ? "terminated" : last?.truncated ? "truncated" : "stopped";
  if (!context.output.json) {
    context.output.note(`Return ${formatNumber(total)} after ${last?.t ?? 0} steps, ${end}`);
  }
}

async function openSource(
  values: RolloutValues,
  context: CommandContext,
): Promise<{ env: Env; source: ActionSource }> {
  const { path: word, policy: option } = values;
  const sources = { does: "roll out", word, options: { "--policy": option } };
  const path = choosePath({ ...sources, origin: context.origin });
  if (path !== undefined) {
    if (values.actions !== undefined || values.random) {
      throw new UsageError(
        `Cannot roll out: actions must come from one place, got ${JSON.stringify(path)} and ${
          values.random ? "--random" : "--actions"
        }`,
      );
    }
    const { env, policy } = await openPolicy(path, values, context);
    const space = env.spec.actionSpace;
    const action = new Float64Array(space.kind === "discrete" ? 1 : space.low.length);
    const act: ActionSource = async (observation) => {
      await policy.act(observation, action);
      return action;
    };
    return { env, source: act };
  }
  if (values.env === undefined) {
    throw new UsageError(
      "Cannot roll out: an environment must be given, got none: use --env ID, see udrlpg envs",
    );
  }
  const registry = await context.program.registry(values.env);
  const spec = findSpec(registry, values.env);
  if (values.actions === undefined) {
    return { env: await registry.make(spec.id), source: randomActions(spec, values.seed) };
  }
  const bytes = readFileLimited(values.actions, { maxBytes: MAX_ACTIONS_BYTES, kind: "actions" });
  const list = parseActionList(bytes, spec, { name: values.actions });
  return { env: await registry.make(spec.id), source: listedActions(list) };
}

function describeLine(
  { t, observation, action, reward, terminated, truncated }: ReplayLine,
): string {
  const numbers = (values: readonly number[]) =>
    values.map((value) => formatNumber(value)).join(" ");
  const end = terminated ? "  terminated" : truncated ? "  truncated" : "";
  return action === null
    ? `${t}  observation ${numbers(observation)}`
    : `${t}  action ${numbers(action)}  reward ${formatNumber(reward)}  observation ${
      numbers(observation)
    }${end}`;
}
