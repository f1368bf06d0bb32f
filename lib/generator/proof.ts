/**
 * What a policy promises: its return in a fixed number of fresh episodes.
 *
 * A search looks at its candidates again and again and keeps the one that looks best, so its own
 * measurements flatter what it found. The proof is one sample whose size was fixed before it was drawn,
 * from seeds that no search and no training uses: its interval covers the mean as often as it says,
 * however often the search looked. A policy whose proof fails is not exchanged for another one, which
 * would be a choice again.
 */

import type { EpisodeRunner, MeasuredReturn } from "../episodes/evaluate.ts";
import { measureReturn } from "../episodes/evaluate.ts";
import { isJsonObject, parseJsonLimited } from "../formats/json.ts";
import type { NormaliserState } from "../model.ts";
import { surelyAbove } from "../numbers/binomial.ts";
import { formatNumber, roundDown } from "../numbers/format.ts";
import { episodeSeed } from "../numbers/streams.ts";
import type { PolicyParameters } from "../policy_space.ts";
import { FileError } from "../system/errors.ts";

/** A measured return and the environment seeds that give it again. */
export interface SeededReturn extends MeasuredReturn {
  /** Seed of each episode. */
  readonly seeds: readonly number[];
}

/** What kind of measurement a file's return comes from. */
export const PROOF_KIND = "fixed fresh sample";

/** How many of a proof's episodes reached a return, and what that says of all of the policy's episodes. */
export interface ReachedShare {
  /** The return that episodes are to reach. */
  readonly return: number;
  /** The share of episodes that is wanted to, 0 to 1. */
  readonly wanted: number;
  /** How many of the proof's episodes did. */
  readonly episodes: number;
  /** More than this share of all episodes do, `level` sure, however returns are distributed. */
  readonly surelyAbove: number;
}

/** What a policy file says of its measured return. */
export interface ProofLabel {
  /** How the episodes were chosen: `PROOF_KIND`. */
  readonly kind: string;
  /** How often intervals of this kind hold the mean. */
  readonly level: number;
  /** How many episodes. */
  readonly episodes: number;
  /** How far the mean may be from the requested return. */
  readonly tolerance: number;
  /** Whether it is as near as that, or as sure to reach what was asked for. */
  readonly met: boolean;
  /** Where single episodes were to reach a return. */
  readonly reached?: ReachedShare;
}

/** The share of intervals that hold the mean, and how sure the share of episodes is that reach a return. */
export const LEVEL = 0.95;

/** Gives the environment seed of an episode of a search, or of a proof, by its number. */
export type SeedOf = (purpose: "verification" | "proof", number: number) => number;

/** Derives episodes' seeds from one. */
export function seedsFrom(seed: number): SeedOf {
  return (purpose, number) => episodeSeed(seed, purpose, number);
}

/** Gives the environment seeds of the episodes that prove a policy. */
export function proofSeeds(seedOf: SeedOf, episodes: number): number[] {
  return Array.from({ length: episodes }, (_, i) => seedOf("proof", i));
}

/** Runs the episodes that prove a policy. */
export async function provePolicy(
  parameters: PolicyParameters,
  { normaliser, runner, episodes, seed, seedOf = seedsFrom(seed), ...told }: {
    readonly normaliser: NormaliserState;
    readonly runner: Pick<EpisodeRunner, "run">;
    readonly episodes: number;
    readonly seed: number;
    readonly seedOf?: SeedOf;
    /** Told after each episode. */
    readonly onEpisode?: () => void;
  },
): Promise<SeededReturn> {
  const seeds = proofSeeds(seedOf, episodes);
  const [run] = await runner.run([{ parameters, seeds }], normaliser, told);
  return { ...measureReturn(run), seeds };
}

/** Counts the episodes that reached a return; the binomial bound asks nothing of how returns are distributed. */
export function countReached(
  returns: readonly number[],
  wanted: Pick<ReachedShare, "return" | "wanted">,
): ReachedShare {
  const least = wanted.return - ROUNDING * Math.abs(wanted.return);
  const episodes = returns.filter((each) => each >= least).length;
  const bound = surelyAbove(episodes, { n: returns.length, level: LEVEL });
  return { ...wanted, episodes, surelyAbove: bound };
}

/** Describes a proof for the policy's file. */
export function labelProof(
  { n }: MeasuredReturn,
  { tolerance, met, reached }: Pick<ProofLabel, "tolerance" | "met" | "reached">,
): ProofLabel {
  const label = { kind: PROOF_KIND, level: LEVEL, episodes: n, tolerance, met };
  return reached === undefined ? label : { ...label, reached };
}

/** Says in one sentence what a file promises. */
export function describeProof(
  { mean, n, ci95: [low, high], reached }: Pick<Promised, "mean" | "n" | "reached"> & {
    readonly ci95: readonly [low: number | null, high: number | null];
  },
): string {
  const episodes = n === 1 ? "one fresh episode" : `${n} fresh episodes`;
  const interval = low === null || high === null || !Number.isFinite(low)
    ? ""
    : `; its mean return lies between ${formatNumber(low)} and ${formatNumber(high)} (95 % sure)`;
  const share = reached === undefined ? "" : `; ${describeReached(reached, n)}`;
  return `returned ${
    formatNumber(mean)
  } on average in ${episodes} that no search had seen${interval}${share}`;
}

/** Says how many of a proof's episodes reached what was asked for, and what that says of all. */
export function describeReached(reached: ReachedShare, n: number): string {
  const { return: least, episodes } = reached;
  return `${episodes} of ${n} reached ${formatNumber(least)}: more than ${
    formatNumber(roundDown(100 * reached.surelyAbove))
  } % of all do (95 % sure)`;
}

/** What a policy file promises. */
export interface Promised extends SeededReturn {
  /** Where single episodes were to reach a return. */
  readonly reached?: ReachedShare;
}

/**
 * Reads what a policy file promises.
 * @throws {FileError} when it promises nothing.
 */
export function readPromise(
  { metadata }: { readonly metadata: Readonly<Record<string, string>> },
  { path }: { readonly path: string },
): Promised {
  const limits = { name: `${path}, measuredReturn`, kind: "policy" };
  const read = parseJsonLimited(metadata.measuredReturn ?? "null", limits);
  const { mean, std, n, ci95, seeds } = isJsonObject(read) ? read : {};
  const isSeed = (value: unknown) =>
    Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32;
  const isWhole = typeof mean === "number" && typeof std === "number" && Array.isArray(seeds) &&
    seeds.length > 0 && seeds.length === n && seeds.every(isSeed) && Array.isArray(ci95);
  if (!isWhole) {
    throw new FileError(
      `Cannot check policy ${
        JSON.stringify(path)
      }: it must hold the return and the seeds that it ` +
        `was measured with, got none`,
    );
  }
  // JSON has no infinity: one episode's interval is [null, null].
  const [low, high] = ci95.map((bound) => typeof bound === "number" ? bound : undefined);
  const reached = readReached(metadata, { path });
  return {
    mean,
    std,
    n: seeds.length,
    ci95: [low ?? -Infinity, high ?? Infinity],
    seeds: seeds as number[],
    ...reached === undefined ? {} : { reached },
  };
}

function readReached(
  metadata: Readonly<Record<string, string>>,
  { path }: { readonly path: string },
): ReachedShare | undefined {
  const limits = { name: `${path}, proof`, kind: "policy" };
  const label = parseJsonLimited(metadata.proof ?? "null", limits);
  const read = isJsonObject(label) && isJsonObject(label.reached) ? label.reached : undefined;
  if (read === undefined) return undefined;
  const { return: least, wanted, episodes, surelyAbove } = read;
  if ([least, wanted, episodes, surelyAbove].some((each) => typeof each !== "number")) {
    throw new FileError(
      `Cannot check policy ${JSON.stringify(path)}: what its episodes reached must be four ` +
        `numbers, got ${JSON.stringify(read)}`,
    );
  }
  return { ...read } as unknown as ReachedShare;
}

/** Of float32: another runtime rounds its sums in another order. */
const ROUNDING = 1e-5;

/**
 * Tells whether the same episodes return what was promised: the same mean, or, where another runtime's
 * rounding has made other episodes of them, one within the interval; and as large a share of them as is
 * surely exceeded reaches the return that episodes were to reach.
 */
export function keepsPromise(
  { mean: own, returns }: Pick<MeasuredReturn, "mean"> & { readonly returns: readonly number[] },
  { mean, n, ci95: [low, high], reached }: Promised,
): boolean {
  const isSame = Math.abs(own - mean) <= ROUNDING * Math.max(1, Math.abs(mean));
  if (!isSame && !(n > 1 && own >= low && own <= high)) return false;
  if (reached === undefined) return true;
  return countReached(returns, reached).episodes >= reached.surelyAbove * returns.length;
}
