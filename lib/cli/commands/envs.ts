/** `udrlpg envs`: the environments as a table, or one of them in detail. */

import { object } from "@optique/core/constructs";
import { actionSize, type EnvRegistry, type EnvSpec, observationSize } from "../../env.ts";
import { formatNumber } from "../../numbers/format.ts";
import { asUsage } from "../blame.ts";
import { formatTable } from "../output.ts";
import { withGymnasium } from "../env_command.ts";
import type { Command, CommandContext } from "../program.ts";
import { word } from "../options.ts";
import { textValue } from "../values.ts";

/** The options of `udrlpg envs`. */
export interface EnvsValues {
  /** Environment to describe. */
  readonly id: string | undefined;
}

/** The `envs` command. */
export const envsCommand: Command<EnvsValues> = {
  description: [
    "The ids and what they stand for are Gymnasium's. The return range is what the commands 0 and 1 of the preset paper stand for, unless a configuration says otherwise; the default preset needs none.",
  ],
  examples: [
    { command: "udrlpg envs", does: "List every environment" },
    { command: "udrlpg envs CartPole-v1", does: "Describe one environment" },
    { command: "udrlpg envs gym:LunarLander-v3", does: "Describe one of Gymnasium's in Python" },
    { command: "udrlpg envs --json", does: "The same for a script" },
  ],
  parser: (names) =>
    object("What to list", {
      id: word(textValue("ID", names.environments), "Describe this environment alone"),
    }),
  startsPrograms: true,
  run: ({ id }, context) => withGymnasium(context, (own) => runEnvs(id, own)),
};

async function runEnvs(
  id: string | undefined,
  { program, output }: CommandContext,
): Promise<void> {
  if (id === undefined) program.giveUpPrograms();
  const registry = await program.registry(id);
  if (id !== undefined) {
    const spec = findSpec(registry, id);
    return output.result(specDocument(spec), () => describeSpec(spec));
  }
  const specs = registry.ids.map((known) => registry.spec(known));
  output.result({ environments: specs.map(specDocument) }, () => formatTable(specTable(specs)));
}

/**
 * Finds an environment that the user named.
 * @throws {UsageError} with the nearest id when there is none.
 */
export function findSpec(registry: EnvRegistry, id: string): EnvSpec {
  return asUsage(() => registry.spec(id));
}

function specTable(specs: readonly EnvSpec[]): string[][] {
  const heading = ["id", "observation", "action", "steps", "return range", "solved at"];
  return [
    heading,
    ...specs.map((spec) => [
      spec.id,
      String(observationSize(spec)),
      spec.actionSpace.kind === "discrete" ? `1 of ${actionSize(spec)}` : String(actionSize(spec)),
      String(spec.maxEpisodeSteps),
      spec.returnRange.map((x) => formatNumber(x)).join(" to "),
      spec.rewardThreshold === undefined ? "-" : formatNumber(spec.rewardThreshold),
    ]),
  ];
}

/** An unbounded side becomes null, since JSON has no infinity. */
function specDocument(spec: EnvSpec): Record<string, unknown> {
  const { observationSpace, actionSpace } = spec;
  return {
    id: spec.id,
    observation: {
      size: observationSize(spec),
      low: [...observationSpace.low],
      high: [...observationSpace.high],
      dtype: observationSpace.dtype,
    },
    action: actionSpace.kind === "discrete" ? { kind: "discrete", n: actionSpace.n } : {
      kind: "box",
      size: actionSpace.low.length,
      low: [...actionSpace.low],
      high: [...actionSpace.high],
    },
    maxEpisodeSteps: spec.maxEpisodeSteps,
    rewardThreshold: spec.rewardThreshold ?? null,
    returnRange: spec.returnRange,
    source: spec.source,
  };
}

function describeSpec(spec: EnvSpec): string[] {
  const { actionSpace: action } = spec;
  const bounds = (low: number, high: number) => `${formatNumber(low)} to ${formatNumber(high)}`;
  const rows: [string, string][] = [
    ["observation", `${observationSize(spec)} numbers (${spec.observationSpace.dtype})`],
    [
      "action",
      action.kind === "discrete"
        ? `one of 0 to ${action.n - 1}`
        : `${action.low.length} numbers, ${
          bounds(Math.min(...action.low), Math.max(...action.high))
        }`,
    ],
    ["time limit", `${spec.maxEpisodeSteps} steps`],
    ["return range", bounds(...spec.returnRange)],
    ["solved at", spec.rewardThreshold === undefined ? "-" : formatNumber(spec.rewardThreshold)],
    ["source", spec.source],
  ];
  return [spec.id, ...rows.map(([name, text]) => `  ${name.padEnd(14)}${text}`)];
}
