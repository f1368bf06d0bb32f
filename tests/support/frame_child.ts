/**
 * A program that talks in the messages of lib/episodes/process/frames.ts, as the adapter of Gymnasium does: in
 * each environment the observation counts the sum of actions and holds the seed, without one the last and one
 * more, and the reward is the action.
 * An episode ends once the sum is 3. The mode, its first argument, says what is wrong with it:
 *
 *     good     nothing
 *     fail     an environment says that it fails when its action is 0.75
 *     break    its reward is NaN then
 *     crash    the program ends with exit code 7 then
 *     silent   it says nothing more then
 *     garbage  it answers a text that is no message then
 */

import { FLAGS, FrameReader, writeFrame } from "../../lib/episodes/process/frames.ts";

const COLUMNS = 3;
const MOST = 5;
const places = Array.from({ length: MOST }, () => [0, 0]);

function say(numbers: number[], rows: number, text = ""): void {
  Deno.stdout.writeSync(writeFrame({ numbers, rows, text }));
}

function answerText(text: string): void {
  const { command, count } = JSON.parse(text) as { command: string; count: number };
  const answer = command === "widen" ? { count: Math.min(count, MOST) } : {
    id: "Counting-v0",
    observationSpace: { low: [null, 0], high: [null, null] },
    actionSpace: { low: [-1], high: [1] },
    maxEpisodeSteps: 8,
  };
  say([], 0, JSON.stringify(answer));
}

function answerRows(numbers: Float64Array, mode: string): Promise<void> | void {
  const answers: number[] = [];
  const errors: object[] = [];
  for (let at = 0; at < numbers.length; at += COLUMNS) {
    const [environment, isStep, number] = numbers.subarray(at, at + COLUMNS);
    const place = places[environment];
    if (isStep) place[0] += number;
    else place.splice(0, 2, 0, Number.isNaN(number) ? place[1] + 1 : number);
    const isBad = isStep && number === 0.75;
    if (isBad && mode === "crash") Deno.exit(7);
    if (isBad && mode === "silent") return new Promise((resolve) => setTimeout(resolve, 60_000));
    if (isBad && mode === "garbage") {
      Deno.stdout.writeSync(new TextEncoder().encode("Traceback (most recent call last)"));
      return;
    }
    const hasFailed = isBad && mode === "fail";
    if (hasFailed) errors.push({ error: "no fuel" });
    const reward = isBad && mode === "break" ? NaN : isStep ? number : 0;
    const end = place[0] >= 3 ? FLAGS.terminated : 0;
    answers.push(reward, hasFailed ? FLAGS.failed : end, ...place);
  }
  say(answers, numbers.length / COLUMNS, errors.length > 0 ? JSON.stringify(errors) : "");
}

if (import.meta.main) {
  const [mode] = Deno.args;
  const reader = new FrameReader();
  const limits = { columns: COLUMNS, mostRows: MOST, mostText: 1000 };
  const memory = new Uint8Array(4096);
  for (let length; (length = Deno.stdin.readSync(memory)) !== null;) {
    for (const { numbers, text } of reader.take(memory.subarray(0, length), limits)) {
      if (text === "") await answerRows(numbers, mode);
      else answerText(text);
    }
  }
}
