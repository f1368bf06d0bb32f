/**
 * Writes PNG files: true colours, eight bits a channel, with words in them. Source: the PNG specification (third
 * edition), sections 5 (chunks), 9 (filters) and 11.3.3 (text).
 */

import { crc32, deflateSync } from "node:zlib";
import { joinBytes } from "../system/bytes.ts";

/** Pixels, row by row: red, green, blue. */
export interface Pixels {
  /** Pixels of a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** [height, width, 3]. */
  readonly rgb: Uint8Array;
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const TRUE_COLOR = 2;
/** Each byte is the difference from the one above: flat areas become zeros. */
const FILTER_UP = 2;

/** Encodes a picture; `words` are found by programs that show what a file says of itself. */
export function encodePng(
  { width, height, rgb }: Pixels,
  words: Readonly<Record<"Title" | "Description", string>>,
): Uint8Array<ArrayBuffer> {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, TRUE_COLOR);
  const stride = 3 * width;
  const rows = new Uint8Array(height * (stride + 1));
  for (let y = 0; y < height; y++) {
    rows[y * (stride + 1)] = FILTER_UP;
    for (let i = 0; i < stride; i++) {
      const above = y > 0 ? rgb[(y - 1) * stride + i] : 0;
      rows[y * (stride + 1) + 1 + i] = rgb[y * stride + i] - above;
    }
  }
  return joinBytes([
    SIGNATURE,
    ...chunk("IHDR", new Uint8Array(header.buffer)),
    ...Object.entries(words).flatMap(([keyword, text]) => chunk("iTXt", textOf(keyword, text))),
    ...chunk("IDAT", deflateSync(rows)),
    ...chunk("IEND", new Uint8Array(0)),
  ]);
}

/** Keyword, no compression, no language, the text as UTF-8. */
function textOf(keyword: string, text: string): Uint8Array {
  return new TextEncoder().encode(`${keyword}\0\0\0\0\0${text}`);
}

function chunk(type: string, data: Uint8Array): Uint8Array[] {
  const body = joinBytes([new TextEncoder().encode(type), data]);
  const [length, checksum] = [data.length, crc32(body)].map((value) => {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value);
    return bytes;
  });
  return [length, body, checksum];
}
