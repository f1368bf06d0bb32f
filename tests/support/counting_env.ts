/**
 * A small environment for the line protocol, and, by its first argument, several broken ones.
 *
 * The observation is [count, seed]; an action of a counts up by a; the episode terminates above 5.
 */

import { existsSync } from "node:fs";

const MODE = Deno.args[0] ?? "good";
const LINES = new TextDecoderStream();
const END = { terminated: true, truncated: false };

let count = 0;
let seed = 0;
let isSecond = false;

function write(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) {
    written += Deno.stdout.writeSync(bytes.subarray(written));
  }
}

function describe(): Record<string, unknown> {
  return {
    id: MODE === "other" ? "Other-v0" : "Counting-v0",
    observationSpace: { low: [null, 0], high: [null, 1e9], dtype: "float64" },
    actionSpace: MODE === "discrete" ? { n: 3 } : { low: [-1], high: [1] },
    maxEpisodeSteps: MODE === "longer" ? 9 : 8,
    returnRange: [0, isSecond && MODE === "moody" ? 9 : 8],
  };
}

function answer(request: { command: string; seed?: number; action?: number[] }): unknown {
  if (request.command === "describe") return describe();
  if (request.command === "reset") {
    count = 0;
    seed = request.seed ?? seed + 1;
    return { observation: [count, seed] };
  }
  count += request.action![0];
  if (MODE === "falls" && count > 2.5) Deno.exit(9); // always in the same step
  if ((MODE === "once" || MODE === "drift") && !isSecond && count > 2.5) {
    Deno.stderr.writeSync(new TextEncoder().encode("the licence is gone\n"));
    Deno.exit(9);
  }
  if (MODE === "die") {
    Deno.stderr.writeSync(new TextEncoder().encode("the motor is on fire\n"));
    Deno.exit(7);
  }
  if (MODE === "nanlast" && count > 5) return { ...END, observation: [NaN, "x"], reward: count };
  const broken: Readonly<Record<string, unknown>> = { null: null, large: 1e39 };
  if (MODE === "drift" && isSecond) count += 0.25;
  if (MODE === "steady") { // its episodes are of one length: scale and offset of rewards change nothing
    const [scale, offset] = Deno.args.slice(1).map(Number);
    const rest = { terminated: false, truncated: false };
    return { observation: [count, seed], reward: scale * count + offset, ...rest };
  }
  const observation = MODE === "shape" ? [count] : [count, MODE in broken ? broken[MODE] : seed];
  const reward = MODE === "reward" ? "much" : MODE === "nan" ? NaN : count;
  if (MODE === "truths") return { observation: [true, seed], reward, terminated: 0, truncated: 1 };
  return { observation, reward, terminated: count > 5, truncated: false };
}

/** Writes JSON as Python's json module does, which has a word for NaN. */
function pythonJson(value: unknown): string {
  const text = JSON.stringify(value, (_, each) => Number.isNaN(each) ? "\u0001NaN" : each);
  return text.replaceAll('"\\u0001NaN"', "NaN");
}

/** Sleeps without reading: a child that hangs. */
async function hang(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1_000_000));
}

if (MODE === "moody") { // describes something else when the file of an earlier one is there
  try {
    Deno.writeTextFileSync(Deno.args[1], "", { createNew: true });
  } catch {
    isSecond = true;
  }
}
if (MODE === "orphan") { // leaves a child of its own that ignores everything
  const child = new Deno.Command("sleep", { args: ["1000"] }).spawn();
  Deno.writeTextFileSync(Deno.args[1], String(child.pid));
}

if (MODE === "banner") write("pygame 2.5.8 (SDL 2.28.3)\nHello!\n{'physics': 'on'}\n");
if (MODE === "pid") Deno.writeTextFileSync(Deno.args[1], String(Deno.pid));
if (MODE === "deaf") { // answers once, then looks at nothing any more
  Deno.writeTextFileSync(Deno.args[1], String(Deno.pid));
  write(`${JSON.stringify(describe())}\n`);
  await hang();
}
if (MODE === "escaped") { // leaves a child in a session of its own that holds the output open
  const child = new Deno.Command("setsid", {
    args: ["sh", "-c", 'echo $$ > "$0"; sleep 1000', Deno.args[1]],
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  child.unref();
  while (!existsSync(Deno.args[1])) await new Promise((resolve) => setTimeout(resolve, 10));
}
if (MODE === "variables") Deno.writeTextFileSync(Deno.args[1], JSON.stringify(Deno.env.toObject()));

if (MODE === "once" || MODE === "drift") { // crashes where no earlier one has
  try {
    Deno.writeTextFileSync(Deno.args[1], "", { createNew: true });
  } catch {
    isSecond = true;
  }
}

let pending = "";
for await (const chunk of Deno.stdin.readable.pipeThrough(LINES)) {
  const pieces = (pending + chunk).split("\n");
  pending = pieces.pop()!;
  for (const line of pieces) {
    const request = JSON.parse(line);
    if (request.command === "step" && MODE === "hang") await hang();
    if (request.command === "step" && MODE === "slow") {
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    if (request.command === "step" && MODE === "garbage") write("Traceback (most recent\n");
    else if (request.command === "step" && MODE === "endless") {
      while (true) write("x".repeat(65536));
    } else if (request.command === "step" && MODE === "error") write('{"error":"no fuel"}\n');
    else {
      if (MODE === "banner") write(`\r\n${request.command}...\r\n`);
      write(`${pythonJson(answer(request))}\n`);
    }
    if (request.command === "reset" && MODE === "chatter") write('{"hello":1}\n');
  }
}
if (MODE === "stay" || MODE === "orphan") await hang(); // does not go when its input ends
if (MODE === "record") { // has something to write when its input ends
  await new Promise((resolve) => setTimeout(resolve, 1500));
  Deno.writeTextFileSync(Deno.args[1], "recording");
}
