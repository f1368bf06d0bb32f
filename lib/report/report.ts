/** Reports as files: of one run, and of many side by side. */

import { dirname, join, relative, resolve, sep } from "node:path";
import { REPORT_FILE_NAME } from "../run/layout.ts";
import { FileError } from "../system/errors.ts";
import { childPath, isThere, writeFileAtomic } from "../system/files.ts";
import { loadReportAssets } from "./assets.ts";
import { svgChartToPng } from "../formats/svg_picture.ts";
import { groupRuns, type RepeatedRun } from "./across_runs.ts";
import { type ComparedGroup, compareGroup } from "./compare.ts";
import { renderComparison } from "./compare_page.ts";
import { renderPage } from "./html.ts";
import { lineChartToSvg } from "./line_chart_svg.ts";
import { readRunData, type RunData } from "./run_data.ts";
import { type PageParts, renderRun } from "./run_page.ts";
import { learningFigure } from "./run_figures.ts";
import { timesOf } from "./run_times.ts";

/** How a report is written. */
export interface ReportOptions {
  /** File to write; report.html when absent. */
  readonly out?: string;
  /** Folder of a comparison's report.html; the current one when absent. */
  readonly home?: string;
  /** Lets an open page of a run that goes on load itself again after so many seconds. */
  readonly reloadSeconds?: number;
}

/**
 * Writes RUN/report.html, or the file that the user named, anew from what the run's folder holds now.
 * @returns what the page shows.
 * @throws {FileError} when the folder holds no run or the page cannot be written.
 */
export async function writeReport(
  folder: string,
  { out, reloadSeconds }: ReportOptions = {},
): Promise<RunData> {
  const data = readRunData(folder);
  const page = renderRun(data, timesOf(folder));
  await writePage(out ?? childPath(folder, REPORT_FILE_NAME), page, {
    followLinks: out !== undefined,
    ...(reloadSeconds === undefined || data.isFinished ? {} : { reloadSeconds }),
  });
  return data;
}

/**
 * Writes the learning curve of a run as an SVG file, or as a PNG file where the name ends so: in the colours of a dark
 * page where it ends in .dark.png.
 * @returns what the run's folder holds.
 * @throws {FileError} when it holds no run or no episode, or the file cannot be written.
 */
export function writeLearningCurve(folder: string, out: string): RunData {
  const data = readRunData(folder);
  const { chart, caption, missing } = learningFigure(data);
  if (chart?.kind !== "lines") {
    throw new FileError(
      `Cannot draw run ${JSON.stringify(folder)}: ${missing.toLowerCase().replace(/\.$/, "")}`,
    );
  }
  const { env, seed } = data.config;
  const words = { title: `${env}, seed ${seed}: learning`, description: caption };
  const svg = lineChartToSvg(chart, words);
  const isDark = out.toLowerCase().endsWith(".dark.png");
  const picture = out.toLowerCase().endsWith(".png") ? svgChartToPng(svg, { isDark }) : svg;
  writeFileAtomic(out, picture, { kind: "report", followLinks: true });
  return data;
}

/**
 * Writes a page that compares runs and leads to their own: report.html, or the file that the user named.
 * @returns the groups that the page shows, and the runs that it leaves out.
 * @throws {FileError} when a folder holds no run or the page cannot be written.
 */
export async function writeComparison(
  folders: readonly string[],
  { out, home = ".", reloadSeconds }: ReportOptions = {},
): Promise<{ groups: readonly ComparedGroup[]; repeated: readonly RepeatedRun[] }> {
  const { groups, repeated } = groupRuns(folders.map(readRunData));
  const compared = groups.map(compareGroup);
  const isOver = groups.every(({ runs }) => runs.every(({ isFinished }) => isFinished));
  const path = out ?? join(home, REPORT_FILE_NAME);
  const page = renderComparison(compared, {
    repeated,
    reportOf: (folder) => pathFrom(path, childPath(folder, REPORT_FILE_NAME)),
  });
  await writePage(path, page, {
    followLinks: out !== undefined,
    ...(reloadSeconds === undefined || isOver ? {} : { reloadSeconds }),
  });
  return { groups: compared, repeated };
}

/** The way from a page to a file, with slashes; undefined where the file is not there. */
function pathFrom(page: string, file: string): string | undefined {
  if (!isThere(file)) return undefined;
  return relative(dirname(resolve(page)), resolve(file)).replaceAll(sep, "/");
}

/** Writes a page of charts. @throws {FileError} when it cannot be written. */
export async function writePage(
  path: string,
  { title, body, charts }: PageParts,
  { followLinks, ...reload }: { followLinks: boolean; reloadSeconds?: number },
): Promise<void> {
  const assets = await loadReportAssets();
  const page = renderPage({
    title: `${title} · udrlpg`,
    body,
    data: { charts },
    ...assets,
    ...reload,
  });
  writeFileAtomic(path, page, { kind: "report", followLinks });
}
