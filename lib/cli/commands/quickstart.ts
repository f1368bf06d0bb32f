/** `udrlpg quickstart`: the main job on a small environment, from nothing to a measured policy file. */

import { object } from "@optique/core/constructs";
import { join } from "node:path";
import { policyFileName } from "../../run/layout.ts";
import { UsageError } from "../../system/errors.ts";
import { isThere } from "../../system/files.ts";
import { ownLine, pathWord } from "../../system/words.ts";
import type { Command, CommandContext } from "../program.ts";
import { runProgram } from "../run_program.ts";
import { setting } from "../options.ts";
import { folderValue } from "../values.ts";

/** The options of `udrlpg quickstart`. */
export interface QuickstartValues {
  /** --out */
  readonly out: string | undefined;
}

const ENVIRONMENT = "InvertedPendulum-v5";
/** The most that an episode of the environment can return: 1 a step for 1000 steps. */
const WANTED_RETURN = 1000;
const EPISODES = 20;
const SEED = 1;
/** The evaluation's seed: other episodes than the generator was measured with. */
const EVALUATION_SEED = 2;

/** The `quickstart` command. */
export const quickstartCommand: Command<QuickstartValues> = {
  description: [
    `Trains on ${ENVIRONMENT} with a fixed seed, generates a policy for the return ${WANTED_RETURN} and evaluates its file over ${EPISODES} fresh episodes, by the commands that it shows.`,
  ],
  examples: [
    { command: "udrlpg quickstart", does: "In a new folder under runs/" },
    { command: "udrlpg quickstart --out runs/first", does: "In a folder of your choice" },
    { command: "udrlpg quickstart --quiet", does: "Without progress" },
  ],
  parser: () =>
    object("Where", {
      out: setting("--out", folderValue("DIR"), "Run folder (default: runs/quickstart-N)"),
    }),
  async run({ out }, { program, output }) {
    const folder = out ?? freeFolder();
    const policy = join(folder, policyFileName(WANTED_RETURN, ".onnx"));
    const steps = [
      ["train", "--env", ENVIRONMENT, "--seed", String(SEED), "--out", folder],
      ["generate", "--run", folder, "--return", String(WANTED_RETURN), "--out", policy],
      ["evaluate", policy, "--episodes", String(EPISODES), "--seed", String(EVALUATION_SEED)],
    ];
    const documents: Record<string, unknown> = {};
    for (const argv of steps) {
      const text = await runStep(argv, { program, output });
      if (output.json) documents[argv[0]] = JSON.parse(text);
    }
    output.result(documents, () => [
      "",
      `A policy for the return ${WANTED_RETURN} is in ${policy}`,
      `Next: ${
        ownLine("generate", "--run", pathWord(folder), "--return", "300", "--tolerance", "60")
      }`,
    ]);
  },
};

/**
 * Runs one command as a user would type it and shows its output, or with --json gives it back.
 * @throws {UsageError} when it fails; it has said why.
 */
async function runStep(
  argv: readonly string[],
  { program, output }: Pick<CommandContext, "program" | "output">,
): Promise<string> {
  const flags = [...(output.quiet ? ["--quiet"] : []), ...(output.json ? ["--json"] : [])];
  let text = "";
  const collect = { ...program.stdout, write: (part: string) => void (text += part) };
  if (!output.json) output.result({}, () => ["", `$ ${ownLine(...argv)}`]);
  const code = await runProgram([...argv, ...flags], {
    ...program,
    stdout: output.json ? collect : program.stdout,
  });
  if (code !== 0) {
    throw new UsageError(
      `Cannot finish quickstart: udrlpg ${argv[0]} ended with exit code ${code}`,
    );
  }
  return text;
}

function freeFolder(): string {
  for (let number = 1;; number++) {
    const folder = join("runs", `quickstart-${number}`);
    if (!isThere(folder)) return folder;
  }
}
