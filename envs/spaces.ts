/** Builds the spaces that environment specifications name. */

import type { BoxSpace } from "../lib/env.ts";

/** Makes a box of `size` dimensions without bounds, as Gymnasium gives MuJoCo's observations. */
export function unboundedBox(size: number, dtype: BoxSpace["dtype"] = "float64"): BoxSpace {
  return {
    kind: "box",
    low: new Float64Array(size).fill(-Infinity),
    high: new Float64Array(size).fill(Infinity),
    dtype,
  };
}

/** Makes a box that reaches from -bounds to bounds; for float32 the bounds are rounded to it. */
export function symmetricBox(
  bounds: readonly number[],
  dtype: BoxSpace["dtype"] = "float32",
): BoxSpace {
  return boundedBox(bounds.map((bound) => -bound), bounds, dtype);
}

/** Makes a box from bounds per dimension; for float32 the bounds are rounded to it. */
export function boundedBox(
  low: readonly number[],
  high: readonly number[],
  dtype: BoxSpace["dtype"] = "float32",
): BoxSpace {
  const round = dtype === "float32" ? Math.fround : (x: number) => x;
  return {
    kind: "box",
    low: Float64Array.from(low, round),
    high: Float64Array.from(high, round),
    dtype,
  };
}
