/** Results over seeds as tables: one for each environment, as text, CSV or Markdown. */

import { renderValue } from "../config/config_file.ts";
import { type OverSeeds, overSeeds, type RunGroup } from "./across_runs.ts";
import type { Measure } from "./run_data.ts";

/** A group and what its runs come to by one measure. */
export interface SummaryRow {
  /** Runs that differ in nothing but the seed. */
  readonly group: RunGroup;
  /** Over the runs that have a value; undefined when none has. */
  readonly result: OverSeeds | undefined;
}

/** Sums groups up by a measure. */
export function summariseGroups(groups: readonly RunGroup[], measure: Measure): SummaryRow[] {
  return groups.map((group) => ({
    group,
    result: overSeeds(group.runs.flatMap(({ values }) => values[measure] ?? [])),
  }));
}

/** The table's heading, then a line of cells for each row; a value that is not known is "". */
export function tableOf(
  rows: readonly SummaryRow[],
  formatNumber: (value: number) => string,
): string[][] {
  const names = [...new Set(rows.flatMap(({ group }) => Object.keys(group.options)))];
  const number = (value: number | null | undefined) =>
    value === null || value === undefined || !Number.isFinite(value) ? "" : formatNumber(value);
  const heading = ["environment", "configuration", ...names, "runs", "finished"];
  return [
    [...heading, "mean", "deviation", "low", "high", "iqm"],
    ...rows.map(({ group: { env, configuration, options, runs }, result }) => [
      env,
      configuration,
      ...names.map((name) => name in options ? plainValue(options[name]) : ""),
      String(runs.length),
      String(runs.filter(({ isFinished }) => isFinished).length),
      number(result?.mean),
      number(result?.n === 1 ? undefined : result?.std),
      number(result?.low),
      number(result?.high),
      number(result?.iqm),
    ]),
  ];
}

/** Writes an option's value without quotes around text. */
export function plainValue(value: unknown): string {
  return typeof value === "string" ? value : renderValue(value);
}

/**
 * Writes a table as CSV (RFC 4180, but with plain line feeds). A text that a spreadsheet would take for
 * a formula gets an apostrophe in front; control characters become escapes.
 */
export function toCsv(table: readonly (readonly string[])[]): string {
  return table.map((row) => `${row.map(csvCell).join(",")}\n`).join("");
}

/** Control characters, which a terminal would obey where somebody looks at the file. */
// deno-lint-ignore no-control-regex
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

function withoutControls(text: string): string {
  return text.replace(CONTROLS, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

function csvCell(given: string): string {
  const text = withoutControls(given);
  const isFormula = /^[=+\-@\t]/.test(text) && !Number.isFinite(Number(text));
  const cell = isFormula ? `'${text}` : text;
  return /[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

/** Writes a table as Markdown. */
export function toMarkdown(table: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${
      cells.map((cell) => withoutControls(cell).replace(/[\\|]/g, "\\$&").replace(/\s+/g, " "))
        .join(" | ")
    } |\n`;
  const [heading, ...rows] = table;
  return [line(heading), line(heading.map(() => "---")), ...rows.map(line)].join("");
}
