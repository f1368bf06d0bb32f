import assert from "node:assert/strict";
import { averageLines, type ComparedGroup, meanRanks } from "../../../lib/report/compare.ts";
import { embedJson, escapeHtml, readPageData } from "../../../lib/report/html.ts";
import { sumTimes } from "../../../lib/report/run_times.ts";
import { binByStep, keepEvenly } from "../../../lib/report/thin.ts";

Deno.test("averageLines() averages the lines that reach a place, by hand", () => {
  // At 0 only the first line, at 5 both: (5 + 20) / 2, at 10 both: (10 + 20) / 2, at 20 the second.
  const lines = [{ x: [0, 10], y: [0, 10] }, { x: [5, 20], y: [20, 20] }, { x: [], y: [] }];
  const { x, values } = averageLines(lines, 5);
  assert.deepEqual(x, [0, 5, 10, 15, 20]);
  assert.deepEqual(values.map(({ mean }) => mean), [0, 12.5, 15, 20, 20]);
  assert.deepEqual(values.map(({ n }) => n), [1, 2, 2, 1, 1]);
  assert.equal(values[0].low, null);
  assert.deepEqual(averageLines([], 5), { x: [], values: [] });
  assert.deepEqual(averageLines([{ x: [3], y: [1] }]).x, [3]);
});

Deno.test("averageLines() holds a last value for a fiftieth of the range, no farther", () => {
  const lines = [{ x: [0, 99], y: [0, 99] }, { x: [0, 100], y: [0, 100] }, {
    x: [0, 97],
    y: [0, 97],
  }];
  const { values } = averageLines(lines, 2);
  assert.deepEqual([values[1].n, values[1].mean], [2, 99.5]);
});

Deno.test("sumTimes() adds up the sessions of a run, each of which counts from 0", () => {
  const event = (seconds: Record<string, number>) => ({
    scalars: new Map(Object.entries(seconds).map(([name, value]) => [`seconds/${name}`, value])),
  });
  const events = [
    event({ training: 1, updates: 0 }),
    { scalars: new Map([["episode/return", 5]]) },
    event({ training: 3, updates: 4 }),
    event({ training: 2, updates: 5 }), // another session
    event({ training: 2.5, updates: NaN }),
  ];
  assert.deepEqual(sumTimes(events), { training: 5.5, updates: 5 });
  assert.deepEqual(sumTimes([]), {});
});

Deno.test("keepEvenly() keeps both ends and binByStep() every value", () => {
  const items = Array.from({ length: 1000 }, (_, i) => i);
  assert.deepEqual(keepEvenly(items, 3), [0, 500, 999]);
  assert.deepEqual(keepEvenly([1, 2], 3), [1, 2]);
  const series = binByStep(items.map((i) => ({ step: 1000 - i, value: i })), 7);
  assert.ok(series.steps.length <= 7);
  assert.deepEqual([Math.min(...series.lows), Math.max(...series.highs)], [0, 999]);
  assert.ok(series.steps.every((step, i) => i === 0 || step > series.steps[i - 1]));
});

Deno.test("embedJson() and escapeHtml() leave nothing that a browser could take for markup", () => {
  const evil = "</script><!--<script>\u2028 &\"'";
  const text = embedJson({ evil });
  assert.ok(!/[<>\u2028]/.test(text));
  assert.deepEqual(JSON.parse(text), { evil });
  assert.ok(!/[<>"']/.test(escapeHtml(evil)));
  assert.throws(() => readPageData("<p>"), /^SyntaxError: Cannot read page/);
});

Deno.test("meanRanks() ranks groups seed by seed, those alike share theirs, over the seeds of all", () => {
  const group = (returns: Record<number, number>) => ({
    runs: Object.entries(returns).map(([seed, mean]) => ({
      config: { seed: Number(seed) },
      evaluations: [{ mean }],
    })),
  } as unknown as ComparedGroup);
  // Seed 1: 30, 20, 10; seed 2: 5 and 5 share the first two ranks, then 1. Seed 3 is not in all.
  const groups = [group({ 1: 20, 2: 5, 3: 99 }), group({ 1: 30, 2: 5 }), group({ 1: 10, 2: 1 })];
  assert.deepEqual(meanRanks(groups), [1.75, 1.25, 3]);
  assert.equal(meanRanks(groups.slice(0, 1)), undefined);
  assert.equal(meanRanks([group({ 1: 1 }), group({ 2: 1 })]), undefined);
});
