/**
 * `deno task fuzz [--inputs N] [--seed N] [--only READER] [--first N]`: tries mutated inputs on every
 * reader in readers.ts, each in a process of its own, and prints one line for each. A failure names the
 * input by seed and number; `--only READER --first NUMBER --inputs 1` repeats it.
 */

import { parseArgs } from "node:util";
import { makeFastFolder } from "../support/fast_folder.ts";
import { fuzzReader } from "./fuzz_reader.ts";
import { READERS } from "./readers.ts";

/** No reader may need more, so that the whole task ends. */
const MAX_READER_SECONDS = 3600;

const OPTIONS = {
  inputs: { type: "string", default: "100000" },
  seed: { type: "string", default: "1" },
  first: { type: "string", default: "0" },
  only: { type: "string" },
  child: { type: "boolean", default: false },
} as const;

/** glibc gives freed memory back at once then, so that it does not count as the next input's. */
const GIVE_BACK = { MALLOC_TRIM_THRESHOLD_: "65536", MALLOC_MMAP_THRESHOLD_: "65536" };

/** Tries all readers, or the one that was asked for; returns the exit code. */
async function runAll(args: readonly string[], names: readonly string[]): Promise<number> {
  let failed = 0;
  for (const name of names) {
    const start = performance.now();
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--quiet",
        "--v8-flags=--expose-gc",
        import.meta.url,
        "--child",
        "--only",
        name,
        ...args,
      ],
      env: GIVE_BACK,
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(MAX_READER_SECONDS * 1000),
    });
    const { success, stdout, stderr } = await child.output();
    const text = new TextDecoder().decode(success ? stdout : stderr).trim();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    if (!success) failed++;
    const outcome = text || `no end within ${MAX_READER_SECONDS} s`;
    print(`${name}: ${success ? "" : "FAILED: "}${outcome}, ${seconds} s`);
  }
  print(`fuzz: ${names.length - failed} readers passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** Tries one reader in this process. */
async function runOne(
  name: string,
  options: { readonly inputs: number; readonly seed: number; readonly first: number },
): Promise<void> {
  const folder = makeFastFolder();
  const current = new Int32Array(new SharedArrayBuffer(4)).fill(-1);
  const watchdog = new Worker(new URL("./watchdog.ts", import.meta.url), { type: "module" });
  watchdog.postMessage(current.buffer);
  try {
    const target = await READERS[name](folder);
    const onStart = (index: number) => void Atomics.store(current, 0, index);
    const report = await fuzzReader(target, { ...options, onStart });
    print(
      `${report.inputs} inputs, ${report.accepted} accepted, ${report.refused} refused, slowest ` +
        `${report.slowestMilliseconds.toFixed(1)} ms, most memory ${
          Math.round(report.mostMebibytes)
        } MiB`,
    );
  } finally {
    watchdog.terminate();
    Deno.removeSync(folder, { recursive: true });
  }
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) {
  const { values } = parseArgs({ args: Deno.args, options: OPTIONS });
  const { inputs, seed, first, only, child } = values;
  if (only !== undefined && !Object.hasOwn(READERS, only)) {
    throw new RangeError(
      `Cannot fuzz reader "${only}": it must be one of ${Object.keys(READERS).join(", ")}`,
    );
  }
  if (child) {
    try {
      await runOne(only!, { inputs: Number(inputs), seed: Number(seed), first: Number(first) });
    } catch (error) {
      Deno.stderr.writeSync(new TextEncoder().encode(`${(error as Error).message}\n`));
      Deno.exit(1);
    }
  } else {
    const args = ["--inputs", inputs, "--seed", seed, "--first", first];
    Deno.exit(await runAll(args, only === undefined ? Object.keys(READERS) : [only]));
  }
}
