/**
 * Numbers as people read them, in texts, tables, pages and printed commands.
 *
 * A number keeps significant digits and not decimals: returns may be 5e-7 or 5,000,000, and a return
 * that reads as 0 hides everything. What is printed can be typed back: `--return 5e-7`.
 */

const DIGITS = 4;

/**
 * Writes a number with at least `digits` significant digits, without trailing zeros: "-" where it is not
 * finite.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatNumber } from "./format.ts";
 * assert.deepEqual(
 *   [241.66, 49742.3, 0.00123456, 5e-7, -0, NaN].map((value) => formatNumber(value)),
 *   ["241.7", "49742", "0.001235", "5e-7", "0", "-"],
 * );
 * ```
 */
export function formatNumber(value: number, digits = DIGITS): string {
  return Number.isFinite(value) ? String(roundDigits(value, digits)) : "-";
}

/** Writes a number as `formatNumber` does, with commas between thousands: for reading alone. */
export function formatGrouped(value: number): string {
  const text = formatNumber(value);
  return text.includes("e") ? text : text.replace(/\d+/, groupThousands);
}

/**
 * Rounds a number towards the lesser one, so that a printed command asks for what was reached and not
 * for a hair more.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { roundDown } from "./format.ts";
 * assert.deepEqual([499.996, 5e-7, -1.23456, 0].map((value) => roundDown(value)), [499.9, 5e-7, -1.235, 0]);
 * ```
 */
export function roundDown(value: number, digits = DIGITS): number {
  const rounded = roundDigits(value, digits);
  if (!(rounded > value)) return rounded;
  const lastDigit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - digits + 1);
  return roundDigits(rounded - Math.min(1, lastDigit), digits);
}

/** Writes a count in at most five characters or so: 950, 12.3k, 1.05M. */
export function formatCount(count: number): string {
  if (!Number.isFinite(count)) return "-";
  if (Math.abs(count) < 10_000) return String(Number(count.toPrecision(4)));
  const [value, suffix] = Math.abs(count) < 999_500 ? [count / 1e3, "k"] : [count / 1e6, "M"];
  return `${Number(value.toPrecision(3))}${suffix}`;
}

/** Rounds to significant digits, but never within the digits of a whole number. */
function roundDigits(value: number, digits: number): number {
  const isLarge = Math.abs(value) >= 10 ** (digits - 1);
  // Adding 0 takes the sign away from a rounded 0.
  return (isLarge ? Math.round(value) : Number(value.toPrecision(digits))) + 0;
}

function groupThousands(whole: string): string {
  return whole.replace(/\B(?=(\d{3})+$)/g, ",");
}
