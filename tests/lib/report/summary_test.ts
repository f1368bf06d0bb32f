/** Summaries of runs by hand, and what a table looks like in each format. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { PartialConfig } from "../../../lib/config/config.ts";
import { writeRunConfig } from "../../../lib/run/folder.ts";
import { findRuns, groupRuns, overSeeds } from "../../../lib/report/across_runs.ts";
import { readRunData } from "../../../lib/report/run_data.ts";
import { summariseGroups, toCsv, toMarkdown } from "../../../lib/report/summary_table.ts";
import { assertClose } from "../../support/close.ts";
import { makeFastFolder } from "../../support/fast_folder.ts";
import { run } from "../../support/program.ts";
import { tinyConfig } from "../../support/tiny_run.ts";

async function withFolder(use: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = makeFastFolder();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Writes what a summary reads of a run: evaluations, and a final one when it is finished. */
function writeRun(
  folder: string,
  { config = {}, evaluations = [], final }: {
    config?: PartialConfig;
    evaluations?: readonly number[];
    final?: number;
  },
): void {
  Deno.mkdirSync(folder, { recursive: true });
  writeRunConfig(tinyConfig(config), { folder, settings: new Map() });
  const lines: object[] = evaluations.map((mean, i) => ({ kind: "evaluation", step: i, mean }));
  if (final !== undefined) {
    lines.push({ kind: "evaluation", step: evaluations.length, mean: final, final: true });
    Deno.writeTextFileSync(join(folder, "generator.safetensors"), "");
  }
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  Deno.writeTextFileSync(join(folder, "metrics.jsonl"), text);
}

Deno.test("overSeeds() gives mean, deviation, interval and interquartile mean as by hand", () => {
  // 1, 2, 4, 8, 10: mean 5, squares 16 + 9 + 1 + 9 + 25 = 60, deviation sqrt(60 / 4) = sqrt(15);
  // half an interval is 2.77645 sqrt(15 / 5) = 4.80895: from 0.19, which is less than was seen, to 9.81.
  const result = overSeeds([8, 2, 4, 10, 1])!;
  assertClose(result.mean, 5);
  assertClose(result.std, Math.sqrt(15));
  assert.equal(result.low, 1);
  assertClose(result.high!, 9.80895, 1e-4);
  assertClose(result.iqm, 14 / 3);
  assert.deepEqual([result.min, result.max, result.n], [1, 10, 5]);
  // Eight values: two of each end are left out.
  assert.equal(overSeeds([1, 2, 3, 4, 5, 6, 100, 1000])!.iqm, 4.5);
  assert.equal(overSeeds([]), undefined);
});

Deno.test("overSeeds() says no interval of few seeds, and none beyond what was seen", () => {
  const { low, high } = overSeeds([247, 500])!;
  assert.deepEqual([low, high], [null, null]);
  for (const values of [[0, 0, 0, 0, 500], [500, 500, 500, 500, 500], [0, 500, 0, 500, 0, 500]]) {
    const { low, high, mean } = overSeeds(values)!;
    assert.ok(low! >= Math.min(...values) && high! <= Math.max(...values), `${values}`);
    assert.ok(low! <= mean && mean <= high!);
  }
});

Deno.test("readRunData() takes the final return of finished runs alone", () =>
  withFolder((folder) => {
    const evaluations = Array.from({ length: 32 }, (_, i) => i);
    writeRun(join(folder, "a"), { evaluations, final: 77 });
    const { values, isFinished, step } = readRunData(join(folder, "a"));
    // The last 20 of 0 to 31 are 12 to 31.
    assert.deepEqual({ ...values }, { final: 77, last: 21.5, average: 15.5 });
    assert.deepEqual([isFinished, step], [true, 32]);
    Deno.removeSync(join(folder, "a", "generator.safetensors"));
    assert.equal(readRunData(join(folder, "a")).values.final, undefined);
    Deno.removeSync(join(folder, "a", "metrics.jsonl"));
    const { values: none } = readRunData(join(folder, "a"));
    assert.deepEqual({ ...none }, { final: undefined, last: undefined, average: undefined });
  }));

Deno.test("groupRuns() groups runs that differ in the seed alone and names what differs", () =>
  withFolder((folder) => {
    const runs: [name: string, config: PartialConfig, final: number | undefined][] = [
      ["a", { seed: 1 }, 10],
      ["b", { seed: 2 }, 20],
      ["c", { seed: 3 }, undefined],
      ["d", { seed: 1, update: { batchSize: 99 } }, 5],
    ];
    for (const [name, config, final] of runs) {
      writeRun(join(folder, name), { config, ...(final === undefined ? {} : { final }) });
    }
    const rows = summariseGroups(groupRuns(findRuns([folder]).map(readRunData)).groups, "final");
    assert.deepEqual(
      rows.map(({ group: { runs, options }, result }) => [
        runs.length,
        runs.filter(({ isFinished }) => isFinished).length,
        options,
        result?.mean,
        result?.n,
      ]),
      [
        [3, 2, { "update.batchSize": 8 }, 15, 2],
        [1, 1, { "update.batchSize": 99 }, 5, 1],
      ],
    );
    assert.notEqual(rows[0].group.configuration, rows[1].group.configuration);
  }));

Deno.test("findRuns() takes run folders and folders of them, each once, and nothing else", () =>
  withFolder((folder) => {
    writeRun(join(folder, "sweep", "b"), {});
    writeRun(join(folder, "sweep", "a"), {});
    Deno.mkdirSync(join(folder, "empty"));
    const [a, b] = ["a", "b"].map((name) => join(folder, "sweep", name));
    assert.deepEqual(findRuns([b, join(folder, "sweep")]), [b, a]);
    assert.throws(() => findRuns([join(folder, "empty")]), {
      name: "FileError",
      message: /it must be a run folder or hold some, got none$/,
    });
    assert.throws(() => findRuns([join(folder, "none")]), { message: /there is no such file/ });
  }));

Deno.test("a run given twice, by another path or as a copy, counts once", () =>
  withFolder(async (folder) => {
    const [first, copy] = ["first", "copy"].map((name) => join(folder, name));
    writeRun(first, { config: { seed: 1 }, final: 10 });
    writeRun(copy, { config: { seed: 1 }, final: 10 });
    writeRun(join(folder, "half"), { config: { seed: 1 }, evaluations: [5] });
    writeRun(join(folder, "other"), { config: { seed: 2 }, final: 30 });
    Deno.symlinkSync(first, join(folder, "link"));
    assert.deepEqual(findRuns([first, `${first}/`, `${folder}/./first`, join(folder, "link")]), [
      first,
    ]);
    const { code, stdout, stderr } = await run(["summary", folder, first, "--json"]);
    assert.equal(code, 0);
    const { rows, repeated } = JSON.parse(stdout);
    assert.deepEqual([rows.length, rows[0].return.mean, rows[0].return.n], [1, 20, 2]);
    assert.deepEqual(repeated, [
      { folder: first, counted: copy },
      { folder: join(folder, "half"), counted: copy },
    ]);
    assert.match(stderr, /half does not count: .*copy is the same configuration and seed$/m);
  }));

Deno.test("runs of different environments that share an id are not pooled", () =>
  withFolder(async (folder) => {
    ["aaa", "bbb"].forEach((environment, i) => {
      const path = join(folder, environment);
      writeRun(path, { config: { seed: i + 1 }, final: 10 });
      const start = JSON.stringify({ kind: "run", step: 0, environment });
      const metrics = join(path, "metrics.jsonl");
      Deno.writeTextFileSync(metrics, `${start}\n${Deno.readTextFileSync(metrics)}`);
    });
    const { stdout } = await run(["summary", folder, "--json"]);
    const { rows } = JSON.parse(stdout);
    assert.deepEqual(rows.map(({ env }: { env: string }) => env), [
      "Tiny-v0 (aaa)",
      "Tiny-v0 (bbb)",
    ]);
    // People get a table each.
    const { stdout: text } = await run(["summary", folder]);
    assert.equal(text.match(/^environment/gm)?.length, 2);
  }));

Deno.test("toCsv() leaves a spreadsheet nothing to compute", () => {
  const hostile = ["=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", "\tx"];
  for (const cell of hostile) {
    assert.match(toCsv([[cell]]), /^"?'/, JSON.stringify(cell));
  }
  // Controls become text, which is nothing to compute, and nothing that a terminal obeys.
  assert.equal(toCsv([["\r=1", "\x1b[31mX", "\x9b"]]), "\\x0d=1,\\x1b[31mX,\\x9b\n");
  assert.equal(toMarkdown([["\x1b[2J"]]).split("\n")[0], "| \\\\x1b[2J |");
  for (const cell of ["-5.5", "1e-7", "+3", "plain", "a=b"]) {
    assert.equal(toCsv([[cell]]), `${cell}\n`);
  }
});

Deno.test("toCsv() and toMarkdown() keep odd cells apart", () => {
  const table = [["a", "b"], ['x,"y"', "1|2\n"]];
  assert.equal(toCsv(table), 'a,b\n"x,""y""","1|2\n"\n');
  assert.equal(toMarkdown(table), '| a | b |\n| --- | --- |\n| x,"y" | 1\\|2  |\n');
});

Deno.test("summary prints every format, and refuses what it does not know", () =>
  withFolder(async (folder) => {
    const sweep = join(folder, "sweep");
    for (const seed of [1, 2]) {
      writeRun(join(sweep, `${seed}`), { config: { seed }, final: 10 * seed });
    }
    writeRun(join(sweep, "3"), { config: { seed: 3 }, evaluations: [4] });
    const summary = async (...argv: string[]) => {
      const { code, stdout } = await run(["summary", sweep, ...argv]);
      assert.equal(code, 0);
      return stdout;
    };
    const text = await run(["summary", sweep]);
    assert.match(text.stdout, /^environment +configuration +runs +finished +mean +deviation/);
    assert.match(text.stdout, / 3 +2 +15 +7\.071 +- +- +15\n$/);
    assert.equal(
      text.stderr,
      "Warning: 1 runs have no final return yet: they do not count\n" +
        "Too few seeds for a 95 % interval where low and high are -: it takes five\n",
    );
    assert.match(await summary("--format", "csv"), /,3,2,15,7\.07\d+,,,15\n$/);
    assert.match(await summary("--format", "markdown"), /^\| environment \| .*\n\| --- \|/);
    const document = JSON.parse(await summary("--json"));
    assert.deepEqual(document, JSON.parse(await summary("--format", "json")));
    const [row] = document.rows;
    assert.deepEqual(row.return.n, 2);
    assert.deepEqual(row.runs.map((item: { return: number | null }) => item.return), [
      10,
      20,
      null,
    ]);
    const last = JSON.parse(await summary("--measure", "last", "--json"));
    assert.deepEqual(last.rows[0].return.ci95, [null, null]);

    const out = join(folder, "table.md");
    assert.equal(await summary("--out", out), `Written to ${out}\n`);
    assert.equal(await Deno.readTextFile(out), await summary("--format", "markdown"));
    const refused: [argv: string[], code: number, message: RegExp][] = [
      [[], 2, /a run folder must be given, got none$/m],
      [[folder + "/none"], 3, /there is no such file or folder$/m],
      [[sweep, "--out", "a.png"], 2, /must end in \.txt, \.csv, \.json, \.md, got "a\.png"/],
      [[sweep, "--measure", "best"], 2, /must be one of final, last, average, got "best"/],
    ];
    for (const [argv, code, message] of refused) {
      const result = await run(["summary", ...argv]);
      assert.deepEqual([result.code, result.stdout], [code, ""]);
      assert.match(result.stderr, message);
    }
  }));
