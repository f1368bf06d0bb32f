/** The report of one run as a page. */

import { join } from "node:path";
import { flattenConfig, listOptions } from "../config.ts";
import { renderValue } from "../config_file.ts";
import { CONFIG_FILE_NAME } from "../run_folder.ts";
import { spearman } from "../statistics.ts";
import { band, type Chart, type ChartSeries, rangeOf } from "./chart.ts";
import { escapeHtml, quoteWord, renderTable } from "./html.ts";
import type { MeasuredPoint, RunData } from "./run_data.ts";
import type { TimesByPurpose } from "./run_times.ts";

/** The parts of a page that differ from run to run. */
export interface PageParts {
  readonly title: string;
  readonly body: string;
  readonly charts: readonly Chart[];
}

/** One chart with its words. */
export interface Figure {
  readonly title: string;
  readonly caption: string;
  /** Undefined when the run does not hold what it shows. */
  readonly chart: Chart | undefined;
  /** What stands in its place then. */
  readonly missing: string;
}

/** Lays a run out. */
export function renderRun(data: RunData, times: TimesByPurpose | undefined): PageParts {
  const { config, preset, folder, version } = data;
  const title = `${config.env}, seed ${config.seed}`;
  const figures = [learning(data), following(data), occupancy(data), losses(data)];
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

/** Writes a number for people: about four digits, thousands apart. */
export function brief(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 4 });
}

/** Writes a count with all its digits, thousands apart. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}

/** Writes a measured mean with its interval. */
export function describeMeasured({ mean, low, high, n }: MeasuredPoint): string {
  const interval = low === null || high === null ? "" : `${brief(low)} to ${brief(high)}, `;
  return `${brief(mean)} (${interval}${n} ${n === 1 ? "episode" : "episodes"})`;
}

function stateOf({ finalReturn, step, config: { steps } }: RunData): string {
  if (finalReturn) return "finished";
  return `${brief(100 * Math.min(1, step / steps))} % of ${count(steps)} steps`;
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
      last ? brief(last.mean) : "–",
      last
        ? describeMeasured(last).replace(/^\S+ /, "95 % of the mean: ").replace(/[()]/g, "")
        : "",
    ],
    ["Best training episode", data.bestReturn === undefined ? "–" : brief(data.bestReturn), ""],
    ["Steps", count(data.step), `of ${count(data.config.steps)}`],
    ["Episodes", count(data.episodeCount), ""],
    ["Updates", count(data.updateCount), ""],
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

function learning({ evaluations, episodes }: RunData): Figure {
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
  const yRange = rangeOf(evaluations.map(({ mean }) => mean), episodes.lows, episodes.highs);
  return {
    title: "Learning",
    caption: "Return of the best command, without noise, with the 95 % interval of its mean; " +
      "behind it the noisy episodes that were learnt from, mean and extremes.",
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

function following({ curves, config }: RunData): Figure {
  const hasReturns = curves.every(({ points }) =>
    points.every((point) => point.requested !== null)
  );
  const series = curves.map(({ step, isFinal, points }, i): ChartSeries => ({
    label: isFinal ? "after training" : `at ${count(step)} steps`,
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

function occupancy({ occupancy }: RunData): Figure {
  const most = occupancy ? Math.max(...occupancy.counts.flat()) : 0;
  return {
    title: "Stored policies",
    caption: `Where the buffer's policies lie; a darker field holds more, the darkest ${
      brief(most)
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

function losses({ losses: { steps, means, lows, highs } }: RunData): Figure {
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
    renderBars(steps, (value) => `${count(value)} steps`)
  }<p class="soft">Only the first two count towards the budget.</p></section>` +
    `<section class="card"><h2>Time by purpose</h2>${
      renderBars(seconds, (value) => `${brief(value)} s`)
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

function renderCommands({ folder, finalReturn, curves }: RunData): string {
  const run = quoteWord(folder);
  const lines = [
    [
      "Repeat it",
      `udrlpg train --config ${quoteWord(join(folder, CONFIG_FILE_NAME))} --out ${
        quoteWord(`${folder.replace(/\/+$/, "")}-again`)
      }`,
    ],
    ["Go on with it", `udrlpg train --resume --out ${run}`],
  ];
  if (finalReturn) {
    const means = curves.at(-1)?.points.map(({ mean }) => mean) ?? [];
    const [low, high] = rangeOf(means) ?? [finalReturn.mean, finalReturn.mean];
    const [third, two] = [1, 2].map((k) => Number((low + k * (high - low) / 3).toPrecision(2)));
    lines.push(
      ["Write a policy", `udrlpg generate --run ${run} --return ${two}`],
      [
        "Watch policies",
        `udrlpg play --run ${run} --returns=${third},${two},${
          Number(finalReturn.mean.toPrecision(3))
        }`,
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
