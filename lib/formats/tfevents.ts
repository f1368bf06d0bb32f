/**
 * Writes and reads TensorBoard event files: a run's scalars for the plots that TensorBoard draws.
 *
 * A file is a row of records: length (8 bytes), masked CRC-32C of the length, an Event message, masked
 * CRC-32C of the message. The first event names the version, each later one has a wall time, a step and
 * scalars by tag, as 32-bit floats. Like metrics.jsonl the file is rolled back on resume. Wall times
 * are the caller's: this module knows no clock. A file is read record by record, whatever its length.
 *
 * Source: tensorflow/tsl, record_writer.cc (framing), event.proto and summary.proto (field numbers).
 */

import { AppendFile } from "../system/append_file.ts";
import { joinBytes } from "../system/bytes.ts";
import { FileError } from "../system/errors.ts";
import { withFileErrors } from "../system/file_errors.ts";
import { openRegular, readFully } from "../system/files.ts";
import type { PluginSummary } from "./hparams.ts";
import {
  protoBytesField,
  protoDoubleField,
  protoFields,
  protoFloat,
  protoFloatField,
  protoIntField,
  protoMessage,
  protoNumber,
  type ProtoPieces,
  protoText,
} from "./protobuf.ts";

/** One event read back. */
export interface ScalarEvent {
  /** When it was written, since 1970. */
  readonly wallTimeSeconds: number;
  /** Environment steps taken so far. */
  readonly step: number;
  /** By tag. */
  readonly scalars: ReadonlyMap<string, number>;
}

/** What an event file holds. */
export interface TfeventsFile {
  /** In the order of the file. */
  readonly events: ScalarEvent[];
  /** Bytes after the last whole record: what a kill left of one. */
  readonly tornBytes: number;
}

/** Gets the events of a file one by one. */
export type EventVisitor = (event: ScalarEvent) => void;

const FILE_VERSION = "brain.Event:2";
const HEADER_BYTES = 12;
const FOOTER_BYTES = 4;
/** A record of ours has a few hundred bytes; only those of other programs hold pictures. */
const MAX_RECORD_BYTES = 2 ** 20;
const WINDOW_BYTES = 2 ** 20;
// Field numbers.
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5 } as const;
const SUMMARY_VALUE = 1;
const VALUE = { tag: 1, simpleValue: 2, tensor: 8, metadata: 9 } as const;
const PLUGIN_DATA = 1;
const PLUGIN_NAME = 1;
const PLUGIN_CONTENT = 2;
/** What a plugin's summary holds in place of a value: a float tensor [0]. */
const EMPTY_TENSOR = [...protoIntField(1, 1), ...protoBytesField(2, protoBytesField(2, []))];

/** Appends scalars to an event file. */
export class TfeventsWriter {
  readonly #file: AppendFile;

  private constructor(file: AppendFile) {
    this.#file = file;
  }

  /**
   * Opens the file and cuts off a torn last record, damaged records, and everything after `resumeAtByte`, the position
   * that a checkpoint recorded. A new file gets its version event with `wallTimeSeconds` (since 1970).
   * @throws {FileError} when the file cannot be opened or is no event file.
   */
  static open(
    path: string,
    { wallTimeSeconds, resumeAtByte }: {
      readonly wallTimeSeconds: number;
      readonly resumeAtByte?: number;
    },
  ): TfeventsWriter {
    const options = { kind: "event file", ...(resumeAtByte === undefined ? {} : { resumeAtByte }) };
    let file = AppendFile.open(path, options);
    if (file.position > 0) {
      file.close();
      const { end, damage } = scanFile(path, () => {});
      // Damage in the middle costs the events after it; a file that begins wrongly is not ours to cut.
      if (damage !== undefined && end === 0) throw damageError(damage, path);
      file = AppendFile.open(path, { kind: "event file", resumeAtByte: end });
    }
    const writer = new TfeventsWriter(file);
    if (file.position === 0) {
      writer.#append([
        ...protoDoubleField(EVENT.wallTime, wallTimeSeconds),
        ...protoBytesField(EVENT.fileVersion, FILE_VERSION),
      ]);
    }
    return writer;
  }

  /** The length of the file in bytes: call `sync` before a checkpoint records it. */
  get position(): number {
    return this.#file.position;
  }

  /**
   * Appends one event with one write. Values that are not finite are left out.
   * @throws {FileError} when it cannot be written; the file is as before then.
   */
  write(
    scalars: Readonly<Record<string, number>>,
    { step, wallTimeSeconds }: { readonly step: number; readonly wallTimeSeconds: number },
  ): void {
    const values = Object.entries(scalars)
      .filter(([, value]) => Number.isFinite(value))
      .map(([tag, value]) =>
        protoBytesField(SUMMARY_VALUE, [
          ...protoBytesField(VALUE.tag, tag),
          ...protoFloatField(VALUE.simpleValue, value),
        ])
      );
    if (values.length === 0) return;
    this.#append([
      ...protoDoubleField(EVENT.wallTime, wallTimeSeconds),
      ...protoIntField(EVENT.step, step),
      ...protoBytesField(EVENT.summary, values.flat()),
    ]);
  }

  /**
   * Appends what a plugin of TensorBoard reads, as one event with one write.
   * @throws {FileError} when it cannot be written; the file is as before then.
   */
  writePlugin(
    plugin: string,
    summaries: readonly PluginSummary[],
    { step, wallTimeSeconds }: { readonly step: number; readonly wallTimeSeconds: number },
  ): void {
    const values = summaries.map(({ tag, content }) =>
      protoBytesField(SUMMARY_VALUE, [
        ...protoBytesField(VALUE.tag, tag),
        ...protoBytesField(VALUE.tensor, EMPTY_TENSOR),
        ...protoBytesField(
          VALUE.metadata,
          protoBytesField(PLUGIN_DATA, [
            ...protoBytesField(PLUGIN_NAME, plugin),
            ...protoBytesField(PLUGIN_CONTENT, content),
          ]),
        ),
      ])
    );
    this.#append([
      ...protoDoubleField(EVENT.wallTime, wallTimeSeconds),
      ...protoIntField(EVENT.step, step),
      ...protoBytesField(EVENT.summary, values.flat()),
    ]);
  }

  /**
   * Waits until every event is on disk.
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

  #append(event: ProtoPieces): void {
    this.#file.append(encodeRecord(joinBytes(event)));
  }
}

/**
 * Reads the events of a file one by one; a torn last record is left out and counted.
 * @returns the number of bytes after the last whole record.
 * @throws {FileError} when it cannot be read or is no event file: `Cannot read event file "x": ...`.
 */
export function readTfevents(path: string, visit: EventVisitor): { readonly tornBytes: number } {
  const what = `event file ${JSON.stringify(path)}`;
  const { end, damage, size } = scanFile(path, (message) => visit(decodeEvent(message, what)));
  if (damage !== undefined) throw damageError(damage, path);
  return { tornBytes: size - end };
}

/**
 * Reads the bytes of a whole event file; a torn last record is left out and counted.
 * @throws {FileError} when the bytes are no event file: `Cannot read event file "x": ...`.
 */
export function decodeTfevents(
  bytes: Uint8Array,
  { name }: { readonly name: string },
): TfeventsFile {
  const events: ScalarEvent[] = [];
  const what = `event file ${JSON.stringify(name)}`;
  const source = {
    size: bytes.length,
    read: (at: number, length: number) => bytes.subarray(at, at + length),
  };
  const { end, damage } = scan(source, (message) => events.push(decodeEvent(message, what)));
  if (damage !== undefined) throw damageError(damage, name);
  return { events, tornBytes: bytes.length - end };
}

/** Computes the CRC-32C (Castagnoli) of bytes. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = CRC_TABLE[(crc ^ bytes[i]) & 0xff] ^ crc >>> 8;
  return (crc ^ 0xffffffff) >>> 0;
}

// The reversed Castagnoli polynomial. Source: RFC 3720, appendix B.4, bits reversed.
const CRC_POLYNOMIAL = 0x82f63b78;
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte >>> 1 ^ (byte & 1 ? CRC_POLYNOMIAL : 0);
  return byte >>> 0;
});

/** Rotates and shifts a CRC, because a CRC of data that holds its own CRC is weak. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return ((crc >>> 15 | crc << 17) + 0xa282ead8) >>> 0;
}

/** Frames an Event message as a record of an event file. */
export function encodeRecord(message: Uint8Array): Uint8Array {
  const record = new Uint8Array(HEADER_BYTES + message.length + FOOTER_BYTES);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(message.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(message, HEADER_BYTES);
  view.setUint32(HEADER_BYTES + message.length, maskedCrc(message), true);
  return record;
}

/** Bytes to read records from. */
interface Source {
  readonly size: number;
  /** Gives a view of bytes that are there, valid until the next call. */
  read(at: number, length: number): Uint8Array;
}

interface Scan {
  /** Where the last whole and undamaged record ends. */
  readonly end: number;
  /** What is wrong there, unless the file just ends. */
  readonly damage: string | undefined;
}

/** Visits the message of every record up to the end or the first damage. */
function scan({ size, read }: Source, visit: (message: Uint8Array) => void): Scan {
  let end = 0;
  const damaged = (rule: string) => ({ end, damage: `${rule} of the record at byte ${end}` });
  while (end + HEADER_BYTES <= size) {
    const header = read(end, HEADER_BYTES);
    const view = new DataView(header.buffer, header.byteOffset, header.length);
    if (view.getUint32(8, true) !== maskedCrc(header.subarray(0, 8))) {
      return damaged("checksum does not match the length");
    }
    const length = view.getBigUint64(0, true);
    if (length > BigInt(size - end - HEADER_BYTES - FOOTER_BYTES)) break;
    if (length > MAX_RECORD_BYTES) return damaged(`length must be at most ${MAX_RECORD_BYTES}`);
    const body = read(end + HEADER_BYTES, Number(length) + FOOTER_BYTES);
    const message = body.subarray(0, Number(length));
    const checksum = new DataView(body.buffer, body.byteOffset + message.length, FOOTER_BYTES);
    if (checksum.getUint32(0, true) !== maskedCrc(message)) {
      return damaged("checksum does not match the content");
    }
    visit(message);
    end += HEADER_BYTES + body.length;
  }
  return { end, damage: undefined };
}

function scanFile(
  path: string,
  visit: (message: Uint8Array) => void,
): Scan & { readonly size: number } {
  const options = { path, kind: "event file" };
  using file = withFileErrors("read", options, () => openRegular(path));
  const { size } = withFileErrors("read", options, () => file.statSync());
  let window = new Uint8Array(0);
  let start = 0;
  const read = (at: number, length: number): Uint8Array => {
    if (at < start || at + length > start + window.length) {
      window = new Uint8Array(Math.min(size - at, Math.max(WINDOW_BYTES, length)));
      start = at;
      withFileErrors("read", options, () => {
        file.seekSync(at, Deno.SeekMode.Start);
        if (readFully(file, window) < length) throw new Error("it became shorter");
      });
    }
    return window.subarray(at - start, at - start + length);
  };
  return { ...scan({ size, read }, visit), size };
}

function damageError(damage: string, name: string): FileError {
  return new FileError(`Cannot read event file ${JSON.stringify(name)}: ${damage}`);
}

function decodeEvent(message: Uint8Array, what: string): ScalarEvent {
  let wallTimeSeconds = 0;
  let step = 0;
  const scalars = new Map<string, number>();
  for (const field of protoFields(message, what)) {
    if (field.number === EVENT.wallTime) wallTimeSeconds = protoFloat(field, what);
    if (field.number === EVENT.step) step = protoNumber(field, what);
    if (field.number === EVENT.summary) {
      for (const value of protoFields(protoMessage(field, what), what)) {
        if (value.number === SUMMARY_VALUE) readValue(protoMessage(value, what), scalars, what);
      }
    }
  }
  return { wallTimeSeconds, step, scalars };
}

function readValue(message: Uint8Array, scalars: Map<string, number>, what: string): void {
  let tag: string | undefined;
  let value: number | undefined;
  for (const field of protoFields(message, what)) {
    if (field.number === VALUE.tag) tag = protoText(field, what);
    if (field.number === VALUE.simpleValue) value = protoFloat(field, what);
  }
  if (tag !== undefined && value !== undefined) scalars.set(tag, value);
}
