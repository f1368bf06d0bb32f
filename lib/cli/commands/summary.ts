/** `udrlpg summary`: results of many runs as a table. */

import { merge, object } from "@optique/core/constructs";
import { UsageError } from "../../system/errors.ts";
import { writeFileAtomic } from "../../system/files.ts";
import {
  findRuns,
  type Measure,
  MEASURES,
  readRunResult,
  type SeedSummary,
  summariseRuns,
  type SummaryRow,
  tableOf,
  toCsv,
  toMarkdown,
} from "../../report/summary.ts";
import { formatNumber } from "../../numbers/format.ts";
import { formatTable } from "../output.ts";
import type { Command } from "../program.ts";
import { printableJson } from "../text_stream.ts";
import { choiceValue, fileValue, runValue, setting, settingOr, words } from "../values.ts";

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
  /** Run folders, or folders that hold them. */
  readonly runs: readonly string[];
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
    "Runs that differ in nothing but the seed are one row: mean and deviation over seeds, low and high end of the mean's 95 % interval (Student's t, each run one value), and the interquartile mean (iqm: without the lowest and the highest quarter). A column is added for each option in which rows differ.",
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
        runs: words(runValue("RUN"), "Run folders, or folders that hold them"),
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
  run({ runs, measure, format, out }, { output }) {
    if (runs.length === 0) {
      throw new UsageError("Cannot summarise: a run folder must be given, got none");
    }
    const chosen = output.json ? "json" : format ?? formatOf(out);
    const rows = summariseRuns(findRuns(runs).map(readRunResult), measure);
    const document = { measure, rows: rows.map((row) => rowDocument(row, measure)) };
    const text = render(chosen, rows, document);
    if (out === undefined) output.document(text, document);
    else {
      writeFileAtomic(out, text, { kind: "summary", followLinks: true });
      output.result({ ...document, out }, () => [`Written to ${out}`]);
    }
    const missing = rows.reduce((sum, row) => sum + row.runs.length - (row.result?.n ?? 0), 0);
    if (missing > 0) {
      output.warn(`${missing} runs have no ${measure} return yet: they do not count`);
    }
    return Promise.resolve();
  },
};

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

function render(format: Format, rows: readonly SummaryRow[], document: object): string {
  switch (format) {
    case "text":
      return withLines(formatTable(
        tableOf(rows, (value) => formatNumber(value)).map((row) => row.map((cell) => cell || "-")),
      ));
    case "csv":
      return toCsv(tableOf(rows, String));
    case "markdown":
      return toMarkdown(tableOf(rows, (value) => formatNumber(value)));
    case "json":
      return withLines([printableJson(document)]);
  }
}

function withLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

function rowDocument(row: SummaryRow, measure: Measure): object {
  const { env, configuration, options, runs, finished, result } = row;
  return {
    env,
    configuration,
    options,
    finished,
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

/** One run has no interval: its ends become null, since JSON has no infinity. */
function resultDocument({ ci95, ...result }: SeedSummary): object {
  return { ...result, ci95: ci95.map((bound) => Number.isFinite(bound) ? bound : null) };
}
