/** `udrlpg sweep`: many runs from one file: as lines for other programs, as processes, or as a job array. */

import { merge, object } from "@optique/core/constructs";
import { UsageError } from "../../../system/errors.ts";
import { envCommandOptions, envWorkersOption, withEnvironments } from "../../env_command.ts";
import type { Command, CommandContext } from "../../program.ts";
import { type PlanOptions, planSweep, printPlan } from "./plan.ts";
import { runPlan } from "./run.ts";
import { type SubmitOptions, submitPlan } from "./submit.ts";
import { setting, settingOr, settings, toggle, word } from "../../options.ts";
import { choiceValue, fileValue, folderValue, integerValue, textValue } from "../../values.ts";
import { choosePath } from "../../paths.ts";

/** What can be done with a sweep. */
export type SweepAction = "plan" | "run" | "submit";

const ACTIONS = ["plan", "run", "submit"] as const satisfies readonly SweepAction[];

/** The options of `udrlpg sweep`. */
export interface SweepValues extends SubmitOptions, PlanOptions {
  /** What to do with the sweep. */
  readonly action: SweepAction | undefined;
  /** Sweep file, as a word. */
  readonly path: string | undefined;
  /** --file */
  readonly file: string | undefined;
}

const DEFAULT_GRACE_SECONDS = 120;

/** The `sweep` command. */
export const sweepCommand: Command<SweepValues> = {
  description: [
    "A sweep file is a configuration file with the values that vary added to it: seeds, [grid] for every combination, [[list]] for chosen ones, [random] for drawn ones. See udrlpg help sweeps.",
    "`plan` prints a complete command for each run, `run` runs them here, `submit` writes a job array. A run's folder is named by its configuration, and every command goes on with what is there: the same line, run again, skips what is done and resumes what is not.",
    "`run` starts this program again for each run, and `submit --go` starts sbatch, which Deno has to permit with --allow-run; `plan` needs no such permission.",
  ],
  examples: [
    {
      command: "udrlpg sweep plan sweep.toml | xargs -r -P 4 -L 1 env",
      does: "Four runs at a time; GNU parallel takes the same lines",
    },
    { command: "udrlpg sweep run sweep.toml --jobs 4", does: "The same with one progress display" },
    {
      command: "udrlpg sweep submit sweep.toml --engine slurm --time 4:00:00 --jobs 20 --go",
      does: "As a SLURM job array, 20 tasks at once, queued again when their time runs out",
    },
  ],
  parser: () =>
    merge(
      object("The sweep", {
        action: word(choiceValue(ACTIONS, "ACTION"), `One of ${ACTIONS.join(", ")}`),
        path: word(fileValue("FILE", [".toml"]), "Sweep file"),
        file: setting("--file", fileValue("FILE", [".toml"]), "The same"),
        out: setting(
          "--out",
          folderValue("DIR"),
          "Folder for the run folders (default: runs/NAME)",
        ),
        program: setting(
          "--program",
          textValue("WORDS"),
          "What the commands begin with (default: udrlpg)",
        ),
      }),
      object("An environment of your own", {
        ...envCommandOptions(),
        envWorkers: envWorkersOption(),
      }),
      object("Running it, here or on a cluster", {
        jobs: setting(
          "--jobs",
          integerValue({ metavar: "N", min: 1, max: 4096 }),
          "Runs at once (default: 1 here, no limit on a cluster)",
        ),
        engine: setting(
          "--engine",
          choiceValue(["slurm"], "ENGINE"),
          "Cluster to submit to: slurm",
        ),
        go: toggle("--go", "Submit what was written"),
        time: setting("--time", textValue("T"), "Time limit of a run, as sbatch takes it"),
        grace: settingOr("--grace", integerValue({ metavar: "N", min: 1, max: 86_400 }), {
          fallback: DEFAULT_GRACE_SECONDS,
          doc: "Seconds before the limit at which a run saves and is queued again",
        }),
        cpus: setting(
          "--cpus",
          integerValue({ metavar: "N", min: 1, max: 4096 }),
          "Cores of a run",
        ),
        sbatch: settings("--sbatch", textValue("OPTION"), "Further option for sbatch"),
      }),
    ),
  startsPrograms: true,
  run: (values, context) => {
    // It starts other programs than environments, too, and the user has named them all.
    const program = { ...context.program, giveUpPrograms: () => {} };
    return withEnvironments({ ...values, trust: true }, { ...context, program }, runSweep);
  },
};

async function runSweep(values: SweepValues, context: CommandContext): Promise<void> {
  const { action, path: word } = values;
  const sources = { does: "sweep", word, options: { "--file": values.file } };
  const file = choosePath({ ...sources, origin: context.origin });
  if (action === undefined || file === undefined) {
    throw new UsageError(
      `Cannot sweep: an action and a sweep file must be given, got ${
        action === undefined ? "none" : `"${action}" alone`
      }: see udrlpg sweep --help`,
    );
  }
  refuseOptionsOf(action, context);
  const plan = await planSweep(file, values, context);
  if (action === "plan") return printPlan(plan, context);
  if (action === "run") return await runPlan(plan, values.jobs ?? 1, context);
  await submitPlan(plan, values, context);
}

/** Options that belong to one action alone, as they are typed. */
const OWN_OPTIONS: Readonly<Record<string, readonly (typeof ACTIONS)[number][]>> = {
  "--jobs": ["run", "submit"],
  "--engine": ["submit"],
  "--go": ["submit"],
  "--time": ["submit"],
  "--grace": ["submit"],
  "--cpus": ["submit"],
  "--sbatch": ["submit"],
};

function refuseOptionsOf(action: (typeof ACTIONS)[number], { origin }: CommandContext): void {
  for (const [option, actions] of Object.entries(OWN_OPTIONS)) {
    if (origin(option) === option && !actions.includes(action)) {
      throw new UsageError(
        `Cannot run "udrlpg sweep ${action}": ${option} is an option of ${
          actions.map((name) => `sweep ${name}`).join(" and ")
        } alone`,
      );
    }
  }
}
