/** The report of one run as a page. */

import { join } from "node:path";
import { flattenConfig, listOptions } from "../config/config.ts";
import { renderValue } from "../config/config_file.ts";
import { CONFIG_FILE_NAME } from "../run/layout.ts";
import { spearman } from "../numbers/statistics.ts";
import { type Chart, rangeOf } from "./chart.ts";
import { escapeHtml, renderTable } from "./html.ts";
import { formatGrouped, formatNumber } from "../numbers/format.ts";
import { ownLine, pathWord } from "../system/words.ts";
import type { MeasuredPoint, RunData } from "./run_data.ts";
import {
  followingFigure,
  learningFigure,
  lossesFigure,
  occupancyFigure,
  renderFigure,
} from "./run_figures.ts";
import type { TimesByPurpose } from "./run_times.ts";

/** The parts of a page that differ from run to run. */
export interface PageParts {
  /** Plain text. */
  readonly title: string;
  /** Markup whose texts are escaped. */
  readonly body: string;
  /** What the page draws. */
  readonly charts: readonly Chart[];
}

/** Lays a run out. */
export function renderRun(data: RunData, times: TimesByPurpose | undefined): PageParts {
  const { config, preset, folder, version } = data;
  const title = `${config.env}, seed ${config.seed}`;
  const figures = [
    learningFigure(data),
    followingFigure(data),
    occupancyFigure(data),
    lossesFigure(data),
  ];
  const facts = [
    `preset ${preset}`,
    folder,
    ...(version === undefined ? [] : [`udrlpg ${version}`]),
    stateOf(data),
    ...(data.skippedLines > 0 ? [`${data.skippedLines} unreadable lines of metrics left out`] : []),
  ];
  return {
    title,
    charts: figures.flatMap(({ chart }) => chart ?? []),
    body: [
      `<h1>${escapeHtml(title)}</h1>`,
      `<p class="soft">${facts.map(escapeHtml).join(" · ")}</p>`,
      renderTiles(data),
      `<div class="charts">${figures.map(renderFigure).join("\n")}</div>`,
      renderSpent(data, times),
      renderCommands(data),
      renderConfiguration(data),
    ].join("\n"),
  };
}

/** Writes a measured mean with its interval. */
export function describeMeasured({ mean, low, high, n }: MeasuredPoint): string {
  const interval = low === null || high === null
    ? ""
    : `${formatGrouped(low)} to ${formatGrouped(high)}, `;
  return `${formatGrouped(mean)} (${interval}${n} ${n === 1 ? "episode" : "episodes"})`;
}

function stateOf({ finalReturn, step, config: { steps } }: RunData): string {
  if (finalReturn) return "finished";
  return `${formatGrouped(100 * Math.min(1, step / steps))} % of ${formatGrouped(steps)} steps`;
}

function renderTiles({ finalReturn, evaluations, ...data }: RunData): string {
  const last = finalReturn ?? evaluations.at(-1);
  const curve = data.curves.at(-1)?.points ?? [];
  const rank = curve.length < 2
    ? NaN
    : spearman(curve.map(({ command }) => command), curve.map(({ mean }) => mean));
  const tiles: [string, string, string][] = [
    [
      finalReturn ? "Final return" : "Last evaluation",
      last ? formatGrouped(last.mean) : "–",
      last
        ? describeMeasured(last).replace(/^\S+ /, "95 % of the mean: ").replace(/[()]/g, "")
        : "",
    ],
    [
      "Best training episode",
      data.bestReturn === undefined ? "–" : formatGrouped(data.bestReturn),
      "",
    ],
    ["Steps", formatGrouped(data.step), `of ${formatGrouped(data.config.steps)}`],
    ["Episodes", formatGrouped(data.episodeCount), ""],
    ["Updates", formatGrouped(data.updateCount), ""],
    [
      "Asked and achieved",
      Number.isFinite(rank) ? rank.toFixed(2) : "–",
      "rank correlation over the last curve",
    ],
  ];
  return `<div class="tiles">${
    tiles.map(([name, value, note]) =>
      `<div class="card"><span class="soft">${name}</span><b>${escapeHtml(value)}</b>` +
      `<span class="soft">${escapeHtml(note)}</span></div>`
    ).join("")
  }</div>`;
}

const ACCOUNTS: Readonly<Record<string, string>> = {
  training: "training episodes",
  noiseFree: "noise-free episodes that were learnt from",
  calibration: "calibration",
  evaluation: "reported evaluations",
};

function renderSpent({ simulated }: RunData, times: TimesByPurpose | undefined): string {
  const steps = Object.entries(simulated).map(([name, value]): [string, number] => [
    Object.hasOwn(ACCOUNTS, name) ? ACCOUNTS[name] : name,
    value,
  ]);
  const seconds = Object.entries(times ?? {}).sort((a, b) => b[1] - a[1]);
  return `<div class="charts wide"><section class="card"><h2>Steps by purpose</h2>${
    renderBars(steps, (value) => `${formatGrouped(value)} steps`)
  }<p class="soft">Only the first two count towards the budget.</p></section>` +
    `<section class="card"><h2>Time by purpose</h2>${
      renderBars(seconds, (value) => `${formatGrouped(value)} s`)
    }<p class="soft">Between the events that the run recorded.</p></section></div>`;
}

function renderBars(
  entries: readonly (readonly [string, number])[],
  show: (value: number) => string,
): string {
  const most = Math.max(...entries.map(([, value]) => value));
  if (!(most > 0)) return '<p class="soft">Nothing was recorded yet.</p>';
  return `<div class="bars">${
    entries.map(([name, value]) =>
      `<span>${escapeHtml(name)}</span><i style="width:${(100 * value / most).toFixed(1)}%"></i>` +
      `<span class="value">${show(value)}</span>`
    ).join("")
  }</div>`;
}

function renderCommands({ folder: path, finalReturn, curves }: RunData): string {
  const folder = pathWord(path);
  const lines = [
    [
      "Repeat it",
      ownLine(
        "train",
        "--config",
        join(folder, CONFIG_FILE_NAME),
        "--out",
        `${folder.replace(/\/+$/, "")}-again`,
      ),
    ],
    ["Go on with it", ownLine("train", "--resume", "--out", folder)],
  ];
  if (finalReturn) {
    const means = curves.at(-1)?.points.map(({ mean }) => mean) ?? [];
    const [low, high] = rangeOf(means) ?? [finalReturn.mean, finalReturn.mean];
    const best = Number(finalReturn.mean.toPrecision(3));
    const [third, two] = [1, 2].map((k) => Number((low + k * (high - low) / 3).toPrecision(2)));
    const wanted = [...new Set([third, two, best])].sort((a, b) => a - b);
    lines.push(
      ["Write a policy", ownLine("generate", "--run", folder, "--return", formatNumber(two))],
      [
        "Watch policies",
        ownLine(
          "play",
          "--run",
          folder,
          `--returns=${wanted.map((value) => formatNumber(value)).join(",")}`,
        ),
      ],
    );
  }
  return `<section class="card wide"><h2>Commands</h2>${
    lines.map(([what, command]) => `<p class="soft">${what}</p><pre>${escapeHtml(command)}</pre>`)
      .join("")
  }</section>`;
}

function renderConfiguration({ config }: RunData): string {
  const values = flattenConfig(config);
  const rows = listOptions().map(({ name, rule }) => {
    const value = renderValue(values.get(name));
    return [name, value, value === renderValue(rule.default) ? "" : "changed", rule.doc];
  });
  return `<details class="card wide"><summary>Configuration</summary>${
    renderTable([["option", "value", "", "meaning"], ...rows])
  }</details>`;
}
