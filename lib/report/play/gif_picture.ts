/**
 * A recorded episode as an animated GIF, for where nothing else moves: a slide, a chat, an old page. The
 * strokes are filled pixel by pixel, with a few shades between a colour and the page so that edges are
 * smooth; omggif packs the pixels. It has no words and no dark form: the moving SVG has both.
 */

import omggif from "omggif";
import { PICTURE_SIZE, picturesOf, type Place, type View, viewOf } from "./pictures.ts";
import type { Recording } from "./recording.ts";
import { type Stroke, type Tone, TONES } from "./scene.ts";

/** A longer episode is shown in fewer pictures a second. */
const MOST_PICTURES = 500;
/** Browsers take a picture that stands for less than two hundredths of a second for a mistake. */
const SHORTEST_DELAY = 2;
/** How long the last picture stands, in hundredths of a second, before all begins again. */
const LAST_DELAY = 100;

const PAGE = 0xf6f7f9;
const GROUND = 0xc5cdd6;
/** The colours of the moving SVG on a light page. */
const COLORS: { readonly [T in Tone]: number } = {
  body: 0x2563eb,
  other: 0xd9580d,
  mark: 0x15803d,
  line: 0x475569,
};
/** Steps from the page's colour to a stroke's own. */
const SHADES = 4;
const GROUND_INDEX = 1;
/** A GIF's palette has a power of two colours; the rest are the page's. */
const PALETTE = paletteOf();

interface GifWriter {
  addFrame(
    x: number,
    y: number,
    width: number,
    height: number,
    pixels: Uint8Array,
    options: { readonly delay: number },
  ): void;
  end(): number;
}

/** Draws an episode, in a loop. */
export function renderGif(recording: Recording): Uint8Array<ArrayBuffer> {
  const pictures = picturesOf(recording, MOST_PICTURES);
  const view = viewOf(recording, pictures);
  const seconds = recording.steps * recording.stepSeconds;
  const delay = Math.max(SHORTEST_DELAY, Math.round(100 * seconds / (pictures.length - 1)));
  const { width, height } = PICTURE_SIZE;
  const bytes: number[] = [];
  const writer: GifWriter = new omggif.GifWriter(bytes, width, height, {
    loop: 0,
    palette: PALETTE,
  });
  let before: Uint8Array | undefined;
  pictures.forEach((picture, i) => {
    const pixels = paint(picture, { recording, view, origin: view.origins[i] });
    const [top, bottom] = changedRows(pixels, before);
    const isLast = i === pictures.length - 1;
    writer.addFrame(0, top, width, bottom - top, pixels.subarray(top * width, bottom * width), {
      delay: isLast ? LAST_DELAY : delay,
    });
    before = pixels;
  });
  writer.end();
  return Uint8Array.from(bytes);
}

/** Fills one picture: the number of a colour for each pixel, row by row. */
function paint(
  picture: readonly Place[],
  { recording, view, origin: [left, top] }: {
    readonly recording: Recording;
    readonly view: View;
    readonly origin: readonly [x: number, y: number];
  },
): Uint8Array {
  const { width, height } = PICTURE_SIZE;
  const pixels = new Uint8Array(width * height);
  if (recording.ground !== null) {
    const row = Math.round(top - recording.ground * view.scale);
    if (row >= 0 && row < height) pixels.fill(GROUND_INDEX, row * width, (row + 1) * width);
  }
  picture.forEach(([x1, y1, x2, y2], i) => {
    const { scale } = view;
    const place = [left + x1 * scale, top - y1 * scale, left + x2 * scale, top - y2 * scale];
    fillStroke(pixels, place as [number, number, number, number], {
      stroke: recording.strokes[i],
      radius: Math.max(0.5, recording.strokes[i].width * scale / 2),
    });
  });
  return pixels;
}

/** Fills the pixels that a stroke covers, its edge in shades where it lies on the page. */
function fillStroke(
  pixels: Uint8Array,
  [x1, y1, x2, y2]: Place,
  { stroke: { tone, isCut = false }, radius }: { readonly stroke: Stroke; readonly radius: number },
): void {
  const { width, height } = PICTURE_SIZE;
  const [dx, dy] = [x2 - x1, y2 - y1];
  const length = Math.hypot(dx, dy);
  const [ux, uy] = length > 0 ? [dx / length, dy / length] : [1, 0];
  const color = 1 + SHADES * TONES.indexOf(tone);
  const from = (a: number, b: number) => Math.max(0, Math.floor(Math.min(a, b) - radius - 1));
  const to = (a: number, b: number, end: number) =>
    Math.min(end - 1, Math.ceil(Math.max(a, b) + radius + 1));
  for (let y = from(y1, y2); y <= to(y1, y2, height); y++) {
    for (let x = from(x1, x2); x <= to(x1, x2, width); x++) {
      const along = (x + 0.5 - x1) * ux + (y + 0.5 - y1) * uy;
      const across = (y + 0.5 - y1) * ux - (x + 0.5 - x1) * uy;
      const beyond = Math.max(-along, along - length, 0);
      const covered = isCut
        ? Math.min(radius - Math.abs(across), along, length - along)
        : radius - Math.hypot(across, beyond);
      const shade = Math.min(SHADES, Math.floor((covered + 0.5) * SHADES + 0.5));
      if (shade <= 0) continue;
      const at = y * width + x;
      if (pixels[at] <= GROUND_INDEX || shade > SHADES / 2) {
        pixels[at] = color + (pixels[at] <= GROUND_INDEX ? shade : SHADES);
      }
    }
  }
}

/** Finds the rows that differ from the picture before, as a half-open range of at least one row. */
function changedRows(
  pixels: Uint8Array,
  before: Uint8Array | undefined,
): [top: number, bottom: number] {
  const { width, height } = PICTURE_SIZE;
  if (before === undefined) return [0, height];
  let first = 0;
  while (first < pixels.length - 1 && pixels[first] === before[first]) first++;
  let last = pixels.length - 1;
  while (last > first && pixels[last] === before[last]) last--;
  return [Math.floor(first / width), Math.floor(last / width) + 1];
}

/** The page, the ground, and the shades of each tone from the page's colour to its own. */
function paletteOf(): number[] {
  const mix = (color: number, share: number) =>
    [16, 8, 0].map((shift) => {
      const [a, b] = [PAGE >> shift & 255, color >> shift & 255];
      return Math.round(a + (b - a) * share) << shift;
    }).reduce((sum, channel) => sum | channel, 0);
  const shades = TONES.flatMap((tone) =>
    Array.from({ length: SHADES }, (_, i) => mix(COLORS[tone], (i + 1) / SHADES))
  );
  const colors = [PAGE, GROUND, ...shades];
  return Array.from({ length: 32 }, (_, i) => colors[i] ?? PAGE);
}
