/**
 * The paths that a command reads. Each can be given as a word or with its option, so that nobody has to
 * remember which, and where one run is meant a folder of runs gets a hint.
 */

import { join } from "node:path";
import { POLICY_FORMATS } from "../generator/policy_file.ts";
import { findRuns } from "../report/across_runs.ts";
import { CONFIG_FILE_NAME, GENERATOR_FILE_NAME, MANIFEST_FILE_NAME } from "../run/layout.ts";
import { FileError, UsageError } from "../system/errors.ts";
import { isThere, namesIn } from "../system/files.ts";
import { ownLine, pathWord } from "../system/words.ts";
import type { CommandContext } from "./program.ts";

/** What may name one path. */
export interface PathSources {
  /** What the command does, for errors: "generate a policy". */
  readonly does: string;
  /** The word. */
  readonly word: string | undefined;
  /** The options that stand for it, by name. */
  readonly options: Readonly<Record<string, string | undefined>>;
  /** Where an option was given. */
  readonly origin: CommandContext["origin"];
}

/**
 * Gives the path that the command line names; undefined when none is given. A word wins over a variable.
 * @throws {UsageError} when a word and an option both name one.
 */
export function choosePath({ does, word, options, origin }: PathSources): string | undefined {
  const named = Object.entries(options).filter(([, path]) => path !== undefined);
  if (word === undefined) return named[0]?.[1];
  const rival = named.find(([option]) => origin(option) === option);
  if (rival === undefined) return word;
  throw new UsageError(
    `Cannot ${does}: one path must be given, got ${JSON.stringify(word)} and ${rival[0]}`,
  );
}

/**
 * Gives the path that the command line names.
 * @throws {UsageError} when none is given, or two are.
 */
export function requirePath(sources: PathSources): string {
  const path = choosePath(sources);
  if (path !== undefined) return path;
  const names = ["PATH", ...Object.keys(sources.options)];
  throw new UsageError(
    `Cannot ${sources.does}: one of ${names.join(", ")} must be given, got none`,
  );
}

/**
 * Gives the generator file that a path means: itself, or that of a run folder.
 * @throws {FileError} that says what is missing of a folder.
 */
export function generatorFileOf(path: string): string {
  if (!isFolder(path)) return path;
  const file = join(path, GENERATOR_FILE_NAME);
  if (isThere(file)) return file;
  checkRunFolder(path);
  throw new FileError(
    `Cannot read run ${
      JSON.stringify(path)
    }: it must be finished, got no ${GENERATOR_FILE_NAME}: go on with ` +
      ownLine("train", "--resume", "--out", pathWord(path)),
  );
}

/**
 * Checks that a folder is that of one run.
 * @throws {FileError} that names runs in it where it holds some.
 */
export function checkRunFolder(path: string, action: "read" | "resume" = "read"): void {
  if (!isFolder(path) || isThere(join(path, CONFIG_FILE_NAME))) return;
  const [run] = runsIn(path);
  const hint = run === undefined ? "" : `: did you mean ${JSON.stringify(run)}?`;
  throw new FileError(
    `Cannot ${action} run ${JSON.stringify(path)}: it must hold ${CONFIG_FILE_NAME}, got ${
      run === undefined ? "none" : "a folder of runs"
    }${hint}`,
  );
}

function runsIn(path: string): string[] {
  try {
    return findRuns([path]);
  } catch (error) {
    if (error instanceof FileError) return [];
    throw error;
  }
}

/** Tells whether a path leads to a folder. */
export function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false; // whoever reads it says what is wrong
  }
}

/** Files of a folder of policies that are none themselves. */
const NO_POLICIES: readonly string[] = [GENERATOR_FILE_NAME, MANIFEST_FILE_NAME];

/**
 * Lists the policy files that a path means: itself, or those in a folder.
 * @throws {FileError} when a folder holds none.
 */
export function policiesIn(path: string): string[] {
  if (!isFolder(path)) return [path]; // whoever reads it says what is wrong
  const names = namesIn(path);
  const files = names.filter((name) =>
    POLICY_FORMATS.some((format) => name.endsWith(`.${format}`)) && !NO_POLICIES.includes(name)
  );
  if (files.length > 0) return files.map((name) => join(path, name));
  const hint = names.includes(GENERATOR_FILE_NAME)
    ? `: write one with ${ownLine("generate", pathWord(path), "--return", "best")}`
    : "";
  throw new FileError(
    `Cannot read folder ${JSON.stringify(path)}: it must hold policy files, got none${hint}`,
  );
}

/**
 * Pictures that not every command writes, or none: those of moving bodies and of pages need a renderer, and libraries
 * for WebP and PDF have megabytes.
 */
const CONVERTED = /\.(png|webp|jpe?g|pdf|mp4|webm)$/i;

/**
 * Checks the ending of a file to write, case aside, and gives it.
 * @throws {UsageError} that lists the endings, and says what to do for pictures of other kinds.
 */
export function endingOf<E extends string>(
  out: string,
  { does, endings }: { readonly does: string; readonly endings: readonly E[] },
): E {
  const found = endings.find((ending) => out.toLowerCase().endsWith(ending));
  if (found !== undefined) return found;
  const hint = CONVERTED.test(out) ? ": write an .svg, which other programs convert" : "";
  throw new UsageError(
    `Cannot ${does}: the file must end in ${endings.join(", ")}, got ${JSON.stringify(out)}${hint}`,
  );
}
