/** `udrlpg inspect`: explains a file or folder of this program in plain words. */

import { merge, object } from "@optique/core/constructs";
import { formatNumber } from "../../numbers/format.ts";
import {
  envCommandOptions,
  type EnvCommandValues,
  trustModuleOption,
  withEnvironments,
  withOwnHint,
} from "../env_command.ts";
import type { EnvRegistry } from "../../env.ts";
import { isGymName } from "../../episodes/process/gym_name.ts";
import type { Command, CommandContext } from "../program.ts";
import { setting, word } from "../options.ts";
import { fileValue, runValue } from "../values.ts";
import { requirePath } from "../paths.ts";

/** The options of `udrlpg inspect`. */
export interface InspectValues extends EnvCommandValues {
  /** File or folder, as a word. */
  readonly path: string | undefined;
  /** --file */
  readonly file: string | undefined;
  /** --run */
  readonly run: string | undefined;
}

/** The `inspect` command. */
export const inspectCommand: Command<InspectValues> = {
  description: [
    "Takes run folders, checkpoint folders, generators, policies, configurations, metrics and TensorBoard event files, reads them whole, and says what they are, where they came from and what they hold. A damaged file ends with the exit code 3.",
  ],
  examples: [
    { command: "udrlpg inspect runs/pendulum", does: "Explain a run" },
    { command: "udrlpg inspect policy.onnx", does: "Explain a policy" },
    {
      command: "udrlpg inspect runs/pendulum/generator.safetensors --json",
      does: "Explain a generator, for a script",
    },
  ],
  parser: () =>
    merge(
      object("What to explain", {
        path: word(fileValue("FILE"), "File or folder"),
        file: setting("--file", fileValue("FILE"), "The same"),
        run: setting("--run", runValue(), "The same, for a run folder"),
      }),
      object("An environment of your own", {
        ...envCommandOptions(),
        trust: trustModuleOption(),
      }),
    ),
  exclusive: [["--file", "--run"]],
  startsPrograms: true,
  run: (values, context) => withEnvironments(values, context, runInspect),
};

async function runInspect(
  values: InspectValues,
  { program, output, origin }: CommandContext,
): Promise<void> {
  const options = { "--file": values.file, "--run": values.run };
  const file = requirePath({ does: "inspect", word: values.path, options, origin });
  const [models, { explainFile }] = await Promise.all([
    program.models(),
    import("../inspection.ts"),
  ]);
  const explain = (registry: EnvRegistry) =>
    explainFile(file, {
      specOf(id, { command }) {
        const isCommand = command !== undefined && values.envCommand === undefined;
        const isStarted = isCommand
          ? registry.spec(registry.ids[0]).command === command
          : registry.ids.includes(id);
        if ((isGymName(id) || isCommand) && !isStarted) throw new NotStarted(id, command);
        return withOwnHint(values, () => registry.spec(id));
      },
      models,
      session: {},
    });
  const { kind, facts, warnings } = await whenStarted(explain, program);
  for (const warning of warnings) output.warn(`${file}: ${warning}`);
  output.result({ file, kind, ...facts, warnings }, () => {
    const entries = Object.entries(facts).map(([name, value]) => [words(name), plain(value)]);
    const width = Math.max(...entries.map(([name]) => name.length));
    const lines = entries.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
    return [`${file}: ${kind}, ${warnings.length === 0 ? "whole" : "damaged"}`, ...lines];
  });
}

/** "reachableReturns" -> "reachable returns". */
function words(name: string): string {
  return cut(name).replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** Stops reading a file at the name of an environment that is to be started first. */
class NotStarted extends Error {
  override readonly name = "NotStarted";
  readonly id: string;
  readonly command: string | undefined;
  constructor(id: string, command: string | undefined) {
    super(`Internal error: environment ${JSON.stringify(id)} must have been started`);
    this.id = id;
    this.command = command;
  }
}

/** Reads with the environment that the file turns out to name. */
async function whenStarted<T>(
  read: (registry: EnvRegistry) => T,
  program: CommandContext["program"],
): Promise<T> {
  try {
    return read(await program.registry());
  } catch (error) {
    if (!(error instanceof NotStarted)) throw error;
    return read(await program.registry(error.id, error.command));
  }
}

function plain(value: unknown): string {
  if (typeof value === "number") return formatNumber(value);
  if (Array.isArray(value)) return value.map(plain).join(", ");
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).map(([name, inner]) => `${words(name)} ${plain(inner)}`).join(
      ", ",
    );
  }
  return cut(String(value));
}

/** The longest text of a file that is shown. */
const LONGEST_TEXT = 500;

function cut(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}...` : text;
}
