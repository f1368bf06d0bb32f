/** A measured curve as files: CSV for programs, SVG for people. */

import { type Axes, renderSvgChart, widen } from "../formats/svg_chart.ts";
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

/** Draws requested against achieved returns, the diagonal of a perfect generator beside them. */
export function curveToSvg({ points, env, mae, spearman, coverage }: Curve): string {
  const finite = points.flatMap(({ requested, mean, std }) => [requested, mean - std, mean + std]);
  const [low, high] = widen(Math.min(...finite), Math.max(...finite));
  const summary =
    `mean absolute error ${formatNumber(mae, 3)}, rank correlation ${formatNumber(spearman, 3)}, ` +
    `${formatNumber(100 * coverage, 3)} % within a tenth of the range`;
  return renderSvgChart({
    title: `${env}: requested and achieved returns`,
    summary,
    description: `${points.length} requests; ${summary}`,
    xLabel: "requested return",
    yLabel: "achieved return, mean and deviation",
    xRange: [low, high],
    yRange: [low, high],
    marks: ({ x, y }) => [
      `<path d="M${x(low)} ${y(low)}L${x(high)} ${y(high)}" stroke="#999" stroke-dasharray="4 4"/>`,
      ...points.map((point) => markOf(point, { x, y })),
    ],
  });
}

/** A filled circle for a return that training has seen, an open one for a new return. */
function markOf({ requested, mean, std, seen }: CurvePoint, { x, y }: Axes): string {
  const fill = seen ? "#1f77b4" : "white";
  return `<path d="M${x(requested)} ${y(mean - std)}V${y(mean + std)}" stroke="#1f77b4"/>` +
    `<circle cx="${x(requested)}" cy="${y(mean)}" r="4" stroke="#1f77b4" fill="${fill}"/>`;
}
