/** What user functions refuse; what they compute is in interpret_test.ts. */

import assert from "node:assert/strict";
import { trace } from "../../../lib/autodiff/graph.ts";
import type { Tensor, TensorType } from "../../../lib/autodiff/node.ts";
import * as t from "../../../lib/autodiff/tensor.ts";
import type { Shape } from "../../../lib/autodiff/shape.ts";

function rejects(
  inputs: readonly (Shape | TensorType)[],
  compute: (...inputs: Tensor[]) => Tensor,
  message: string,
): void {
  trace(Object.fromEntries(inputs.map((input, i) => [`x${i}`, input])), (tensors) => {
    assert.throws(() => compute(...Object.values(tensors)), { name: "TypeError", message });
    return {};
  });
}

Deno.test("tensor functions reject shapes that do not fit", () => {
  rejects(
    [["B", 2], ["B", 3]],
    t.add,
    "Cannot apply add: sizes must be equal or 1, got [B, 2] and [B, 3]",
  );
  rejects(
    [["B", 2], [3, 4]],
    (a, b) => t.matmul(a, b),
    "Cannot apply matmul: inner sizes must be equal, got [B, 2] @ [3, 4]",
  );
  rejects(
    [["B"], [3, 4]],
    (a, b) => t.matmul(a, b),
    "Cannot apply matmul: operands must be matrices, got [B], [3, 4]",
  );
  rejects(
    [["B", 2, 3], [4, 5]],
    (a, b) => t.batchMatmul(a, b),
    "Cannot apply batchMatmul: inner sizes must be equal, got [2, 3] @ [4, 5]",
  );
  rejects(
    [["B", 2, 3], [2, 3, 4]],
    (a, b) => t.batchMatmul(a, b),
    "Cannot apply batchMatmul: sizes must be equal or 1, got [B] and [2]",
  );
  rejects(
    [["B", 2, 3], [3]],
    (a, b) => t.batchMatmul(a, b),
    "Cannot apply batchMatmul: operands must be stacks of matrices, got [B, 2, 3], [3]",
  );
  rejects(
    [["B", 3], [4, 3], [3]],
    t.linear,
    "Cannot apply matmul: sizes must be equal or 1, got [3] and [B, 4]",
  );
  rejects(
    [[1, 3], [4, 3], ["B", 4]],
    t.linear,
    "Cannot apply matmul: bias must broadcast to [1, 4], got [B, 4]",
  );
  rejects(
    [["B", 2]],
    (x) => t.broadcastTo(x, [2]),
    "Cannot apply broadcastTo: shape must broadcast to [2], got [B, 2]",
  );
  rejects(
    [[2, 3], [2, 4]],
    (...xs) => t.concat(xs, 0),
    "Cannot apply concat: shapes must agree off axis 0, got [2, 3], [2, 4]",
  );
  rejects(
    [["B", 3]],
    (x) => t.concat([x, x], 0),
    "Cannot apply concat: axis 0 must have a fixed size, got [B, 3]",
  );
  rejects(
    [[3]],
    (x) => t.slice(x, { axis: 0, start: 1, end: 4 }),
    "Cannot apply slice: end must be at most 3, got 4",
  );
  rejects(
    [[3]],
    (x) => t.slice(x, { axis: 0, start: 1, end: 1 }),
    "Cannot apply slice: start and end must be integers with 0 <= start < end, got 1, 1",
  );
  rejects(
    [[3]],
    (x) => t.pad(x, { axis: 0, before: -1, after: 0 }),
    "Cannot apply pad: padding must be integers of at least 0, got -1, 0",
  );
});

Deno.test("tensor functions reject element types that do not fit", () => {
  const indices = { shape: ["B"], dtype: "int32" } as const;
  rejects([indices], t.exp, "Cannot apply exp: operands must be float32, got int32");
  rejects(
    [[3, 2], ["B"]],
    t.gather,
    "Cannot apply gather: indices must be an integer vector, got float32[B]",
  );
  rejects([[], indices], t.gather, "Cannot apply gather: the first operand must have rows, got []");
  rejects(
    [["B"], { shape: ["B"], dtype: "int64" }],
    (...xs) => t.concat(xs.map((x) => t.reshape(x, ["B", 1])), 1),
    "Cannot apply concat: types must be equal, got float32 and int64",
  );
  rejects(
    [["K"], indices],
    (x, at) => t.scatterAdd(x, { indices: at, rows: 3 }),
    "Cannot apply scatterAdd: there must be one index per row, got [K] by [B]",
  );
});

Deno.test("tensor functions reject constants alone and tensors of two graphs", () => {
  assert.throws(() => t.add(t.constant(1), 2), {
    name: "TypeError",
    message: "Cannot apply add: one operand must belong to a traced graph, got constants only",
  });
  trace({ x: [] }, ({ x }) => {
    rejects(
      [[]],
      (y) => t.add(x, y),
      "Cannot use tensor: it must belong to the graph being traced, got input of another",
    );
    return {};
  });
  assert.throws(() => t.constant([1, 2], [3]), {
    name: "TypeError",
    message: "Cannot make constant: shape [3] must hold 3 numbers, got 2",
  });
});

Deno.test("tensor functions append nothing where nothing changes", () => {
  const graph = trace({ x: ["B", 2] }, ({ x }) => {
    assert.equal(t.reshape(x, ["B", -1]), x);
    assert.equal(t.broadcastTo(x, ["B", 2]), x);
    assert.equal(t.sumTo(x, ["B", 2]), x);
    return { x: t.neg(x) };
  });
  assert.equal(graph.nodes.length, 2);
});
