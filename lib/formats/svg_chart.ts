/**
 * Charts as SVG files for documents: axes with round numbers, title and description inside, and the
 * colours of a dark page where the reader has one. What is drawn between the axes is the caller's.
 */

import { formatNumber } from "../numbers/format.ts";

const WIDTH = 640;
const HEIGHT = 480;
const MARGIN = { left: 70, right: 20, top: 50, bottom: 55 };
const TICKS = 5;

/** For readers of dark pages; what stands in the elements is for the others. */
const DARK = `@media (prefers-color-scheme: dark) {
  rect, circle[fill=white] { fill: #10151c } text { fill: #e6ebf1 } path { stroke: #2c3744 }
  path[stroke="#999"] { stroke: #9aa8b7 } path[fill="#bbb"] { fill: #3a4656; stroke: none }
  path[stroke="#1f77b4"], circle { stroke: #6aa5ff } circle[fill="#1f77b4"] { fill: #6aa5ff }
  path[stroke="#d9580d"], circle[stroke="#d9580d"] { stroke: #ff9a52 }
  circle[fill="#d9580d"] { fill: #ff9a52 }
}`;

/** The same for pictures of pixels; "text" is the colour of words that name none. */
export const DARK_COLORS: Readonly<Record<string, string>> = {
  white: "#10151c",
  text: "#e6ebf1",
  "#555": "#e6ebf1",
  "#ddd": "#2c3744",
  "#999": "#9aa8b7",
  "#bbb": "#3a4656",
  "#1f77b4": "#6aa5ff",
  "#d9580d": "#ff9a52",
};

/** Where numbers lie in the picture, in pixels. */
export interface Axes {
  /** From left to right. */
  readonly x: (value: number) => number;
  /** From the bottom to the top. */
  readonly y: (value: number) => number;
}

/** What a chart shows; all texts are plain. */
export interface SvgChart {
  /** Stands over it. */
  readonly title: string;
  /** Stands below the title. */
  readonly summary: string;
  /** For those who do not see it. */
  readonly description: string;
  /** Below the chart. */
  readonly xLabel: string;
  /** Beside it. */
  readonly yLabel: string;
  /** Smallest and largest number from left to right. */
  readonly xRange: readonly [low: number, high: number];
  /** Smallest and largest number from the bottom to the top. */
  readonly yRange: readonly [low: number, high: number];
  /** Draws the rest: elements in the order in which they are painted. */
  readonly marks: (axes: Axes) => readonly string[];
}

/** Writes a chart as an SVG document. */
export function renderSvgChart(
  { title, summary, description, xLabel, yLabel, xRange, yRange, marks }: SvgChart,
): string {
  const [left, right] = [MARGIN.left, WIDTH - MARGIN.right];
  const [top, bottom] = [MARGIN.top, HEIGHT - MARGIN.bottom];
  const along =
    ([low, high]: readonly [number, number], from: number, to: number) => (value: number) =>
      round(from + (value - low) / (high - low) * (to - from));
  const axes = { x: along(xRange, left, right), y: along(yRange, bottom, top) };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<desc>${escapeXml(description)}</desc>`,
    `<style>${DARK}</style>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${left}" y="20" font-size="15">${escapeXml(title)}</text>`,
    `<text x="${left}" y="38" fill="#555">${escapeXml(summary)}</text>`,
    ...ticksOf(...xRange).flatMap((tick) => [
      `<path d="M${axes.x(tick)} ${bottom}V${top}" stroke="#ddd"/>`,
      `<text x="${axes.x(tick)}" y="${bottom + 18}" text-anchor="middle">${labelOf(tick)}</text>`,
    ]),
    ...ticksOf(...yRange).flatMap((tick) => [
      `<path d="M${left} ${axes.y(tick)}H${right}" stroke="#ddd"/>`,
      `<text x="${left - 8}" y="${axes.y(tick) + 4}" text-anchor="end">${labelOf(tick)}</text>`,
    ]),
    ...marks(axes),
    `<text x="${WIDTH / 2}" y="${HEIGHT - 12}" text-anchor="middle">${escapeXml(xLabel)}</text>`,
    `<text x="16" y="${HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 16 ${HEIGHT / 2})">${
      escapeXml(yLabel)
    }</text>`,
    "</svg>",
    "",
  ].join("\n");
}

/** Widens a range by a twentieth on either side, one without width by a tenth of its place. */
export function widen(low: number, high: number): [low: number, high: number] {
  const room = low === high ? Math.max(1, Math.abs(low) * 0.1) : (high - low) * 0.05;
  return [low - room, high + room];
}

/** Rounds to a tenth of a pixel. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Escapes text between tags. */
export function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Gives text that `escapeXml` has escaped back. */
export function unescapeXml(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

function labelOf(tick: number): string {
  return formatNumber(tick, 3);
}

/** About five round numbers within the range. */
function ticksOf(low: number, high: number): number[] {
  const rough = (high - low) / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough)!;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}
