/** `udrlpg train --dry-run`: every value with its source, and what the start of the run looks like. */

import { flattenConfig } from "../../../config/config.ts";
import { renderValue } from "../../../config/config_file.ts";
import {
  type BatchDiagnostics,
  type StartDiagnostics,
  startDiagnostics,
} from "../../../algorithm/diagnostics.ts";
import { createRun } from "../../../algorithm/run.ts";
import { formatNumber } from "../../../numbers/format.ts";
import { formatTable } from "../../output.ts";
import type { CommandContext } from "../../program.ts";
import { type ResolvedTraining, runFolderOf } from "./settings.ts";

/** Shows what a run would be, without running an episode or writing a file. */
export async function preview(
  resolved: ResolvedTraining,
  { program, output }: CommandContext,
): Promise<void> {
  const { config, sources, settings } = resolved;
  const values = new Map<string, unknown>([...Object.entries(settings), ...flattenConfig(config)]);
  if (config.environment === "") values.delete("environment");
  if (config.start === "") values.delete("start");
  if (settings.envCommand === "") values.delete("envCommand");
  values.set("out", runFolderOf(resolved));
  const env = await (await program.registry()).make(config.env);
  const start = resolved.start?.start;
  const run = createRun(config, { env, models: await program.models(), session: {}, start });
  try {
    const diagnostics = config.algorithm === "udrlpg" ? await startDiagnostics(run) : null;
    const document = {
      values: Object.fromEntries(values),
      sources: Object.fromEntries(sources),
      start: diagnostics,
    };
    output.result(document, () => [
      ...formatTable([
        ["option", "value", "from"],
        ...[...values].map((
          [name, value],
        ) => [name, renderValue(value), sources.get(name) ?? "default"]),
      ]),
      ...(diagnostics ? describeStart(diagnostics) : []),
    ]);
  } finally {
    await run.tools.learner.close();
    await env.close();
  }
}

function describeStart(start: StartDiagnostics): string[] {
  const { layers, batch } = start;
  const digits = (value: number) => formatNumber(value, 2);
  const table = formatTable([
    ["layer", "weights' deviation", "of a normal policy", "noise", "moved by the command"],
    ...layers.map((layer) => [
      `${layer.fanIn} to ${layer.fanOut}`,
      digits(layer.deviation),
      digits(layer.normalDeviation),
      digits(layer.noise),
      digits(layer.movement),
    ]),
  ]);
  return [
    "",
    `Generator: ${start.generatorWeights} weights; policy: ${start.policyParameters} parameters.`,
    "",
    "At the start, before any update:",
    ...table,
    ...(batch ? ["", ...describeBatch(batch)] : []),
  ];
}

function describeBatch(batch: BatchDiagnostics): string[] {
  const digits = (value: number) => formatNumber(value, 2);
  const percent = (share: number) => `${digits(100 * share)} %`;
  const { buckets, bestShare, bestTenShare, distinctPolicies, batchSize } = batch;
  return [
    `With all ${buckets} buckets filled, the best one gets ${
      percent(bestShare)
    } of what is drawn and the`,
    `best ten ${percent(bestTenShare)}; ${
      digits(distinctPolicies)
    } of ${batchSize} draws for a batch are ` +
    "distinct policies.",
  ];
}
