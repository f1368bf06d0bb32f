/** Shape arithmetic, fixed and symbolic. */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  bindShape,
  broadcastShapes,
  countElements,
  formatShape,
  makeDim,
  parseDim,
  reshapeTo,
  resolveAxis,
  resolveShape,
  type Shape,
  sizeOf,
} from "../../../lib/autodiff/shape.ts";

Deno.test("parseDim() splits a dimension and makeDim() joins it", () => {
  assert.deepEqual(parseDim(8), { factor: 8, symbol: null });
  assert.deepEqual(parseDim("B"), { factor: 1, symbol: "B" });
  assert.deepEqual(parseDim("B0*12"), { factor: 12, symbol: "B0" });
  for (const dim of [8, "B", "B0*12"]) {
    const { factor, symbol } = parseDim(dim);
    assert.equal(makeDim(factor, symbol), dim);
  }
});

Deno.test("parseDim() rejects what is no size", () => {
  for (const dim of [0, -1, 1.5, NaN, "", "8", "B*", "B*0", "8*B", "B*T", "B + 1"]) {
    assert.throws(() => parseDim(dim), {
      name: "TypeError",
      message: 'Cannot read dimension: it must be a positive integer or like "B" or "B*8", got ' +
        JSON.stringify(dim),
    });
  }
});

Deno.test("countElements() multiplies factors and collects letters", () => {
  assert.deepEqual(countElements([]), { factor: 1, symbols: [] });
  assert.deepEqual(countElements(["K", 2, "B*3"]), { factor: 6, symbols: ["B", "K"] });
});

Deno.test("broadcastShapes() follows NumPy's rule", () => {
  const cases: [Shape, Shape, Shape][] = [
    [[], ["B", 2], ["B", 2]],
    [["B", 1], [4], ["B", 4]],
    [[3, 1, 2], ["B", 1], [3, "B", 2]],
    [["B*2"], ["B*2"], ["B*2"]],
  ];
  for (const [a, b, expected] of cases) {
    assert.deepEqual(broadcastShapes(a, b), expected);
    assert.deepEqual(broadcastShapes(b, a), expected);
  }
  assert.throws(() => broadcastShapes(["B", 3], ["K", 3]), {
    name: "TypeError",
    message: "Cannot broadcast: sizes must be equal or 1, got [B, 3] and [K, 3]",
  });
});

Deno.test("reshapeTo() finds the open size and keeps the count", () => {
  assert.deepEqual(reshapeTo(["B", 8, 3], [-1, 3]), ["B*8", 3]);
  assert.deepEqual(reshapeTo(["B*8", 3], ["B", -1]), ["B", 24]);
  assert.deepEqual(reshapeTo([6], [2, 3]), [2, 3]);
  assert.deepEqual(reshapeTo([], [1, 1]), [1, 1]);
  const cases: [Shape, Shape, string][] = [
    [[6], [4], "the element counts must be equal"],
    [["B", 2], ["K", 2], "the element counts must be equal"],
    [["B", 2], [2], "the element counts must be equal"],
    [[6], [4, -1], "the other sizes must divide the element count"],
    [["B", "K"], [-1], "a dimension holds at most one letter"],
  ];
  for (const [from, to, rule] of cases) {
    assert.throws(() => reshapeTo(from, to), {
      name: "TypeError",
      message: `Cannot reshape: ${rule}, got ${formatShape(from)} to ${formatShape(to)}`,
    });
  }
});

Deno.test("resolveAxis() counts from either end", () => {
  assert.deepEqual([resolveAxis(0, 2), resolveAxis(-1, 2)], [0, 1]);
  for (const axis of [2, -3, 0.5]) {
    assert.throws(() => resolveAxis(axis, 2), {
      name: "RangeError",
      message: `Cannot find axis: it must lie in [-2, 1], got ${axis}`,
    });
  }
});

Deno.test("bindShape() and resolveShape() are inverse for any sizes", () => {
  const size = fc.integer({ min: 1, max: 50 });
  fc.assert(fc.property(size, size, size, (b, k, factor) => {
    const shape: Shape = ["B", makeDim(factor, "K"), "K", 3];
    const actual = [b, factor * k, k, 3];
    const bindings = new Map<string, number>();
    bindShape({ name: "x", shape, actual }, bindings);
    assert.deepEqual(resolveShape(shape, bindings), actual);
    assert.equal(sizeOf(actual), b * factor * k * k * 3);
  }));
});

Deno.test("bindShape() rejects what does not match", () => {
  const rejects = (shape: Shape, actual: number[]): void =>
    assert.throws(() => bindShape({ name: "x", shape, actual }, new Map([["B", 2]])), {
      name: "TypeError",
      message: `Cannot bind "x": its shape must be ${formatShape(shape)} with B = 2, got ${
        formatShape(actual)
      }`,
    });
  rejects(["B"], [3]);
  rejects(["B", 2], [2]);
  rejects([3], [2]);
  rejects(["K*2"], [3]);
  assert.throws(() => resolveShape(["K"], new Map()), {
    name: "RangeError",
    message: "Cannot resolve shape: letter K has no size, got K",
  });
});
