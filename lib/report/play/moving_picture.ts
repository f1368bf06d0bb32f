/**
 * A recorded episode as a moving picture that needs no script: an SVG whose strokes are animated by SMIL,
 * which every browser plays, also within a page that only shows it as an image. It is text, made without a
 * browser, and follows the reader's light or dark scheme.
 */

import { formatNumber } from "../../numbers/format.ts";
import { escapeHtml } from "../html.ts";
import { type Recording, UNITS_PER_METER } from "./recording.ts";
import type { Tone } from "./scene.ts";

/** Pictures in a second: more would make a file twice as large and hardly smoother. */
const PICTURES_PER_SECOND = 25;
const WIDTH = 480;
const HEIGHT = 360;
/** Room for the words below the picture. */
const FOOT = 80;
/** A body that goes farther than so many times its own size is followed. */
const TRAVELS = 2.2;

const STYLE = `
  .page { fill: #f6f7f9 } .ink { fill: #16202c } .soft { fill: #5b6877 } .ground { stroke: #c5cdd6 }
  .body { stroke: #2563eb } .other { stroke: #d9580d } .mark { stroke: #15803d } .line { stroke: #475569 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #10151c } .ink { fill: #e6ebf1 } .soft { fill: #9aa8b7 } .ground { stroke: #2c3744 }
    .body { stroke: #6aa5ff } .other { stroke: #ff9a52 } .mark { stroke: #4cd07d } .line { stroke: #a7b4c2 }
  }`;

/** One picture: end points of every stroke in metres. */
type Picture = readonly Place[];

/**
 * Draws an episode.
 * @param caption What stands below it, in lines.
 */
export function renderMovingPicture(recording: Recording, caption: readonly string[]): string {
  const { title, strokes, steps, stepSeconds } = recording;
  const pictures = picturesOf(recording);
  const seconds = Math.max(0.1, steps * stepSeconds);
  const view = viewOf(recording, pictures);
  const lines = strokes.map(({ width, tone, isCut }, i) => {
    const size = formatNumber(Math.max(1, width * view.scale), 3);
    const cap = isCut ? "butt" : "round";
    const places = pictures.map((picture) => picture[i]);
    return `<line class="${tone satisfies Tone}" stroke-width="${size}" stroke-linecap="${cap}"${
      animated(places, { scale: view.scale, seconds })
    }`;
  });
  const ground = recording.ground === null
    ? ""
    : `<line class="ground" stroke-width="2" x1="-1e5" x2="1e5" y1="${
      round(-recording.ground * view.scale)
    }" y2="${round(-recording.ground * view.scale)}"/>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT + FOOT}" ` +
    'font-family="system-ui, sans-serif" role="img">',
    `<title>${escapeHtml(title)}</title>`,
    `<desc>${escapeHtml(caption.join(": "))}</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="page" width="${WIDTH}" height="${HEIGHT + FOOT}"/>`,
    `<svg width="${WIDTH}" height="${HEIGHT}"><g>${view.camera(seconds)}`,
    ground,
    ...lines,
    "</g></svg>",
    `<text class="ink" x="16" y="${HEIGHT + 24}" font-size="17">${escapeHtml(title)}</text>`,
    ...caption.map((line, i) =>
      `<text class="soft" x="16" y="${HEIGHT + 46 + 18 * i}" font-size="13">${
        escapeHtml(line)
      }</text>`
    ),
    "</svg>",
    "",
  ].join("\n");
}

type Place = readonly [x1: number, y1: number, x2: number, y2: number];

/** The rest of a stroke's element: where it begins, and how its ends move. */
function animated(
  places: readonly Place[],
  { scale, seconds }: { readonly scale: number; readonly seconds: number },
): string {
  const names = ["x1", "y1", "x2", "y2"] as const;
  const values = names.map((_, k) =>
    places.map((place) => round(place[k] * scale * (k % 2 === 1 ? -1 : 1)))
  );
  // A line without length is drawn as nothing by some browsers.
  const isPoint = places.every(([x1, y1, x2, y2]) => x1 === x2 && y1 === y2);
  if (isPoint) values[2] = values[2].map((x) => round(x + 0.1));
  const start = names.map((name, k) => ` ${name}="${values[k][0]}"`).join("");
  const moving = names.flatMap((name, k) =>
    values[k].every((value) => value === values[k][0]) ? [] : [
      `<animate attributeName="${name}" dur="${formatNumber(seconds)}s" ` +
      `repeatCount="indefinite" values="${values[k].join(";")}"/>`,
    ]
  );
  return moving.length === 0 ? `${start}/>` : `${start}>${moving.join("")}</line>`;
}

/** Takes as many frames as the eye needs, the first and the last among them, with every stroke. */
function picturesOf({ frames, fixed, stepSeconds }: Recording): Picture[] {
  const seconds = (frames.length - 1) * stepSeconds;
  const count = Math.max(2, Math.min(frames.length, Math.ceil(seconds * PICTURES_PER_SECOND)));
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

interface View {
  /** Pixels in a metre. */
  readonly scale: number;
  /** The attribute-free markup that moves everything under the camera. */
  camera(seconds: number): string;
}

/** Shows everything, or follows a body that travels. */
function viewOf({ strokes, fixed, ground }: Recording, pictures: readonly Picture[]): View {
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
  const scale = 0.9 * Math.min(WIDTH / width, HEIGHT / Math.max(1e-6, box.top - bottom));
  const middle = (bottom + box.top) / 2;
  const centers = boxes.map(({ left, right }) =>
    isFollowed ? (left + right) / 2 : (box.left + box.right) / 2
  );
  const places = centers.map((x) =>
    `${round(WIDTH / 2 - x * scale)} ${round(HEIGHT / 2 + middle * scale)}`
  );
  return {
    scale,
    camera: (seconds) =>
      `<animateTransform attributeName="transform" type="translate" dur="${
        formatNumber(seconds)
      }s" repeatCount="indefinite" values="${isFollowed ? places.join(";") : places[0]}"/>`,
  };
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

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
