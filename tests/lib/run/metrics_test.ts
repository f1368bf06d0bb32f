import assert from "node:assert/strict";
import { join } from "node:path";
import { type MetricRecord, MetricsWriter, repairTornLine } from "../../../lib/run/metrics.ts";
import { readMetrics } from "../../../lib/run/metrics_reader.ts";

function inFolder(test: (path: string) => void): () => void {
  return () => {
    const folder = Deno.makeTempDirSync();
    try {
      test(join(folder, "metrics.jsonl"));
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

function writeRecords(path: string, records: readonly MetricRecord[]): void {
  using writer = MetricsWriter.open(path);
  for (const record of records) writer.write(record);
}

const EPISODES: readonly MetricRecord[] = [
  { kind: "episode", step: 10, return: 1.5, length: 10 },
  { kind: "evaluation", step: 20, returns: [1, 2], note: "é", best: null },
  { kind: "curve", step: 30, points: [{ requested: 1, mean: 0.1 }] },
];

Deno.test(
  "readMetrics() gives back what MetricsWriter wrote, one line per record",
  inFolder((path) => {
    writeRecords(path, EPISODES);
    const { records, skippedLines, tornBytes } = readMetrics(path);
    assert.equal(JSON.stringify(records), JSON.stringify(EPISODES));
    assert.deepEqual([skippedLines, tornBytes], [0, 0]);
    const lines = Deno.readTextFileSync(path).split("\n");
    assert.equal(lines[0], '{"kind":"episode","step":10,"return":1.5,"length":10}');
    assert.equal(lines.length, 4);
  }),
);

Deno.test(
  "MetricsWriter.write() writes null for what is not finite",
  inFolder((path) => {
    writeRecords(path, [{ kind: "update", step: 1, loss: NaN, rate: Infinity }]);
    assert.equal(
      Deno.readTextFileSync(path),
      '{"kind":"update","step":1,"loss":null,"rate":null}\n',
    );
  }),
);

Deno.test(
  "MetricsWriter.open() rolls back to a recorded position, so that the file ends up the same",
  inFolder((path) => {
    writeRecords(path, EPISODES);
    const unbroken = Deno.readFileSync(path);
    Deno.removeSync(path);
    let position: number;
    {
      using writer = MetricsWriter.open(path);
      writer.write(EPISODES[0]);
      writer.sync();
      position = writer.position;
      writer.write(EPISODES[1]);
    }
    Deno.writeTextFileSync(path, '{"kind":"curve","st', { append: true });
    using resumed = MetricsWriter.open(path, { resumeAtByte: position });
    assert.deepEqual(resumed.warnings, []);
    resumed.write(EPISODES[1]);
    resumed.write(EPISODES[2]);
    assert.deepEqual(Deno.readFileSync(path), unbroken);
    assert.equal(resumed.position, unbroken.length);
  }),
);

Deno.test(
  "MetricsWriter.open() goes on with a warning when the file is not as the checkpoint knew it",
  inFolder((path) => {
    Deno.writeTextFileSync(path, '{"kind":"a","step":1}\n{"kind":');
    {
      using shorter = MetricsWriter.open(path, { resumeAtByte: 100 });
      assert.match(shorter.warnings[0], /^Metrics ".*" hold 30 bytes and not the 100 that/);
      assert.match(
        shorter.warnings[1],
        /had no line end where the checkpoint knows of one: removed 8/,
      );
      assert.equal(shorter.position, 22);
    }
    using plain = MetricsWriter.open(path);
    assert.deepEqual(plain.warnings, []);
  }),
);

Deno.test(
  "repairTornLine() removes exactly what follows the last line end, at every cut",
  inFolder((path) => {
    const text = '{"kind":"a","step":1}\n{"kind":"b","step":2}\n';
    for (let cut = 0; cut <= text.length; cut++) {
      Deno.writeTextFileSync(path, text.slice(0, cut));
      const whole = text.slice(0, cut).lastIndexOf("\n") + 1;
      assert.equal(repairTornLine(path), cut - whole);
      assert.equal(Deno.readTextFileSync(path), text.slice(0, whole));
    }
    Deno.writeTextFileSync(path, `a\n${"x".repeat(200_000)}`);
    assert.equal(repairTornLine(path), 200_000);
    assert.equal(Deno.readTextFileSync(path), "a\n");
  }),
);

Deno.test(
  "readMetrics() counts and skips what is no record",
  inFolder((path) => {
    const lines = [
      '{"kind":"a","step":1}',
      "not JSON",
      "[1]",
      '{"kind":1,"step":1}',
      '{"kind":"a"}',
      '{"kind":"a","step":1e999}',
      '{"kind":"a","step":1,"__proto__":{"polluted":1}}',
      `{"kind":"a","step":1,"x":${"[".repeat(50_000)}}`,
      `{"kind":"a","step":1,"x":"${"y".repeat(2 ** 21)}"}`,
      "",
      '{"kind":"b","step":2}',
    ];
    Deno.writeTextFileSync(path, `${lines.join("\n")}\n{"kind":"c"`);
    const { records, skippedLines, tornBytes } = readMetrics(path);
    assert.deepEqual(records.map(({ kind }) => kind), ["a", "b"]);
    assert.deepEqual([skippedLines, tornBytes], [9, 11]);
    assert.equal(Object.hasOwn(Object.prototype, "polluted"), false);
  }),
);

Deno.test({
  name: "MetricsWriter and readMetrics() say what is wrong with the file itself",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const folder = Deno.makeTempDirSync();
    try {
      assert.throws(
        () => readMetrics(join(folder, "none")),
        /^FileError: Cannot read metrics ".*none": there is no such file or folder$/,
      );
      assert.throws(
        () => MetricsWriter.open(folder),
        /^FileError: Cannot open metrics ".*": it must be a regular file, got a folder$/,
      );
      Deno.symlinkSync("/dev/full", join(folder, "full"));
      assert.throws(
        () => MetricsWriter.open(join(folder, "full")),
        /^FileError: Cannot open metrics ".*full": it must be a regular file, got a link$/,
      );
      // It says that it is empty and is not; others that do, such as /proc/kmsg, never end.
      assert.equal(readMetrics("/proc/self/status").skippedLines, 0);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});

Deno.test(
  "readMetrics() refuses a file that holds more than a run writes of anything",
  inFolder((path) => {
    const cases: [line: string, times: number, message: RegExp][] = [
      ["no record\n", 100_001, /at most 100000 lines that are no records, got more$/],
      ['{"kind":"a","step":1}\n', 1_000_001, /at most 1000000 records, got more$/],
      [
        `{"kind":"a","step":1,"a":[${"{},".repeat(999)}{}]}\n`,
        1500,
        /at most 1500000 lists and objects, got more$/,
      ],
    ];
    for (const [line, times, message] of cases) {
      Deno.writeTextFileSync(path, line.repeat(times));
      assert.throws(() => readMetrics(path), message);
    }
  }),
);

Deno.test(
  "readMetrics() reads lines that lie across its pieces, and passes over what is too long",
  inFolder((path) => {
    const record = (step: number, length: number) =>
      `{"kind":"a","step":${step},"text":"${"é".repeat(length)}"}\n`;
    // A megabyte is read at a time; lines of 1 MiB and more are no records.
    const lines = [record(1, 300_000), record(2, 1_100_000), record(3, 2_000_000), record(4, 1)];
    Deno.writeTextFileSync(path, `${lines.join("")}{"kind":"a","st`);
    const { records, skippedLines, tornBytes } = readMetrics(path);
    assert.deepEqual(records.map(({ step }) => step), [1, 4]);
    assert.deepEqual([skippedLines, tornBytes], [2, 15]);
  }),
);

Deno.test(
  "readMetrics() keeps lines beside bytes that are no UTF-8",
  inFolder((path) => {
    const line = new TextEncoder().encode('{"kind":"a","step":1}\n');
    Deno.writeFileSync(path, Uint8Array.of(...line, 0xff, 0x0a, ...line));
    const { records, skippedLines } = readMetrics(path);
    assert.deepEqual([records.length, skippedLines], [2, 1]);
  }),
);
