/** A measured curve as files: CSV for programs, SVG for people. */

import { formatNumber } from "../numbers/format.ts";
import type { Curve, CurvePoint } from "./curve.ts";

const COLUMNS = ["requested", "command", "mean", "std", "n", "low95", "high95", "seen"] as const;

/** Writes a curve as CSV with a heading; `low95` and `high95` bound the mean's 95 % interval. */
export function curveToCsv({ points }: Curve): string {
  const rows = points.map(({ ci95: [low95, high95], ...point }) => {
    const cells = { ...point, low95, high95, seen: Number(point.seen) };
    return COLUMNS.map((column) => cells[column]).join(",");
  });
  return [COLUMNS.join(","), ...rows].join("\n") + "\n";
}

const WIDTH = 640;
const HEIGHT = 480;
const MARGIN = { left: 70, right: 20, top: 50, bottom: 55 };
const TICKS = 5;

/** For readers of dark pages; what stands in the elements is for the others. */
const DARK = `@media (prefers-color-scheme: dark) {
  rect, circle[fill=white] { fill: #10151c } text { fill: #e6ebf1 } path { stroke: #2c3744 }
  path[stroke="#999"] { stroke: #9aa8b7 }
  path[stroke="#1f77b4"], circle { stroke: #6aa5ff } circle[fill="#1f77b4"] { fill: #6aa5ff }
}`;

/** Draws requested against achieved returns, the diagonal of a perfect generator beside them. */
export function curveToSvg(curve: Curve): string {
  const { points, env, mae, spearman, coverage } = curve;
  const finite = points.flatMap(({ requested, mean, std }) => [requested, mean - std, mean + std]);
  const [low, high] = widen(Math.min(...finite), Math.max(...finite));
  const x = (value: number) =>
    round(MARGIN.left + (value - low) / (high - low) * (WIDTH - MARGIN.left - MARGIN.right));
  const y = (value: number) =>
    round(
      HEIGHT - MARGIN.bottom - (value - low) / (high - low) * (HEIGHT - MARGIN.top - MARGIN.bottom),
    );
  const ticks = ticksOf(low, high);
  const bottom = HEIGHT - MARGIN.bottom;
  const summary =
    `mean absolute error ${formatNumber(mae, 3)}, rank correlation ${formatNumber(spearman, 3)}, ` +
    `${formatNumber(100 * coverage, 3)} % within a tenth of the range`;
  const title = escapeXml(`${env}: requested and achieved returns`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>${title}</title>`,
    `<desc>${escapeXml(`${points.length} requests; ${summary}`)}</desc>`,
    `<style>${DARK}</style>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${MARGIN.left}" y="20" font-size="15">${title}</text>`,
    `<text x="${MARGIN.left}" y="38" fill="#555">${escapeXml(summary)}</text>`,
    ...ticks.flatMap((tick) => [
      `<path d="M${x(tick)} ${bottom}V${MARGIN.top}M${MARGIN.left} ${y(tick)}H${
        WIDTH - MARGIN.right
      }" stroke="#ddd"/>`,
      `<text x="${x(tick)}" y="${bottom + 18}" text-anchor="middle">${
        formatNumber(tick, 3)
      }</text>`,
      `<text x="${MARGIN.left - 8}" y="${y(tick) + 4}" text-anchor="end">${
        formatNumber(tick, 3)
      }</text>`,
    ]),
    `<path d="M${x(low)} ${y(low)}L${x(high)} ${y(high)}" stroke="#999" stroke-dasharray="4 4"/>`,
    ...points.map((point) => markOf(point, { x, y })),
    `<text x="${WIDTH / 2}" y="${HEIGHT - 12}" text-anchor="middle">requested return</text>`,
    `<text x="16" y="${HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 16 ${
      HEIGHT / 2
    })">achieved return, mean and deviation</text>`,
    "</svg>",
    "",
  ].join("\n");
}

interface Axes {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

/** A filled circle for a return that training has seen, an open one for a new return. */
function markOf({ requested, mean, std, seen }: CurvePoint, { x, y }: Axes): string {
  const fill = seen ? "#1f77b4" : "white";
  return `<path d="M${x(requested)} ${y(mean - std)}V${y(mean + std)}" stroke="#1f77b4"/>` +
    `<circle cx="${x(requested)}" cy="${y(mean)}" r="4" stroke="#1f77b4" fill="${fill}"/>`;
}

function widen(low: number, high: number): [number, number] {
  const room = low === high ? Math.max(1, Math.abs(low) * 0.1) : (high - low) * 0.05;
  return [low - room, high + room];
}

/** About five round numbers within the range. */
function ticksOf(low: number, high: number): number[] {
  const rough = (high - low) / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough)!;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
