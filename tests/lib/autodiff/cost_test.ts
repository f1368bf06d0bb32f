/** The arithmetic of graphs, counted by hand. */

import assert from "node:assert/strict";
import { countMultiplyAdds } from "../../../lib/autodiff/cost.ts";
import { gradients } from "../../../lib/autodiff/backward.ts";
import { trace } from "../../../lib/autodiff/graph.ts";
import { batchMatmul, matmul, square, sum } from "../../../lib/autodiff/tensor.ts";

Deno.test("countMultiplyAdds() counts products of either orientation, and none of what nobody needs", () => {
  const graph = trace({ x: ["B", 3], w: [2, 3], v: [3, 4] }, ({ x, w, v }) => {
    matmul(x, v);
    return { y: matmul(x, w, { transposeB: true }), z: matmul(w, x, { transposeB: true }) };
  });
  assert.equal(countMultiplyAdds(graph, 7), 2 * 7 * 3 * 2);
});

Deno.test("countMultiplyAdds() counts a product and the two of its gradient", () => {
  const graph = trace({ x: ["B", 3], w: [3, 2] }, ({ x, w }) => {
    const slopes = gradients(sum(square(matmul(x, w))), [x, w]);
    return { dx: slopes[0], dw: slopes[1] };
  });
  assert.equal(countMultiplyAdds(graph, 5), 3 * 5 * 3 * 2);
  assert.notEqual(countMultiplyAdds(graph, 6), countMultiplyAdds(graph, 5));
});

Deno.test("countMultiplyAdds() counts a product of stacks once for each matrix of the result", () => {
  const graph = trace({ x: [3, 4], w: ["B", 2, 5, 3], v: ["B", 1, 5, 6] }, ({ x, w, v }) => ({
    y: batchMatmul(w, x), // B * 2 products of 5, 3, 4
    z: batchMatmul(w, v, { transposeA: true }), // B * 2 products of 3, 5, 6
  }));
  assert.equal(countMultiplyAdds(graph, 7), 7 * 2 * (5 * 3 * 4 + 3 * 5 * 6));
});
