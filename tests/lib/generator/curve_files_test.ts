import assert from "node:assert/strict";
import type { Curve } from "../../../lib/generator/curve.ts";
import { curveToCsv, curveToSvg } from "../../../lib/generator/curve_files.ts";

const point = { command: 0.5, std: 2, n: 3, ci95: [4, 8] as const };
const curve: Curve = {
  env: "A<B>-v1",
  points: [
    { ...point, requested: 0, mean: 6, seen: true },
    { ...point, requested: 100, mean: 90, seen: false },
  ],
  mae: 8,
  spearman: 1,
  coverage: 0.5,
};

Deno.test("curveToCsv() writes a heading and one line per request", () => {
  assert.equal(
    curveToCsv(curve),
    "requested,command,mean,std,n,low95,high95,seen\n0,0.5,6,2,3,4,8,1\n100,0.5,90,2,3,4,8,0\n",
  );
});

Deno.test("curveToSvg() puts every point where its numbers are", () => {
  const svg = curveToSvg(curve);
  assert.ok(svg.includes("A&lt;B&gt;-v1") && !svg.includes("A<B>"));
  assert.match(svg, /<title>A&lt;B&gt;-v1: requested and achieved returns<\/title>/);
  assert.match(svg, /<desc>2 requests; mean absolute error 8, rank correlation 1, 50 % /);
  assert.match(svg, /@media \(prefers-color-scheme: dark\)/);
  const marks = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)" r="4" .* fill="(.+)"\/>/g)];
  assert.deepEqual(marks.map((mark) => mark[3]), ["#1f77b4", "white"]);
  // Range 0 - 2 .. 100 widened by 5 %: the smallest number is 0, the largest 100.
  // x = 70 + (v + 5) / 110 * 550, y = 425 - (v + 5) / 110 * 375.
  assert.deepEqual(marks.map((mark) => [Number(mark[1]), Number(mark[2])]), [
    [95, 387.5],
    [595, 101.1],
  ]);
});

Deno.test("curveToSvg() draws a constant curve and unknown correlations", () => {
  const flat = {
    ...curve,
    spearman: NaN,
    points: [{ ...point, requested: 5, mean: 5, std: 0, seen: true }],
  };
  const svg = curveToSvg(flat);
  assert.ok(svg.includes("rank correlation -") && !svg.includes("NaN"));
});
