/**
 * A small environment for the line protocol, and, by its first argument, several broken ones.
 *
 * The observation is [count, seed]; an action of a counts up by a; the episode terminates above 5.
 */

const MODE = Deno.args[0] ?? "good";
const LINES = new TextDecoderStream();

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
    maxEpisodeSteps: 8,
    returnRange: [0, isSecond ? 9 : 8],
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
  if (MODE === "die") {
    Deno.stderr.writeSync(new TextEncoder().encode("the motor is on fire\n"));
    Deno.exit(7);
  }
  const observation = MODE === "shape" ? [count] : [count, MODE === "null" ? null : seed];
  const reward = MODE === "reward" ? "much" : count;
  return { observation, reward, terminated: count > 5, truncated: false };
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

let pending = "";
for await (const chunk of Deno.stdin.readable.pipeThrough(LINES)) {
  const pieces = (pending + chunk).split("\n");
  pending = pieces.pop()!;
  for (const line of pieces) {
    const request = JSON.parse(line);
    if (request.command === "step" && MODE === "hang") await hang();
    if (request.command === "step" && MODE === "garbage") write("Traceback (most recent\n");
    else if (request.command === "step" && MODE === "endless") {
      while (true) write("x".repeat(65536));
    } else if (request.command === "step" && MODE === "error") write('{"error":"no fuel"}\n');
    else write(`${JSON.stringify(answer(request))}\n`);
    if (request.command === "reset" && MODE === "chatter") write('{"hello":1}\n');
  }
}
if (MODE === "stay" || MODE === "orphan") await hang(); // does not go when its input ends
