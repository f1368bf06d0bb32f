/**
 * A recorded episode as pictures in time, and where the camera stands in each: what moving pictures of
 * every format are drawn from.
 */

import { type Recording, UNITS_PER_METER } from "./recording.ts";

/** Pixels of a picture. */
export const PICTURE_SIZE = { width: 480, height: 360 } as const;
/** Pictures in a second: more would make a file twice as large and hardly smoother. */
const PICTURES_PER_SECOND = 25;
/** A body that goes farther than so many times its own size is followed. */
const TRAVELS = 2.2;

/** End points of a stroke in metres, y upwards. */
export type Place = readonly [x1: number, y1: number, x2: number, y2: number];

/** One picture: the place of every stroke. */
export type Picture = readonly Place[];

/** Takes as many frames as the eye needs, or at most `most`, the first and the last among them. */
export function picturesOf({ frames, fixed, stepSeconds }: Recording, most = Infinity): Picture[] {
  const seconds = (frames.length - 1) * stepSeconds;
  const count = Math.max(
    2,
    Math.min(frames.length, most, Math.ceil(seconds * PICTURES_PER_SECOND)),
  );
  return Array.from({ length: count }, (_, i) => {
    const frame = frames[Math.round(i * (frames.length - 1) / (count - 1))];
    let at = 0;
    return fixed.map((four) => {
      const units = four ?? frame.slice(at, at += 4);
      const [x1, y1, x2, y2] = units.map((value) => value / UNITS_PER_METER);
      return [x1, y1, x2, y2] as const;
    });
  });
}

/** How pictures are looked at. */
export interface View {
  /** Pixels in a metre. */
  readonly scale: number;
  /** Where the origin of each picture stands, in pixels from the upper left corner. */
  readonly origins: readonly (readonly [x: number, y: number])[];
}

/** Shows everything, or follows a body that travels. */
export function viewOf({ strokes, fixed, ground }: Recording, pictures: readonly Picture[]): View {
  const moving = fixed.flatMap((four, i) => four === null ? [i] : []);
  const shown = moving.length > 0 ? moving : fixed.map((_, i) => i);
  const boxes = pictures.map((picture) => boxOf(picture, shown, strokes));
  const whole = boxes.reduce(union);
  const own = Math.max(...boxes.map(({ left, right }) => right - left));
  const everything = pictures.map((picture) => boxOf(picture, fixed.map((_, i) => i), strokes))
    .reduce(union);
  const isFollowed = whole.right - whole.left > TRAVELS * Math.max(own, whole.top - whole.bottom);
  const box = isFollowed ? whole : everything;
  const bottom = Math.min(box.bottom, ground ?? Infinity);
  const width = isFollowed ? 2 * Math.max(own, box.top - bottom) : box.right - box.left;
  const scale = 0.9 *
    Math.min(PICTURE_SIZE.width / width, PICTURE_SIZE.height / Math.max(1e-6, box.top - bottom));
  const middle = (bottom + box.top) / 2;
  const centers = boxes.map(({ left, right }) =>
    isFollowed ? (left + right) / 2 : (box.left + box.right) / 2
  );
  const { width: wide, height: high } = PICTURE_SIZE;
  return { scale, origins: centers.map((x) => [wide / 2 - x * scale, high / 2 + middle * scale]) };
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly bottom: number;
  readonly top: number;
}

function boxOf(picture: Picture, indices: readonly number[], strokes: Recording["strokes"]): Box {
  const ends = indices.flatMap((i) => {
    const [x1, y1, x2, y2] = picture[i];
    const half = strokes[i].width / 2;
    return [{ x: x1, y: y1, half }, { x: x2, y: y2, half }];
  });
  return {
    left: Math.min(...ends.map(({ x, half }) => x - half)),
    right: Math.max(...ends.map(({ x, half }) => x + half)),
    bottom: Math.min(...ends.map(({ y, half }) => y - half)),
    top: Math.max(...ends.map(({ y, half }) => y + half)),
  };
}

function union(a: Box, b: Box): Box {
  return {
    left: Math.min(a.left, b.left),
    right: Math.max(a.right, b.right),
    bottom: Math.min(a.bottom, b.bottom),
    top: Math.max(a.top, b.top),
  };
}
