/**
 * Kills small runs at many random moments and takes them up again: `deno task torture [--kills N]
 * [--seed N]`. Every run must end with the bytes of one that was left alone; the first that does not
 * ends the program with an error.
 */

import { killAndResume } from "./support/kill_and_resume.ts";

const DEFAULT_KILLS = 100;

function numberAfter(option: string, fallback: number): number {
  const at = Deno.args.indexOf(option);
  return at < 0 ? fallback : Number(Deno.args[at + 1]);
}

function print(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}

if (import.meta.main) {
  const kills = numberAfter("--kills", DEFAULT_KILLS);
  const seed = numberAfter("--seed", 1);
  const onKill = (count: number) => print(`\rseed ${seed}: ${count} of ${kills} kills`);
  const report = await killAndResume({ kills, seed, onKill });
  print(`\nseed ${seed}: ${report.runs} runs survived ${report.kills} kills with the same bytes\n`);
}
