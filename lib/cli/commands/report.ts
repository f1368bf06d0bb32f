/** `udrlpg report`: draws what runs recorded. */

import { merge, object } from "@optique/core/constructs";
import { join } from "node:path";
import { UsageError } from "../../system/errors.ts";
import { describeRepeated, findRuns, type RepeatedRun } from "../../report/across_runs.ts";
import type { ComparedGroup } from "../../report/compare.ts";
import { writeComparison, writeReport } from "../../report/report.ts";
import type { RunData } from "../../report/run_data.ts";
import { REPORT_FILE_NAME } from "../../run/layout.ts";
import { formatNumber } from "../../numbers/format.ts";
import { formatTable } from "../output.ts";
import type { Command, CommandContext } from "../program.ts";
import { setting, settings, words } from "../options.ts";
import { fileValue, runValue } from "../values.ts";

/** The options of `udrlpg report`. */
export interface ReportValues {
  /** Run folders, or folders that hold them, as words. */
  readonly paths: readonly string[];
  /** --run */
  readonly run: readonly string[];
  /** --out */
  readonly out: string | undefined;
}

/** The `report` command. */
export const reportCommand: Command<ReportValues> = {
  description: [
    "The page is one file that needs no network. Of one run it shows the learning curve, asked against achieved returns, the buffer, losses, where steps and time went, the configuration, and the commands to repeat and resume it. Runs may be going on.",
    "Of several runs it compares configurations: runs that differ in nothing but the seed are one, with the mean over seeds, its 95 % interval and the interquartile mean.",
  ],
  examples: [
    { command: "udrlpg report runs/swimmer", does: "Write runs/swimmer/report.html" },
    {
      command: "udrlpg report runs/cart-1 runs/cart-2 runs/cart-3 --out carts.html",
      does: "Compare runs",
    },
    {
      command: "udrlpg report runs/cart-1 runs/cart-2 --json",
      does: "Their numbers, for a script",
    },
  ],
  parser: () =>
    merge(
      object("The runs", {
        paths: words(runValue("RUN"), "Run folders, or folders that hold them"),
        run: settings("--run", runValue(), "The same; may be given many times"),
      }),
      object("The page", {
        out: setting(
          "--out",
          fileValue("FILE", [".html"]),
          "File to write (default: report.html, of one run in its folder)",
        ),
      }),
    ),
  async run({ paths, run, out }, context) {
    const runs = [...paths, ...run];
    if (runs.length === 0) {
      throw new UsageError("Cannot report: a run folder must be given, got none");
    }
    if (out !== undefined && !out.endsWith(".html")) {
      throw new UsageError(
        `Cannot report: the page must end in .html, got ${JSON.stringify(out)}`,
      );
    }
    const registry = await context.program.registry();
    const folders = findRuns(runs);
    const options = { registry, ...(out === undefined ? {} : { out }) };
    if (folders.length === 1) {
      const path = out ?? join(folders[0], REPORT_FILE_NAME);
      describeRun(path, await writeReport(folders[0], options), context);
    } else {
      const path = out ?? REPORT_FILE_NAME;
      describeGroups(path, await writeComparison(folders, options), context);
    }
  },
};

function describeRun(path: string, data: RunData, { output }: CommandContext): void {
  const { finalReturn = null, bestReturn = null } = data;
  const document = {
    report: path,
    run: data.folder,
    env: data.config.env,
    seed: data.config.seed,
    steps: data.step,
    episodes: data.episodeCount,
    updates: data.updateCount,
    bestReturn,
    finalReturn,
    lastEvaluation: data.evaluations.at(-1) ?? null,
  };
  output.result(document, () => [`Report  ${path}`]);
}

function describeGroups(
  path: string,
  { groups, repeated }: {
    groups: readonly ComparedGroup[];
    repeated: readonly RepeatedRun[];
  },
  { output }: CommandContext,
): void {
  const document = {
    report: path,
    groups: groups.map(({ env, label, runs, last = null, average = null }) => ({
      env,
      configuration: label,
      runs: runs.map(({ folder }) => folder),
      return: last,
      averageReturn: average,
    })),
    repeated,
  };
  for (const run of repeated) output.warn(describeRepeated(run));
  output.result(document, () => [
    ...formatTable([
      ["environment", "configuration", "runs", "return", "low", "high", "IQM"],
      ...groups.map(({ env, label, runs, last }) => [
        env,
        label,
        String(runs.length),
        ...[last?.mean, last?.low, last?.high, last?.iqm].map((value) =>
          value === undefined || value === null ? "-" : formatNumber(value)
        ),
      ]),
    ]),
    "",
    `Report  ${path}`,
  ]);
}
