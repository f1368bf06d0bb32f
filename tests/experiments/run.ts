/**
 * `deno task experiments`: measures the runs of a table and writes the results, RESULTS.md and pages in runs/.
 *
 *     deno task experiments                                          write RESULTS.md from results.jsonl
 *     deno task experiments TABLE [NAME...] [--seeds 11,12] [--steps N] [--again] [--out FOLDER]
 *
 * TABLE is one of tables.ts; a NAME, an environment or a variant, chooses rows. A run that is recorded is
 * not measured again, with --again not if this commit recorded it, and a run that was interrupted goes on
 * from its checkpoint: the same command again takes a table to its end. With --out the results
 * go to a folder of their own, for code that no commit has yet.
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { registry } from "../../envs/registry.ts";
import { listenForSignals } from "../../lib/cli/signals.ts";
import { type Clock, systemClock } from "../../lib/system/clock.ts";
import { exitCodeOf, UsageError } from "../../lib/system/errors.ts";
import { makeFolder, writeFileAtomic } from "../../lib/system/files.ts";
import { writePage } from "../../lib/report/report.ts";
import { VERSION } from "../../lib/system/version.ts";
import { readCommit, ROOT } from "../packaging/payload.ts";
import { run } from "../support/program.ts";
import { type Call, measureRun } from "./measure.ts";
import { appendRecord, isSameRun, readRecords, runKey, type RunRecord } from "./records.ts";
import { renderPaper } from "./paper_page.ts";
import { renderReadmeTable, renderResults, replaceMarked } from "./results_page.ts";
import { createPaperRows, createReturnsRow, type Row, type TableName, TABLES } from "./tables.ts";

/** The files that a result depends on. */
const PROGRAM = [
  "main.ts",
  "lib",
  "envs",
  "models",
  "deno.json",
  "deno.lock",
  "tests/experiments/*.ts",
];

/** What the command line asks for. */
export interface Request {
  /** Absent where there is only to write what is recorded. */
  readonly table?: TableName;
  readonly rows: readonly Row[];
  /** Measures again what another commit recorded. */
  readonly again: boolean;
  /** A folder of its own for results and run folders. */
  readonly out?: string;
}

/**
 * Reads the command line.
 * @throws {UsageError} when it names what is not there.
 */
export function parseRequest(argv: readonly string[]): Request {
  const { values, positionals: [table, ...names] } = parseWords(argv);
  const { seeds, steps, again, out } = values;
  const shared = { again: again ?? false, ...(out === undefined ? {} : { out }) };
  if (table === undefined) return { rows: [], ...shared };
  if (!Object.hasOwn(TABLES, table)) {
    fail(`the table must be one of ${Object.keys(TABLES).join(", ")}, got "${table}"`);
  }
  const budget = steps === undefined ? undefined : readCount("--steps", steps);
  const rows = chooseRows(table as TableName, { names, budget });
  const chosen = seeds?.split(",").map((seed) => readCount("--seeds", seed));
  return {
    table: table as TableName,
    rows: chosen === undefined ? rows : rows.map((row) => ({ ...row, seeds: chosen })),
    ...shared,
  };
}

function parseWords(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        seeds: { type: "string" },
        steps: { type: "string" },
        again: { type: "boolean" },
        out: { type: "string" },
      },
    });
  } catch (error) {
    return fail((error as Error).message);
  }
}

function chooseRows(
  table: TableName,
  { names, budget }: { names: readonly string[]; budget: number | undefined },
): Row[] {
  if (table === "paper") return choosePaperRows(names, budget);
  const rows: readonly Row[] = TABLES[table];
  const fits = (row: Row) => budget === undefined || row.steps === budget;
  if (names.length === 0) return rows.filter(fits);
  return names.flatMap((name) => {
    const named = rows.filter(({ env, variant }) => env === name || variant === name);
    const fitting = named.filter(fits);
    if (fitting.length > 0) return fitting;
    // Any other budget or environment makes a row of its own.
    if (table === "returns" && budget !== undefined && registry.ids.includes(name)) {
      return [createReturnsRow(name, budget, [1, 2, 3, 4, 5])];
    }
    return fail(
      `${table} must have a row "${name}"${budget ? ` of ${budget} steps` : ""}, got none`,
    );
  });
}

/** The rows of an environment and a budget, all of them or those of the variants that are named after it. */
function choosePaperRows(names: readonly string[], budget: number | undefined): Row[] {
  const [known] = TABLES.paper;
  const [env, ...variants] = registry.ids.includes(names[0]) ? names : [known.env, ...names];
  const rows = createPaperRows(env, budget ?? known.steps, known.seeds);
  return variants.length === 0
    ? rows
    : variants.map((name) =>
      rows.find(({ variant }) => variant === name) ??
        fail(`paper must have a row "${name}", got none`)
    );
}

function readCount(option: string, text: string): number {
  const value = Number(text);
  return Number.isSafeInteger(value) && value > 0
    ? value
    : fail(`${option} must be positive whole numbers, got "${text}"`);
}

function fail(what: string): never {
  throw new UsageError(`Cannot run experiments: ${what}`);
}

/** What an experiment needs from outside. */
export interface Surroundings {
  readonly call: Call;
  readonly clock: Clock;
  /** The commit of the program; more than a hash where there is none or files have changed since. */
  readonly commit: string;
  /** Told about each run. */
  readonly say: (line: string) => void;
}

/** Measures what is missing, one run after the other, and writes the results after each. */
export async function runExperiments(request: Request, around: Surroundings): Promise<void> {
  const { table, rows, again, out } = request;
  const { commit } = around;
  const results = out ?? join(ROOT, "tests/experiments");
  makeFolder(results);
  const path = join(results, "results.jsonl");
  if (table !== undefined && out === undefined && !/^[0-9a-f]+$/.test(commit)) {
    fail("results belong to a commit, got changed files: commit them, or give --out FOLDER");
  }
  const runs = out ?? join(ROOT, `runs/experiments/${commit}`);
  for (const row of rows) {
    for (const seed of row.seeds) {
      const key = runKey(table!, row, seed);
      const known = readRecords(path).find((record) => isSameRun(record, key));
      if (known && (!again || known.commit === commit)) continue;
      makeFolder(runs);
      const folder = join(runs, Object.values(key).join(" ").replaceAll(/[^\w.-]+/g, "-"));
      const measured = await measureRun(row, { seed, folder, call: around.call });
      const date = new Date(around.clock.epochMs()).toISOString().slice(0, 10);
      const band = row.band ? { band: row.band } : {};
      const record = { ...key, ...band, ...measured, command: commandFor(key), commit, date };
      appendRecord(path, record);
      await write(results, { out });
      around.say(describe(record));
    }
  }
  for (const page of await write(results, { out })) around.say(`page: ${page}`);
}

/**
 * Draws the pages of the paper's table, one for each environment and budget that something is recorded of.
 * @returns their paths
 */
async function drawPaper(records: readonly RunRecord[], folder: string): Promise<string[]> {
  const own = records.filter(({ table }) => table === "paper");
  const subjects = Map.groupBy(own, ({ env, steps }) => `paper-${env}-${steps}`);
  const pages = [...subjects].map(([name, [first]]) => ({
    path: join(folder, `${name}.html`),
    parts: renderPaper(own, first),
  }));
  if (pages.length > 0) makeFolder(folder);
  for (const { path, parts } of pages) await writePage(path, parts, { followLinks: false });
  return pages.map(({ path }) => path);
}

function commandFor({ table, env, steps, seed, variant }: ReturnType<typeof runKey>): string {
  const place = table === "paper" ? `${env} ` : "";
  const name = variant === undefined ? env : `${place}"${variant}"`;
  return `deno task experiments ${table} ${name} --steps ${steps} --seeds ${seed}`;
}

function describe({ table, env, variant, seed, final, obeys }: RunRecord): string {
  const met = obeys ? `, ${(100 * obeys.met).toFixed(0)} % of requests met` : "";
  const name = [table, env, variant, `seed ${seed}`].filter((word) => word !== undefined);
  return `${name.join(", ")}: ${final.mean.toFixed(1)}${met}`;
}

/** Writes everything that is made of records. @returns the paths of pages */
async function write(
  folder: string,
  { out }: { readonly out: string | undefined },
): Promise<string[]> {
  const records = readRecords(join(folder, "results.jsonl"));
  writeFileAtomic(join(folder, "RESULTS.md"), renderResults(records));
  if (out !== undefined) return await drawPaper(records, out);
  const path = join(ROOT, "README.md");
  const readme = Deno.readTextFileSync(path);
  const renewed = replaceMarked(readme, renderReadmeTable(records));
  if (renewed !== readme) writeFileAtomic(path, renewed);
  return await drawPaper(records, join(ROOT, "runs"));
}

if (import.meta.main) {
  const clock = systemClock();
  const say = (line: string) => Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
  const commit = readCommit(PROGRAM).replace(/(?<=^[0-9a-f]{10})[0-9a-f]+/, "");
  const parts = { version: VERSION, listen: () => listenForSignals(Deno) };
  const call: Call = (argv) => run([...argv, "--json", "--quiet"], { clock, parts });
  try {
    const request = parseRequest(Deno.args);
    await runExperiments(request, { call, clock, commit, say });
  } catch (error) {
    say((error as Error).message);
    Deno.exitCode = exitCodeOf(error);
  }
}
