/** The comparison of many runs as a page. */

import { type Chart, type ChartSeries, type LineChart, rangeOf } from "./chart.ts";
import {
  type Bootstrapped,
  describeRepeated,
  improvementOver,
  middleOf,
  type RepeatedRun,
} from "./across_runs.ts";
import { type AveragedLine, type ComparedGroup, lastReturnOf, meanRanks } from "./compare.ts";
import { type Cell, escapeHtml, renderCell, renderTable } from "./html.ts";
import { formatGrouped, formatNumber } from "../numbers/format.ts";
import { type Figure, renderFigure } from "./run_figures.ts";
import { type PageParts, stateOf } from "./run_page.ts";
import { describeReachable, resultOf } from "./run_result.ts";

/** The longest text of a legend, in characters. */
const MAX_LEGEND = 48;

/** More runs than this are folded away: the page is about the configurations then. */
const MOST_OPEN = 30;

/**
 * Lays groups out, environment by environment.
 * @param reportOf gives the path of a run's own report, as seen from the page, where it has one
 */
export function renderComparison(
  groups: readonly ComparedGroup[],
  { repeated, reportOf }: {
    readonly repeated: readonly RepeatedRun[];
    readonly reportOf: (folder: string) => string | undefined;
  },
): PageParts {
  const runs = groups.reduce((sum, group) => sum + group.runs.length, 0);
  const title = `${formatGrouped(runs)} ${runs === 1 ? "run" : "runs"} in ${groups.length} ${
    groups.length === 1 ? "configuration" : "configurations"
  }`;
  const charts: Chart[] = [];
  const sections = [...Map.groupBy(groups, ({ env }) => env)].map(([env, members], number) => {
    const figures = [learningFigure(members, number), followingFigure(members, number)];
    charts.push(...figures.flatMap(({ chart }) => chart ?? []));
    const names = Object.keys(members[0].options);
    const differ = names.length === 0
      ? ""
      : `<p class="soft">They differ in ${escapeHtml(names.join(", "))}.</p>`;
    return `<h2 class="wide">${escapeHtml(env)}</h2>${differ}` +
      `<div class="charts">${figures.map(renderFigure).join("\n")}</div>` +
      `<section class="card wide"><h2>Configurations</h2>${renderTable(groupRows(members))}` +
      '<p class="soft">Each run counts as one value: the final return, or the last evaluation of a ' +
      "run that is not finished. Intervals hold the mean with 95 %, by Student's t within the runs' " +
      "range; fewer than five seeds are too few for one. The interquartile mean leaves the lowest " +
      "and the highest quarter of the runs out; better than A is the probability that a run returns " +
      "more than one of A, ties counting half. Their intervals are of bootstraps over seeds.</p>" +
      "</section>" +
      `<details class="card wide"${runs > MOST_OPEN ? "" : " open"}><summary>Runs</summary>${
        renderTable(runRows(members, reportOf))
      }</details>`;
  });
  const body = [
    `<h1>${escapeHtml(title)}</h1>`,
    ...sections,
    ...renderRepeated(repeated, reportOf),
  ];
  return { title, body: body.join("\n"), charts };
}

function renderRepeated(
  repeated: readonly RepeatedRun[],
  reportOf: (folder: string) => string | undefined,
): string[] {
  return repeated.map((run) => {
    const why = escapeHtml(describeRepeated(run).slice(run.folder.length));
    return `<p class="soft">${renderCell(linkTo(run.folder, reportOf))}${why}.</p>`;
  });
}

/** Names a run, and leads to its own page where it has one. */
function linkTo(folder: string, reportOf: (folder: string) => string | undefined): Cell {
  const path = reportOf(folder);
  return path === undefined ? folder : { text: folder, path };
}

function learningFigure(groups: readonly ComparedGroup[], number: number): Figure {
  return {
    title: "Learning",
    caption:
      "Return of the best command, in the end of what runs hand out, mean over seeds with its 95 % " +
      "interval, or with the range of fewer than five seeds; broken lines are interquartile means.",
    missing: "No run was evaluated yet.",
    chart: chartOf(groups, {
      id: `chart-learning-${number}`,
      xLabel: "environment steps",
      yLabel: "return",
      lineOf: ({ learning }) => learning,
      hasMiddle: true,
    }),
  };
}

function followingFigure(groups: readonly ComparedGroup[], number: number): Figure {
  return {
    title: "Asked and achieved",
    caption:
      "Requests all over the range and what their answers returned, mean over seeds with its 95 % " +
      "interval or the range of fewer than five; the thin broken line is perfect obedience.",
    missing: groups.some(({ runs }) => runs.some(({ finalReturn }) => finalReturn))
      ? "The budgets of these runs left no requests to rehearse: udrlpg curve measures how they obey."
      : "No run is finished yet.",
    chart: chartOf(groups, {
      id: `chart-following-${number}`,
      xLabel: "asked return",
      yLabel: "achieved return",
      lineOf: ({ following }) => following,
      hasDiagonal: true,
    }),
  };
}

/** How lines over seeds are drawn. */
export interface ChartOptions extends Pick<LineChart, "id" | "xLabel" | "yLabel" | "hasDiagonal"> {
  /** Draws the interquartile mean where it differs from the mean. */
  readonly hasMiddle?: boolean;
}

function chartOf(
  groups: readonly ComparedGroup[],
  { lineOf, ...options }: ChartOptions & {
    readonly lineOf: (group: ComparedGroup) => AveragedLine;
  },
): LineChart | undefined {
  const lines = groups.map((group, i) => ({ label: legendOf(group, i), line: lineOf(group) }));
  return chartOverSeeds(lines, options);
}

/**
 * Draws lines that are averaged over seeds, each with its 95 % interval, or the range of fewer than five seeds;
 * undefined where none has a point.
 */
export function chartOverSeeds(
  lines: readonly { readonly label: string; readonly line: AveragedLine }[],
  { hasMiddle, ...labels }: ChartOptions,
): LineChart | undefined {
  const series = lines.flatMap(({ label, line: { x, values } }, color): ChartSeries[] => {
    if (x.length === 0) return [];
    const line = {
      label,
      x,
      y: values.map(({ mean }) => mean),
      low: values.map(({ low, min }) => low ?? min),
      high: values.map(({ high, max }) => high ?? max),
      color,
      // No line leads to a point that is alone.
      ...(x.length === 1 ? { points: true, whiskers: true } : {}),
    };
    const middle = values.map(({ iqm }) => iqm);
    return hasMiddle && values.some(({ n }) => n >= 4)
      ? [line, { label: `${label}, IQM`, x, y: middle, color, dashed: true }]
      : [line];
  });
  if (series.length === 0) return undefined;
  const yRange = rangeOf(...series.map(({ y }) => y));
  return { kind: "lines", ...labels, series, ...(yRange ? { yRange } : {}) };
}

/** Names a group in a legend; the table tells the rest. */
function legendOf({ label }: ComparedGroup, number: number): string {
  const text = `${nameOf(number)}: ${label}`;
  return text.length > MAX_LEGEND ? `${text.slice(0, MAX_LEGEND - 3)}...` : text;
}

/** Names groups A, B, ..., Z, A1, B1, ... */
function nameOf(number: number): string {
  const round = Math.floor(number / 26);
  return String.fromCharCode(65 + number % 26) + (round === 0 ? "" : String(round));
}

function groupRows(groups: readonly ComparedGroup[]): string[][] {
  const ranks = meanRanks(groups);
  const returns = groups.map(({ runs }) => runs.flatMap((run) => lastReturnOf(run) ?? []));
  const heading = [
    "configuration",
    "runs",
    "finished",
    "return",
    "95 % interval",
    "deviation",
    "interquartile mean",
    ...(groups.length > 1 ? ["better than A"] : []),
    "mean of all evaluations",
    ...(ranks ? ["mean rank"] : []),
  ];
  return [
    heading,
    ...groups.map(({ label, runs, last, average }, number) => [
      `${nameOf(number)}: ${label}`,
      formatGrouped(runs.length),
      formatGrouped(runs.filter(({ isFinished }) => isFinished).length),
      last ? formatGrouped(last.mean) : "-",
      last && last.low !== null && last.high !== null
        ? `${formatGrouped(last.low)} to ${formatGrouped(last.high)}`
        : "too few seeds",
      last && last.n > 1 ? formatGrouped(last.std) : "-",
      returns[number].length > 0 ? shownWithin(middleOf(returns[number])) : "-",
      ...(groups.length > 1 ? [betterThanFirst(returns, number)] : []),
      average ? formatGrouped(average.mean) : "-",
      ...(ranks ? [formatNumber(ranks[number], 3)] : []),
    ]),
  ];
}

function betterThanFirst(
  [first, ...others]: readonly (readonly number[])[],
  number: number,
): string {
  const own = others[number - 1];
  if (own === undefined || own.length === 0 || first.length === 0) return "-";
  return shownWithin(improvementOver(own, first));
}

function shownWithin({ value, interval }: Bootstrapped): string {
  const [low, high] = interval ?? [];
  return low === undefined || high === undefined
    ? formatGrouped(value)
    : `${formatGrouped(value)} (${formatGrouped(low)} to ${formatGrouped(high)})`;
}

function runRows(
  groups: readonly ComparedGroup[],
  reportOf: (folder: string) => string | undefined,
): Cell[][] {
  return [
    [
      "run",
      "configuration",
      "seed",
      "state",
      "return",
      "ask for",
      "mean error",
      "rank correlation",
    ],
    ...groups.flatMap(({ runs }, number) =>
      runs.map((run): Cell[] => {
        const { reachable, obedience } = resultOf(run, undefined);
        return [
          linkTo(run.folder, reportOf),
          nameOf(number),
          String(run.config.seed),
          stateOf(run),
          shown(lastReturnOf(run)),
          reachable ? describeReachable(reachable) : "-",
          obedience ? formatNumber(obedience.meanError, 3) : "-",
          obedience ? formatNumber(obedience.spearman, 3) : "-",
        ];
      })
    ),
  ];
}

function shown(value: number | undefined): string {
  return value === undefined ? "-" : formatGrouped(value);
}
