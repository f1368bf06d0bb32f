/**
 * Fills pixels with lines, discs, areas and words, smooth at their edges: as much as our charts need. Words are lines,
 * too: those of Hershey's Roman Simplex, made for plotters, which need no font file.
 */

import hershey from "hershey";
import type { Pixels } from "./png.ts";

/** A place in pixels, from the upper left corner. */
export type Point = readonly [x: number, y: number];

/** A colour as red, green and blue, 0 to 255. */
export type Color = readonly [number, number, number];

/** How something is painted. */
export interface Paint {
  /** Its colour. */
  readonly color: Color;
  /** 0 is not there, 1 covers what is below; 1 when absent. */
  readonly opacity?: number;
}

/** How words are written. */
export interface Lettering extends Paint {
  /** Where they stand: on the line, at the beginning, the middle or the end. */
  readonly at: Point;
  /** Height of a line in pixels. */
  readonly size: number;
  /** Which part of them stands there. */
  readonly anchor: "start" | "middle" | "end";
  /** Turned to the left by a quarter. */
  readonly isUpright?: boolean;
}

/** Words as lines, in the font's units and around 0. */
interface Strokes {
  readonly paths: readonly (readonly Point[])[];
  readonly bounds: { readonly minX: number; readonly maxX: number };
}

/** Capital letters of the font are so high, in its units, and stand so far below its middle. */
const CAPITAL = { height: 21, below: 9 };
/** Capital letters are this share of a line's height. */
const CAPITAL_SHARE = 0.72;
/** Strokes of letters are this share of it. */
const PEN_SHARE = 0.085;
/** Rows that are looked at within a pixel. */
const SUBROWS = 4;

/** A picture to paint on. */
export class Canvas implements Pixels {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
  /** How much of each pixel the present shape covers, 0 to 1. */
  readonly #covered: Float32Array;
  /** The rows that it may be in, from the first to the one after the last. */
  #rows = { from: Infinity, to: 0 };

  /** Makes a picture of one colour. */
  constructor(width: number, height: number, color: Color) {
    this.width = width;
    this.height = height;
    this.rgb = new Uint8Array(3 * width * height);
    this.#covered = new Float32Array(width * height);
    for (let i = 0; i < this.rgb.length; i++) this.rgb[i] = color[i % 3];
  }

  /** Draws lines from point to point with round ends. */
  stroke(lines: readonly (readonly Point[])[], width: number, paint: Paint): void {
    const radius = width / 2;
    for (const line of lines) {
      for (let i = 1; i < line.length; i++) this.#coverSegment(line[i - 1], line[i], radius);
    }
    this.#blend(paint);
  }

  /** Fills a disc. */
  disc(centre: Point, radius: number, paint: Paint): void {
    this.#coverSegment(centre, centre, radius);
    this.#blend(paint);
  }

  /** Fills the area within a closed outline. */
  area(outline: readonly Point[], paint: Paint): void {
    const ys = outline.map(([, y]) => y);
    const from = Math.max(0, Math.floor(Math.min(...ys)));
    const to = Math.min(this.height - 1, Math.ceil(Math.max(...ys)));
    for (let row = from; row <= to; row++) {
      for (let part = 0; part < SUBROWS; part++) {
        const crossings = crossingsAt(outline, row + (part + 0.5) / SUBROWS);
        for (let i = 0; i + 1 < crossings.length; i += 2) {
          this.#coverSpan(row, crossings[i], crossings[i + 1]);
        }
      }
    }
    this.#blend(paint);
  }

  /** Writes words; characters that the font lacks are left blank. */
  write(text: string, { at: [x, y], size, anchor, isUpright = false, ...paint }: Lettering): void {
    const { paths, bounds }: Strokes = hershey.stringToPaths(text);
    const scale = CAPITAL_SHARE * size / CAPITAL.height;
    const from = { start: bounds.minX, middle: 0, end: bounds.maxX }[anchor];
    const lines = paths.map((path) =>
      path.map(([u, v]): Point => {
        const [along, up] = [(u - from) * scale, (v + CAPITAL.below) * scale];
        return isUpright ? [x - up, y - along] : [x + along, y - up];
      })
    );
    this.stroke(lines, PEN_SHARE * size, paint);
  }

  #coverSegment([x1, y1]: Point, [x2, y2]: Point, radius: number): void {
    const [dx, dy] = [x2 - x1, y2 - y1];
    const length = Math.hypot(dx, dy);
    const [ux, uy] = length > 0 ? [dx / length, dy / length] : [1, 0];
    const low = (a: number, b: number) => Math.max(0, Math.floor(Math.min(a, b) - radius - 1));
    const high = (a: number, b: number, end: number) =>
      Math.min(end - 1, Math.ceil(Math.max(a, b) + radius + 1));
    this.#touch(low(y1, y2), high(y1, y2, this.height));
    for (let y = low(y1, y2); y <= high(y1, y2, this.height); y++) {
      for (let x = low(x1, x2); x <= high(x1, x2, this.width); x++) {
        const [px, py] = [x + 0.5 - x1, y + 0.5 - y1];
        const along = px * ux + py * uy;
        const distance = Math.hypot(py * ux - px * uy, Math.max(-along, along - length, 0));
        const share = Math.min(1, radius + 0.5 - distance);
        const place = y * this.width + x;
        if (share > this.#covered[place]) this.#covered[place] = share;
      }
    }
  }

  #coverSpan(row: number, from: number, to: number): void {
    this.#touch(row, row);
    const last = Math.min(this.width, to);
    for (let x = Math.max(0, Math.floor(from)); x < last; x++) {
      const share = Math.min(x + 1, to) - Math.max(x, from);
      this.#covered[row * this.width + x] += Math.max(0, share) / SUBROWS;
    }
  }

  #touch(first: number, last: number): void {
    const { from, to } = this.#rows;
    this.#rows = { from: Math.min(from, first), to: Math.max(to, last + 1) };
  }

  /** Paints what is covered, and forgets it. */
  #blend({ color, opacity = 1 }: Paint): void {
    const { from, to } = this.#rows;
    this.#rows = { from: Infinity, to: 0 };
    for (let place = from * this.width; place < to * this.width; place++) {
      const covered = this.#covered[place];
      if (covered === 0) continue;
      this.#covered[place] = 0;
      const share = opacity * Math.min(1, covered);
      for (let channel = 0; channel < 3; channel++) {
        const at = 3 * place + channel;
        this.rgb[at] = Math.round(this.rgb[at] + share * (color[channel] - this.rgb[at]));
      }
    }
  }
}

/** Where a row crosses an outline, from left to right. */
function crossingsAt(outline: readonly Point[], y: number): number[] {
  return outline.flatMap(([x1, y1], i) => {
    const [x2, y2] = outline[(i + 1) % outline.length];
    return (y1 <= y) === (y2 <= y) ? [] : [x1 + (y - y1) / (y2 - y1) * (x2 - x1)];
  }).sort((a, b) => a - b);
}
