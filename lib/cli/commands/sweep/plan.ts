/** The plan of a sweep: its runs and their commands, checked before anything is started. */

import { trainWords } from "../../../sweep/command_line.ts";
import { expandSweep, type SweepRun } from "../../../sweep/expand.ts";
import { runStateOf } from "../../../sweep/run_state.ts";
import { readSweepFile, type SweepFile, type Values } from "../../../sweep/sweep_file.ts";
import { UsageError } from "../../../system/errors.ts";
import { formatLine, hasControl, quoteWord } from "../../../system/words.ts";
import { asFileError, asUsage } from "../../blame.ts";
import { findSpec } from "../envs.ts";
import type { CommandContext } from "../../program.ts";
import { variableLayers } from "../train/settings.ts";
import { checkRun } from "../train/train.ts";

/** A sweep that is ready to be run. */
export interface Plan {
  /** What its file says. */
  readonly sweep: SweepFile;
  /** Path of the sweep file. */
  readonly file: string;
  /** Folder of the run folders. */
  readonly out: string;
  /** Shell text that starts the program. */
  readonly program: string;
  /** In the order of the file's axes. */
  readonly runs: readonly SweepRun[];
}

/**
 * Reads a sweep file and plans its runs.
 * @throws {FileError} for a bad file. @throws {UsageError} for what no run could start with.
 */
export async function planSweep(
  file: string,
  { out, program }: { readonly out: string | undefined; readonly program: string | undefined },
  context: CommandContext,
): Promise<Plan> {
  const sweep = readSweepFile(file);
  out ??= `runs/${sweep.name}`;
  if (hasControl(out)) {
    throw new UsageError(
      `Cannot plan a sweep: --out must hold no line breaks or control characters, got ${
        JSON.stringify(out)
      }`,
    );
  }
  const runs = expand(sweep, { out, variables: variablesOf(context), file });
  const models = await context.program.models();
  // Found out here once, and not by every run.
  const distinct = new Map(runs.map((run) => [run.hash, run]));
  for (const { config } of distinct.values()) {
    const registry = await context.program.registry(config.env);
    if (context.program.env("UDRLPG_ENV") === config.env) findSpec(registry, config.env);
    else asFileError(() => registry.spec(config.env), nameOf(file));
    await checkRun(config, { registry, models });
  }
  return { sweep, file, out, runs, program: program ?? ownName() };
}

/** Lists the runs; a file that contradicts itself is to blame, whatever variables say beside it. */
function expand(
  sweep: SweepFile,
  { out, variables, file }: {
    readonly out: string;
    readonly variables: Values;
    readonly file: string;
  },
): SweepRun[] {
  try {
    return asUsage(() => expandSweep(sweep, { out, variables }));
  } catch (error) {
    const env = new Map([...variables].filter(([name]) => name === "env"));
    asFileError(() => expandSweep(sweep, { out, variables: env }), nameOf(file));
    throw error;
  }
}

function nameOf(file: string): string {
  return `sweep file ${JSON.stringify(file)}`;
}

/** What starts this program: a compiled one knows its own file. */
function ownName(): string {
  return Deno.build.standalone ? quoteWord(Deno.execPath()) : "udrlpg";
}

/** What variables set: every planned command spells it out. */
function variablesOf({ program }: CommandContext): Values {
  const layers = variableLayers(program.env, ({ name }) => name !== "seed");
  return new Map(layers.flatMap(({ values }) => [...values]));
}

/** Writes the command of a run. */
export function lineOf(run: SweepRun, { program }: Plan): string {
  return formatLine(program, trainWords(run));
}

/** Prints a command for each run. */
export function printPlan(plan: Plan, { output }: CommandContext): void {
  const states = plan.runs.map(({ folder }) => runStateOf(folder));
  const count = (state: string) => states.filter((other) => other === state).length;
  output.note(
    `${plan.runs.length} runs: ${count("finished")} finished, ${count("started")} started, ` +
      `${count("new")} new`,
  );
  const document = {
    sweep: plan.sweep.name,
    runs: plan.runs.map((run, i) => ({
      run: run.folder,
      env: run.config.env,
      seed: run.config.seed,
      configuration: run.hash,
      values: Object.fromEntries(run.given),
      state: states[i],
      command: lineOf(run, plan),
    })),
  };
  output.result(document, () => plan.runs.map((run) => lineOf(run, plan)));
}
