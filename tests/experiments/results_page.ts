/**
 * Renders what the experiments have recorded: the page RESULTS.md, and the table of the README. Both are
 * functions of the records alone, laid out as `deno fmt` wants them.
 */

import { formatNumber } from "../../lib/numbers/format.ts";
import { summarise } from "../../lib/numbers/statistics.ts";
import { improvementOver, middleOf } from "../../lib/report/across_runs.ts";
import type { RunRecord } from "./records.ts";
import { TABLES } from "./tables.ts";

const HEAD = `# Results

\`deno task experiments\` writes this page from \`results.jsonl\`, where every run that it has measured
is a line. Neither is changed by hand. \`deno task experiments TABLE\` measures what is missing there,
and \`deno task experiments TABLE ENV --steps N --seeds S\` one row or run; \`--again\` measures what
another commit has measured. The published method and its rivals are drawn as well, from the same
lines: \`runs/paper-ENV-STEPS.html\`.

A run trains with the default preset, those of the published method with \`paper\`. Every figure is
from fresh episodes without noise:

- **Final return**: the policy handed out for the highest request, 20 episodes; over seeds, the mean
  and deviation of these means.
- **Best episode**: the highest return of a single training episode, noise and luck included.
- **Requests**: 21, evenly from the mean return of the run's first ten, random, policies to 97 % of
  the way from there to the final return. The policy of each is measured in 20 episodes, or as many
  as 20,000 steps hold. Errors are shares of that range, and a request is met within 5 % of it.
- **Policies met**: of 20 random requests, how many \`generate --tolerance\` answered with a policy
  that keeps to 5 % of the range when it is measured again. Only up to 100,000 steps: searches take
  longer than training beyond.
- **Steps**: all that the run simulated, its own measurements included, as a multiple of the budget.
- **Time**: of the training alone, on a machine that may have been busy with more.
`;

const TITLES: Readonly<Record<string, string>> = {
  returns: "Returns",
  ablation: "Ablation",
  paper: "The published method and its rivals",
  "zero-shot": "Returns that no update saw",
};

/** Runs that differ in their seed only. */
type Group = readonly RunRecord[];

/** Renders RESULTS.md. */
export function renderResults(records: readonly RunRecord[]): string {
  const sections = Object.keys(TABLES).flatMap((table) => {
    const runs = records.filter((record) => record.table === table);
    return runs.length === 0 ? [] : [renderSection(table, runs)];
  });
  return [HEAD, ...sections].join("\n");
}

/** Fewer seeds say little: such rows are in RESULTS.md alone. */
const FEWEST_SEEDS = 3;

/** Renders the README's table: the rows of `returns` that have seeds enough. */
export function renderReadmeTable(records: readonly RunRecord[]): string {
  const groups = groupBySeed(records.filter(({ table }) => table === "returns"));
  return renderGroups(groups.filter(({ length }) => length >= FEWEST_SEEDS));
}

/** Puts a text between the README's marks. */
export function replaceMarked(readme: string, text: string): string {
  const marked = /(<!-- results[^]*?-->\n)[^]*?(<!-- end of results -->)/;
  if (!marked.test(readme)) {
    throw new Error("Cannot write results: README.md must have their marks, got none");
  }
  return readme.replace(marked, (_all, start, end) => `${start}\n${text}\n${end}`);
}

function renderSection(table: string, records: readonly RunRecord[]): string {
  const groups = groupBySeed(records);
  const hasBands = records.some(({ band, obeys }) => band && obeys);
  const bands = hasBands ? [renderBands(groups.flat())] : [];
  return [
    `## ${TITLES[table]}`,
    "",
    `\`deno task experiments ${table}\``,
    "",
    renderGroups(groups),
    ...(table === "paper" ? [RIVALS_HEAD, renderRivals(groups)] : []),
    ...bands,
    "Every run:",
    "",
    renderRuns(groups.flat()),
  ].join("\n");
}

/** Groups runs that differ in their seed only; groups in the order of the tables, then by name. */
function groupBySeed(records: readonly RunRecord[]): Group[] {
  const groups = new Map<string, RunRecord[]>();
  for (const record of records) {
    const name = nameOf(record);
    groups.set(name, [...groups.get(name) ?? [], record]);
  }
  const known = Object.values(TABLES).flat().map(nameOf);
  const rank = (name: string) => known.includes(name) ? known.indexOf(name) : known.length;
  const variants: readonly (string | undefined)[] = TABLES.paper.map(({ variant }) => variant);
  const place = ([{ variant }]: Group) => variants.indexOf(variant);
  return [...groups]
    .sort(([a, one], [b, other]) =>
      rank(a) - rank(b) || place(one) - place(other) || (a < b ? -1 : 1)
    )
    .map(([, group]) => group.sort((a, b) => a.seed - b.seed));
}

function nameOf({ env, steps, variant }: Pick<RunRecord, "env" | "steps" | "variant">): string {
  return `${env}, ${steps.toLocaleString("en")} steps${
    variant === undefined ? "" : `, ${variant}`
  }`;
}

function renderGroups(groups: readonly Group[]): string {
  const header = [
    "runs",
    "seeds",
    "final return by seed",
    "final return",
    "rank correlation",
    "mean error",
    "requests met",
    "policies met of 20",
    "steps",
  ];
  return renderTable(header, groups.map(groupCells));
}

function groupCells(group: Group): string[] {
  const finals = group.map(({ final }) => final.mean);
  const { mean, std } = summarise(finals);
  const obeying = group.flatMap(({ obeys }) => obeys ?? []);
  const average = (values: readonly number[], write: (value: number) => string) =>
    values.length < group.length ? "-" : write(summarise(values).mean);
  return [
    nameOf(group[0]),
    group.map(({ seed }) => seed).join(" "),
    finals.map(writeReturn).join(" "),
    group.length === 1 ? writeReturn(mean) : `${writeReturn(mean)} +- ${writeReturn(std)}`,
    average(obeying.flatMap(({ spearman }) => spearman ?? []), writeCorrelation),
    average(obeying.map(({ meanError }) => meanError), writeShare),
    average(obeying.map(({ met }) => met), writeShare),
    obeying.some(({ generated }) => generated)
      ? group.map(({ obeys }) => obeys?.generated?.met ?? "-").join(" ")
      : "-",
    formatNumber(summarise(group.map(spentShare)).mean, 3),
  ];
}

function renderRuns(records: readonly RunRecord[]): string {
  const header = [
    "run",
    "seed",
    "final return",
    "best episode",
    "rank correlation",
    "mean error",
    "requests met",
    "policies met",
    "steps",
    "time",
    "cores",
    "date",
    "commit",
  ];
  return renderTable(header, records.map(runCells));
}

function runCells(record: RunRecord): string[] {
  const { final, best, obeys, wallSeconds } = record;
  const { spearman, generated } = obeys ?? {};
  return [
    nameOf(record),
    `${record.seed}`,
    `${writeReturn(final.mean)} +- ${writeReturn(final.std)}`,
    writeReturn(best),
    spearman === undefined ? "-" : writeCorrelation(spearman),
    obeys ? writeShare(obeys.meanError) : "-",
    obeys ? writeShare(obeys.met) : "-",
    generated ? `${generated.met} of ${generated.of}` : "-",
    formatNumber(spentShare(record), 3),
    wallSeconds === undefined ? "interrupted" : `${formatNumber(wallSeconds, 2)} s`,
    `${record.cores}`,
    record.date,
    record.commit,
  ];
}

const RIVALS_HEAD =
  "Interquartile means of the final returns, and the probability that a run returns more than one of\n" +
  "the first row in the same environment and budget, ties counting half; 95 % intervals of 2,000\n" +
  "bootstraps over seeds, where there are at least five.\n";

function renderRivals(groups: readonly Group[]): string {
  const finals = (group: Group) => group.map(({ final }) => final.mean);
  const withInterval = ({ value, interval }: ReturnType<typeof middleOf>) =>
    interval === null
      ? writeReturn(value)
      : `${writeReturn(value)} (${writeReturn(interval[0])} to ${writeReturn(interval[1])})`;
  const rows = groups.map((group) => {
    const first = groups.find(([{ env, steps }]) =>
      env === group[0].env && steps === group[0].steps
    )!;
    return [
      nameOf(group[0]),
      `${group.length}`,
      withInterval(middleOf(finals(group))),
      group === first ? "-" : withInterval(improvementOver(finals(group), finals(first))),
    ];
  });
  return renderTable(["runs", "seeds", "interquartile mean", "better than the first"], rows);
}

/** What requests inside a band that no update saw lead to. */
function renderBands(records: readonly RunRecord[]): string {
  const rows = records.flatMap((record) => {
    const { band, obeys } = record;
    if (band === undefined || obeys === undefined) return [];
    const isInside = ([requested]: readonly number[]) =>
      requested > band.low && requested <= band.high;
    const miss = ([requested, mean]: readonly number[]) =>
      Math.abs(mean - requested) / (obeys.to - obeys.from);
    const inside = obeys.points.filter(isInside);
    const outside = obeys.points.filter((point) => !isInside(point));
    const error = (points: typeof inside) =>
      points.length === 0 ? "-" : writeShare(summarise(points.map(miss)).mean);
    return [[
      `${record.seed}`,
      `${writeReturn(band.low)} to ${writeReturn(band.high)}`,
      inside.map(([requested, mean]) => `${writeReturn(requested)} -> ${writeReturn(mean)}`)
        .join(", "),
      error(inside),
      error(outside),
    ]];
  });
  const header = [
    "seed",
    "band",
    "inside it: requested -> achieved",
    "mean error inside",
    "mean error outside",
  ];
  return renderTable(header, rows);
}

/** Steps that a run simulated, as a multiple of its budget. */
function spentShare({ simulatedSteps, steps }: RunRecord): number {
  return simulatedSteps / steps;
}

/** Three digits tell policies apart; more are luck. */
function writeReturn(value: number): string {
  return formatNumber(value, 3);
}

function writeShare(value: number): string {
  return `${formatNumber(100 * value, 3)} %`;
}

function writeCorrelation(value: number): string {
  return formatNumber(value, 3);
}

/** A Markdown table whose columns are as wide as their widest cell. */
function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((cell, i) =>
    Math.max(3, cell.length, ...rows.map((row) => row[i].length))
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |\n`;
  return [header, widths.map((width) => "-".repeat(width)), ...rows].map(line).join("");
}
