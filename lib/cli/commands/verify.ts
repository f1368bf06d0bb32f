/** `udrlpg verify`: replays the beginning of a run and compares it with what the run recorded. */

import { merge, object } from "@optique/core/constructs";
import { readConfigFile } from "../../config/config_file.ts";
import { FileError } from "../../system/errors.ts";
import { childPath } from "../../system/files.ts";
import { CONFIG_FILE_NAME } from "../../run/layout.ts";
import {
  checkIdentity,
  checkNamed,
  envCommandOptions,
  type EnvCommandValues,
  trustModuleOption,
  withEnvironments,
  withOwnHint,
} from "../env_command.ts";
import { asFileError } from "../blame.ts";
import type { Command, CommandContext } from "../program.ts";
import { setting, settingOr, word } from "../options.ts";
import { integerValue, runValue } from "../values.ts";
import { checkRunFolder, requirePath } from "../paths.ts";

/** The options of `udrlpg verify`. */
export interface VerifyValues extends EnvCommandValues {
  /** Run folder, as a word. */
  readonly path: string | undefined;
  /** --run */
  readonly run: string | undefined;
  /** --cycles */
  readonly cycles: number;
}

const DEFAULT_CYCLES = 8;
const MAX_SHOWN = 300;

/** The `verify` command. */
export const verifyCommand: Command<VerifyValues> = {
  description: [
    "Trains the first cycles again from the run's configuration and compares every record and hash. The folder is only read. A difference means another version of the program, a machine that rounds otherwise, or a changed file.",
  ],
  examples: [
    { command: "udrlpg verify runs/pendulum", does: "Replay the first 8 cycles" },
    { command: "udrlpg verify runs/pendulum --cycles 200", does: "Replay more of the run" },
    { command: "udrlpg verify runs/pendulum --json", does: "Counts and the first difference" },
  ],
  parser: () =>
    merge(
      object("The run", {
        path: word(runValue("RUN"), "Run folder"),
        run: setting("--run", runValue(), "The same"),
      }),
      object("An environment of your own", {
        ...envCommandOptions(),
        trust: trustModuleOption(),
      }),
      object("The replay", {
        cycles: settingOr("--cycles", integerValue({ metavar: "N", min: 1, max: 1e9 }), {
          fallback: DEFAULT_CYCLES,
          doc: "Cycles to replay after the warm-up",
        }),
      }),
    ),
  startsPrograms: true,
  run: (values, context) => withEnvironments(values, context, runVerify),
};

async function runVerify(values: VerifyValues, context: CommandContext): Promise<void> {
  const { program, output, origin } = context;
  const { cycles, envCommand, env: described } = values;
  const sources = { does: "verify", word: values.path, options: { "--run": values.run } };
  const run = requirePath({ ...sources, origin });
  checkRunFolder(run);
  const config = childPath(run, CONFIG_FILE_NAME);
  const { settings, options } = readConfigFile(config);
  const threads = (settings.get("threads") ?? 0) as number;
  const id = options.get("env");
  const named = typeof id === "string" ? id : undefined;
  const command = settings.get("envCommand") as string | undefined || undefined;
  const [registry, models] = await Promise.all([
    program.registry(named, command),
    program.models(),
  ]);
  if (named !== undefined) {
    if (envCommand !== undefined && described !== undefined) {
      checkNamed(named, { described, source: JSON.stringify(config) });
    }
    const spec = asFileError(() => withOwnHint(values, () => registry.spec(named)));
    const made = options.get("environment") as string | undefined ?? "";
    checkIdentity(made, spec, { does: "verify run", name: run, output });
  }
  const { verifyRun } = await import("../../run/verify.ts");
  const progress = output.progress("records");
  const interruption = program.listen();
  try {
    const verification = await verifyRun(run, {
      registry,
      models,
      session: threads > 0 ? { threads } : {},
      cycles,
      signal: interruption.signal,
      onRecord: ({ done, total, cycle }) =>
        progress.update({
          phase: cycle === 0 ? "warm-up" : "replaying",
          done,
          total,
          facts: [["cycle", `${cycle}/${cycles}`]],
        }),
    });
    output.endProgress();
    const { matches, records, hashes, difference } = verification;
    output.result(
      { run, ...verification },
      () => [
        matches
          ? `The same: ${records} records and ${hashes} state hashes of ${verification.cycles} cycles`
          : `Not the same: record ${records} differs`,
      ],
    );
    if (difference !== undefined) {
      throw new FileError(
        `Cannot verify run ${JSON.stringify(run)}: record ${records} must be ` +
          `${cut(difference.replayed)}, got ${cut(difference.recorded)}`,
      );
    }
  } finally {
    interruption.stop();
  }
}

function cut(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}...`;
}
