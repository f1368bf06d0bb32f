/**
 * Charts of lib/formats/svg_chart.ts as pixels, for where no SVG is shown. It knows the elements and attributes that
 * those charts have and no others: it reads nobody else's SVG.
 */

import { Canvas, type Color, type Point } from "./canvas.ts";
import { encodePng } from "./png.ts";
import { DARK_COLORS, unescapeXml } from "./svg_chart.ts";

/** Pixels for a unit of the chart, as screens of high density have them. */
const SCALE = 2;
const TEXT_SIZE = 12;
const ELEMENT = /<(rect|path|circle|text)\b([^>]*?)(?:\/>|>([^<]*)<\/text>)/g;

/** Draws a chart, in the colours of a light page or a dark one. */
export function svgChartToPng(
  svg: string,
  { isDark = false }: { readonly isDark?: boolean } = {},
): Uint8Array<ArrayBuffer> {
  const [, width, height] = svg.match(/viewBox="0 0 (\d+) (\d+)"/)!.map(Number);
  const wordsOf = (tag: string) =>
    unescapeXml(svg.match(new RegExp(`<${tag}>([^<]*)</${tag}>`))?.[1] ?? "");
  const colorOf = (name: string) => parseColor(isDark ? DARK_COLORS[name] ?? name : name);
  const canvas = new Canvas(SCALE * width, SCALE * height, colorOf("white"));
  for (const [, name, text, content] of svg.matchAll(ELEMENT)) {
    if (name === "rect") continue; // the page, which is there
    const attributes = new Map(
      [...text.matchAll(/([a-z-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
    );
    const element: Element = {
      get: (key) => attributes.get(key),
      number: (key, fallback = 0) => SCALE * Number(attributes.get(key) ?? fallback),
      colorOf,
    };
    if (name === "path") drawPath(canvas, element);
    else if (name === "circle") drawCircle(canvas, element);
    else drawText(canvas, unescapeXml(content ?? ""), element);
  }
  return encodePng(canvas, { Title: wordsOf("title"), Description: wordsOf("desc") });
}

/** The attributes of an element; numbers are in pixels. */
interface Element {
  get(key: string): string | undefined;
  number(key: string, fallback?: number): number;
  colorOf(name: string): Color;
}

function drawPath(canvas: Canvas, element: Element): void {
  const lines = pointsOf(element.get("d") ?? "");
  const { fill = "none", stroke } = { fill: element.get("fill"), stroke: element.get("stroke") };
  if (fill !== undefined && fill !== "none") {
    const opacity = Number(element.get("fill-opacity") ?? 1);
    for (const line of lines) canvas.area(line, { color: element.colorOf(fill), opacity });
  }
  if (stroke === undefined) return;
  const dashes = (element.get("stroke-dasharray") ?? "").split(" ").filter(Boolean)
    .map((length) => SCALE * Number(length));
  const drawn = dashes.length === 2 ? lines.flatMap((line) => dashed(line, dashes)) : lines;
  canvas.stroke(drawn, element.number("stroke-width", 1), { color: element.colorOf(stroke) });
}

function drawCircle(canvas: Canvas, element: Element): void {
  const centre: Point = [element.number("cx"), element.number("cy")];
  const radius = element.number("r");
  const pen = SCALE / 2;
  const ring = { color: element.colorOf(element.get("stroke") ?? "black") };
  canvas.disc(centre, radius + pen, ring);
  canvas.disc(centre, radius - pen, { color: element.colorOf(element.get("fill") ?? "black") });
}

function drawText(canvas: Canvas, text: string, element: Element): void {
  canvas.write(text, {
    at: [element.number("x"), element.number("y")],
    size: element.number("font-size", TEXT_SIZE),
    anchor: (element.get("text-anchor") ?? "start") as "start" | "middle" | "end",
    isUpright: element.get("transform") !== undefined,
    color: element.colorOf(element.get("fill") ?? "text"),
  });
}

/** Reads the lines of a path of the commands M, L, H, V and Z. */
function pointsOf(path: string): Point[][] {
  const lines: Point[][] = [];
  let [x, y] = [0, 0];
  for (const [, command, text] of path.matchAll(/([MLHVZ])([^MLHVZ]*)/g)) {
    const numbers = text.trim().split(/[ ,]+/).map((value) => SCALE * Number(value));
    if (command === "Z") lines[lines.length - 1].push(lines[lines.length - 1][0]);
    else {
      if (command === "H") [x] = numbers;
      else if (command === "V") [y] = numbers;
      else [x, y] = numbers;
      if (command === "M") lines.push([]);
      lines[lines.length - 1].push([x, y]);
    }
  }
  return lines;
}

/** Cuts a line into dashes: on for the first length, off for the second. */
function dashed(line: readonly Point[], [on, off]: readonly number[]): Point[][] {
  const dashes: Point[][] = [];
  let along = 0;
  for (let i = 1; i < line.length; i++) {
    const [[x1, y1], [x2, y2]] = [line[i - 1], line[i]];
    const length = Math.hypot(x2 - x1, y2 - y1);
    const at = (place: number): Point => {
      const share = length > 0 ? place / length : 0;
      return [x1 + share * (x2 - x1), y1 + share * (y2 - y1)];
    };
    for (let from = 0; from < length;) {
      const phase = (along + from) % (on + off);
      const to = Math.min(length, from + (phase < on ? on : on + off) - phase);
      if (phase < on) dashes.push([at(from), at(to)]);
      from = Math.max(to, from + 1e-6);
    }
    along += length;
  }
  return dashes;
}

const NAMED: Readonly<Record<string, string>> = {
  white: "#ffffff",
  black: "#000000",
  text: "#000000",
};

function parseColor(name: string): Color {
  const hex = (NAMED[name] ?? name).slice(1);
  const digits = hex.length === 3 ? [...hex].map((digit) => digit + digit).join("") : hex;
  return [0, 2, 4].map((at) => parseInt(digits.slice(at, at + 2), 16)) as unknown as Color;
}
