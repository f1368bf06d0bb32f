/** How wanted returns and distances are read from the command line: 150, best, 50%, 50,100, 50:350:25. */

import type { WantedDistance, WantedReturn, WantedReturns } from "../generator/wanted.ts";
import { makeValue, readNumber, type Value } from "./values.ts";

/** More policies than this in one command are a slip of the pen. */
export const MOST_POLICIES = 1000;

const RULE = 'must be a number, "best" or a share of the reachable range such as 50%';

function readPlain(input: string): number | undefined {
  const range = { noun: "a number", min: -Infinity, max: Infinity };
  const read = readNumber(input.trim(), range);
  return "value" in read ? read.value : undefined;
}

function readShare(input: string): number | undefined {
  if (!input.trim().endsWith("%")) return undefined;
  const percent = readPlain(input.trim().slice(0, -1));
  return percent !== undefined && percent >= 0 && percent <= 100 ? percent / 100 : undefined;
}

function readDistance(input: string): WantedDistance | undefined {
  const value = readPlain(input);
  if (value !== undefined) return { kind: "return", value };
  const share = readShare(input);
  return share === undefined ? undefined : { kind: "share", share };
}

function readReturn(input: string): WantedReturn | undefined {
  return input.trim() === "best" ? { kind: "best" } : readDistance(input);
}

/** Reads a wanted return: a number, "best", or "50%" of the reachable range. */
export function wantedValue(metavar: string): Value<WantedReturn> {
  return makeValue<WantedReturn>({
    metavar,
    placeholder: { kind: "best" },
    read(input) {
      const value = readReturn(input);
      return value ? { value } : { rule: RULE };
    },
    suggest: (prefix) => "best".startsWith(prefix) ? [{ kind: "literal", text: "best" }] : [],
  });
}

/** Reads a distance of returns: a number, or "5%" of the reachable range. */
export function distanceValue(metavar: string): Value<WantedDistance> {
  return makeValue<WantedDistance>({
    metavar,
    placeholder: { kind: "return", value: 0 },
    range: "at least 0",
    read(input) {
      const value = readDistance(input);
      return value && (value.kind === "share" || value.value >= 0)
        ? { value }
        : { rule: "must be a number of at least 0 or a share of the reachable range such as 5%" };
    },
  });
}

/** Reads a part of all episodes, such as "90%" or 0.9, as a share between 0 and 1. */
export function partValue(metavar: string): Value<number> {
  return makeValue<number>({
    metavar,
    placeholder: 0.5,
    range: "0% to 100%",
    read(input) {
      const share = readShare(input) ?? readPlain(input);
      return share !== undefined && share > 0 && share < 1 ? { value: share } : {
        rule: "must be a share between 0% and 100% such as 90%: no number of episodes shows 100%",
      };
    },
  });
}

/**
 * Reads several wanted returns: "50,100,best", or "50:350:25" from 50 to 350 in steps of 25.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { wantedListValue } from "./wanted_values.ts";
 * const read = wantedListValue("LIST").parse("0:1:0.25");
 * assert.deepEqual(read, { success: true, value: { kind: "steps", values: [0, 0.25, 0.5, 0.75, 1] } });
 * ```
 */
export function wantedListValue(metavar: string): Value<WantedReturns> {
  return makeValue<WantedReturns>({
    metavar,
    placeholder: { kind: "list", returns: [] },
    read: (input) => input.includes(":") ? readSteps(input) : readList(input),
  });
}

function readList(input: string): { value: WantedReturns } | { rule: string } {
  const returns = input.split(",").map(readReturn);
  if (returns.length > MOST_POLICIES || returns.includes(undefined)) {
    return { rule: `must be at most ${MOST_POLICIES} returns, each of which ${RULE}` };
  }
  return { value: { kind: "list", returns: returns as WantedReturn[] } };
}

function readSteps(input: string): { value: WantedReturns } | { rule: string } {
  const [low, high, step, ...more] = input.split(":").map(readPlain);
  const rule = `must be LOW:HIGH:STEP with LOW up to HIGH and at most ${MOST_POLICIES} steps`;
  if (low === undefined || high === undefined || step === undefined || more.length > 0) {
    return { rule };
  }
  // A hair more than the end is the end: 0.1 + 0.2 is not 0.3.
  const steps = (high - low) / step + 1e-9;
  if (!(step > 0 && steps >= 0 && steps < MOST_POLICIES)) return { rule };
  const values = Array.from(
    { length: Math.floor(steps) + 1 },
    (_, i) => Number((low + i * step).toPrecision(12)),
  );
  return { value: { kind: "steps", values } };
}
