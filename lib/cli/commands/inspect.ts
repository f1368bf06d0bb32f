/** `udrlpg inspect`: explains a file or folder of this program in plain words. */

import { merge, object } from "@optique/core/constructs";
import { formatNumber } from "../../numbers/format.ts";
import {
  envCommandOptions,
  type EnvCommandValues,
  withEnvironments,
  withOwnHint,
} from "../env_command.ts";
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
      object("An environment of your own", envCommandOptions()),
    ),
  exclusive: [["--file", "--run"]],
  run: (values, context) => withEnvironments(values, context, runInspect),
};

async function runInspect(
  values: InspectValues,
  { program, output, origin }: CommandContext,
): Promise<void> {
  const options = { "--file": values.file, "--run": values.run };
  const file = requirePath({ does: "inspect", word: values.path, options, origin });
  const [registry, models, { explainFile }] = await Promise.all([
    program.registry(),
    program.models(),
    import("../inspection.ts"),
  ]);
  const { kind, facts, warnings } = explainFile(file, {
    specOf: (id) => withOwnHint(values, () => registry.spec(id)),
    models,
    session: {},
  });
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
