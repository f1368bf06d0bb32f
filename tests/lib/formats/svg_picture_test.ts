import assert from "node:assert/strict";
import { renderSvgChart } from "../../../lib/formats/svg_chart.ts";
import { encodePng } from "../../../lib/formats/png.ts";
import { svgChartToPng } from "../../../lib/formats/svg_picture.ts";
import { readPng } from "../../support/read_png.ts";

Deno.test("encodePng() writes pixels and words that a reader finds again", () => {
  const rgb = Uint8Array.from({ length: 18 }, (_, i) => i * 14);
  const png = encodePng({ width: 2, height: 3, rgb }, { Title: "a <b> ü", Description: "" });
  const read = readPng(png);
  assert.deepEqual([read.width, read.height], [2, 3]);
  assert.deepEqual(read.at(1, 2), [210, 224, 238]);
  assert.deepEqual([...read.words], [["Title", "a <b> ü"], ["Description", ""]]);
});

const svg = renderSvgChart({
  title: "Returns & more",
  summary: "0 < x",
  description: "Two <marks>",
  xLabel: "x",
  yLabel: "y",
  xRange: [0, 10],
  yRange: [0, 100],
  marks: ({ x, y }) => [
    `<path d="M${x(5)} ${y(0)}L${x(10)} ${y(0)}L${x(10)} ${y(50)}L${x(5)} ${
      y(50)
    }Z" fill="#bbb" fill-opacity="0.5"/>`,
    `<path d="M${x(0)} ${y(70)}H${x(10)}" stroke="#999" stroke-dasharray="10 10"/>`,
    `<circle cx="${x(3)}" cy="${y(40)}" r="6" stroke="#1f77b4" fill="white"/>`,
  ],
});
// The axes go from x = 70 to 620 and from y = 425 to 50, a unit is two pixels.
const [x, y] = [
  (value: number) => 2 * (70 + 55 * value),
  (value: number) => 2 * (425 - 3.75 * value),
];

Deno.test("svgChartToPng() draws areas, dashes and circles where the chart has them", () => {
  const { width, height, at, words } = readPng(svgChartToPng(svg));
  assert.deepEqual([width, height], [1280, 960]);
  assert.deepEqual([...words], [["Title", "Returns & more"], ["Description", "Two <marks>"]]);
  assert.deepEqual(at(1, 1), [255, 255, 255]);
  // #bbb is 187: halfway to white it is 221.
  assert.deepEqual(at(x(7), y(20) + 7), [221, 221, 221]);
  assert.deepEqual(at(x(3), y(40)), [255, 255, 255], "an open circle");
  assert.deepEqual(at(x(3) + 11, y(40)), [31, 119, 180], "its edge");
  // Dashes of 20 pixels from x = 140 on.
  const grey = (place: number) => at(place, y(70))[0] < 200;
  assert.deepEqual([150, 170, 190, 210].map(grey), [true, false, true, false]);
});

Deno.test("svgChartToPng() has the colours of a dark page", () => {
  const { at } = readPng(svgChartToPng(svg, { isDark: true }));
  assert.deepEqual(at(1, 1), [0x10, 0x15, 0x1c]);
  assert.deepEqual(at(x(3) + 11, y(40)), [0x6a, 0xa5, 0xff]);
});
