/** A chart of a report as an SVG file, for documents that run no script. */

import { type Axes, escapeXml, renderSvgChart, widen } from "../formats/svg_chart.ts";
import { type ChartSeries, type LineChart, rangeOf } from "./chart.ts";

/** The colours that the page has for the numbers of series. */
const COLORS: Readonly<Record<number, string>> = { 0: "#1f77b4", 1: "#d9580d" };
const OTHER_COLOR = "#999";

/** The words around a chart, plain text. */
export interface ChartWords {
  /** Stands over it. */
  readonly title: string;
  /** For those who do not see it. */
  readonly description: string;
}

/** Draws a chart of lines: bands below, then marks of time, lines and points; its legend is the summary. */
export function lineChartToSvg(chart: LineChart, { title, description }: ChartWords): string {
  const { series, marks = [] } = chart;
  const [left, right] = rangeOf(...series.map(({ x }) => x)) ?? [0, 1];
  const [low, high] = chart.yRange ?? rangeOf(...series.map(({ y }) => y)) ?? [0, 1];
  return renderSvgChart({
    title,
    description,
    summary: series.map((each) => `${nameOf(each)}: ${each.label}`).join(", "),
    xLabel: chart.xLabel,
    yLabel: chart.yLabel,
    xRange: left === right ? widen(left, right) : [left, right],
    yRange: widen(low, high),
    marks: (axes) => [
      ...series.flatMap((each) => bandOf(each, axes)),
      ...marks.map(({ x, label }) =>
        `<path d="M${axes.x(x)} 50V425" stroke="#999" stroke-dasharray="2 3"/>` +
        `<text x="${axes.x(x) + 4}" y="62" fill="#555" font-size="11">${escapeXml(label)}</text>`
      ),
      ...series.flatMap((each) => lineOf(each, axes)),
    ],
  });
}

function colorOf({ color }: ChartSeries): string {
  return COLORS[color] ?? OTHER_COLOR;
}

function nameOf(series: ChartSeries): string {
  const name = { "#1f77b4": "blue", "#d9580d": "orange" }[colorOf(series)] ?? "grey";
  return series.dashed ? `${name}, broken` : name;
}

/** The band between a series' bounds, where it has some. */
function bandOf({ x, low, high }: ChartSeries, axes: Axes): string[] {
  if (low === undefined || high === undefined) return [];
  const known = x.flatMap((_, i) => low[i] === null || high[i] === null ? [] : [i]);
  if (known.length < 2) return [];
  const at = (i: number, value: number) => `${axes.x(x[i])} ${axes.y(value)}`;
  const outline = [
    ...known.map((i) => at(i, high[i]!)),
    ...known.toReversed().map((i) => at(i, low[i]!)),
  ];
  return [`<path d="M${outline.join("L")}Z" fill="#bbb" fill-opacity="0.45"/>`];
}

function lineOf(series: ChartSeries, axes: Axes): string[] {
  const { x, y, points = false, dashed = false } = series;
  const color = colorOf(series);
  let isOpen = false;
  const path = y.map((value, i) => {
    const step = value === null ? "" : `${isOpen ? "L" : "M"}${axes.x(x[i])} ${axes.y(value)}`;
    isOpen = value !== null;
    return step;
  }).join("");
  const dots = !points ? [] : y.flatMap((value, i) =>
    value === null ? [] : [
      `<circle cx="${axes.x(x[i])}" cy="${
        axes.y(value)
      }" r="3" stroke="${color}" fill="${color}"/>`,
    ]
  );
  const broken = dashed ? ' stroke-dasharray="5 4"' : "";
  return [`<path d="${path}" fill="none" stroke="${color}" stroke-width="1.5"${broken}/>`, ...dots];
}
