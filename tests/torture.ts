/**
 * Kills small runs at many random moments and takes them up again: `deno task torture [--kills N]
 * [--seed N] [--env ID]`. With an environment it is the default learner in it that is killed. Every run
 * must end with the bytes of one that was left alone; the first that does not ends the program with an
 * error.
 */

import { killAndResume } from "./support/kill_and_resume.ts";

const DEFAULT_KILLS = 100;

function wordAfter(option: string): string | undefined {
  const at = Deno.args.indexOf(option);
  return at < 0 ? undefined : Deno.args[at + 1];
}

function print(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}

if (import.meta.main) {
  const kills = Number(wordAfter("--kills") ?? DEFAULT_KILLS);
  const seed = Number(wordAfter("--seed") ?? 1);
  const onKill = (count: number) => print(`\rseed ${seed}: ${count} of ${kills} kills`);
  const report = await killAndResume({ kills, seed, env: wordAfter("--env"), onKill });
  print(`\nseed ${seed}: ${report.runs} runs survived ${report.kills} kills with the same bytes\n`);
}
