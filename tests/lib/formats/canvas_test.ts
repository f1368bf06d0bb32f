import assert from "node:assert/strict";
import { Canvas, type Color } from "../../../lib/formats/canvas.ts";

const BLACK: Color = [0, 0, 0];
const paint = { color: BLACK };
/** The red of each pixel of a row. */
const row = ({ rgb, width }: Canvas, y: number) =>
  Array.from({ length: width }, (_, x) => rgb[3 * (y * width + x)]);

Deno.test("Canvas fills what a line covers, and half of it where it covers half a pixel", () => {
  const canvas = new Canvas(6, 5, [200, 200, 200]);
  // Two pixels wide around the middle of the rows 2 and 3, from the middle of pixel 1 to that of pixel 4.
  canvas.stroke([[[1.5, 3], [4.5, 3]]], 2, paint);
  assert.deepEqual(row(canvas, 0), [200, 200, 200, 200, 200, 200]);
  // Centres of row 2 are half a pixel away from the line: 1 + 0.5 - 0.5 is all of them.
  assert.deepEqual(row(canvas, 2).slice(1, 5), [0, 0, 0, 0]);
  assert.deepEqual(row(canvas, 3), row(canvas, 2), "the same on the other side");
  // Those of row 1 are 1.5 away: nothing.
  assert.deepEqual(row(canvas, 1), [200, 200, 200, 200, 200, 200]);
  // The round end reaches hypot(1, 0.5) = 1.118 beyond its middle: 1.5 - 1.118 = 0.382 of pixel 0.
  assert.equal(row(canvas, 2)[0], Math.round(200 * (1 - 0.382)));
});

Deno.test("Canvas fills areas by what they cover, in a share of the colour", () => {
  const canvas = new Canvas(4, 3, [0, 0, 0]);
  canvas.area([[1, 1], [2.5, 1], [2.5, 2], [1, 2]], { color: [100, 100, 100], opacity: 0.5 });
  assert.deepEqual(row(canvas, 1), [0, 50, 25, 0]);
  assert.deepEqual(row(canvas, 0), [0, 0, 0, 0]);
  // Across its own edge an outline that crosses itself is filled on both sides.
  const bow = new Canvas(4, 4, [0, 0, 0]);
  bow.area([[0, 0], [4, 4], [4, 0], [0, 4]], { color: [100, 100, 100] });
  assert.deepEqual([row(bow, 2)[0], row(bow, 2)[3]], [100, 100]);
  assert.ok(row(bow, 0)[1] < 50 && row(bow, 0)[2] < 50, "above and below it is empty");
});

Deno.test("Canvas blends what lies over itself once, and stays within its edges", () => {
  const canvas = new Canvas(3, 3, [0, 0, 0]);
  const half = { color: [100, 100, 100] as Color, opacity: 0.5 };
  canvas.stroke([[[-5, 1.5], [9, 1.5], [-5, 1.5]]], 2, half);
  assert.deepEqual(row(canvas, 1), [50, 50, 50]);
});

Deno.test("Canvas writes words from the start, around the middle or to the end, also upright", () => {
  const inked = (anchor: "start" | "middle" | "end", isUpright = false) => {
    const canvas = new Canvas(80, 80, [255, 255, 255]);
    canvas.write("HI", { at: [40, 40], size: 24, anchor, isUpright, ...paint });
    const places = Array.from({ length: 6400 }, (_, i) => i).filter((i) => canvas.rgb[3 * i] < 128);
    const [xs, ys] = [places.map((i) => i % 80), places.map((i) => Math.floor(i / 80))];
    return [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  };
  const [left, right, top, bottom] = inked("start");
  assert.ok(left >= 40 && right > left && right < 70);
  // Capitals are 0.72 * 24 = 17.3 pixels high and stand on the line.
  assert.ok(Math.abs(bottom - 40) <= 1 && Math.abs(bottom - top - 17.3) <= 2);
  const [middleLeft, middleRight] = inked("middle");
  assert.ok(Math.abs((middleLeft + middleRight) / 2 - 40) < 4);
  assert.ok(inked("end")[1] <= 40);
  const [, upright, uprightTop, uprightBottom] = inked("start", true);
  assert.ok(Math.abs(upright - 40) <= 1 && uprightBottom <= 40 && uprightTop > 10);
});
