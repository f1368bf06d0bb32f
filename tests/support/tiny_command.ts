import { type ProgramRun, run, type Surroundings } from "./program.ts";

/** The options of a training run that takes a second: a tiny generator, few episodes. */
export const TINY = [
  "policy.hiddenSizes=32",
  "generator.hiddenSizes=8",
  "update.perCycle=1",
  "consolidation.updates=2",
  "reports.evaluations=0",
  "reports.sweeps=0",
  "calibration.budgetShare=0.25",
];

/** Trains a tiny run into a folder, in CartPole for 5000 steps unless `more` says otherwise. */
export function trainTiny(
  out: string,
  more: readonly string[] = [],
  around: Surroundings = {},
): Promise<ProgramRun> {
  const options = TINY.flatMap((assignment) => ["--set", assignment]);
  const argv = ["train", "--threads", "1"];
  for (const [name, value] of [["--env", "CartPole-v1"], ["--steps", "5000"]]) {
    if (!more.includes(name)) argv.push(name, value);
  }
  // Under "auto" a line on stderr says what this machine has.
  const env = { UDRLPG_DEVICE: "cpu", ...around.env };
  return run([...argv, ...options, "--out", out, ...more], { ...around, env });
}

/** Uses a temporary folder, which is removed afterwards. */
export async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
