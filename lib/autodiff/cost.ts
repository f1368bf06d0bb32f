/** What a graph costs to run, counted from its shapes: floors for benchmarks, and a choice of threads. */

import { parseDim, type Shape, sizeOf } from "./shape.ts";
import { isOp, liveNodes } from "./graph.ts";
import type { Graph } from "./node.ts";

/**
 * Counts the multiply-adds of a graph's matrix products; every other operation is linear in its data.
 *
 * @param rows the size that every letter stands for
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { trace } from "./graph.ts";
 * import { matmul } from "./tensor.ts";
 *
 * const graph = trace({ x: ["B", 3], w: [3, 2] }, ({ x, w }) => ({ y: matmul(x, w) }));
 * assert.equal(countMultiplyAdds(graph, 5), 5 * 3 * 2);
 * ```
 */
export function countMultiplyAdds(graph: Graph, rows: number): number {
  const resolve = (shape: Shape): number[] =>
    shape.map((dim) => {
      const { factor, symbol } = parseDim(dim);
      return symbol === null ? factor : factor * rows;
    });
  let count = 0;
  for (const node of liveNodes(graph)) {
    if (!isOp(node, "matmul") && !isOp(node, "batchMatmul")) continue;
    const [left] = node.inputs;
    const inner = resolve(left.shape).at(node.attributes.transposeA ? -2 : -1)!;
    count += sizeOf(resolve(node.shape)) * inner; // [..., M, K] @ [..., K, N]: ... M N K
  }
  return count;
}
