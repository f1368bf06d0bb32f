/** From the command line to an exit code: finds the command, parses its options, runs it, reports. */

import { errorLineOf, exitCodeOf, UsageError } from "../system/errors.ts";
import { nearest } from "../system/words.ts";
import { commandEntry, type CommandName, commandWords, findCommand } from "./commands.ts";
import type { KnownNames, Program } from "./program.ts";

/**
 * Runs the program.
 * @param argv The words after the program's name.
 * @returns the exit code; every error has been written to stderr in one line.
 */
export async function runProgram(argv: readonly string[], program: Program): Promise<number> {
  try {
    await dispatch(argv, program);
    return 0;
  } catch (error) {
    program.stderr.write(`${errorLineOf(error)}\n`);
    if (program.env("UDRLPG_DEBUG") === "1" && error instanceof Error) {
      program.stderr.write(`${error.stack ?? ""}\n`);
    }
    return exitCodeOf(error);
  }
}

async function dispatch(argv: readonly string[], program: Program): Promise<void> {
  const at = argv.findIndex((word) => !word.startsWith("-"));
  const leading = at < 0 ? argv : argv.slice(0, at);
  if (leading.some((word) => word === "--version" || word === "-V")) {
    const { readVersions, versionLines } = await import("../system/version.ts");
    const versions = { ...readVersions(), version: program.version };
    const json = argv.includes("--json");
    program.stdout.write(json ? `${JSON.stringify(versions)}\n` : versionLines(versions));
    return;
  }
  if (at < 0) {
    const unknown = argv.find((word) => !["-h", "--help", "--json", "--quiet"].includes(word));
    if (unknown !== undefined) {
      failUnknown("option", unknown, ["--help", "--version", "--json", "--quiet"]);
    }
    const { rootHelp } = await import("./help.ts");
    program.stdout.write(rootHelp({ columns: program.stdout.columns() }));
    return;
  }
  const word = argv[at];
  const name = findCommand(word);
  if (name === undefined) failUnknown("command", word, commandWords());
  await runCommand(name, [...leading, ...argv.slice(at + 1)], program);
}

function failUnknown(what: string, word: string, known: readonly string[]): never {
  const hint = nearest(word, known);
  const ending = hint ? `did you mean "${hint}"?` : "see udrlpg --help";
  throw new UsageError(
    `Cannot run udrlpg: unknown ${what}, got "${word.slice(0, 200)}": ${ending}`,
  );
}

async function runCommand(
  name: CommandName,
  argv: readonly string[],
  program: Program,
): Promise<void> {
  if (name === "completion" && argv.length > 1 && !argv[0].startsWith("-")) {
    const { completeWords } = await import("./commands/completion.ts");
    program.stdout.write(await completeWords(argv[0], argv.slice(1), program));
    return;
  }
  const [command, { parseArguments }, { Output }] = await Promise.all([
    commandEntry(name).load(),
    import("./arguments.ts"),
    import("./output.ts"),
  ]);
  const words = argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv;
  if (words.some((word) => word === "-h" || word === "--help")) {
    const { commandHelp } = await import("./help.ts");
    const names = await knownNames(program);
    program.stdout.write(
      await commandHelp(name, command, { columns: program.stdout.columns(), names }),
    );
    return;
  }
  const { values, origins } = parseArguments(command, argv, {
    name,
    names: { environments: [] },
    env: (variable) => program.env(variable),
  });
  const { json, quiet } = values as unknown as { json: boolean; quiet: boolean };
  const output = new Output(program, { json, quiet, noColor: program.env("NO_COLOR") });
  try {
    await command.run(values, { program, output, origin: (option) => origins.get(option) });
  } finally {
    output.endProgress();
  }
}

/** Loads the names that completions and help show. */
export async function knownNames(program: Program): Promise<KnownNames> {
  return { environments: (await program.registry()).ids };
}
