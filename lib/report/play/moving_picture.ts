/**
 * A recorded episode as a moving picture that needs no script: an SVG whose strokes are animated by SMIL,
 * which every browser plays, also within a page that only shows it as an image. It is text, made without a
 * browser, and follows the reader's light or dark scheme.
 */

import { formatNumber } from "../../numbers/format.ts";
import { escapeHtml } from "../html.ts";
import { PICTURE_SIZE, picturesOf, type Place, viewOf } from "./pictures.ts";
import type { Recording } from "./recording.ts";
import type { Tone } from "./scene.ts";

const { width: WIDTH, height: HEIGHT } = PICTURE_SIZE;
/** Room for the words below the picture. */
const FOOT = 80;

const STYLE = `
  .page { fill: #f6f7f9 } .ink { fill: #16202c } .soft { fill: #5b6877 } .ground { stroke: #c5cdd6 }
  .body { stroke: #2563eb } .other { stroke: #d9580d } .mark { stroke: #15803d } .line { stroke: #475569 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #10151c } .ink { fill: #e6ebf1 } .soft { fill: #9aa8b7 } .ground { stroke: #2c3744 }
    .body { stroke: #6aa5ff } .other { stroke: #ff9a52 } .mark { stroke: #4cd07d } .line { stroke: #a7b4c2 }
  }`;

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
    `<svg width="${WIDTH}" height="${HEIGHT}"><g>${camera(view.origins, seconds)}`,
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

/** What moves everything under the camera. */
function camera(origins: readonly (readonly [number, number])[], seconds: number): string {
  const places = origins.map(([x, y]) => `${round(x)} ${round(y)}`);
  const isStill = places.every((place) => place === places[0]);
  return `<animateTransform attributeName="transform" type="translate" dur="${
    formatNumber(seconds)
  }s" repeatCount="indefinite" values="${isStill ? places[0] : places.join(";")}"/>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
