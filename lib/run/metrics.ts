/**
 * The metrics of a run, metrics.jsonl: one JSON object per line, appended with one write per line, so
 * that after a kill at most the last line is torn and everything before it can be read.
 *
 * A record has a kind, a step and whatever values its kind has; what they mean is the writer's business.
 * Numbers that are not finite are written as null, because JSON has no name for them. The reader takes
 * any file: lines that are no such record are counted and skipped, never an error.
 */

import { AppendFile } from "../system/append_file.ts";
import { joinBytes } from "../system/bytes.ts";
import { FileError } from "../system/errors.ts";
import { openOwnFile, withFileErrors } from "../system/files.ts";
import { isJsonObject, type JsonObject, parseJsonLimited } from "../formats/json.ts";

/** A value in a record. */
export type MetricValue =
  | null
  | boolean
  | number
  | string
  | readonly MetricValue[]
  | { readonly [key: string]: MetricValue | undefined };

/** One line: what kind of record, at which environment step, and its values. */
export interface MetricRecord {
  /** What is recorded, such as "episode". */
  readonly kind: string;
  /** Environment steps taken so far. */
  readonly step: number;
  /** The values of that kind of record. */
  readonly [key: string]: MetricValue | undefined;
}

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
const CHUNK_BYTES = 2 ** 16;
/** Longer lines are no record of ours: the longest, a curve of 1,000 points, takes about 100 KB. */
const MAX_LINE_BYTES = 2 ** 20;
const MAX_RECORDS = 2_000_000;
const MAX_DEPTH = 8;

/** Appends records to a run's metrics.jsonl. */
export class MetricsWriter {
  readonly #file: AppendFile;
  /** What was odd about the file when it was opened, for the user to read. */
  readonly warnings: readonly string[];

  private constructor(file: AppendFile, warnings: readonly string[]) {
    this.#file = file;
    this.warnings = warnings;
  }

  /**
   * Opens or makes the file and removes a torn last line. With `resumeAtByte`, the position that a
   * checkpoint recorded, everything after it is removed too; a file that is shorter than that, or has
   * no line end there, is continued as it is with a warning.
   * @throws {FileError} when the file cannot be opened.
   */
  static open(
    path: string,
    { resumeAtByte }: { readonly resumeAtByte?: number } = {},
  ): MetricsWriter {
    const warnings: string[] = [];
    const options = { kind: "metrics", ...(resumeAtByte === undefined ? {} : { resumeAtByte }) };
    const file = AppendFile.open(path, options);
    if (resumeAtByte !== undefined && file.position < resumeAtByte) {
      warnings.push(
        `Metrics ${JSON.stringify(path)} hold ${file.position} bytes and not the ${resumeAtByte} ` +
          `that the checkpoint knows of: lines are missing`,
      );
    }
    file.close();
    const torn = repairTornLine(path);
    if (torn > 0 && resumeAtByte !== undefined) {
      warnings.push(
        `Metrics ${JSON.stringify(path)} had no line end where the checkpoint knows of one: ` +
          `removed ${torn} bytes`,
      );
    }
    return new MetricsWriter(AppendFile.open(path, { kind: "metrics" }), warnings);
  }

  /** The length of the file in bytes: call `sync` before a checkpoint records it. */
  get position(): number {
    return this.#file.position;
  }

  /**
   * Appends one record as one line with one write.
   * @throws {FileError} when it cannot be written; the file is as before then.
   */
  write(record: MetricRecord): void {
    this.#file.append(new TextEncoder().encode(`${JSON.stringify(record)}\n`));
  }

  /**
   * Waits until every line is on disk.
   * @throws {FileError} when the system reports that it is not.
   */
  sync(): void {
    this.#file.sync();
  }

  /** Closes the file; the writer is not usable afterwards. */
  close(): void {
    this.#file.close();
  }

  /** Closes the file at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Removes what follows the last line end of a file; returns how many bytes that was.
 * @throws {FileError} when the file cannot be read or cut.
 */
export function repairTornLine(path: string): number {
  return withFileErrors("open", { path, kind: "metrics" }, () => {
    using file = openOwnFile(path);
    const { size } = file.statSync();
    const chunk = new Uint8Array(CHUNK_BYTES);
    let end = size;
    while (end > 0) {
      const start = Math.max(0, end - CHUNK_BYTES);
      file.seekSync(start, Deno.SeekMode.Start);
      const count = file.readSync(chunk.subarray(0, end - start)) ?? 0;
      const lineEnd = chunk.subarray(0, count).lastIndexOf(LINE_END);
      if (lineEnd >= 0) {
        end = start + lineEnd + 1;
        break;
      }
      end = start;
    }
    if (end < size) file.truncateSync(end);
    return size - end;
  });
}

/**
 * Reads a metrics file, whatever is in it.
 * @throws {FileError} when it cannot be read, or holds more than two million records.
 */
export function readMetrics(path: string): MetricsFile {
  const records: ReadMetricRecord[] = [];
  let skippedLines = 0;
  let tornBytes = 0;
  for (const line of linesOf(path)) {
    if (!line.isWhole) tornBytes = line.length;
    else {
      const record = parseRecord(line.bytes, path);
      if (record === undefined) skippedLines++;
      else records.push(record);
    }
    if (records.length > MAX_RECORDS) {
      throw new FileError(
        `Cannot read metrics ${JSON.stringify(path)}: it must hold at most ${MAX_RECORDS} records`,
      );
    }
  }
  return { records, skippedLines, tornBytes };
}

/** Parses one line without its end; undefined when it is no record. */
export function parseRecord(
  bytes: Uint8Array | undefined,
  name: string,
): ReadMetricRecord | undefined {
  if (bytes === undefined) return undefined;
  try {
    const value = parseJsonLimited(bytes, { name, kind: "metrics", maxDepth: MAX_DEPTH });
    const isRecord = isJsonObject(value) && typeof value.kind === "string" &&
      typeof value.step === "number" && Number.isFinite(value.step);
    return isRecord ? value as ReadMetricRecord : undefined;
  } catch (error) {
    if (error instanceof FileError) return undefined;
    throw error;
  }
}

interface Line {
  /** The line without its end; undefined when it is too long to be a record. */
  readonly bytes: Uint8Array | undefined;
  readonly length: number;
  /** False for what follows the last line end. */
  readonly isWhole: boolean;
}

/** Gives a file's lines one by one, holding one line and one chunk at a time. */
function* linesOf(path: string): Generator<Line> {
  const file = { path, kind: "metrics" };
  using input = withFileErrors("read", file, () => Deno.openSync(path, { read: true }));
  const chunk = new Uint8Array(CHUNK_BYTES);
  let pieces: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const count = withFileErrors("read", file, () => input.readSync(chunk));
    if (count === null) break;
    let start = 0;
    for (let at = chunk.indexOf(LINE_END); at >= 0 && at < count;) {
      pieces.push(chunk.slice(start, at));
      length += at - start;
      yield lineOf(pieces, length, true);
      pieces = [];
      length = 0;
      start = at + 1;
      at = chunk.indexOf(LINE_END, start);
    }
    length += count - start;
    if (length <= MAX_LINE_BYTES) pieces.push(chunk.slice(start, count));
    else pieces = [];
  }
  if (length > 0) yield lineOf(pieces, length, false);
}

function lineOf(pieces: readonly Uint8Array[], length: number, isWhole: boolean): Line {
  if (length > MAX_LINE_BYTES) return { bytes: undefined, length, isWhole };
  return { bytes: joinBytes(pieces), length, isWhole };
}
