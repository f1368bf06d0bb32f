/**
 * Runs of a sweep as processes of this machine, a few at a time. Each is the same command that the plan
 * prints, in a session of its own: a Ctrl-C reaches this program alone, which then asks every run once
 * to save and stop. A run also stops when this program is killed: its input ends then.
 */

import { UsageError } from "../system/errors.ts";
import { trainWords } from "./command_line.ts";
import type { SweepRun } from "./expand.ts";

/** How a run's process ended. */
export interface RunOutcome {
  /** The run that it was. */
  readonly run: SweepRun;
  /** Its exit code. */
  readonly code: number;
  /** The last line that it wrote to stderr. */
  readonly lastLine: string;
}

/** How to run. */
export interface LocalOptions {
  /** The program's words, such as ["deno", "task", "udrlpg"]. */
  readonly program: readonly string[];
  /** Processes at once. */
  readonly jobs: number;
  /** Words that every run gets in addition. */
  readonly extraWords?: readonly string[];
  /** Words of the planned lines that say how environments are played. */
  readonly envWords?: readonly string[];
  /** Aborted to ask the running processes to save and stop, and to start no more. */
  readonly signal: AbortSignal;
  /** Told when a process has been started. */
  readonly onStart?: (run: SweepRun) => void;
  /** Told every whole line that a process writes to stderr. */
  readonly onLine?: (run: SweepRun, line: string) => void;
  /** Told when a process has ended. */
  readonly onEnd?: (outcome: RunOutcome) => void;
}

const TAIL_CHARACTERS = 4000;

/**
 * Runs every run; one that fails does not stop the others.
 * @returns how those ended that were started, in the order in which they ended.
 * @throws {UsageError} when the program cannot be started.
 */
export async function runLocally(
  runs: readonly SweepRun[],
  { program, jobs, extraWords = [], envWords = [], signal, onStart, onLine, onEnd }: LocalOptions,
): Promise<RunOutcome[]> {
  const outcomes: RunOutcome[] = [];
  const waiting = [...runs];
  let failure: unknown;
  const work = async () => {
    while (failure === undefined && !signal.aborted) {
      const run = waiting.shift();
      if (run === undefined) return;
      try {
        onStart?.(run);
        const words = [...program, ...trainWords(run, envWords), ...extraWords];
        const outcome = await runOne(run, words, { signal, onLine: (line) => onLine?.(run, line) });
        outcomes.push(outcome);
        onEnd?.(outcome);
      } catch (error) {
        failure ??= error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, runs.length) }, work));
  if (failure !== undefined) throw failure;
  return outcomes;
}

async function runOne(
  run: SweepRun,
  [command, ...args]: readonly string[],
  { signal, onLine }: { signal: AbortSignal; onLine: (line: string) => void },
): Promise<RunOutcome> {
  const child = start(command, args);
  const stop = () => {
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended by itself.
    }
  };
  signal.addEventListener("abort", stop);
  try {
    let tail = "";
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      const lines = (tail.slice(tail.lastIndexOf("\n") + 1) + text).split("\n");
      lines.slice(0, -1).forEach(onLine);
      tail = (tail + text).slice(-TAIL_CHARACTERS);
    }
    const { code } = await child.status;
    await child.stdin.close().catch(() => {});
    return { run, code, lastLine: tail.trimEnd().split("\n").at(-1) ?? "" };
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function start(command: string, args: readonly string[]): Deno.ChildProcess {
  try {
    return new Deno.Command(command, {
      args: [...args],
      // Ends with this program, however that ends, which tells the run to save and stop.
      stdin: "piped",
      env: { UDRLPG_STOP_WITH_INPUT: "1" },
      stdout: "null",
      stderr: "piped",
      detached: Deno.build.os !== "windows",
    }).spawn();
  } catch (error) {
    throw startError(error, command);
  }
}

/** Words why a program cannot be started; anything unexpected is returned as it is. */
export function startError(error: unknown, command: string): unknown {
  const shown = JSON.stringify(command);
  if (error instanceof Deno.errors.NotCapable) {
    return new UsageError(
      `Cannot start ${shown}: this program must be permitted to start programs, got no permission: ` +
        `run it with --allow-run=${command}`,
    );
  }
  if (error instanceof Deno.errors.NotFound) {
    return new UsageError(
      `Cannot start ${shown}: there is no such program on the PATH: say with --program what starts it`,
    );
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return new UsageError(`Cannot start ${shown}: the system denies it`);
  }
  return error;
}
