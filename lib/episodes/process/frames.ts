/**
 * The messages between this program and its own Python program, gym_adapter.ts: rows of numbers, one for each
 * of the environments that are played side by side, and a text. Little-endian:
 *
 *     uint32 number of rows, uint32 bytes of text, the rows in float64, the text in UTF-8
 *
 * A text alone is a request or an answer of env_protocol.ts in JSON: "describe", and, to play more
 * environments side by side, {"command":"widen","count":8}, answered by {"count":8} or fewer.
 *
 *     asked     environment, 1 for a step or 0 for a reset, the action or the seed (NaN for none), [2 + A]
 *     answered  reward, flags (1 terminated, 2 truncated, 4 failed), the observation, [2 + S]
 *
 * Answers come in the order of what was asked. With them a text lists what went wrong in those that failed, in
 * their order: {"error": ...} by the environment, {"broken": ...} by what it gave. Numbers cost a fifth of what
 * JSON does; a description is read once and may be long in words.
 */

import { ProtocolError } from "./env_protocol.ts";

/** Bytes before rows and text. */
const HEADER_BYTES = 8;
/** Bytes of a number. */
const NUMBER_BYTES = 8;
/** Numbers of an asked row before the action, of an answered one before the observation. */
export const ROW_HEAD = 2;

/** What the second number of an answered row says. */
export const FLAGS = { terminated: 1, truncated: 2, failed: 4 } as const;

/** A message. */
export interface Frame {
  /** Rows of numbers, one after the other. */
  readonly numbers: Float64Array;
  /** What is said besides; "" for nothing. */
  readonly text: string;
}

/** Writes a message. */
export function writeFrame(
  { numbers, rows, text = "" }: { numbers: ArrayLike<number>; rows: number; text?: string },
): Uint8Array<ArrayBuffer> {
  const words = new TextEncoder().encode(text);
  const end = HEADER_BYTES + NUMBER_BYTES * numbers.length;
  const bytes = new Uint8Array(end + words.length);
  const header = new DataView(bytes.buffer);
  header.setUint32(0, rows, true);
  header.setUint32(4, words.length, true);
  new Float64Array(bytes.buffer, HEADER_BYTES, numbers.length).set(numbers);
  bytes.set(words, end);
  return bytes;
}

/** What a message may be. */
export interface FrameLimits {
  /** Numbers in a row. */
  readonly columns: number;
  /** No message may have more rows. */
  readonly mostRows: number;
  /** Nor more bytes of text. */
  readonly mostText: number;
}

/** Puts messages together from bytes that come in any pieces. */
export class FrameReader {
  #held = new Uint8Array(0);

  /**
   * Takes bytes; gives the messages that are whole now.
   * @throws {ProtocolError} when what comes is no message, or one beyond the limits.
   */
  take(bytes: Uint8Array, limits: FrameLimits): Frame[] {
    let rest = bytes;
    if (this.#held.length > 0) {
      rest = new Uint8Array(this.#held.length + bytes.length);
      rest.set(this.#held);
      rest.set(bytes, this.#held.length);
    }
    const frames: Frame[] = [];
    for (;;) {
      const length = frameLength(rest, limits);
      if (rest.length < length) break;
      frames.push(readFrame(rest.subarray(0, length), limits));
      rest = rest.subarray(length);
    }
    this.#held = rest.slice(); // the bytes are lent
    return frames;
  }
}

/** How many bytes the message has that `bytes` begins with, as far as they tell. */
function frameLength(bytes: Uint8Array, { columns, mostRows, mostText }: FrameLimits): number {
  if (bytes.length < HEADER_BYTES) return HEADER_BYTES;
  const header = new DataView(bytes.buffer, bytes.byteOffset);
  const [rows, text] = [header.getUint32(0, true), header.getUint32(4, true)];
  if (rows > mostRows || text > mostText) {
    const got = new TextDecoder().decode(bytes.subarray(0, 80)).replace(/\p{Cc}/gu, "?");
    throw new ProtocolError(
      `the child must speak only when asked, and in messages of the adapter, got ${got}`,
    );
  }
  return HEADER_BYTES + rows * columns * NUMBER_BYTES + text;
}

function readFrame(bytes: Uint8Array, { columns }: FrameLimits): Frame {
  const rows = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const end = HEADER_BYTES + rows * columns * NUMBER_BYTES;
  const numbers = new Float64Array(rows * columns);
  new Uint8Array(numbers.buffer).set(bytes.subarray(HEADER_BYTES, end));
  return {
    numbers,
    text: end === bytes.length ? "" : new TextDecoder().decode(bytes.subarray(end)),
  };
}
