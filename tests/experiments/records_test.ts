/** Reading and appending what the experiments have measured. */

import assert from "node:assert/strict";
import { withFolder } from "../support/tiny_command.ts";
import { appendRecord, readRecords } from "./records.ts";
import { sampleRecord } from "./sample_record.ts";

Deno.test("readRecords() gives what appendRecord() wrote, the last record of every run", async () => {
  await withFolder((folder) => {
    const path = `${folder}/results.jsonl`;
    assert.deepEqual(readRecords(path), []);
    const first = sampleRecord({ seed: 1, commit: "aaa" });
    const other = sampleRecord({ seed: 1, variant: "no noise" });
    const again = sampleRecord({ seed: 1, commit: "bbb" });
    for (const record of [first, other, again]) appendRecord(path, record);
    assert.deepEqual(readRecords(path), [other, again]);
    assert.equal(Deno.readTextFileSync(path).split("\n").length, 4);
    return Promise.resolve();
  });
});

Deno.test("appendRecord() keeps six digits of a number", async () => {
  await withFolder((folder) => {
    const path = `${folder}/results.jsonl`;
    appendRecord(path, sampleRecord({ best: 1234.56789 }));
    assert.equal(readRecords(path)[0].best, 1234.57);
    return Promise.resolve();
  });
});

Deno.test("readRecords() names the line that is no record", async () => {
  await withFolder((folder) => {
    const path = `${folder}/results.jsonl`;
    appendRecord(path, sampleRecord({}));
    Deno.writeTextFileSync(path, '{"table":"returns"}\n', { append: true });
    assert.throws(() => readRecords(path), {
      name: "SyntaxError",
      message: `Cannot read results: ${path}:2 must be a record, got no final return`,
    });
    Deno.writeTextFileSync(path, '{"table":\n');
    assert.throws(() => readRecords(path), /results\.jsonl:1 must be a record, got .*JSON/);
    return Promise.resolve();
  });
});
