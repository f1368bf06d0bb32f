/**
 * Reads the metrics of a run (metrics.ts writes them), whatever is in the file: lines that are no record
 * are counted and skipped, as long as there are not too many of them.
 *
 * A long run has hundreds of thousands of lines, so they are decoded by the megabyte and parsed by the
 * engine's own parser; what that one lets pass is checked afterwards. The limits keep a file of any
 * length below 300 MB of memory.
 */

import type { JsonObject, JsonValue } from "../formats/json.ts";
import { joinBytes } from "../system/bytes.ts";
import { FileError } from "../system/errors.ts";
import { withFileErrors } from "../system/file_errors.ts";
import { openRegular } from "../system/files.ts";

/** A record read back: an object without a prototype. */
export type ReadMetricRecord = JsonObject & { readonly kind: string; readonly step: number };

/** Everything that a metrics file holds. */
export interface MetricsFile {
  /** In the order of the file. */
  readonly records: ReadMetricRecord[];
  /** Lines that are no record. */
  readonly skippedLines: number;
  /** Bytes after the last line's end: what a kill left of a line. */
  readonly tornBytes: number;
}

const LINE_END = 0x0a;
const CHUNK_BYTES = 2 ** 20;
/** Longer lines are no record of ours: the longest, a curve of 1,000 points, takes about 100 KB. */
const MAX_LINE_BYTES = 2 ** 20;
/** A file with a line of that length is something else. */
const MAX_DROPPED_BYTES = 2 ** 25;
const MAX_RECORDS = 1_000_000;
/** Of lists and objects, which take more memory than other values. */
const MAX_CONTAINERS = 1_500_000;
/** Of all kinds. */
const MAX_VALUES = 10_000_000;
const MAX_SKIPPED_LINES = 100_000;
/** Of all lines that are records. */
const MAX_CHARACTERS = 2 ** 27;
const MAX_DEPTH = 8;

/**
 * Reads a metrics file.
 * @throws {FileError} when it cannot be read, or holds more than any run writes, or too much else.
 */
export function readMetrics(path: string): MetricsFile {
  const records: ReadMetricRecord[] = [];
  const counts = { characters: 0, values: 0, containers: 0 };
  let skippedLines = 0;
  let tornBytes = 0;
  const limit = (count: number, most: number, what: string) => {
    if (count <= most) return;
    throw new FileError(
      `Cannot read metrics ${JSON.stringify(path)}: it must hold at most ${most} ${what}, got more`,
    );
  };
  for (const { lines, overlong, torn } of pieces(path)) {
    tornBytes = torn;
    skippedLines += overlong;
    for (const line of lines) {
      const record = recordOf(line, counts);
      if (record === undefined) skippedLines++;
      else records.push(record);
    }
    limit(records.length, MAX_RECORDS, "records");
    limit(counts.characters, MAX_CHARACTERS, "characters");
    limit(counts.values, MAX_VALUES, "values");
    limit(counts.containers, MAX_CONTAINERS, "lists and objects");
    limit(skippedLines, MAX_SKIPPED_LINES, "lines that are no records");
  }
  return { records, skippedLines, tornBytes };
}

interface Counts {
  characters: number;
  values: number;
  containers: number;
}

function recordOf(line: string, counts: Counts): ReadMetricRecord | undefined {
  // Spares the parser, whose errors are expensive, most of what is no record.
  const isLikely = line.startsWith("{") && line.length <= MAX_LINE_BYTES && line.includes('"kind"');
  if (!isLikely) return undefined;
  let value: JsonValue;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  counts.characters += line.length;
  if (!tame(value, counts, 0)) return undefined;
  const { kind, step } = value as JsonObject;
  const isRecord = typeof kind === "string" && typeof step === "number" && Number.isFinite(step);
  return isRecord ? value as ReadMetricRecord : undefined;
}

/**
 * Takes the prototypes from objects, so that they have no key but their own, and counts.
 * @returns false when a value is nested too deeply or could reach Object.prototype.
 */
function tame(value: JsonValue, counts: Counts, depth: number): boolean {
  counts.values++;
  if (typeof value !== "object" || value === null) return true;
  counts.containers++;
  if (depth >= MAX_DEPTH) return false;
  if (Array.isArray(value)) return value.every((item) => tame(item, counts, depth + 1));
  if (Object.hasOwn(value, "__proto__")) return false;
  Object.setPrototypeOf(value, null);
  for (const key in value) {
    if (!tame(value[key], counts, depth + 1)) return false;
  }
  return true;
}

/** Some of a file's lines. */
interface Piece {
  /** Whole lines without their ends. */
  readonly lines: readonly string[];
  /** Lines that are too long, or no UTF-8. */
  readonly overlong: number;
  /** Bytes after the last line end so far. */
  readonly torn: number;
}

/** Gives a file's lines, holding one chunk and at most one line besides at a time. */
function* pieces(path: string): Generator<Piece> {
  const file = { path, kind: "metrics" };
  using input = withFileErrors("read", file, () => openRegular(path));
  const chunk = new Uint8Array(CHUNK_BYTES);
  let rest = new Uint8Array(0);
  /** Bytes of a line that is too long, which are not kept. */
  let dropped = 0;
  // Some files of /proc claim to be empty and never end.
  for (let left = input.statSync().size; left > 0;) {
    const next = chunk.subarray(0, Math.min(left, CHUNK_BYTES));
    const count = withFileErrors("read", file, () => input.readSync(next));
    if (count === null) return;
    left -= count;
    const end = chunk.subarray(0, count).lastIndexOf(LINE_END) + 1;
    let overlong = 0;
    let whole = chunk.subarray(0, end);
    if (end > 0 && dropped > 0) {
      whole = whole.subarray(whole.indexOf(LINE_END) + 1);
      dropped = 0;
      overlong++;
    } else if (end > 0 && rest.length > 0) whole = joinBytes([rest, whole]);
    const tail = chunk.subarray(end, count);
    if (dropped > MAX_DROPPED_BYTES) {
      throw new FileError(
        `Cannot read metrics ${JSON.stringify(path)}: lines must be at most ${MAX_LINE_BYTES} ` +
          `bytes long, got more than ${MAX_DROPPED_BYTES}`,
      );
    }
    if (dropped > 0) dropped += tail.length;
    else rest = end > 0 ? tail.slice() : joinBytes([rest, tail]);
    if (rest.length > MAX_LINE_BYTES) {
      dropped = rest.length;
      rest = new Uint8Array(0);
    }
    const { lines, undecodable } = split(whole);
    yield { lines, overlong: overlong + undecodable, torn: dropped + rest.length };
  }
}

/** Cuts bytes that end with a line end into lines. */
function split(bytes: Uint8Array): { lines: string[]; undecodable: number } {
  if (bytes.length === 0) return { lines: [], undecodable: 0 };
  const text = decode(bytes.subarray(0, -1));
  if (text !== undefined) return { lines: text.split("\n"), undecodable: 0 };
  const lines: string[] = [];
  let undecodable = 0;
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(LINE_END, start);
    const line = decode(bytes.subarray(start, end));
    if (line === undefined) undecodable++;
    else lines.push(line);
    start = end + 1;
  }
  return { lines, undecodable };
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
