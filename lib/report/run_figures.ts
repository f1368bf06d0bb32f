/** The charts of one run, with their words. */

import { band, type Chart, type ChartSeries, rangeOf } from "./chart.ts";
import { escapeHtml } from "./html.ts";
import { formatGrouped } from "../numbers/format.ts";
import type { RunData } from "./run_data.ts";

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
  { evaluations, episodes, attempts, finalReturn }: RunData,
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
  if (attempts.length > 0) {
    series.push({
      label: "attempt measured",
      x: attempts.map(({ step }) => step),
      y: attempts.map(({ mean }) => mean),
      color: 2,
      points: true,
    });
  }
  if (finalReturn) {
    const { step, mean } = finalReturn;
    series.push({ label: "handed out", x: [step], y: [mean], color: 1, points: true });
  }
  const yRange = rangeOf(
    series.flatMap(({ y }) => y),
    episodes.lows,
    episodes.highs,
  );
  return {
    title: "Learning",
    caption: "Return of the best command, without noise, with the 95 % interval of its mean; " +
      "behind it the noisy episodes that were learnt from, mean and extremes. " +
      "What the run hands out in the end is measured with episodes of its own." +
      (attempts.length > 0
        ? " Returns fall where an attempt was measured and another one begins or goes on."
        : ""),
    missing: "No episode was recorded yet.",
    chart: series.length === 0 ? undefined : {
      kind: "lines",
      id: "chart-learning",
      xLabel: "environment steps",
      yLabel: "return",
      series,
      ...(yRange ? { yRange } : {}),
    },
  };
}

/** Draws what commands earned at several times of the run. */
export function followingFigure({ curves, config }: RunData): Figure {
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
    title: "Asked and achieved",
    caption: "What the commands over the whole range earned, at several times of the run; the " +
      "newest with its 95 % interval, the broken line is perfect obedience. " +
      `udrlpg generate corrects what is left by the last curve.${bonus}`,
    missing: "No command was measured yet.",
    chart: series.length === 0 ? undefined : {
      kind: "lines",
      id: "chart-following",
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

/** Draws the loss over time. */
export function lossesFigure({ losses: { steps, means, lows, highs } }: RunData): Figure {
  return {
    title: "Loss",
    caption: "Mean squared error of the generated weights at each update; means, and extremes " +
      "where one point stands for several.",
    missing: "No update was recorded yet.",
    chart: steps.length === 0 ? undefined : {
      kind: "lines",
      id: "chart-loss",
      xLabel: "environment steps",
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
  const inner = chart
    ? `<div id="${chart.id}"></div>`
    : `<p class="soft">${escapeHtml(missing)}</p>`;
  return `<figure class="card"><h2>${escapeHtml(title)}</h2>${inner}` +
    `<figcaption>${escapeHtml(caption)}</figcaption></figure>`;
}
