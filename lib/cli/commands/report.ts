/** `udrlpg report`: draws what runs recorded. */

import { merge, object } from "@optique/core/constructs";
import { join } from "node:path";
import { UsageError } from "../../system/errors.ts";
import { describeRepeated, findRuns, type RepeatedRun } from "../../report/across_runs.ts";
import type { ComparedGroup } from "../../report/compare.ts";
import { writeComparison, writeLearningCurve, writeReport } from "../../report/report.ts";
import type { RunData } from "../../report/run_data.ts";
import { REPORT_FILE_NAME } from "../../run/layout.ts";
import { formatNumber } from "../../numbers/format.ts";
import { formatTable } from "../output.ts";
import type { Command, CommandContext } from "../program.ts";
import { setting, settings, toggle, words } from "../options.ts";
import { endingOf } from "../paths.ts";
import { fileValue, runValue } from "../values.ts";

/** The options of `udrlpg report`. */
export interface ReportValues {
  /** Run folders, or folders that hold them, as words. */
  readonly paths: readonly string[];
  /** --run */
  readonly run: readonly string[];
  /** --out */
  readonly out: string | undefined;
  /** --watch */
  readonly watch: boolean;
}

/** A page, or a picture for a document. */
const ENDINGS = [".html", ".svg", ".dark.png", ".png"] as const;

/** The `report` command. */
export const reportCommand: Command<ReportValues> = {
  description: [
    "The page is one file that needs no network. Of one run it shows the learning curve, asked against achieved returns, the buffer, losses, where steps and time went, the configuration, and the commands to repeat and resume it. Runs may be going on.",
    "Of several runs, or a folder of them, it compares configurations and leads to the page of each run: runs that differ in nothing but the seed are one, with the mean over seeds, its 95 % interval and the interquartile mean.",
  ],
  examples: [
    { command: "udrlpg report runs/swimmer", does: "Write runs/swimmer/report.html" },
    {
      command: "udrlpg report runs/cart-1 runs/cart-2 runs/cart-3 --out carts.html",
      does: "Compare runs",
    },
    {
      command: "udrlpg report runs/sweep --watch",
      does: "Follow the runs of a sweep while they go on, in runs/sweep/report.html",
    },
    {
      command: "udrlpg report runs/swimmer --out learning.svg",
      does: "The learning curve as a picture, light and dark",
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
          fileValue("FILE", ENDINGS),
          "Page, .html, or the learning curve of one run, .svg, .png or .dark.png (default: report.html in the run, in the folder of runs, or here)",
        ),
        watch: toggle("--watch", "Draw anew while runs go on; an open page follows"),
      }),
    ),
  async run({ paths, run, out, watch }, context) {
    const runs = [...paths, ...run];
    if (runs.length === 0) {
      throw new UsageError("Cannot report: a run folder must be given, got none");
    }
    const ending = out && endingOf(out, { does: "report", endings: ENDINGS });
    const folders = findRuns(runs);
    const home = runs.length === 1 ? runs[0] : ".";
    if (out && ending !== ".html") return drawCurve(folders, { out, watch, context });
    if (!watch) return void describe(await drawAll(folders, { out, home }), context);
    await watchRuns(folders, { out, home, context });
  },
};

function drawCurve(
  folders: readonly string[],
  { out, watch, context }: { out: string; watch: boolean; context: CommandContext },
): void {
  if (folders.length > 1 || watch) {
    throw new UsageError(
      `Cannot report: a picture shows one run as it is now, got ${
        watch ? "--watch" : `${folders.length} runs`
      }: end --out in .html`,
    );
  }
  describeRun(out, writeLearningCurve(folders[0], out), context);
}

/** How often --watch draws anew, and an open page loads itself again. */
const WATCH_SECONDS = 10;

/** A page and what it shows. */
type Drawn =
  & { readonly path: string }
  & ({ readonly run: RunData } | { readonly groups: Awaited<ReturnType<typeof writeComparison>> });

/** Where a page goes. */
interface Place {
  /** --out */
  readonly out: string | undefined;
  /** The folder of a page of several runs without it. */
  readonly home: string;
}

async function drawAll(
  folders: readonly string[],
  { out, home, reloadSeconds }: Place & { readonly reloadSeconds?: number },
): Promise<Drawn> {
  const options = {
    ...(out === undefined ? {} : { out }),
    ...(reloadSeconds === undefined ? {} : { reloadSeconds }),
  };
  const [folder] = folders;
  return folders.length === 1
    ? { path: out ?? join(folder, REPORT_FILE_NAME), run: await writeReport(folder, options) }
    : {
      path: out ?? join(home, REPORT_FILE_NAME),
      groups: await writeComparison(folders, { ...options, home }),
    };
}

/** Draws again and again until every run is finished, or a signal comes. */
async function watchRuns(
  folders: readonly string[],
  { context, ...place }: Place & { readonly context: CommandContext },
): Promise<void> {
  const interruption = context.program.listen();
  try {
    for (let times = 0;; times++) {
      const drawn = await drawAll(folders, { ...place, reloadSeconds: WATCH_SECONDS });
      if (isOver(drawn)) return void describe(drawn, context);
      if (times === 0) {
        context.output.note(`Page ${drawn.path}: open it in a browser; it follows the runs`);
      }
      await sleep(WATCH_SECONDS, interruption.signal);
    }
  } finally {
    interruption.stop();
  }
}

function isOver(drawn: Drawn): boolean {
  const runs = "run" in drawn ? [drawn.run] : drawn.groups.groups.flatMap(({ runs }) => runs);
  return runs.every(({ isFinished }) => isFinished);
}

/** @throws the signal's reason when it is aborted. */
async function sleep(seconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
  signal.throwIfAborted();
}

function describe(drawn: Drawn, context: CommandContext): void {
  if ("run" in drawn) describeRun(drawn.path, drawn.run, context);
  else describeGroups(drawn.path, drawn.groups, context);
}

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
