/**
 * What an environment of the user's own is, in one line of text that stands in everything made with it:
 *
 *     observation 2 float64 -inf..inf 2x; action 1 float32 -1..1; steps 50; range 0..50; numpy 2.4.6
 *
 * Parts are joined by "; ", each a name and what it is. The first four describe the environment, the others
 * are versions of what plays it. Two lines are compared part by part, so that a difference can be shown.
 */

import { type BoxSpace, type EnvSpec } from "../env.ts";
import { hashHex } from "../system/files.ts";

/** A part in which two environments differ. */
export interface IdentityChange {
  /** Its name. */
  readonly name: string;
  /** What it was; "none" where it was not there. */
  readonly from: string;
  /** What it is now, likewise. */
  readonly to: string;
  /** True where a policy for the one means something else in the other. */
  readonly changesMeaning: boolean;
}

/** Parts that a policy depends on; the others change what it is worth, at most. */
const MEANING: readonly string[] = ["observation", "action"];
/** Bounds that would take more characters are told apart by a hash of them. */
const LONGEST_BOUNDS = 400;
const LONGEST_VERSION = 40;
const HASH_DIGITS = 12;

/** Writes what an environment is. */
export function identityOf(
  { observationSpace, actionSpace, maxEpisodeSteps, returnRange }: Pick<
    EnvSpec,
    "observationSpace" | "actionSpace" | "maxEpisodeSteps" | "returnRange"
  >,
  versions: readonly (readonly [name: string, version: string])[] = [],
): string {
  const action = actionSpace.kind === "discrete"
    ? `${actionSpace.n} choices`
    : describeBox(actionSpace);
  return [
    `observation ${describeBox(observationSpace)}`,
    `action ${action}`,
    `steps ${maxEpisodeSteps}`,
    `range ${returnRange.join("..")}`,
    ...versions.map(([name, version]) => `${clean(name)} ${clean(version)}`).sort(),
  ].join("; ");
}

/** Lists the parts in which two environments differ, in the order of the first. */
export function compareIdentities(from: string, to: string): IdentityChange[] {
  const [before, after] = [partsOf(from), partsOf(to)];
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const change = { from: before.get(name) ?? "none", to: after.get(name) ?? "none" };
    if (change.from === change.to) return [];
    return [{ name, ...change, changesMeaning: MEANING.includes(name) }];
  });
}

/** Says how environments differ, such as `steps 20 instead of 10`. */
export function describeChanges(changes: readonly IdentityChange[]): string {
  return changes.map(({ name, from, to }) => `${name} ${to} instead of ${from}`).join(", ");
}

function partsOf(identity: string): Map<string, string> {
  return new Map(
    identity.split("; ").filter((part) => part !== "").map((part): [string, string] => {
      const [name, ...rest] = part.split(" ");
      return [name, rest.join(" ")];
    }),
  );
}

/** Equal bounds in a row are written once with their number, as "-1..1 3x". */
function describeBox({ low, high, dtype }: BoxSpace): string {
  const runs: { bounds: string; count: number }[] = [];
  low.forEach((from, i) => {
    const bounds = `${from}..${high[i]}`.replaceAll("Infinity", "inf");
    const last = runs.at(-1);
    if (last?.bounds === bounds) last.count++;
    else runs.push({ bounds, count: 1 });
  });
  const text = runs.map(({ bounds, count }) => count === 1 ? bounds : `${bounds} ${count}x`);
  const all = text.join(" ");
  const shown = all.length <= LONGEST_BOUNDS
    ? all
    : `bounds with the hash ${hashHex(new TextEncoder().encode(all)).slice(0, HASH_DIGITS)}`;
  return `${low.length} ${dtype} ${shown}`;
}

/** A name or version comes from anybody: it must not look like several parts. */
function clean(text: string): string {
  return text.replace(/[^A-Za-z0-9._+-]+/g, "_").slice(0, LONGEST_VERSION) || "_";
}
