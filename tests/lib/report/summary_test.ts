/** Summaries of runs by hand, and what a table looks like in each format. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { PartialConfig } from "../../../lib/config/config.ts";
import { writeRunConfig } from "../../../lib/run/folder.ts";
import {
  findRuns,
  overSeeds,
  readRunResult,
  summariseRuns,
  toCsv,
  toMarkdown,
} from "../../../lib/report/summary.ts";
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
  // 2, 4, 9: mean 5, deviation sqrt(26 / 2), interval 5 +- 4.30265 sqrt(13) / sqrt(3).
  const result = overSeeds([9, 2, 4])!;
  assertClose(result.mean, 5);
  assertClose(result.std, Math.sqrt(13));
  assertClose(result.ci95[0], 5 - 4.30265 * Math.sqrt(13 / 3), 1e-4);
  assert.deepEqual([result.iqm, result.min, result.max, result.n], [5, 2, 9, 3]);
  // Eight values: two of each end are left out.
  assert.equal(overSeeds([1, 2, 3, 4, 5, 6, 100, 1000])!.iqm, 4.5);
  assert.equal(overSeeds([]), undefined);
});

Deno.test("readRunResult() takes the final return of finished runs alone", () =>
  withFolder((folder) => {
    const evaluations = Array.from({ length: 32 }, (_, i) => i);
    writeRun(join(folder, "a"), { evaluations, final: 77 });
    const { values, isFinished, step } = readRunResult(join(folder, "a"));
    // The last 20 of 0 to 31 are 12 to 31.
    assert.deepEqual({ ...values }, { final: 77, last: 21.5, average: 15.5 });
    assert.deepEqual([isFinished, step], [true, 32]);
    Deno.removeSync(join(folder, "a", "generator.safetensors"));
    assert.equal(readRunResult(join(folder, "a")).values.final, undefined);
    Deno.removeSync(join(folder, "a", "metrics.jsonl"));
    const { values: none } = readRunResult(join(folder, "a"));
    assert.deepEqual({ ...none }, { final: undefined, last: undefined, average: undefined });
  }));

Deno.test("summariseRuns() groups runs that differ in the seed alone and names what differs", () =>
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
    const rows = summariseRuns(findRuns([folder]).map(readRunResult), "final");
    assert.deepEqual(
      rows.map(({ runs, finished, options, result }) => [
        runs.length,
        finished,
        options,
        result?.mean,
        result?.n,
      ]),
      [
        [3, 2, { "update.batchSize": 8 }, 15, 2],
        [1, 1, { "update.batchSize": 99 }, 5, 1],
      ],
    );
    assert.notEqual(rows[0].configuration, rows[1].configuration);
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
    assert.match(text.stdout, / 3 +2 +15 +7\.071 +-48\.53 +78\.53 +15\n$/);
    assert.equal(text.stderr, "Warning: 1 runs have no final return yet: they do not count\n");
    assert.match(await summary("--format", "csv"), /,3,2,15,7\.07\d+,-48\.5\d*,78\.5\d*,15\n$/);
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
