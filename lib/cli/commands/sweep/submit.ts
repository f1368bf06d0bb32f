/** `udrlpg sweep submit`: the runs of a sweep as a job array of a cluster. */

import { join, resolve } from "node:path";
import { FileError, UsageError } from "../../../system/errors.ts";
import { makeFolder, writeFileAtomic } from "../../../system/files.ts";
import { quoteWord } from "../../../system/words.ts";
import { startError } from "../../../sweep/local_runs.ts";
import { renderSlurmScript } from "../../../sweep/slurm.ts";
import { asUsage } from "../../blame.ts";
import type { CommandContext } from "../../program.ts";
import { lineOf, type Plan } from "./plan.ts";

/** How to submit. */
export interface SubmitOptions {
  /** --engine */
  readonly engine: "slurm" | undefined;
  /** --go */
  readonly go: boolean;
  /** --time */
  readonly time: string | undefined;
  /** --grace, in seconds */
  readonly grace: number;
  /** --cpus */
  readonly cpus: number | undefined;
  /** --jobs */
  readonly jobs: number | undefined;
  /** --sbatch */
  readonly sbatch: readonly string[];
}

/** Writes the script of a job array and, when asked to, submits it. */
export async function submitPlan(
  plan: Plan,
  { engine, go, time, grace, cpus, jobs, sbatch }: SubmitOptions,
  { output }: CommandContext,
): Promise<void> {
  if (engine === undefined) {
    throw new UsageError(
      "Cannot submit a sweep: an engine must be given, got none: --engine slurm",
    );
  }
  const workFolder = Deno.cwd();
  const script = join(plan.out, "submit.sbatch");
  const text = asUsage(() =>
    renderSlurmScript({
      name: plan.sweep.name,
      lines: plan.runs.map((run) => lineOf(run, plan)),
      workFolder,
      logFolder: resolve(workFolder, plan.out),
      graceSeconds: grace,
      ...(jobs === undefined ? {} : { jobs }),
      ...(time === undefined ? {} : { time }),
      ...(cpus === undefined ? {} : { cpus }),
      options: sbatch,
    })
  );
  makeFolder(plan.out);
  writeFileAtomic(script, text, { kind: "script" });
  const job = go ? await submitScript(script) : null;
  output.result({ sweep: plan.sweep.name, tasks: plan.runs.length, script, job }, () => [
    `Job array   ${plan.runs.length} tasks`,
    `Script      ${script}`,
    job === null ? `Next: sbatch ${quoteWord(script)}` : `Submitted   job ${job}`,
  ]);
}

async function submitScript(script: string): Promise<string> {
  try {
    const { code, stdout, stderr } = await new Deno.Command("sbatch", {
      args: ["--parsable", script],
      stdin: "null",
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
    if (code === 0) return text(stdout).split(";")[0];
    throw new FileError(`Cannot submit "${script}": sbatch must take it, got ${text(stderr)}`);
  } catch (error) {
    const known = startError(error, "sbatch");
    if (!(known instanceof UsageError)) throw known;
    throw new UsageError(`${known.message}: the script is written, give it to sbatch: ${script}`);
  }
}
