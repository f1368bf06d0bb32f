import assert from "node:assert/strict";
import process from "node:process";
import { FileError } from "../../lib/system/errors.ts";
import { makeFastFolder } from "../support/fast_folder.ts";
import { fuzzReader, type FuzzTarget } from "./fuzz_reader.ts";
import { mutate } from "./mutate.ts";
import { READERS } from "./readers.ts";

const GOOD = [new TextEncoder().encode('{"a": [1, 2, 3]}')];
/** Enough to meet every mutation; `deno task fuzz` tries 100,000. Other tests' memory counts here too. */
const FEW = { inputs: 300, seed: 7, maxMebibytes: Infinity };

function targetOf(read: (bytes: Uint8Array) => void): FuzzTarget {
  let isFirst = true;
  return {
    good: GOOD,
    read(bytes) {
      if (isFirst) isFirst = false; // the good input
      else read(bytes);
    },
  };
}

Deno.test("mutate() gives the same input for the same number, and others for others", () => {
  const inputs = Array.from({ length: 200 }, (_, index) => mutate(GOOD, { seed: 1, index }).join());
  const again = Array.from({ length: 200 }, (_, index) => mutate(GOOD, { seed: 1, index }).join());
  assert.deepEqual(again, inputs);
  assert.ok(new Set(inputs).size > 150);
  assert.notDeepEqual(mutate(GOOD, { seed: 2, index: 0 }), mutate(GOOD, { seed: 1, index: 0 }));
  assert.deepEqual(GOOD[0], new TextEncoder().encode('{"a": [1, 2, 3]}'));
});

Deno.test("fuzzReader() counts what is accepted and refused", async () => {
  const { accepted, refused } = await fuzzReader(
    targetOf((bytes) => {
      if (bytes.length % 2 === 1) throw new FileError('Cannot read "x": odd');
    }),
    FEW,
  );
  assert.equal(accepted + refused, 300);
  assert.ok(accepted > 30 && refused > 30);
});

Deno.test("fuzzReader() finds a crash, an unclear error, a slow input, lost memory and pollution", async () => {
  const finds = (read: (bytes: Uint8Array) => void, message: RegExp, options = {}) =>
    assert.rejects(
      fuzzReader(targetOf(read), { ...FEW, ...options }),
      message,
    );
  await finds(() => {
    throw new TypeError("undefined is not iterable");
  }, /^Error: input 0 of seed 7 threw a TypeError: TypeError: undefined is not iterable$/);
  await finds(() => {
    throw new FileError("bad");
  }, /input 0 of seed 7 threw an unclear FileError: "bad"$/);
  await finds(
    () => {
      for (const start = process.cpuUsage(); process.cpuUsage(start).user < 30_000;);
    },
    /input 0 of seed 7 took [1-9][0-9]+ ms$/,
    { maxMilliseconds: 20 },
  );
  const kept: Uint8Array[] = [];
  // A busy machine may take its time for so much memory.
  await finds(
    () => {
      kept.push(new Uint8Array(50 * 2 ** 20).fill(1));
    },
    /^Error: memory grew to [0-9]+ MiB up to input [0-9]+ of seed 7$/,
    { maxMilliseconds: Infinity, maxMebibytes: 1000 },
  );
  kept.length = 0;
  await finds(() => {
    (Object.prototype as Record<string, unknown>).polluted = 1;
  }, /input 0 of seed 7 reached Object.prototype: polluted$/);
  assert.equal(Object.keys(Object.prototype).length, 0);
  await assert.rejects(
    fuzzReader({
      good: GOOD,
      read() {
        throw new FileError("Cannot read x");
      },
    }, FEW),
    /^Error: good input 0 was refused: FileError: Cannot read x$/,
  );
});

Deno.test("the fuzz program ends a reader that hangs and says which input did it", async () => {
  const watchdog = new URL("./watchdog.ts", import.meta.url).href;
  const code = `const current = new Int32Array(new SharedArrayBuffer(4)).fill(41);
    new Worker(${JSON.stringify(watchdog)}, { type: "module" }).postMessage(current.buffer);
    setTimeout(() => { for (;;); }, 500);`;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", code],
    stderr: "piped",
    signal: AbortSignal.timeout(120_000),
  }).output();
  assert.equal(success, false);
  assert.equal(new TextDecoder().decode(stderr).trim(), "input 41 takes over 20000 ms");
});

for (const [name, prepare] of Object.entries(READERS)) {
  Deno.test(`reader of ${name} survives mutated inputs`, async () => {
    const folder = makeFastFolder();
    try {
      const { inputs, refused } = await fuzzReader(await prepare(folder), FEW);
      assert.equal(inputs, 300);
      if (name !== "metrics") assert.ok(refused > 30, `${refused} were refused`);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}
