/** The charts of one run, with their words. */

import { band, type Chart, type ChartSeries, type LineChart, rangeOf } from "./chart.ts";
import { escapeHtml, renderTable } from "./html.ts";
import { formatGrouped, formatNumber } from "../numbers/format.ts";
import { type EvaluationPoint, type RunData } from "./run_data.ts";
import { type BinnedSeries, keepEvenly } from "./thin.ts";

/** One chart with its words. */
export interface Figure {
  /** Plain text. */
  readonly title: string;
  /** Plain text. */
  readonly caption: string;
  /** Undefined when the run does not hold what it shows. */
  readonly chart: Chart | undefined;
  /** What stands in its place then. */
  readonly missing: string;
}

/** Draws the returns over time. */
export function learningFigure(
  { evaluations, episodes, finalReturn, marks }: RunData,
): Figure {
  const series: ChartSeries[] = [];
  if (episodes.steps.length > 0) {
    series.push({
      label: "training episodes",
      x: episodes.steps,
      y: episodes.means,
      ...(episodes.lows.some((low, i) => low < episodes.highs[i])
        ? { low: episodes.lows, high: episodes.highs }
        : {}),
      color: 7,
      strength: 0.6,
    });
  }
  if (evaluations.length > 0) {
    series.push({
      label: "best command",
      x: evaluations.map(({ step }) => step),
      y: evaluations.map(({ mean }) => mean),
      ...band(evaluations),
      color: 0,
      points: evaluations.length < 40,
    });
  }
  if (finalReturn) series.push(handedOut(finalReturn, evaluations.at(-1)));
  const yRange = rangeOf(series.flatMap(({ y }) => y), episodes.lows, episodes.highs);
  return {
    title: "Learning",
    caption: "Return of the best command, without noise, with the 95 % interval of its mean; " +
      "behind it the noisy episodes that were learnt from, mean and extremes. The broken line " +
      "leads to what the run hands out, measured with episodes of its own.",
    missing: "No episode was recorded yet.",
    chart: series.length === 0 ? undefined : {
      kind: "lines",
      id: "chart-learning",
      xLabel: "environment steps",
      yLabel: "return",
      series,
      marks: marks.map(({ step, label }) => ({ x: step, label })),
      ...(yRange ? { yRange } : {}),
    },
  };
}

/** Joins what is handed out to the last evaluation before it. */
function handedOut(final: EvaluationPoint, last: EvaluationPoint | undefined): ChartSeries {
  const points = last && last.step < final.step ? [last, final] : [final];
  return {
    label: "handed out",
    x: points.map(({ step }) => step),
    y: points.map(({ mean }) => mean),
    color: 1,
    points: true,
    dashed: true,
  };
}

const DIAGONAL = "the broken line is perfect obedience";

/** Draws how requests are met: by what `generate` writes, or by raw commands before the end. */
export function followingFigure(data: RunData): Figure {
  const { asked } = data;
  if (asked.length === 0) return rawFigure(data, "chart-following");
  const seriesOf = (isSeen: boolean): ChartSeries[] => {
    const points = asked.filter((point) => point.isSeen === isSeen);
    return points.length === 0 ? [] : [{
      label: isSeen ? "returns that training met" : "returns that training never met",
      x: points.map(({ requested }) => requested),
      y: points.map(({ mean }) => mean),
      low: points.map(({ low }) => low),
      high: points.map(({ high }) => high),
      color: isSeen ? 0 : 3,
      points: true,
      whiskers: true,
      hollow: !isSeen,
    }];
  };
  const series = [...seriesOf(true), ...seriesOf(false)];
  const yRange = rangeOf(asked.map(({ mean }) => mean), asked.map(({ requested }) => requested));
  return {
    title: "Asked and achieved",
    caption:
      `${asked.length} requests all over the range, each answered as udrlpg generate answers ` +
      `it and measured in fresh episodes: mean and its 95 % interval; ${DIAGONAL}.`,
    missing: "",
    chart: {
      kind: "lines",
      id: "chart-following",
      xLabel: "asked return",
      yLabel: "achieved return",
      hasDiagonal: true,
      series,
      ...(yRange ? { yRange } : {}),
    },
  };
}

/** Draws what raw commands earned at several times of the run, before calibration corrects them. */
export function rawFigure({ curves, config }: RunData, id = "chart-raw"): Figure {
  const hasReturns = curves.every(({ points }) =>
    points.every((point) => point.requested !== null)
  );
  const series = curves.map(({ step, isFinal, points }, i): ChartSeries => ({
    label: isFinal ? "after training" : `at ${formatGrouped(step)} steps`,
    x: points.map(({ requested, command }) => requested ?? command),
    y: points.map(({ mean }) => mean),
    ...(i === curves.length - 1 ? band(points) : {}),
    color: isFinal ? 1 : 0,
    strength: isFinal ? 1 : 0.25 + 0.75 * (i + 1) / curves.length,
    points: true,
  }));
  const yRange = rangeOf(...series.map(({ y }) => y));
  const bonus = config.returns.survivalBonus === "remove"
    ? " Asked returns are without the reward for being alive, achieved ones with it."
    : "";
  return {
    title: "Raw commands",
    caption: "What the generator's commands earned at several times of the run, as they are: " +
      `udrlpg generate corrects them by the last curve. The newest with its 95 % interval; ${DIAGONAL}.` +
      bonus,
    missing: "No command was measured yet.",
    chart: series.length === 0 ? undefined : {
      kind: "lines",
      id,
      xLabel: hasReturns ? "asked return" : "scaled command",
      yLabel: "achieved return",
      hasDiagonal: hasReturns,
      series,
      ...(yRange ? { yRange } : {}),
    },
  };
}

/** Draws where the stored policies lie over time. */
export function occupancyFigure({ occupancy }: RunData): Figure {
  const most = occupancy ? Math.max(...occupancy.counts.flat()) : 0;
  return {
    title: "Stored policies",
    caption: `Where the buffer's policies lie; a darker field holds more, the darkest ${
      formatGrouped(most)
    }.`,
    missing: "This run did not record what its buffer holds.",
    chart: occupancy && {
      kind: "heat",
      id: "chart-occupancy",
      xLabel: "environment steps",
      yLabel: "return",
      ...occupancy,
    },
  };
}

/** Draws the loss of the updates between rollouts. */
export function lossesFigure({ losses }: RunData): Figure {
  return lossFigure(losses, {
    title: "Loss while training",
    id: "chart-loss",
    xLabel: "environment steps",
    missing: "No update was recorded yet.",
  });
}

/** Draws the loss of the last updates, which fit the whole buffer evenly. */
export function fitFigure({ fitLosses }: RunData): Figure {
  return lossFigure(fitLosses, {
    title: "Loss of the last fit",
    id: "chart-fit",
    xLabel: "updates",
    missing: "The last updates have not begun yet.",
  });
}

function lossFigure(
  { steps, means, lows, highs }: BinnedSeries,
  { title, missing, ...labels }:
    & Pick<Figure, "title" | "missing">
    & Pick<LineChart, "id" | "xLabel">,
): Figure {
  return {
    title,
    caption: "Mean loss of each group of updates; extremes where one point stands for several.",
    missing,
    chart: steps.length === 0 ? undefined : {
      kind: "lines",
      ...labels,
      yLabel: "loss",
      isLog: true,
      series: [{
        label: "loss",
        x: steps,
        y: means,
        ...(lows.some((low, i) => low < highs[i]) ? { low: lows, high: highs } : {}),
        color: 2,
      }],
    },
  };
}

/** A figure's card; also used by comparisons. */
export function renderFigure({ title, caption, chart, missing }: Figure): string {
  if (!chart) {
    return `<figure class="card"><h2>${escapeHtml(title)}</h2>` +
      `<p class="soft">${escapeHtml(missing)}</p></figure>`;
  }
  return `<figure class="card"><h2>${escapeHtml(title)}</h2>` +
    `<div id="${chart.id}" class="chart" role="img" tabindex="0" aria-label="${
      escapeHtml(`${title}: ${describeChart(chart)}`)
    }"></div><figcaption>${escapeHtml(caption)}</figcaption>` +
    `<details class="numbers"><summary>Numbers</summary>${renderTable(chartTable(chart))}` +
    `</details></figure>`;
}

/** Says in one sentence what a chart shows, for those who do not see it. */
function describeChart(chart: Chart): string {
  if (chart.kind === "heat") return `${chart.steps.length} columns over ${chart.xLabel}`;
  return chart.series.map(({ label, y }) => {
    const [low, high] = rangeOf(y) ?? [NaN, NaN];
    const last = y.findLast((value) => value !== null) ?? NaN;
    return `${label} from ${formatNumber(low)} to ${formatNumber(high)}, last ${
      formatNumber(last)
    }`;
  }).join("; ");
}

/** Rows that a table of a chart has at most. */
const MAX_ROWS = 60;

/** The numbers of a chart as a table. */
function chartTable(chart: Chart): string[][] {
  if (chart.kind === "heat") {
    return [
      [chart.xLabel, "policies"],
      ...keepEvenly(chart.steps.map((step, i) => [step, chart.counts[i]] as const), MAX_ROWS)
        .map(([step, counts]) => [
          formatGrouped(step),
          formatGrouped(counts.reduce((sum, count) => sum + count, 0)),
        ]),
    ];
  }
  const rows = chart.series.flatMap(({ label, x, y, low, high }) =>
    keepEvenly(x.map((_, i) => i), MAX_ROWS).map((i) => [
      label,
      formatGrouped(x[i]),
      shown(y[i]),
      shown(low?.[i] ?? null),
      shown(high?.[i] ?? null),
    ])
  );
  const marks = (chart.marks ?? []).map(({ x, label }) => [label, formatGrouped(x), "", "", ""]);
  return [["line", chart.xLabel, chart.yLabel, "low", "high"], ...rows, ...marks];
}

function shown(value: number | null): string {
  return value === null ? "-" : formatNumber(value);
}
