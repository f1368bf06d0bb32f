/** The page of the published method and its rivals, drawn from records. */

import assert from "node:assert/strict";
import type { LineChart } from "../../lib/report/chart.ts";
import { renderPaper } from "./paper_page.ts";
import type { RunRecord } from "./records.ts";
import { sampleRecord } from "./sample_record.ts";

const SUBJECT = { env: "CartPole-v1", steps: 1000 };

function paperRecord(variant: string, fields: Partial<RunRecord> = {}): RunRecord {
  return sampleRecord({
    table: "paper",
    variant,
    learning: [[250, 10], [500, 20]],
    final: { mean: 30, std: 0, n: 20 },
    ...fields,
  });
}

function chartsOf(...records: RunRecord[]) {
  const { charts, body } = renderPaper(records, SUBJECT);
  return { body, charts: new Map(charts.map((chart) => [chart.id, chart as LineChart])) };
}

const labelsOf = (chart: LineChart | undefined) => chart?.series.map(({ label }) => label);

Deno.test("renderPaper() draws learning, obedience, the ablation and the band, each of its own runs", () => {
  const { charts, body } = chartsOf(
    paperRecord("this program"),
    paperRecord("this program", { seed: 2, learning: [[250, 30], [500, 40]] }),
    paperRecord("udrlpg as published"),
    (({ obeys: _, ...record }) => record)(paperRecord("ars")),
    paperRecord("published, queue, even draws"),
    paperRecord("published, a band left out", { band: { low: 100, high: 200 } }),
    paperRecord("this program", { env: "Acrobot-v1", learning: [[500, 99]] }),
  );
  const learning = charts.get("chart-learning")!;
  assert.deepEqual(labelsOf(learning), ["this program", "udrlpg as published", "ars"]);
  // Seeds 1 and 2 in the mean: 10 and 30 at first, 30 both when they were measured at the end.
  assert.deepEqual([learning.series[0].y[0], learning.series[0].y.at(-1)], [20, 30]);
  assert.deepEqual([learning.series[0].x[0], learning.series[0].x.at(-1)], [250, 1000]);
  assert.deepEqual([learning.series[0].low?.[0], learning.series[0].high?.[0]], [10, 30]);
  assert.deepEqual(labelsOf(charts.get("chart-obedience")), [
    "this program",
    "udrlpg as published",
  ]);
  assert.deepEqual(labelsOf(charts.get("chart-ablation")), [
    "udrlpg as published",
    "published, queue, even draws",
  ]);
  const band = charts.get("chart-band")!;
  assert.deepEqual(band.marks?.map(({ x }) => x), [100, 200]);
  // The bounds of a band are (low, high]: 200 was not seen.
  assert.deepEqual(band.series.map(({ x, y }) => [x, y]), [[[0, 400], [4, 410]], [[200], [190]]]);
  assert.match(
    body,
    /By deno task experiments paper CartPole-v1 &quot;this program&quot; --steps 1000 --seeds 1,2 and deno/,
  );
  assert.doesNotMatch(body, /Acrobot/);
});

Deno.test("renderPaper() says what is missing, and draws records of before learning was recorded", () => {
  const { learning: _, ...old } = paperRecord("this program");
  const { charts, body } = chartsOf(old);
  assert.deepEqual([...charts.keys()], ["chart-obedience"]);
  assert.match(body, /No run of these has recorded its learning\./);
  assert.match(body, /No run with a band left out is recorded/);
});

Deno.test("renderPaper() draws no band when no request lay in it", () => {
  const band = { low: 500, high: 600 };
  const { charts, body } = chartsOf(paperRecord("published, a band left out", { band }));
  assert.equal(charts.has("chart-band"), false);
  assert.match(body, /or none reached its band\./);
});
