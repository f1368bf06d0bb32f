/** The plan of a sweep: its runs and their commands, checked before anything is started. */

import { trainWords } from "../../../sweep/command_line.ts";
import { type ExpandOptions, expandSweep, type SweepRun } from "../../../sweep/expand.ts";
import { runStateOf } from "../../../sweep/run_state.ts";
import { readSweepFile, type SweepFile, type Values } from "../../../sweep/sweep_file.ts";
import { UsageError } from "../../../system/errors.ts";
import { formatLine, hasControl, quoteWord } from "../../../system/words.ts";
import { asFileError, asUsage } from "../../blame.ts";
import {
  checkNamed,
  type EnvCommandValues,
  envOptionWords,
  withOwnHint,
} from "../../env_command.ts";
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
  /** Words that every run gets: what the sweep's own command line says of its environment. */
  readonly envWords: readonly string[];
}

/** What the command line of a sweep says of its plan. */
export interface PlanOptions extends EnvCommandValues {
  /** --out */
  readonly out: string | undefined;
  /** --program */
  readonly program: string | undefined;
}

/**
 * Reads a sweep file and plans its runs.
 * @throws {FileError} for a bad file. @throws {UsageError} for what no run could start with.
 */
export async function planSweep(
  file: string,
  options: PlanOptions,
  context: CommandContext,
): Promise<Plan> {
  const { program, envCommand } = options;
  let { out } = options;
  const read = readSweepFile(file);
  const sweep = envCommand === undefined
    ? read
    : { ...read, settings: new Map([...read.settings, ["envCommand", envCommand]]) };
  out ??= `runs/${sweep.name}`;
  if (hasControl(out)) {
    throw new UsageError(
      `Cannot plan a sweep: --out must hold no line breaks or control characters, got ${
        JSON.stringify(out)
      }`,
    );
  }
  const runs = await expand(sweep, { out, file, context });
  const models = await context.program.models();
  const registry = await context.program.registry();
  // Found out here once, and not by every run.
  const distinct = new Map(runs.map((run) => [run.hash, run]));
  for (const { config } of distinct.values()) await checkRun(config, { registry, models });
  const envWords = envOptionWords(options, context);
  return { sweep, file, out, runs, program: program ?? ownName(), envWords };
}

interface ExpandContext {
  readonly out: string;
  readonly file: string;
  readonly context: CommandContext;
}

/** Lists the runs; what an environment of the user's own is, only the started one says. */
async function expand(sweep: SweepFile, around: ExpandContext): Promise<SweepRun[]> {
  const { out, file, context } = around;
  const { program } = context;
  const command = sweep.settings.get("envCommand") as string | undefined || undefined;
  const env = command && (await program.registry(undefined, command)).ids[0];
  const options = { out, variables: variablesOf(context), ...(env ? { env } : {}) };
  const identities = new Map<string, string | undefined>();
  for (const { config: { env: id } } of expandBlaming(sweep, { ...options, file })) {
    if (identities.has(id)) continue;
    if (env) checkNamed(id, { described: env, source: "the sweep" });
    const registry = await program.registry(id, command);
    const find = () => withOwnHint({ envCommand: command }, () => registry.spec(id));
    const isVariable = program.env("UDRLPG_ENV") === id;
    const { identity } = isVariable ? asUsage(find) : asFileError(find, nameOf(file));
    identities.set(id, identity);
  }
  return expandSweep(sweep, { ...options, identityOf: (id) => identities.get(id) });
}

/** Lists the runs; a file that contradicts itself is to blame, whatever variables say beside it. */
function expandBlaming(
  sweep: SweepFile,
  { file, ...options }: ExpandOptions & { readonly variables: Values; readonly file: string },
): SweepRun[] {
  try {
    return asUsage(() => expandSweep(sweep, options));
  } catch (error) {
    const env = new Map([...options.variables].filter(([name]) => name === "env"));
    asFileError(() => expandSweep(sweep, { ...options, variables: env }), nameOf(file));
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
export function lineOf(run: SweepRun, { program, envWords }: Plan): string {
  return formatLine(program, trainWords(run, envWords));
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
