import assert from "node:assert/strict";
import fc from "fast-check";
import protobuf from "protobufjs";
import { joinBytes } from "../../../lib/system/bytes.ts";
import { FileError } from "../../../lib/system/errors.ts";
import {
  protoBytesField,
  protoDoubleField,
  protoFields,
  protoFloat,
  protoFloatField,
  protoInt,
  protoIntField,
  protoMessage,
  protoNumber,
  protoText,
} from "../../../lib/formats/protobuf.ts";

const what = 'thing "x"';

function refuses(
  bytes: number[],
  message: RegExp,
  read = (b: Uint8Array) => void [...protoFields(b, what)],
) {
  assert.throws(() => read(Uint8Array.from(bytes)), (error) => {
    assert.ok(error instanceof FileError);
    assert.ok(error.message.startsWith(`Cannot read ${what}: `), error.message);
    assert.match(error.message, message);
    return true;
  });
}

Deno.test("protoFields() reads what an unrelated protobuf library wrote", () => {
  fc.assert(
    fc.property(
      fc.maxSafeInteger(),
      fc.double({ noNaN: true }),
      fc.float({ noNaN: true }),
      fc.string(),
      (integer, double, float, text) => {
        const bytes = protobuf.Writer.create()
          .uint32(8).int64(integer).uint32(17).double(double).uint32(29).float(float)
          .uint32(34).string(text).finish();
        const fields = [...protoFields(bytes, what)];
        assert.deepEqual(fields.map(({ number }) => number), [1, 2, 3, 4]);
        assert.equal(protoInt(fields[0], what), BigInt(integer));
        assert.equal(protoNumber(fields[0], what), integer);
        assert.equal(protoFloat(fields[1], what), double);
        assert.equal(protoFloat(fields[2], what), float);
        assert.equal(protoText(fields[3], what), text);
      },
    ),
  );
});

Deno.test("the field writers write what an unrelated protobuf library writes", () => {
  fc.assert(
    fc.property(
      fc.maxSafeInteger(),
      fc.double(),
      fc.float(),
      fc.string(),
      (integer, double, float, text) => {
        const theirs = protobuf.Writer.create()
          .uint32(8).int64(integer).uint32(17).double(double).uint32(29).float(float)
          .uint32(8002).string(text).finish();
        const fields = [
          protoIntField(1, integer),
          protoDoubleField(2, double),
          protoFloatField(3, float),
          protoBytesField(1000, text),
        ].flat();
        assert.deepEqual(joinBytes(fields), Uint8Array.from(theirs));
      },
    ),
  );
});

Deno.test("protoFields() refuses bytes that are no message", () => {
  refuses([0x80], /number at byte 0 has no end$/);
  refuses([0x08, ...Array(11).fill(0x80), 1], /number at byte 1 has no end$/);
  refuses([0x0b], /field tag must be valid, got 11 at byte 0$/); // a group
  refuses([0x02, 0], /field tag must be valid, got 2 at byte 0$/); // field 0
  // Field 1 for a reader that keeps the low 32 bits of 2^32 + 10.
  refuses([0x8a, 0x80, 0x80, 0x80, 0x10, 0], /field tag must be valid, got 4294967306 at byte 0$/);
  refuses([0x0a, 5, 1], /field 1 at byte 0 goes beyond its end$/);
  refuses([0x0a, ...Array(9).fill(0xff), 1], /field 1 at byte 0 goes beyond its end$/);
  refuses([0x09, 1, 2, 3], /field 1 at byte 0 goes beyond its end$/);
  refuses([0x0d, 1, 2, 3], /field 1 at byte 0 goes beyond its end$/);
});

Deno.test("protoText() and its relatives refuse fields of another kind", () => {
  const only = (bytes: Uint8Array) => [...protoFields(bytes, what)][0];
  refuses([0x08, 1], /must be stored as bytes, got varint$/, (b) => void protoText(only(b), what));
  refuses(
    [0x08, 1],
    /must be stored as bytes, got varint$/,
    (b) => void protoMessage(only(b), what),
  );
  refuses(
    [0x08, 1],
    /must be stored as fixed32, got varint$/,
    (b) => void protoFloat(only(b), what),
  );
  refuses([0x0a, 0], /must be stored as varint, got bytes$/, (b) => void protoInt(only(b), what));
  refuses([0x0a, 1, 0xff], /text of field 1 must be UTF-8$/, (b) => void protoText(only(b), what));
  refuses(
    [0x0a, 2, 97, 97],
    /at most 1 bytes long, got 2$/,
    (b) => void protoText(only(b), what, 1),
  );
  refuses(
    [0x08, ...Array(8).fill(0xff), 0x7f],
    /integer must be safe, got 9223372036854775807$/,
    (b) => void protoNumber(only(b), what),
  );
});
