/**
 * A sweep as a SLURM job array: one script that holds every run's command, so that nothing which
 * changes after it was submitted changes what its tasks do.
 *
 * A task whose time runs out gets SIGTERM some time before (`--signal`), passes it on, and the run saves
 * a checkpoint and exits with 143. The task then asks for itself to be queued again, and the same
 * command goes on from the checkpoint. A task that was cancelled gets the same signal and is let go.
 */

import { hasControl, quoteWord } from "../system/words.ts";

/** What the script is made from. */
export interface SlurmJob {
  /** The job's name in the queue. */
  readonly name: string;
  /** Complete command lines for a shell, one per task. */
  readonly lines: readonly string[];
  /** Folder in which the lines are run. */
  readonly workFolder: string;
  /** Folder for the tasks' logs. */
  readonly logFolder: string;
  /** Tasks at once; no limit when absent. */
  readonly jobs?: number;
  /** Time limit of one task, as sbatch takes it; the cluster's own when absent. */
  readonly time?: string;
  /** Seconds before the time limit at which a run is asked to save. */
  readonly graceSeconds: number;
  /** Cores of one task. */
  readonly cpus?: number;
  /** Further options for sbatch, such as "--partition=gpu". */
  readonly options?: readonly string[];
}

/**
 * Writes the script for `sbatch`.
 * @throws {RangeError} when a text that stands in a line of its own holds control characters.
 */
export function renderSlurmScript(job: SlurmJob): string {
  const { name, lines, workFolder, logFolder, jobs, time, graceSeconds, cpus, options } = job;
  const texts = { name, "working folder": workFolder, "log folder": logFolder, time, options };
  for (const [what, text] of Object.entries(texts)) {
    if (!hasControl([text ?? []].flat().join(""))) continue;
    throw new RangeError(
      `Cannot write a job script: the ${what} must hold no line breaks or control characters, got ${
        JSON.stringify(text)
      }`,
    );
  }
  const limit = jobs === undefined ? "" : `%${jobs}`;
  const directives = [
    `--job-name=${name}`,
    `--array=1-${lines.length}${limit}`,
    `--output=${quoteDirective(`${logFolder.replaceAll("%", "%%")}/slurm-%A_%a.log`)}`,
    "--open-mode=append",
    "--requeue",
    `--signal=B:TERM@${graceSeconds}`,
    ...(time === undefined ? [] : [`--time=${time}`]),
    ...(cpus === undefined ? [] : [`--cpus-per-task=${cpus}`]),
    ...(options ?? []).map(quoteDirective),
  ];
  const cases = lines.map((line, i) => `    ${i + 1}) exec ${line} ;;`);
  return `#!/bin/sh
${directives.map((directive) => `#SBATCH ${directive}`).join("\n")}

# One task per run. A run that is finished says so and does nothing, one that was stopped goes on.
cd ${quoteWord(workFolder)} || exit 3

run() {
  case $1 in
${cases.join("\n")}
  esac
}

child= stopped=
trap 'stopped=1; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM INT
run "$SLURM_ARRAY_TASK_ID" &
child=$!
# The signal may have come before the child had a name.
[ -z "$stopped" ] || kill -TERM "$child" 2>/dev/null
wait "$child"
code=$?
# A signal ends the wait, not the run: it is saving.
while kill -0 "$child" 2>/dev/null; do
  wait "$child"
  code=$?
done

# 143: stopped by SIGTERM after saving. A cancelled task has another state by now.
if [ "$code" = 143 ]; then
  task=\${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
  case $(squeue --noheader --job="$task" --format=%T) in
    RUNNING | SIGNALING) scontrol requeue "$task" ;;
  esac
fi
exit "$code"
`;
}

/** Quotes a word as sbatch reads the lines that begin with #SBATCH. */
function quoteDirective(word: string): string {
  return /[\s"']/.test(word) ? `"${word.replaceAll('"', '\\"')}"` : word;
}
