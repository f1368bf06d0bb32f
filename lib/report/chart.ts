/**
 * Charts as numbers: what charts.js, in the page, gives to uPlot to draw.
 *
 * uPlot 1.6.32 draws in the browser from the numbers in the page, so a report costs a training run no
 * drawing: a page is 52 KB of library and the numbers. Measured before it was chosen, on two busy cores:
 * Vega 6.4 with Vega-Lite 6.5, which writes SVG without a browser, takes 0.4 to 0.6 s to load, 0.35 s for
 * its first chart, 0.07 to 0.14 s for each further one, and 25 MB of packages.
 */

/** One line of a chart, with a band around it if it has bounds. Null is a gap. */
export interface ChartSeries {
  /** Plain text. */
  readonly label: string;
  /** Rising. */
  readonly x: readonly number[];
  /** As long as `x`. */
  readonly y: readonly (number | null)[];
  /** Bounds of the band, as long as `x`. */
  readonly low?: readonly (number | null)[];
  /** Bounds of the band, as long as `x`. */
  readonly high?: readonly (number | null)[];
  /** Number of the colour, from 0. */
  readonly color: number;
  /** How strong the colour is, 0 to 1; 1 when absent. */
  readonly strength?: number;
  /** Marks every point. */
  readonly points?: boolean;
  /** A broken line. */
  readonly dashed?: boolean;
  /** Points alone, with bars between their bounds in place of a band. */
  readonly whiskers?: boolean;
  /** Points that are not filled. */
  readonly hollow?: boolean;
}

/** A chart of lines. */
export interface LineChart {
  /** Which of the charts this is. */
  readonly kind: "lines";
  /** Id of the element that it is drawn into. */
  readonly id: string;
  /** Plain text below the chart. */
  readonly xLabel: string;
  /** Plain text beside the chart. */
  readonly yLabel: string;
  /** Logarithmic y axis; values that are not positive are left out. */
  readonly isLog?: boolean;
  /** Smallest and largest y to show: bands may reach further. */
  readonly yRange?: readonly [number, number];
  /** Draws the line y = x. */
  readonly hasDiagonal?: boolean;
  /** Upright lines with their labels, by rising place. */
  readonly marks?: readonly { readonly x: number; readonly label: string }[];
  /** Painted in this order. */
  readonly series: readonly ChartSeries[];
}

/** A chart of counts by time and value. */
export interface HeatChart {
  /** Which of the charts this is. */
  readonly kind: "heat";
  /** Id of the element that it is drawn into. */
  readonly id: string;
  /** Plain text below the chart. */
  readonly xLabel: string;
  /** Plain text beside the chart. */
  readonly yLabel: string;
  /** Right edges of the columns, rising. */
  readonly steps: readonly number[];
  /** One list per column; bin j spans low + j * width to low + (j + 1) * width. */
  readonly counts: readonly (readonly number[])[];
  /** Value at the lower edge of the first bin. */
  readonly low: number;
  /** Height of a bin. */
  readonly width: number;
}

/** Any chart. */
export type Chart = LineChart | HeatChart;

/** Gives the smallest range that holds the numbers; undefined when there are none. */
export function rangeOf(
  ...lists: readonly (readonly (number | null)[])[]
): [number, number] | undefined {
  let [low, high] = [Infinity, -Infinity];
  for (const list of lists) {
    for (const value of list) {
      if (value === null) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return low <= high ? [low, high] : undefined;
}

/** Leaves bounds out where there are none, so that series without a band stay short. */
export function band(
  points: readonly { readonly low: number | null; readonly high: number | null }[],
): Pick<ChartSeries, "low" | "high"> {
  if (points.every(({ low }) => low === null)) return {};
  return { low: points.map(({ low }) => low), high: points.map(({ high }) => high) };
}
