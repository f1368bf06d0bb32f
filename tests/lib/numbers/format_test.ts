/** Numbers as people read them. */

import assert from "node:assert/strict";
import {
  formatCount,
  formatGrouped,
  formatNumber,
  roundDown,
} from "../../../lib/numbers/format.ts";

Deno.test("formatNumber() keeps significant digits of small numbers and all of whole ones", () => {
  const cases: [number, string][] = [
    [5e-7, "5e-7"],
    [-0.000123456, "-0.0001235"],
    [0.05, "0.05"],
    [97.25, "97.25"],
    [999.96, "1000"],
    [3136.4, "3136"],
    [1234567.8, "1234568"],
    [-0, "0"],
    [-1e-320, "-1e-320"],
    [Infinity, "-"],
    [NaN, "-"],
  ];
  for (const [value, text] of cases) assert.equal(formatNumber(value), text);
  assert.equal(formatNumber(0.98765, 2), "0.99");
});

Deno.test("formatGrouped() puts commas between thousands alone", () => {
  const values = [0.00012346, 999, 1000, 1234567.8, -49742];
  assert.deepEqual(values.map(formatGrouped), [
    "0.0001235",
    "999",
    "1,000",
    "1,234,568",
    "-49,742",
  ]);
});

Deno.test("roundDown() never asks for more than was reached", () => {
  for (const value of [5e-7, 499.996, 0.1, 31364.7, -1.23456, -99999.5, 1e-12, 97.25, 1e21]) {
    const rounded = roundDown(value);
    assert.ok(rounded <= value, `${value}`);
    assert.ok(Math.abs(value - rounded) <= Math.abs(value) / 1000, `${value}`);
    assert.equal(Number(formatNumber(rounded)), rounded, "it is printed as it is");
  }
});

Deno.test("formatCount() is short", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [950, "950"],
    [1234.56, "1235"],
    [9999, "9999"],
    [
      12_345,
      "12.3k",
    ],
    [999_499, "999k"],
    [999_500, "1M"],
    [1_050_000, "1.05M"],
    [Infinity, "-"],
  ];
  for (const [count, text] of cases) assert.equal(formatCount(count), text);
});
