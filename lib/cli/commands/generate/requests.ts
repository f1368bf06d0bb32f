/** What `udrlpg generate` is asked for: one return, or several. */

import type { Request } from "../../../generator/answer.ts";
import { type Calibration, reachableRange } from "../../../generator/calibration.ts";
import {
  resolveDistance,
  resolveReturn,
  spreadReturns,
  type WantedDistance,
  type WantedReturn,
  type WantedReturns,
} from "../../../generator/wanted.ts";
import { UsageError } from "../../../system/errors.ts";

/** The options that say what is wanted; one of the first four is given. */
export interface RequestValues {
  /** --return */
  readonly return: WantedReturn | undefined;
  /** --returns */
  readonly returns: WantedReturns | undefined;
  /** --count */
  readonly count: number | undefined;
  /** --at-least */
  readonly atLeast: number | undefined;
  /** --in */
  readonly in: number | undefined;
  /** --tolerance */
  readonly tolerance: WantedDistance | undefined;
}

/** What one of them must be, and may be. */
export const REQUEST_OPTIONS = ["--return", "--returns", "--count", "--at-least"] as const;

/** How near a mean counts as what was asked for where nothing is said of it. */
const USUAL_TOLERANCE: WantedDistance = { kind: "share", share: 0.05 };

/**
 * Checks that something is asked for.
 * @throws {UsageError} when nothing is.
 */
export function checkRequests(
  values: RequestValues & { readonly budget: number | undefined },
): void {
  const { return: one, returns, count, atLeast, in: share, budget, tolerance } = values;
  if ([one, returns, count, atLeast].every((each) => each === undefined)) {
    throw new UsageError(
      "Cannot generate a policy: a return must be given, got none: use --return R",
    );
  }
  if (share !== undefined && atLeast === undefined) {
    throw new UsageError(
      "Cannot generate a policy: --in says how many episodes reach --at-least R, got no --at-least",
    );
  }
  if (budget !== undefined && tolerance === undefined) {
    throw new UsageError(
      "Cannot generate a policy: --budget is for a search and needs --tolerance, got none",
    );
  }
}

/** Tells whether a folder of policies is asked for. */
export function isLadder({ returns, count }: RequestValues): boolean {
  return returns !== undefined || count !== undefined;
}

/** Lists the requests, each return once. */
export function listRequests(values: RequestValues, calibration: Calibration): Request[] {
  const tolerance = resolveDistance(values.tolerance ?? USUAL_TOLERANCE, calibration);
  if (values.atLeast !== undefined) {
    const share = values.in === undefined ? {} : { share: values.in };
    return [{ requested: values.atLeast, tolerance, aim: "atLeast", ...share }];
  }
  const aim = values.tolerance === undefined ? "answer" : "within";
  return [...new Set(returnsOf(values, calibration))]
    .map((requested) => ({ requested, tolerance, aim }));
}

function returnsOf(
  { return: one, returns, count }: RequestValues,
  calibration: Calibration,
): readonly number[] {
  if (count !== undefined) return spreadReturns(count, calibration);
  if (returns?.kind === "steps") return returns.values;
  const wanted = returns?.returns ?? [one!];
  return wanted.map((each) => resolveReturn(each, calibration));
}

/** Gives the returns between which every request is answered, as JSON shows them. */
export function reachablePair(calibration: Calibration): [low: number, high: number] {
  const { min, max } = reachableRange(calibration);
  return [min, max];
}
