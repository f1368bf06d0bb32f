/** The report of one run as a page. */

import { join } from "node:path";
import { flattenConfig, listOptions } from "../config/config.ts";
import { renderValue } from "../config/config_file.ts";
import { CONFIG_FILE_NAME } from "../run/layout.ts";
import { type Chart, rangeOf } from "./chart.ts";
import { escapeHtml, renderTable } from "./html.ts";
import { formatGrouped, formatNumber } from "../numbers/format.ts";
import { ownLine, pathWord } from "../system/words.ts";
import type { MeasuredPoint, RunData } from "./run_data.ts";
import {
  fitFigure,
  followingFigure,
  learningFigure,
  lossesFigure,
  occupancyFigure,
  rawFigure,
  renderFigure,
} from "./run_figures.ts";
import type { TimesByPurpose } from "./run_times.ts";
import {
  describeUnknownObedience,
  PAID_PURPOSES,
  PURPOSES,
  resultOf,
  type RunResult,
} from "./run_result.ts";
import { TIME_PURPOSES, type TimePurpose } from "../run/pace.ts";
import { formatDuration } from "../system/clock.ts";

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
  const result = resultOf(data, times);
  const { config, preset, folder, version } = data;
  const title = `${config.env}, seed ${config.seed}`;
  const figures = [
    learningFigure(data),
    followingFigure(data),
    occupancyFigure(data),
    lossesFigure(data),
  ];
  const details = [...(data.asked.length > 0 ? [rawFigure(data)] : []), fitFigure(data)];
  const facts = [
    `preset ${preset}`,
    folder,
    ...(version === undefined ? [] : [`udrlpg ${version}`]),
    stateOf(data),
    ...(data.skippedLines > 0 ? [`${data.skippedLines} unreadable lines of metrics left out`] : []),
  ];
  return {
    title,
    charts: [...figures, ...details].flatMap(({ chart }) => chart ?? []),
    body: [
      `<h1>${escapeHtml(title)}</h1>`,
      `<p class="soft">${facts.map(escapeHtml).join(" · ")}</p>`,
      renderTiles(data, result),
      `<div class="charts">${figures.map(renderFigure).join("\n")}</div>`,
      `<details class="wide"><summary>Raw commands and the last fit</summary>` +
      `<div class="charts wide">${details.map(renderFigure).join("\n")}</div></details>`,
      renderSpent(result),
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

/** Says how far a run is. */
export function stateOf({ finalReturn, step, config: { steps } }: RunData): string {
  if (finalReturn) return "finished";
  return `${formatGrouped(100 * Math.min(1, step / steps))} % of ${formatGrouped(steps)} steps`;
}

/** What a reader looks for first: which returns may be asked for, how well they are met, what it cost. */
function renderTiles(
  { finalReturn, evaluations, ...data }: RunData,
  { reachable, obedience, steps }: RunResult,
): string {
  const last = finalReturn ?? evaluations.at(-1);
  const simulated = Object.values(steps).reduce((sum, value) => sum + value, 0);
  const tiles: [name: string, value: string, note: string][] = [];
  if (reachable) {
    tiles.push([
      "Ask for returns of",
      reachable.map(formatGrouped).join(" to "),
      "mean returns that commands were measured at",
    ]);
  }
  if (obedience) {
    const share = Number.isNaN(obedience.meanErrorShare)
      ? ""
      : `, ${formatNumber(100 * obedience.meanErrorShare, 2)} % of the range`;
    tiles.push([
      "It obeys to within",
      formatNumber(obedience.meanError, 3),
      `mean error over ${obedience.n} requests${share}; rank correlation ${
        formatNumber(obedience.spearman, 3)
      }`,
    ]);
  } else if (reachable && reachable[0] < reachable[1]) {
    tiles.push(["It obeys to within", "?", describeUnknownObedience(data.folder)]);
  }
  if (last) {
    tiles.push([
      finalReturn ? "Final return" : "Last evaluation",
      formatGrouped(last.mean),
      describeMeasured(last).replace(/^\S+ /, "95 % of the mean: ").replace(/[()]/g, ""),
    ]);
  }
  if (data.bestReturn !== undefined) {
    tiles.push(["Best training episode", formatGrouped(data.bestReturn), "a single noisy episode"]);
  }
  tiles.push(
    ["Steps of the budget", formatGrouped(data.step), `of ${formatGrouped(data.config.steps)}`],
    [
      "Steps in all",
      formatGrouped(Math.max(simulated, data.step)),
      `${formatGrouped(data.episodeCount)} training episodes, ${
        formatGrouped(data.updateCount)
      } updates`,
    ],
  );
  return `<div class="tiles">${
    tiles.map(([name, value, note]) =>
      `<div class="card"><span class="soft">${name}</span><b>${escapeHtml(value)}</b>` +
      `<span class="soft">${escapeHtml(note)}</span></div>`
    ).join("")
  }</div>`;
}

/** Steps and time by the same purposes, in the same order. */
function renderSpent({ steps, seconds = {} }: RunResult): string {
  const listed = <T>(amounts: Readonly<Partial<Record<TimePurpose, T>>>) =>
    TIME_PURPOSES.flatMap((purpose): [string, T][] => {
      const amount = amounts[purpose];
      return amount === undefined ? [] : [[PURPOSES[purpose], amount]];
    });
  const paid = PAID_PURPOSES.map((purpose) => PURPOSES[purpose]).join(" and ");
  return `<div class="charts wide"><section class="card"><h2>Steps by purpose</h2>${
    renderBars(listed(steps), (value) => `${formatGrouped(value)} steps`)
  }<p class="soft">The budget pays for ${paid}.</p></section>` +
    `<section class="card"><h2>Time by purpose</h2>${
      renderBars(listed(seconds), formatDuration)
    }<p class="soft">Updates and saving take no steps.</p></section></div>`;
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
    lines.map(([what, command]) =>
      `<p class="soft">${what}</p><div class="command"><pre tabindex="0">${
        escapeHtml(command)
      }</pre>` +
      `<button type="button" class="copy">Copy</button></div>`
    )
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
