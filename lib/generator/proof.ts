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
import { formatNumber } from "../numbers/format.ts";
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
  /** Whether it is as near as that. */
  readonly met: boolean;
}

/** The share of intervals that hold the mean. */
const LEVEL = 0.95;

/** Gives the environment seeds of the episodes that prove a policy. */
export function proofSeeds(seed: number, episodes: number): number[] {
  return Array.from({ length: episodes }, (_, i) => episodeSeed(seed, "proof", i));
}

/** Runs the episodes that prove a policy. */
export async function provePolicy(
  parameters: PolicyParameters,
  { normaliser, runner, episodes, seed }: {
    readonly normaliser: NormaliserState;
    readonly runner: EpisodeRunner;
    readonly episodes: number;
    readonly seed: number;
  },
): Promise<SeededReturn> {
  const seeds = proofSeeds(seed, episodes);
  const [run] = await runner.run([{ parameters, seeds }], normaliser);
  return { ...measureReturn(run), seeds };
}

/** Describes a proof for the policy's file. */
export function labelProof(
  { n }: MeasuredReturn,
  { tolerance, met }: Pick<ProofLabel, "tolerance" | "met">,
): ProofLabel {
  return { kind: PROOF_KIND, level: LEVEL, episodes: n, tolerance, met };
}

/** Says in one sentence what a file promises. */
export function describeProof(
  { mean, n, ci95: [low, high] }: Pick<MeasuredReturn, "mean" | "n"> & {
    readonly ci95: readonly [low: number | null, high: number | null];
  },
): string {
  const episodes = n === 1 ? "one fresh episode" : `${n} fresh episodes`;
  const interval = low === null || high === null || !Number.isFinite(low)
    ? ""
    : `; its mean return lies between ${formatNumber(low)} and ${formatNumber(high)} (95 % sure)`;
  return `returned ${
    formatNumber(mean)
  } on average in ${episodes} that no search had seen${interval}`;
}

/**
 * Reads what a policy file promises.
 * @throws {FileError} when it promises nothing.
 */
export function readPromise(
  { metadata }: { readonly metadata: Readonly<Record<string, string>> },
  { path }: { readonly path: string },
): SeededReturn {
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
  return {
    mean,
    std,
    n: seeds.length,
    ci95: [low ?? -Infinity, high ?? Infinity],
    seeds: seeds as number[],
  };
}

/** Of float32: another runtime rounds its sums in another order. */
const ROUNDING = 1e-5;

/**
 * Tells whether the same episodes return what was promised: the same mean, or, where another runtime's
 * rounding has made other episodes of them, one within the interval.
 */
export function keepsPromise(
  measured: Pick<MeasuredReturn, "mean">,
  { mean, n, ci95: [low, high] }: MeasuredReturn,
): boolean {
  if (Math.abs(measured.mean - mean) <= ROUNDING * Math.max(1, Math.abs(mean))) return true;
  return n > 1 && measured.mean >= low && measured.mean <= high;
}
