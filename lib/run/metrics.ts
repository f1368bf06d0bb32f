/**
 * Writes the metrics of a run, metrics.jsonl: one JSON object per line, appended with one write per line,
 * so that after a kill at most the last line is torn and everything before it can be read.
 *
 * A record has a kind, a step and whatever values its kind has; what they mean is the writer's business.
 * Numbers that are not finite are written as null, because JSON has no name for them.
 */

import { AppendFile } from "../system/append_file.ts";
import { withFileErrors } from "../system/file_errors.ts";
import { openOwnFile } from "../system/files.ts";

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

const LINE_END = 0x0a;
const CHUNK_BYTES = 2 ** 16;

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
