/** The command of a run, complete: for a POSIX shell, xargs and GNU parallel alike. */

import { findOption } from "../config/config.ts";
import { flagOf, listSettings } from "../config/run_settings.ts";
import type { SweepRun } from "./expand.ts";

/**
 * Lists the words after the program's name that train a run, or go on with it, or leave it when it is
 * finished.
 * @param more stands before what tells the run apart
 */
export function trainWords(
  { config, settings, given, folder }: SweepRun,
  more: readonly string[] = [],
): string[] {
  const words = ["train", "--env", config.env];
  if (given.has("steps")) words.push("--steps", String(config.steps));
  for (const { name } of listSettings()) {
    if (settings.has(name)) words.push(flagOf(name), String(settings.get(name)));
  }
  // The runs of a sweep are what shares the cores.
  if (!settings.has("workers")) words.push("--workers", "1");
  for (const [name, value] of given) {
    if (findOption(name).section !== undefined) words.push("--set", `${name}=${String(value)}`);
  }
  return [...words, ...more, "--seed", String(config.seed), "--out", folder, "--continue"];
}
