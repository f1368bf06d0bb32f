/**
 * The run folder before anything is learnt: whether a run may start or go on in it, and its config.toml.
 */

import { sequenceOf } from "./checkpoint/manifest.ts";
import { type Config, resolveConfig } from "../config/config.ts";
import { readConfigFile, renderConfig } from "../config/config_file.ts";
import { FileError } from "../system/errors.ts";
import { childPath, isThere, makeFolder, namesIn, writeFileAtomic } from "../system/files.ts";
import { assertResumable } from "./checkpoint/run_checkpoint.ts";
import { CHECKPOINT_FOLDER_NAME, CONFIG_FILE_NAME, LOCK_FILE_NAME } from "./layout.ts";

/** How a folder is opened. */
export interface OpenOptions {
  /** Path of the run folder. */
  readonly folder: string;
  /** Preset that the configuration came from. */
  readonly preset: string;
  /** Go on with the run that is there. */
  readonly resume?: boolean;
  /** Gets what the user should know although nothing failed. */
  readonly onWarning?: (text: string) => void;
}

/**
 * Makes the folder, or checks that a run is there to resume.
 * @throws {FileError} when it is neither.
 */
export function openRunFolder(
  config: Config,
  { folder, preset, resume, onWarning }: OpenOptions,
): void {
  const shown = JSON.stringify(folder);
  if (resume && !isThere(folder)) {
    throw new FileError(
      `Cannot resume run ${shown}: there is no such folder: start it without --resume`,
    );
  }
  makeFolder(folder);
  const names = namesIn(folder).filter((name) => name !== LOCK_FILE_NAME);
  if (names.length === 0) return;
  if (!resume) {
    throw new FileError(
      `Cannot train in ${shown}: the folder must be empty, got "${names[0]}" and perhaps more: ` +
        `continue with --resume or choose another --out`,
    );
  }
  if (!names.includes(CONFIG_FILE_NAME)) {
    // Written before anything else; only temporary files can be there without it.
    if (names.every((name) => name.startsWith("."))) return;
    throw new FileError(
      `Cannot resume run ${shown}: there must be a ${CONFIG_FILE_NAME}, got none`,
    );
  }
  assertSamePreset(folder, preset);
  const checkpoints = childPath(folder, CHECKPOINT_FOLDER_NAME);
  // With a checkpoint, that one says what the run's configuration is.
  if (isThere(checkpoints) && namesIn(checkpoints).some((name) => sequenceOf(name) !== undefined)) {
    return;
  }
  assertResumable(folder, readRunConfig(folder), config);
  onWarning?.(`Run ${shown} has no checkpoint yet: it starts from the beginning`);
}

/** A preset that is named on resuming changes no option: it must not change what the run says it is. */
function assertSamePreset(folder: string, preset: string): void {
  const saved = readConfigFile(childPath(folder, CONFIG_FILE_NAME)).settings.get("preset");
  if (saved === undefined || saved === preset) return;
  throw new FileError(
    `Cannot resume run ${
      JSON.stringify(folder)
    }: its configuration must stay as it is, got preset ` +
      `= ${JSON.stringify(preset)} instead of ${JSON.stringify(saved)}: leave the preset out`,
  );
}

/**
 * Reads the configuration of a run from its config.toml.
 * @throws {FileError} when it is not there or not what it should be.
 */
export function readRunConfig(folder: string): Config {
  const path = childPath(folder, CONFIG_FILE_NAME);
  const { options } = readConfigFile(path);
  if ((options.get("env") ?? "") === "") {
    throw new FileError(
      `Cannot read configuration ${
        JSON.stringify(path)
      }: that of a run must name an environment, ` +
        `got none`,
    );
  }
  try {
    return resolveConfig([{ source: `file "${path}"`, values: options }]).config;
  } catch (error) {
    // The file holds an option that does not count beside its others.
    if (error instanceof RangeError) throw new FileError(error.message);
    throw error;
  }
}

/**
 * Writes the resolved configuration of a run, with the settings of the present session.
 * @throws {FileError} when it cannot be written.
 */
export function writeRunConfig(
  config: Config,
  { folder, settings }: { folder: string; settings: ReadonlyMap<string, unknown> },
): void {
  const path = childPath(folder, CONFIG_FILE_NAME);
  writeFileAtomic(path, renderConfig(config, { settings }), { kind: "configuration" });
}
