/**
 * The published method and its rivals as one page: learning, obedience, the ablation, and a band of returns
 * that no update saw. A function of the records alone, so that it can be drawn where no run folder is.
 */

import { formatGrouped } from "../../lib/numbers/format.ts";
import { summarise } from "../../lib/numbers/statistics.ts";
import {
  type Bootstrapped,
  improvementOver,
  middleOf,
  overSeeds,
} from "../../lib/report/across_runs.ts";
import { type ChartSeries, type LineChart, rangeOf } from "../../lib/report/chart.ts";
import { averageLines, type Line } from "../../lib/report/compare.ts";
import { chartOverSeeds } from "../../lib/report/compare_page.ts";
import { escapeHtml, renderTable } from "../../lib/report/html.ts";
import { type Figure, renderFigure } from "../../lib/report/run_figures.ts";
import type { PageParts } from "../../lib/report/run_page.ts";
import type { RunRecord } from "./records.ts";
import { type Band, createPaperRows, type PaperPart } from "./tables.ts";

/** Runs of one row. */
interface Group {
  readonly name: string;
  readonly part: PaperPart;
  readonly runs: readonly RunRecord[];
}

/** Draws what is recorded of an environment and a budget. */
export function renderPaper(
  records: readonly RunRecord[],
  { env, steps }: { readonly env: string; readonly steps: number },
): PageParts {
  const own = records.filter((run) =>
    run.table === "paper" && run.env === env && run.steps === steps
  );
  const groups = createPaperRows(env, steps, []).flatMap(({ variant: name, part }): Group[] => {
    const runs = own.filter(({ variant }) => variant === name);
    return runs.length === 0 ? [] : [{ name, part, runs }];
  });
  const of = (...parts: readonly PaperPart[]) => groups.filter(({ part }) => parts.includes(part));
  const algorithms = of("algorithm", "published");
  const ablation = of("published", "ablation");
  const figures = [
    learningFigure(algorithms, { id: "chart-learning", title: "Learning" }),
    obedienceFigure(algorithms),
    learningFigure(ablation, { id: "chart-ablation", title: "Buckets and weighting, on and off" }),
    bandFigure(of("band")),
  ];
  const title = `${env}, ${formatGrouped(steps)} steps: the published method and its rivals`;
  const body = [
    `<h1>${escapeHtml(title)}</h1>`,
    `<div class="charts">${figures.map(renderFigure).join("\n")}</div>`,
    `<section class="card wide"><h2>Final returns</h2>${renderTable(returnRows(groups))}` +
    '<p class="soft">Each run counts as one value: 20 fresh episodes without noise of the policy ' +
    "handed out for the highest request. The interquartile mean leaves the lowest and the highest " +
    "quarter of the runs out; better than the first is the probability that a run returns more than " +
    "one of the first row, ties counting half. Intervals are of 95 %, by bootstraps over seeds; " +
    "fewer than five seeds are too few for one.</p></section>",
  ];
  return { title, body: body.join("\n"), charts: figures.flatMap(({ chart }) => chart ?? []) };
}

function learningFigure(
  groups: readonly Group[],
  { id, title }: { readonly id: string; readonly title: string },
): Figure {
  const lines = linesOf(groups, ({ learning = [], steps, final }) => {
    const points = learning.length === 0 ? [] : [...learning, [steps, final.mean]];
    return { x: points.map(([step]) => step), y: points.map(([, mean]) => mean) };
  });
  const labels = { id, xLabel: "environment steps", yLabel: "return" };
  return {
    title,
    caption:
      "Return of the best command without noise while training, of training episodes where a run was hardly " +
      "evaluated; the last point is the final return. Mean over seeds with its 95 % interval, " +
      "or with the range of fewer than five seeds; broken lines are interquartile means. " +
      describeRuns(groups),
    missing: "No run of these has recorded its learning.",
    chart: chartOverSeeds(lines, { ...labels, hasMiddle: true }),
  };
}

function obedienceFigure(groups: readonly Group[]): Figure {
  const answering = groups.filter(({ runs }) => runs.some(({ obeys }) => obeys));
  const lines = linesOf(answering, ({ obeys }) => ({
    x: obeys?.points.map(([requested]) => requested) ?? [],
    y: obeys?.points.map(([, mean]) => mean) ?? [],
  }));
  return {
    title: "Requested and achieved",
    caption:
      "What policies for 21 requests, from random policies to the run's best, earned in fresh episodes: mean " +
      "over seeds with its 95 % interval, or the range of fewer than five; the thin broken line is perfect " +
      "obedience. Algorithms that have one policy are not shown. " + describeRuns(answering),
    missing: "No run of these answers requests.",
    chart: chartOverSeeds(lines, {
      id: "chart-obedience",
      xLabel: "requested return",
      yLabel: "achieved return",
      hasDiagonal: true,
    }),
  };
}

/** Draws requests inside and outside of a band of returns that no update saw, those of all seeds. */
function bandFigure(groups: readonly Group[]): Figure {
  const runs = groups.flatMap((group) => group.runs).filter(({ band, obeys }) => band && obeys);
  const band: Band | undefined = runs[0]?.band;
  const points = runs.flatMap(({ obeys }) => obeys!.points).toSorted(([a], [b]) => a - b);
  const isInBand = (x: number) => band !== undefined && x > band.low && x <= band.high;
  const isAsked = points.some(([x]) => isInBand(x));
  const series = [true, false].flatMap((isSeen): ChartSeries[] => {
    const own = points.filter(([x]) => isInBand(x) !== isSeen);
    return own.length === 0 ? [] : [{
      label: isSeen ? "returns that updates saw" : "returns that none saw",
      x: own.map(([requested]) => requested),
      y: own.map(([, mean]) => mean),
      low: own.map(([, mean, std]) => mean - std),
      high: own.map(([, mean, std]) => mean + std),
      color: isSeen ? 0 : 3,
      points: true,
      whiskers: true,
      hollow: !isSeen,
    }];
  });
  const yRange = rangeOf(points.map(([x]) => x), points.map(([, mean]) => mean));
  const chart: LineChart | undefined = band && yRange && isAsked
    ? {
      kind: "lines",
      id: "chart-band",
      xLabel: "requested return",
      yLabel: "achieved return",
      hasDiagonal: true,
      marks: [{ x: band.low, label: "none seen from here" }, { x: band.high, label: "to here" }],
      series,
      yRange,
    }
    : undefined;
  return {
    title: "Returns that no update saw",
    caption:
      "Policies whose returns lie between the marks were kept out of every update. Each point is a request " +
      "of a seed with the mean and the deviation of its episodes; the broken line is perfect obedience. " +
      describeRuns(groups),
    missing: "No run with a band left out is recorded, or none reached its band.",
    chart,
  };
}

function linesOf(groups: readonly Group[], lineOf: (run: RunRecord) => Line) {
  return groups.map(({ name, runs }) => ({ label: name, line: averageLines(runs.map(lineOf)) }));
}

/** Names seeds and commands of what a figure shows. */
function describeRuns(groups: readonly Group[]): string {
  const seedsOf = ({ runs }: Group) => runs.map(({ seed }) => seed).sort((a, b) => a - b).join(",");
  const words = [...Map.groupBy(groups, seedsOf)].map(([seeds, members]) => {
    const [{ env, steps }] = members[0].runs;
    const names = members.map(({ name }) => `"${name}"`).join(" ");
    return `deno task experiments paper ${env} ${names} --steps ${steps} --seeds ${seeds}`;
  });
  return words.length === 0 ? "" : `By ${words.join(" and ")}.`;
}

function returnRows(groups: readonly Group[]): string[][] {
  const finals = groups.map(({ runs }) => runs.map(({ final }) => final.mean));
  const heading = [
    "runs",
    "seeds",
    "mean",
    "deviation",
    "interquartile mean",
    "better than the first",
  ];
  return [
    heading,
    ...groups.map(({ name, runs }, i) => [
      name,
      runs.map(({ seed }) => seed).join(" "),
      formatGrouped(overSeeds(finals[i])!.mean),
      finals[i].length > 1 ? formatGrouped(summarise(finals[i]).std) : "-",
      shown(middleOf(finals[i])),
      i === 0 ? "-" : shown(improvementOver(finals[i], finals[0])),
    ]),
  ];
}

function shown({ value, interval }: Bootstrapped): string {
  return interval === null
    ? formatGrouped(value)
    : `${formatGrouped(value)} (${formatGrouped(interval[0])} to ${formatGrouped(interval[1])})`;
}
