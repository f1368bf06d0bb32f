/** The command of a run, complete: for a POSIX shell, xargs and GNU parallel alike. */

import type { SweepRun } from "./expand.ts";

/** Options of the table that have an option of their own on the command line of `train`. */
const OWN_OPTIONS = ["env", "seed", "steps"];

/** Run settings with their options. */
const SETTING_OPTIONS: ReadonlyMap<string, string> = new Map([
  ["preset", "--preset"],
  ["device", "--device"],
  ["threads", "--threads"],
  ["workers", "--workers"],
  ["checkpointEvery", "--checkpoint-every"],
]);

/**
 * Lists the words after the program's name that train a run, or go on with it, or leave it when it is
 * finished.
 */
export function trainWords({ config, settings, given, folder }: SweepRun): string[] {
  const words = ["train", "--env", config.env];
  if (given.has("steps")) words.push("--steps", String(config.steps));
  for (const [name, option] of SETTING_OPTIONS) {
    if (settings.has(name)) words.push(option, String(settings.get(name)));
  }
  // The runs of a sweep are what shares the cores.
  if (!settings.has("workers")) words.push("--workers", "1");
  for (const [name, value] of given) {
    if (!OWN_OPTIONS.includes(name)) words.push("--set", `${name}=${String(value)}`);
  }
  return [...words, "--seed", String(config.seed), "--out", folder, "--continue"];
}
