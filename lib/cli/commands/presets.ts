/** `udrlpg presets`: the presets, one of them as a configuration file, the JSON Schema of such files. */

import { object } from "@optique/core/constructs";
import { resolveConfig } from "../../config/config.ts";
import { ALGORITHM_NAMES } from "../../config/options.ts";
import { renderConfig } from "../../config/config_file.ts";
import { configSchema, type JsonSchema } from "../../config/config_schema.ts";
import { UsageError } from "../../system/errors.ts";
import { presetLayers, PRESETS } from "../../config/presets.ts";
import { listSettings } from "../../config/run_settings.ts";
import { isGymName } from "../../episodes/process/gym_name.ts";
import { algorithmLayer } from "../../rivals/algorithms.ts";
import { sweepSchema } from "../../sweep/sweep_schema.ts";
import { asUsage } from "../blame.ts";
import { findSpec } from "./envs.ts";
import { formatTable } from "../output.ts";
import type { Command, CommandContext } from "../program.ts";
import { setting, word } from "../options.ts";
import { choiceValue, textValue } from "../values.ts";

/** The options of `udrlpg presets`. */
export interface PresetsValues {
  /** What to print instead of the list. */
  readonly action: "show" | "schema" | undefined;
  /** Name of a preset. */
  readonly name: string | undefined;
  /** --env */
  readonly env: string | undefined;
  /** --algorithm */
  readonly algorithm: string | undefined;
}

/** The `presets` command. */
export const presetsCommand: Command<PresetsValues> = {
  description: [
    "`presets show NAME` prints a complete configuration file in which every option stands with its meaning and range; save it, change it and give it to `udrlpg train --config`. `presets schema` prints a JSON Schema with which editors complete and check such a file, `presets schema sweep` that of a sweep file.",
  ],
  examples: [
    { command: "udrlpg presets", does: "List the presets" },
    {
      command: "udrlpg presets show paper --env Hopper-v5 > hopper.toml",
      does: "Start a configuration file of your own",
    },
    {
      command: "udrlpg presets show default --algorithm td3",
      does: "See which options another algorithm has",
    },
    {
      command: "udrlpg presets schema > udrlpg.schema.json",
      does: "Write the schema for an editor",
    },
  ],
  parser: (names) =>
    object("What to print", {
      action: word(choiceValue(["show", "schema"], "ACTION"), "show NAME, schema, or schema sweep"),
      name: word(textValue("NAME", [...Object.keys(PRESETS), SWEEP]), "Name of a preset, or sweep"),
      env: setting(
        "--env",
        textValue("ID", names.environments),
        "Show the values for this environment",
      ),
      algorithm: setting(
        "--algorithm",
        choiceValue(ALGORITHM_NAMES, "NAME"),
        "Show the values of this algorithm, see udrlpg help algorithms",
      ),
    }),
  async run({ action, name, ...choice }, context) {
    if (action === "show") return await showPreset(name, choice, context);
    if (name !== undefined && action !== "schema") {
      throw new UsageError(`Cannot run "udrlpg presets": unexpected argument, got "${name}"`);
    }
    if (action === "schema") {
      const schema = await schemaOf(name, context);
      return context.output.document(`${JSON.stringify(schema, null, 2)}\n`, schema);
    }
    const presets = Object.entries(PRESETS).map(([name, { doc, environments }]) => ({
      name,
      doc,
      environments: Object.keys(environments),
    }));
    context.output.result({ presets }, () =>
      formatTable([
        ["name", "what it is", "own values for"],
        ...presets.map(({ name, doc, environments }) => [name, doc, environments.join(", ")]),
      ]));
  },
};

/** What the schema of sweep files is asked for with. */
const SWEEP = "sweep";

async function schemaOf(
  name: string | undefined,
  { program }: CommandContext,
): Promise<JsonSchema> {
  const { ids: environments } = await program.registry();
  const names = { environments, presets: Object.keys(PRESETS) };
  if (name === undefined) return configSchema(listSettings(), names);
  if (name === SWEEP) return sweepSchema(listSettings(), names);
  throw new UsageError(
    `Cannot print schema: nothing or ${SWEEP} must follow, got ${JSON.stringify(name)}`,
  );
}

async function showPreset(
  name: string | undefined,
  { env, algorithm }: Pick<PresetsValues, "env" | "algorithm">,
  { program, output }: CommandContext,
): Promise<void> {
  if (name === undefined) {
    throw new UsageError(
      `Cannot show a preset: a name must follow, got none: names are ${
        Object.keys(PRESETS).join(", ")
      }`,
    );
  }
  if (env !== undefined && !isGymName(env)) findSpec(await program.registry(), env);
  const layers = asUsage(() => presetLayers(name, env ?? ""));
  const chosen = { env, algorithm };
  const given = {
    source: "the command line",
    values: new Map(Object.entries(chosen).filter(([, value]) => value !== undefined)),
  };
  const { config } = resolveConfig([...layers, algorithmLayer([given]), given]);
  const learner = algorithm === undefined ? "" : `for ${algorithm} `;
  const subject = `${learner}in ${env ?? "any environment"}`;
  const text = renderConfig(config, {
    header: [
      `The preset "${name}" ${subject}. Use: udrlpg train --config THIS_FILE`,
      "An option that is deleted here takes the preset's value.",
    ],
    settings: new Map([["preset", name]]),
  });
  output.document(text, { preset: name, ...config });
}
