/** `udrlpg sweep run`: the runs of a sweep as processes of this machine. */

import { formatDuration } from "../../../system/clock.ts";
import {
  DivergedError,
  FileError,
  InterruptedError,
  type InterruptSignal,
  SIGNAL_EXIT_CODES,
  UsageError,
} from "../../../system/errors.ts";
import { formatLine, ownLine, pathWord, splitLine } from "../../../system/words.ts";
import { runLocally, type RunOutcome } from "../../../sweep/local_runs.ts";
import { runStateOf } from "../../../sweep/run_state.ts";
import type { CommandContext } from "../../program.ts";
import { asUsage } from "../../blame.ts";
import type { Plan } from "./plan.ts";
import { SweepWatch } from "./sweep_watch.ts";

const POLL_MS = 500;

/**
 * Runs a plan, `jobs` runs at once.
 * @throws the error that has the exit code of the first run that failed.
 */
export async function runPlan(
  plan: Plan,
  jobs: number,
  { program, output }: CommandContext,
): Promise<void> {
  const words = asUsage(() => splitLine(plan.program));
  const started = program.clock.monotonicMs();
  const progress = output.progress("runs");
  const interruption = program.listen();
  const outcomes: RunOutcome[] = [];
  const now = () => program.clock.monotonicMs();
  const watch = new SweepWatch(plan.runs, {
    now: now(),
    isFinished: ({ folder }) => runStateOf(folder) === "finished",
  });
  const show = () => progress.update(watch.state(now()));
  const timer = setInterval(show, POLL_MS);
  try {
    await runLocally(plan.runs, {
      program: words,
      jobs,
      envWords: plan.envWords,
      extraWords: threadsOf(plan, jobs),
      signal: interruption.signal,
      onStart: (run) => watch.start(run, now()),
      onLine: (run, line) => watch.hear(run, line, now()),
      onEnd(outcome) {
        watch.end(outcome.run, { isFailure: outcome.code !== 0, now: now() });
        outcomes.push(outcome);
        show();
      },
    });
  } catch (error) {
    throw withXargs(error, plan, jobs);
  } finally {
    clearInterval(timer);
    interruption.stop();
    output.endProgress();
  }
  const { reason, aborted } = interruption.signal;
  if (aborted && reason instanceof InterruptedError) {
    const rest = plan.runs.length - outcomes.filter(({ code }) => code === 0).length;
    throw new InterruptedError(
      `${reason.message} with ${rest} of ${plan.runs.length} runs to finish: give the same command ` +
        "again to go on",
      reason.signal,
    );
  }
  const seconds = (program.clock.monotonicMs() - started) / 1000;
  reportOutcomes(plan, outcomes, { output, seconds });
}

/** Runs at once share the cores, unless the sweep says how many threads each takes. */
function threadsOf({ sweep }: Plan, jobs: number): string[] {
  if (jobs === 1 || sweep.settings.has("threads")) return [];
  return ["--threads", String(Math.max(1, Math.floor(navigator.hardwareConcurrency / jobs)))];
}

/** Adds what works without the permission that is missing. */
function withXargs(error: unknown, { file, program }: Plan, jobs: number): unknown {
  if (!(error instanceof UsageError) || !error.message.includes("permitted")) return error;
  const line = formatLine(program, ["sweep", "plan", file]);
  // -r: without a line env would run alone, and print every variable.
  return new UsageError(`${error.message}, or use ${line} | xargs -r -P ${jobs} -L 1 env`);
}

function reportOutcomes(
  plan: Plan,
  outcomes: readonly RunOutcome[],
  { output, seconds }: { output: CommandContext["output"]; seconds: number },
): void {
  const failed = outcomes.filter(({ code }) => code !== 0);
  const document = {
    sweep: plan.sweep.name,
    finished: outcomes.length - failed.length,
    failed: failed.length,
    wallSeconds: seconds,
    runs: outcomes.map(({ run, code, lastLine }) => ({
      run: run.folder,
      seed: run.config.seed,
      configuration: run.hash,
      exitCode: code,
      ...(code === 0 ? {} : { error: lastLine }),
    })),
  };
  for (const { run, code, lastLine } of failed) {
    output.warn(`${run.folder} ended with the exit code ${code}: ${lastLine}`);
  }
  output.result(document, () => [
    `${document.finished} of ${plan.runs.length} runs are finished, after ${
      formatDuration(seconds)
    }`,
    `Next: ${ownLine("summary", pathWord(plan.out))}`,
  ]);
  if (failed.length > 0) throw errorOf(failed);
}

/** The sweep ends as its first failed run did. */
function errorOf(failed: readonly RunOutcome[]): Error {
  const [{ run, code }] = failed;
  const message =
    `Cannot finish the sweep: every run must end well, got ${failed.length} that did ` +
    `not, first ${JSON.stringify(run.folder)}`;
  if (code === 2) return new UsageError(message);
  if (code === 4) return new DivergedError(message);
  if (code === 3) return new FileError(message);
  for (const [signal, exitCode] of Object.entries(SIGNAL_EXIT_CODES)) {
    if (code === exitCode) return new InterruptedError(message, signal as InterruptSignal);
  }
  return new Error(`Internal error: ${message}`);
}
