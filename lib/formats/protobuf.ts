/**
 * The part of the protobuf wire format that ONNX models and TensorBoard events use: messages as fields of
 * varints, fixed 32 or 64 bits, and length-delimited bytes. Groups are refused: nothing here has them.
 *
 * The reader walks one message and gives its fields in order as views; a nested message is walked by
 * walking its bytes, so that the depth of the recursion is the caller's to choose and a hostile file
 * cannot choose it. The writer gives fields as lists of pieces, joined once at the end, so that large
 * weights are copied only once.
 *
 * Source: protobuf.dev, "Encoding".
 */

import { countElements } from "../system/bytes.ts";
import { FileError } from "../system/errors.ts";

/** How a field's value is stored. */
export type WireType = "varint" | "fixed64" | "bytes" | "fixed32";

/** One field of a message. */
export interface ProtoField {
  /** The field's number in the message's definition. */
  readonly number: number;
  /** How the value is stored. */
  readonly wire: WireType;
  /** The value's own bytes: a view. Of a varint, its encoding; otherwise the content. */
  readonly bytes: Uint8Array;
}

const WIRE_TYPES: ReadonlyMap<number, WireType> = new Map([
  [0, "varint"],
  [1, "fixed64"],
  [2, "bytes"],
  [5, "fixed32"],
]);
const MAX_VARINT_BYTES = 10;
/** Above it, other readers cut the tag to 32 bits and would see another field. */
const MAX_FIELD_NUMBER = 2 ** 29 - 1;

/**
 * Walks the fields of one message.
 * @throws {FileError} where the bytes are no message; `what` names it: `Cannot read ${what}: ...`.
 */
export function* protoFields(message: Uint8Array, what: string): Generator<ProtoField> {
  for (let at = 0; at < message.length;) {
    const tagEnd = varintEnd(message, at, what);
    const tag = roughNumber(message, at, tagEnd);
    const number = Math.floor(tag / 8);
    const wire = WIRE_TYPES.get(tag % 8);
    if (wire === undefined || number === 0 || number > MAX_FIELD_NUMBER) {
      throw new FileError(`Cannot read ${what}: field tag must be valid, got ${tag} at byte ${at}`);
    }
    let start = tagEnd;
    let end = start + (wire === "fixed64" ? 8 : 4);
    if (wire === "varint") end = varintEnd(message, start, what);
    if (wire === "bytes") {
      const lengthEnd = varintEnd(message, start, what);
      const length = roughNumber(message, start, lengthEnd);
      start = lengthEnd;
      end = start + length;
    }
    if (end > message.length) {
      throw new FileError(`Cannot read ${what}: field ${number} at byte ${at} goes beyond its end`);
    }
    yield { number, wire, bytes: message.subarray(start, end) };
    at = end;
  }
}

/**
 * Reads a field's varint as a signed 64-bit integer.
 * @throws {FileError} when the field is no varint.
 */
export function protoInt(field: ProtoField, what: string): bigint {
  return BigInt.asIntN(64, varintValue(expectWire(field, "varint", what)));
}

/**
 * Reads a field's varint as a number that holds it exactly.
 * @throws {FileError} when the field is no varint or the integer is not safe.
 */
export function protoNumber(field: ProtoField, what: string): number {
  const { length } = expectWire(field, "varint", what);
  return length > NUMBER_VARINT_BYTES
    ? toNumber(protoInt(field, what), what)
    : roughNumber(field.bytes, 0, length);
}

/**
 * Reads a field's bytes as UTF-8 text of at most `maxBytes`.
 * @throws {FileError} when the field is no such text.
 */
export function protoText(field: ProtoField, what: string, maxBytes = 2 ** 16): string {
  const bytes = expectWire(field, "bytes", what);
  if (bytes.length > maxBytes) {
    throw new FileError(
      `Cannot read ${what}: text of field ${field.number} must be at most ${maxBytes} bytes long, ` +
        `got ${bytes.length}`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FileError(`Cannot read ${what}: text of field ${field.number} must be UTF-8`);
  }
}

/**
 * Gives a field's nested message, a view.
 * @throws {FileError} when the field is stored in another way.
 */
export function protoMessage(field: ProtoField, what: string): Uint8Array {
  return expectWire(field, "bytes", what);
}

/**
 * Reads a field's 32 or 64 fixed bits as a floating-point number.
 * @throws {FileError} when the field is stored in another way.
 */
export function protoFloat(field: ProtoField, what: string): number {
  const { bytes, wire } = field;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (wire === "fixed64") return view.getFloat64(0, true);
  expectWire(field, "fixed32", what);
  return view.getFloat32(0, true);
}

/** Part of a message: pieces of bytes to put one after another. They are joined once, at the end. */
export type ProtoPieces = readonly Uint8Array[];

/** Writes a field of length-delimited bytes: text, raw bytes, or a nested message. */
export function protoBytesField(
  number: number,
  content: ProtoPieces | Uint8Array | string,
): ProtoPieces {
  const pieces = typeof content === "string"
    ? [ENCODER.encode(content)]
    : content instanceof Uint8Array
    ? [content]
    : content;
  return [varint(number * 8 + 2), varint(countElements(pieces)), ...pieces];
}

/** Writes a field that is a safe integer; a negative one takes ten bytes. */
export function protoIntField(number: number, value: number): ProtoPieces {
  return [varint(number * 8), varint(value)];
}

/** Writes a field that is a 64-bit floating-point number. */
export function protoDoubleField(number: number, value: number): ProtoPieces {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return [varint(number * 8 + 1), bytes];
}

/** Writes a field that is a 32-bit floating-point number. */
export function protoFloatField(number: number, value: number): ProtoPieces {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return [varint(number * 8 + 5), bytes];
}

function expectWire(field: ProtoField, wire: WireType, what: string): Uint8Array {
  if (field.wire === wire) return field.bytes;
  throw new FileError(
    `Cannot read ${what}: field ${field.number} must be stored as ${wire}, got ${field.wire}`,
  );
}

function varintEnd(message: Uint8Array, start: number, what: string): number {
  for (let at = start; at < message.length && at < start + MAX_VARINT_BYTES; at++) {
    if (message[at] < 0x80) return at + 1;
  }
  throw new FileError(`Cannot read ${what}: number at byte ${start} has no end`);
}

function varintValue(encoded: Uint8Array): bigint {
  let value = 0n;
  for (let i = encoded.length - 1; i >= 0; i--) value = value << 7n | BigInt(encoded[i] & 0x7f);
  return BigInt.asUintN(64, value);
}

/** Varints of so many bytes have at most 49 bits, which a number holds exactly. */
const NUMBER_VARINT_BYTES = 7;

/** Reads a varint, exactly where it is safe; without BigInt where it is short, as nearly all are. */
function roughNumber(message: Uint8Array, at: number, end: number): number {
  if (end - at > NUMBER_VARINT_BYTES) return Number(varintValue(message.subarray(at, end)));
  let value = 0;
  for (let i = end - 1; i >= at; i--) value = value * 0x80 + (message[i] & 0x7f);
  return value;
}

function toNumber(value: bigint, what: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new FileError(`Cannot read ${what}: integer must be safe, got ${value}`);
}

const ENCODER = new TextEncoder();

/** The one-byte varints: nearly all tags and lengths, so they are made once. */
const ONE_BYTE = Array.from({ length: 0x80 }, (_, value) => Uint8Array.of(value));

function varint(value: number): Uint8Array {
  if (value >= 0 && value < ONE_BYTE.length) return ONE_BYTE[value];
  const bytes: number[] = [];
  // Negative integers are written as their 64-bit two's complement: seven bits a byte, low first.
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
