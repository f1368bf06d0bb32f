/** `udrlpg summary`: results of many runs as a table. */

import { merge, object } from "@optique/core/constructs";
import { UsageError } from "../../system/errors.ts";
import { writeFileAtomic } from "../../system/files.ts";
import {
  describeRepeated,
  findRuns,
  groupRuns,
  type OverSeeds,
  type RepeatedRun,
} from "../../report/across_runs.ts";
import { type Measure, MEASURES, readRunData } from "../../report/run_data.ts";
import {
  summariseGroups,
  type SummaryRow,
  tableOf,
  toCsv,
  toMarkdown,
} from "../../report/summary_table.ts";
import { formatNumber } from "../../numbers/format.ts";
import { formatTable, type Output } from "../output.ts";
import type { Command } from "../program.ts";
import { printableJson } from "../text_stream.ts";
import { setting, settingOr, settings, words } from "../options.ts";
import { choiceValue, fileValue, runValue } from "../values.ts";

const FORMATS = ["text", "csv", "json", "markdown"] as const satisfies readonly Format[];

/** How the table is written. */
export type Format = "text" | "csv" | "json" | "markdown";

/** Formats by the ending of --out. */
const ENDINGS: Readonly<Record<string, Format>> = {
  ".txt": "text",
  ".csv": "csv",
  ".json": "json",
  ".md": "markdown",
};

/** The options of `udrlpg summary`. */
export interface SummaryValues {
  /** Run folders, or folders that hold them, as words. */
  readonly paths: readonly string[];
  /** --run */
  readonly run: readonly string[];
  /** --measure */
  readonly measure: Measure;
  /** --format */
  readonly format: Format | undefined;
  /** --out */
  readonly out: string | undefined;
}

/** The `summary` command. */
export const summaryCommand: Command<SummaryValues> = {
  description: [
    "Runs that differ in nothing but the seed are one row: mean and deviation over seeds, low and high end of the mean's 95 % interval (Student's t within the range of the runs, each seed one value; fewer than five are too few), and the interquartile mean (iqm: without the lowest and the highest quarter). A column is added for each option in which rows differ. A run that is given twice, or as a copy, counts once.",
  ],
  examples: [
    { command: "udrlpg summary runs/sweep", does: "All runs of a sweep" },
    {
      command: "udrlpg summary runs/cart-1 runs/cart-2 runs/cart-3 --format markdown",
      does: "Some runs, to paste",
    },
    {
      command: "udrlpg summary runs/sweep --measure last --out results.csv",
      does: "By the last evaluations during training, for a spreadsheet",
    },
  ],
  parser: () =>
    merge(
      object("The runs", {
        paths: words(runValue("RUN"), "Run folders, or folders that hold them"),
        run: settings("--run", runValue(), "The same; may be given many times"),
        measure: settingOr(
          "--measure",
          choiceValue(Object.keys(MEASURES) as Measure[], "MEASURE"),
          {
            fallback: "final" as Measure,
            doc: `Value of a run: ${
              Object.entries(MEASURES).map(([name, doc]) => `${name}, ${doc}`).join("; ")
            }`,
          },
        ),
      }),
      object("The table", {
        format: setting(
          "--format",
          choiceValue(FORMATS, "FORMAT"),
          `One of ${FORMATS.join(", ")} (default: as --out ends, or text)`,
        ),
        out: setting("--out", fileValue("FILE", Object.keys(ENDINGS)), "File to write"),
      }),
    ),
  run({ paths, run, measure, format, out }, { output }) {
    const runs = [...paths, ...run];
    if (runs.length === 0) {
      throw new UsageError("Cannot summarise: a run folder must be given, got none");
    }
    const chosen = output.json ? "json" : format ?? formatOf(out);
    const data = findRuns(runs).map(readRunData);
    const { groups, repeated } = groupRuns(data);
    const rows = summariseGroups(groups, measure);
    const document = { measure, rows: rows.map((row) => rowDocument(row, measure)), repeated };
    const text = chosen === "json" ? `${printableJson(document)}\n` : RENDERERS[chosen](rows);
    if (out === undefined) output.document(text, document);
    else {
      writeFileAtomic(out, text, { kind: "summary", followLinks: true });
      output.result({ ...document, out }, () => [`Written to ${out}`]);
    }
    warnOf({ rows, repeated, measure }, output);
    return Promise.resolve();
  },
};

/** Says which of the runs that were given do not count, and what is too little for an interval. */
function warnOf(
  { rows, repeated, measure }: {
    rows: readonly SummaryRow[];
    repeated: readonly RepeatedRun[];
    measure: Measure;
  },
  output: Output,
): void {
  const missing = rows.reduce(
    (sum, { group, result }) => sum + group.runs.length - (result?.n ?? 0),
    0,
  );
  if (missing > 0) output.warn(`${missing} runs have no ${measure} return yet: they do not count`);
  for (const run of repeated) output.warn(describeRepeated(run));
  if (rows.some(({ result }) => result !== undefined && result.low === null)) {
    output.note("Too few seeds for a 95 % interval where low and high are -: it takes five");
  }
}

function formatOf(out: string | undefined): Format {
  if (out === undefined) return "text";
  const ending = /\.[^./\\]+$/.exec(out)?.[0].toLowerCase() ?? "";
  if (Object.hasOwn(ENDINGS, ending)) return ENDINGS[ending];
  throw new UsageError(
    `Cannot write a summary: the file must end in ${
      Object.keys(ENDINGS).join(", ")
    }, got "${out}", or give --format`,
  );
}

const RENDERERS: {
  readonly [F in Exclude<Format, "json">]: (rows: readonly SummaryRow[]) => string;
} = {
  text: (rows) => {
    const tables = byEnvironment(rows).map((members) =>
      formatTable(
        tableOf(members, (value) => formatNumber(value))
          .map((row) => row.map((cell) => cell || "-")),
      )
    );
    return tables.map((lines) => lines.map((line) => `${line}\n`).join("")).join("\n");
  },
  csv: (rows) => toCsv(tableOf(rows, String)),
  markdown: (rows) =>
    byEnvironment(rows).map((members) =>
      toMarkdown(tableOf(members, (value) => formatNumber(value)))
    )
      .join("\n"),
};

/** People read a table for each environment: returns of two say nothing side by side. */
function byEnvironment(rows: readonly SummaryRow[]): SummaryRow[][] {
  return [...Map.groupBy(rows, ({ group }) => group.env).values()];
}

function rowDocument({ group, result }: SummaryRow, measure: Measure): object {
  const { env, configuration, options, runs } = group;
  return {
    env,
    configuration,
    options,
    finished: runs.filter(({ isFinished }) => isFinished).length,
    return: result === undefined ? null : resultDocument(result),
    runs: runs.map(({ folder, config, isFinished, step, values }) => ({
      run: folder,
      seed: config.seed,
      finished: isFinished,
      step,
      return: values[measure] ?? null,
    })),
  };
}

function resultDocument({ low, high, ...result }: OverSeeds): object {
  return { ...result, ci95: [low, high] };
}
