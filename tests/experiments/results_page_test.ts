/** The page of results: as the records say, and as it lies in the repository. */

import assert from "node:assert/strict";
import { readRecords } from "./records.ts";
import { renderReadmeTable, renderResults, replaceMarked } from "./results_page.ts";
import { sampleRecord } from "./sample_record.ts";

const ROOT = new URL("../../", import.meta.url);

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

Deno.test("RESULTS.md and the README's table are what results.jsonl renders to", () => {
  const records = readRecords(new URL("tests/experiments/results.jsonl", ROOT).pathname);
  assert.equal(read("tests/experiments/RESULTS.md"), renderResults(records));
  assert.equal(read("README.md"), replaceMarked(read("README.md"), renderReadmeTable(records)));
});

Deno.test("renderReadmeTable() sums up rows of three seeds or more, and shows what was not measured as such", () => {
  const half = { ...sampleRecord({}).obeys!, spearman: 0.4, meanError: 0.05, met: 0.4 };
  const hard = [1, 2, 3].map((seed) => {
    const { obeys: _, ...rest } = sampleRecord({ env: "Hard-v0", seed });
    return { ...rest, final: { mean: -98.76, std: 1, n: 20 } };
  });
  const table = renderReadmeTable([
    ...hard,
    sampleRecord({ env: "Mine-v0", seed: 1 }),
    sampleRecord({ env: "Mine-v0", seed: 2 }),
    sampleRecord({ seed: 3 }),
    sampleRecord({ seed: 2, final: { mean: 550, std: 0, n: 20 }, obeys: half }),
    sampleRecord({ seed: 1, simulatedSteps: 1400 }),
    ...[1, 2, 3].map((seed) => sampleRecord({ table: "ablation", variant: "other", seed })),
  ]);
  // Mean of 400, 550 and 400, deviation sqrt((2 * 50^2 + 100^2) / 2) = 86.6; (1400 + 2 * 1100) / 3 steps of 1000.
  assert.equal(
    table,
    `
| runs                     | seeds | final return by seed | final return | rank correlation | mean error | requests met | policies met of 20 | steps |
| ------------------------ | ----- | -------------------- | ------------ | ---------------- | ---------- | ------------ | ------------------ | ----- |
| CartPole-v1, 1,000 steps | 1 2 3 | 400 550 400          | 450 +- 86.6  | 0.8              | 3 %        | 80 %         | 19 19 19           | 1.2   |
| Hard-v0, 1,000 steps     | 1 2 3 | -98.8 -98.8 -98.8    | -98.8 +- 0   | -                | -          | -            | -                  | 1.1   |
`.trimStart(),
  );
});

Deno.test("renderResults() shows every run, and requests in a band that no update saw", () => {
  const page = renderResults([
    sampleRecord({ table: "zero-shot", variant: "left out", band: { low: 100, high: 300 } }),
    (({ wallSeconds: _, ...rest }) => rest)(sampleRecord({ seed: 7 })),
  ]);
  assert.match(page, /^# Results\n[^]*\n## Returns\n[^]*\n## Returns that no update saw\n/);
  assert.match(
    page,
    /\| 7 +\| 400 \+- 20 +\| 500 .*\| 19 of 20 .*\| interrupted \| 1 .*\| 2026-11-26 \|/,
  );
  // Inside: 10 of 400. Outside: 4 and 10 of 400, so 1.75 % in the mean.
  assert.match(page, /\| 1 +\| 100 to 300 \| 200 -> 190 +\| 2.5 % +\| 1.75 % +\|/);
  assert.doesNotMatch(page, /## Ablation/);
});

Deno.test("replaceMarked() refuses a text without marks", () => {
  const marked = "a\n<!-- results: x -->\nold\n<!-- end of results -->\nb\n";
  assert.equal(
    replaceMarked(marked, "| new |\n"),
    "a\n<!-- results: x -->\n\n| new |\n\n<!-- end of results -->\nb\n",
  );
  assert.throws(() => replaceMarked("nothing", "x"), {
    message: "Cannot write results: README.md must have their marks, got none",
  });
});

Deno.test("renderResults() compares the paper's rows by interquartile mean and probability", () => {
  const record = (variant: string, seed: number, mean: number) =>
    sampleRecord({ table: "paper", variant, seed, final: { mean, std: 0, n: 20 } });
  const page = renderResults([
    record("this program", 1, 10),
    record("this program", 2, 20),
    record("ars", 1, 20),
    record("ars", 2, 30),
  ]);
  // Of four pairs three are wins and one is a tie.
  const [table] = /\| runs .*\| better than the first[^]*?\n\n/.exec(page)!;
  assert.match(table, /this program +\| 2 +\| 15 +\| - /);
  assert.match(table, /ars +\| 2 +\| 25 +\| 0.875 /);
});
