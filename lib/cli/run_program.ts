/** From the command line to an exit code: finds the command, parses its options, runs it, reports. */

import { errorLineOf, exitCodeOf, UsageError } from "../system/errors.ts";
import { nearest } from "../system/words.ts";
import { commandEntry, type CommandName, commandWords, findCommand } from "./commands.ts";
import type { KnownNames, Program } from "./program.ts";
import { printable, printableLine } from "./text_stream.ts";

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
    program.stderr.write(`${printableLine(errorLineOf(error))}\n`);
    if (program.env("UDRLPG_DEBUG") === "1" && error instanceof Error) {
      program.stderr.write(`${printable(error.stack ?? "")}\n`);
    }
    return exitCodeOf(error);
  }
}

async function dispatch(argv: readonly string[], program: Program): Promise<void> {
  const at = argv.findIndex((word) => !word.startsWith("-"));
  const leading = at < 0 ? argv : argv.slice(0, at);
  const name = at < 0 ? undefined : findCommand(argv[at]);
  if (name === undefined) program.giveUpPrograms();
  if (leading.some((word) => word === "--version" || word === "-V")) {
    const { readVersions, versionLines } = await import("../system/version.ts");
    const versions = { ...readVersions(), version: program.version };
    await print({ document: versions, lines: () => versionLines(versions) }, { argv, program });
  } else if (at >= 0 && name === undefined) {
    failUnknown("command", argv[at], commandWords());
  } else if (name !== undefined) {
    await runCommand(name, [...leading, ...argv.slice(at + 1)], program);
  } else {
    const { GLOBAL_OPTIONS, rootDocument, rootHelp } = await import("./help.ts");
    const known = GLOBAL_OPTIONS.map(([option]) => option);
    const unknown = argv.find((word) => word !== "-h" && !known.includes(word));
    if (unknown !== undefined) failUnknown("option", unknown, known);
    const columns = program.stdout.columns();
    const lines = () => rootHelp({ columns });
    await print({ document: rootDocument(), lines }, { argv, program });
  }
}

function failUnknown(what: string, word: string, known: readonly string[]): never {
  const hint = nearest(word, known);
  const ending = hint ? `did you mean "${hint}"?` : "see udrlpg --help";
  throw new UsageError(
    `Cannot run udrlpg: unknown ${what}, got "${word.slice(0, 200)}": ${ending}`,
  );
}

/** Writes what is no command's: its options are not parsed. */
async function print(
  { document, lines }: { document: unknown; lines: () => readonly string[] },
  { argv, program }: { argv: readonly string[]; program: Program },
): Promise<void> {
  const { Output } = await import("./output.ts");
  const options = { json: argv.includes("--json"), quiet: false, env: program.env };
  new Output(program, options).result(document, lines);
}

async function runCommand(
  name: CommandName,
  argv: readonly string[],
  program: Program,
): Promise<void> {
  const end = argv.indexOf("--");
  if (name === "completion" && end === 1) {
    const { completeWords } = await import("./commands/completion.ts");
    // For a shell to read: as it is.
    program.stdout.write(await completeWords(argv[0], argv.slice(2), program));
    return;
  }
  const command = await commandEntry(name).load();
  const words = end < 0 ? argv : argv.slice(0, end);
  if (words.some((word) => word === "-h" || word === "--help")) {
    const [{ describeCommand }, { commandHelp }] = await Promise.all([
      import("./command_page.ts"),
      import("./help.ts"),
    ]);
    const page = describeCommand(name, command, await knownNames(program));
    const columns = program.stdout.columns();
    const lines = () => commandHelp(page, { columns });
    return await print({ document: page, lines }, { argv: words, program });
  }
  const [{ parseArguments }, { Output }] = await Promise.all([
    import("./arguments.ts"),
    import("./output.ts"),
  ]);
  const { values, origins } = parseArguments(command, argv, {
    name,
    names: { environments: [] },
    env: program.env,
  });
  const output = new Output(program, { ...values, env: program.env });
  if (!command.startsPrograms) program.giveUpPrograms();
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
