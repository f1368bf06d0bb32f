import assert from "node:assert/strict";
import { join } from "node:path";
import protobuf from "protobufjs";
import { FileError } from "../../../lib/system/errors.ts";
import {
  crc32c,
  decodeTfevents,
  encodeRecord,
  readTfevents,
  type ScalarEvent,
  TfeventsWriter,
} from "../../../lib/formats/tfevents.ts";

// Source: Python tensorboard 2.21.0, RecordWriter of the two events asserted below, as base64.
const GOLDEN =
  "GAAAAAAAAACjf0siCQAAEED8VNlBGg1icmFpbi5FdmVudDoyM40v6TUAAAAAAAAA1sVd5gkAAGBA/FTZQRCAvMGWCyok" +
  "ChUKDmVwaXNvZGUvcmV0dXJuFQAAwD8KCwoEbG9zcxUAAIC+QhyhnQ==";

function inFolder(test: (path: string) => void): () => void {
  return () => {
    const folder = Deno.makeTempDirSync();
    try {
      test(join(folder, "events.out.tfevents.1.host"));
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

function golden(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(GOLDEN), (c) => c.charCodeAt(0));
}

function writeGolden(path: string): void {
  using writer = TfeventsWriter.open(path, { wallTimeSeconds: 1700000000.25 });
  writer.write({ "episode/return": 1.5, loss: -0.25 }, {
    step: 3_000_000_000,
    wallTimeSeconds: 1700000001.5,
  });
}

Deno.test("crc32c() gives the published check values", () => {
  // Source: RFC 3720, appendix B.4: 32 bytes of zeros, and of ones; and the usual "123456789".
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
});

Deno.test(
  "TfeventsWriter writes the very bytes that TensorBoard's own writer writes",
  inFolder((path) => {
    writeGolden(path);
    assert.deepEqual(Deno.readFileSync(path), golden());
  }),
);

Deno.test("decodeTfevents() reads a file of TensorBoard's own writer", () => {
  const { events, tornBytes } = decodeTfevents(golden(), { name: "golden" });
  assert.equal(tornBytes, 0);
  assert.equal(events.length, 2);
  assert.equal(events[0].wallTimeSeconds, 1700000000.25);
  assert.equal(events[1].step, 3_000_000_000);
  assert.deepEqual([...events[1].scalars], [["episode/return", 1.5], ["loss", -0.25]]);
});

Deno.test(
  "TfeventsWriter's events can be read by an unrelated protobuf library",
  inFolder((path) => {
    const schema = `syntax = "proto3";
      message Value { string tag = 1; float simple_value = 2; }
      message Summary { repeated Value value = 1; }
      message Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }`;
    const type = protobuf.parse(schema, { keepCase: true }).root.lookupType("Event");
    writeGolden(path);
    const bytes = Deno.readFileSync(path);
    const events: unknown[] = [];
    for (let at = 0; at < bytes.length;) {
      const length = Number(new DataView(bytes.buffer, at).getBigUint64(0, true));
      const event = type.decode(bytes.subarray(at + 12, at + 12 + length));
      events.push(type.toObject(event, { longs: Number }));
      at += 12 + length + 4;
    }
    assert.deepEqual(events, [
      { wall_time: 1700000000.25, file_version: "brain.Event:2" },
      {
        wall_time: 1700000001.5,
        step: 3_000_000_000,
        summary: {
          value: [{ tag: "episode/return", simple_value: 1.5 }, {
            tag: "loss",
            simple_value: -0.25,
          }],
        },
      },
    ]);
  }),
);

Deno.test(
  "TfeventsWriter.open() rolls back to a recorded position and cuts off a torn record",
  inFolder((path) => {
    writeGolden(path);
    const at = (seconds: number) => ({ step: seconds, wallTimeSeconds: seconds });
    {
      using writer = TfeventsWriter.open(path, { wallTimeSeconds: 1 });
      assert.equal(writer.position, golden().length);
      writer.write({ more: 1 }, at(2));
      writer.write({ skipped: NaN }, at(3));
    }
    const whole = Deno.readFileSync(path);
    assert.equal(decodeTfevents(whole, { name: path }).events.length, 3);
    for (let cut = golden().length; cut < whole.length; cut++) {
      Deno.writeFileSync(path, whole.subarray(0, cut));
      assert.equal(
        decodeTfevents(whole.subarray(0, cut), { name: path }).tornBytes,
        cut - golden().length,
      );
      using writer = TfeventsWriter.open(path, { wallTimeSeconds: 1 });
      assert.equal(writer.position, golden().length);
    }
    Deno.writeFileSync(path, whole);
    using resumed = TfeventsWriter.open(path, {
      wallTimeSeconds: 1,
      resumeAtByte: golden().length,
    });
    resumed.write({ more: 1 }, at(2));
    assert.deepEqual(Deno.readFileSync(path), whole);
  }),
);

Deno.test(
  "TfeventsWriter.open() goes on before damage, but refuses to cut a file of another kind",
  inFolder((path) => {
    const bytes = golden();
    bytes[bytes.length - 5] ^= 1;
    Deno.writeFileSync(path, bytes);
    {
      using writer = TfeventsWriter.open(path, { wallTimeSeconds: 1 });
      assert.equal(writer.position, 40);
    }
    Deno.writeTextFileSync(path, "a letter to somebody");
    assert.throws(
      () => TfeventsWriter.open(path, { wallTimeSeconds: 1 }),
      /^FileError: Cannot read event file ".*": checksum does not match the length of the record at byte 0$/,
    );
    assert.equal(Deno.readTextFileSync(path), "a letter to somebody");
  }),
);

Deno.test("decodeTfevents() detects every flipped bit", () => {
  let torn = 0;
  for (let bit = 0; bit < golden().length * 8; bit++) {
    const bytes = golden();
    bytes[bit >> 3] ^= 1 << (bit & 7);
    assert.throws(() => decodeTfevents(bytes, { name: "x" }), (error) => {
      assert.ok(error instanceof FileError);
      assert.match(
        error.message,
        /^Cannot read event file "x": checksum does not match the (length|content)/,
      );
      torn++;
      return true;
    });
  }
  assert.equal(torn, golden().length * 8);
});

Deno.test(
  "readTfevents() gives the events of a file that is longer than what it holds at a time",
  inFolder((path) => {
    const COUNT = 30_000; // 1.5 MB, of which a megabyte is held
    {
      using writer = TfeventsWriter.open(path, { wallTimeSeconds: 1 });
      for (let i = 0; i < COUNT; i++) writer.write({ loss: i }, { step: i, wallTimeSeconds: i });
    }
    Deno.writeFileSync(path, Uint8Array.of(1, 2, 3), { append: true });
    const events: ScalarEvent[] = [];
    assert.deepEqual(readTfevents(path, (event) => events.push(event)), { tornBytes: 3 });
    assert.deepEqual(events, decodeTfevents(Deno.readFileSync(path), { name: path }).events);
    assert.equal(events.at(-1)?.step, COUNT - 1);
  }),
);

Deno.test(
  "readTfevents() refuses damage, and records that are longer than any of ours",
  inFolder((path) => {
    Deno.writeFileSync(path, encodeRecord(new Uint8Array(2 ** 20 + 1)));
    assert.throws(
      () => readTfevents(path, () => {}),
      /^FileError: Cannot read event file ".*": length must be at most 1048576 of the record at byte 0$/,
    );
    Deno.writeFileSync(path, new Uint8Array(100));
    assert.throws(() => readTfevents(path, () => {}), /checksum does not match the length/);
  }),
);
