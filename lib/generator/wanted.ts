/** The returns that somebody asks a generator for, before and after they are numbers. */

import { type Calibration, reachableRange } from "./calibration.ts";

/** One wanted return: a number, the best that was reached, or a share (0 to 1) of the reachable range. */
export type WantedReturn =
  | { readonly kind: "return"; readonly value: number }
  | { readonly kind: "best" }
  | { readonly kind: "share"; readonly share: number };

/** A distance between returns: a number, or a share (0 to 1) of the width of the reachable range. */
export type WantedDistance = Exclude<WantedReturn, { readonly kind: "best" }>;

/** Several wanted returns: a list, or from one number to another in steps. */
export type WantedReturns =
  | { readonly kind: "list"; readonly returns: readonly WantedReturn[] }
  | { readonly kind: "steps"; readonly values: readonly number[] };

/** Digits of a return that was worked out and not typed: it names a file. */
const DIGITS = 6;

/**
 * Works out the number that a wanted return means to a generator.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { resolveReturn } from "./wanted.ts";
 * const points = [{ command: 0, mean: 20, std: 1, n: 5 }, { command: 1, mean: 120, std: 1, n: 5 }];
 * const calibration = { points, bestCommand: 1, bestReturn: 120 };
 * assert.equal(resolveReturn({ kind: "share", share: 0.5 }, calibration), 70);
 * assert.equal(resolveReturn({ kind: "best" }, calibration), 120);
 * ```
 */
export function resolveReturn(wanted: WantedReturn, calibration: Calibration): number {
  if (wanted.kind === "return") return wanted.value;
  if (wanted.kind === "best") return calibration.bestReturn;
  const { min, max } = reachableRange(calibration);
  return roundWithin(min + wanted.share * (max - min), { min, max });
}

/** Works out the number that a distance means to a generator. */
export function resolveDistance(wanted: WantedDistance, calibration: Calibration): number {
  if (wanted.kind === "return") return wanted.value;
  const { min, max } = reachableRange(calibration);
  return wanted.share * (max - min);
}

/** Spreads returns evenly over the reachable range, its ends among them; one alone is the best return. */
export function spreadReturns(count: number, calibration: Calibration): number[] {
  if (count === 1) return [calibration.bestReturn];
  return Array.from(
    { length: count },
    (_, i) => resolveReturn({ kind: "share", share: i / (count - 1) }, calibration),
  );
}

function roundWithin(value: number, { min, max }: { min: number; max: number }): number {
  const rounded = Number(value.toPrecision(DIGITS));
  return rounded >= min && rounded <= max ? rounded : value;
}
