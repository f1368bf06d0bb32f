/** Each simplification by its printed result, and all of them against the graph as it was. */

import assert from "node:assert/strict";
import { gradients } from "../../../lib/autodiff/backward.ts";
import { checkGraph, printGraph, trace } from "../../../lib/autodiff/graph.ts";
import { interpret } from "../../../lib/autodiff/interpret.ts";
import type { Graph, Tensor } from "../../../lib/autodiff/node.ts";
import { simplify } from "../../../lib/autodiff/simplify.ts";
import * as t from "../../../lib/autodiff/tensor.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { CASE_BINDINGS, drawInput, nameInputs, OP_CASES, type OpCase } from "./op_cases.ts";

/** The ops of what remains of y = compute(x, s), x [B, 4] and s [], inputs left out. */
function remains(compute: (x: Tensor, s: Tensor) => Tensor): string[] {
  const graph = trace({ x: ["B", 4], s: [] }, ({ x, s }) => ({ y: compute(x, s) }));
  const simple = simplify(graph);
  checkGraph(simple);
  return simple.nodes.map(({ op }) => op).filter((op) => op !== "input");
}

Deno.test("simplify() drops operations that change nothing", () => {
  assert.deepEqual(remains((x) => t.mul(1, t.div(t.add(0, t.sub(x, 0)), 1))), []);
  assert.deepEqual(remains((x) => t.neg(t.neg(x))), []);
  assert.deepEqual(remains((x) => t.reshape(t.reshape(x, [-1]), ["B", 4])), []);
  assert.deepEqual(remains((x) => t.sum(t.reshape(x, ["B", 1, 4]), { axes: [1] })), []);
});

Deno.test("simplify() keeps operations that do change something", () => {
  assert.deepEqual(remains((x) => t.sub(0, x)), ["constant", "sub"]);
  assert.deepEqual(remains((x) => t.div(1, x)), ["constant", "div"]);
  assert.deepEqual(remains((_, s) => t.add(s, t.constant([0, 0]))), ["constant", "add"]);
  assert.deepEqual(remains((_, s) => t.mul(s, t.constant([1], [1, 1]))), ["constant", "mul"]);
  assert.deepEqual(remains((x) => t.add(t.exp(x), t.exp(t.neg(x)))), ["exp", "neg", "exp", "add"]);
});

Deno.test("simplify() computes with single known numbers", () => {
  assert.deepEqual(remains((x, s) => t.mul(x, t.sub(s, s))), ["sub", "mul"]);
  const graph = trace({ x: [] }, ({ x }) => {
    const two = t.add(t.sub(x, x), 2);
    return { y: t.mul(x, t.square(t.mul(gradients(two, [two])[0], 3))) };
  });
  assert.match(
    printGraph(simplify(graph)),
    /%0 = constant\(9\): float32\[\]\n {2}%1 = mul\(x, %0\)/,
  );
});

Deno.test("simplify() builds equal nodes once", () => {
  assert.deepEqual(remains((x) => t.add(t.exp(x), t.exp(x))), ["exp", "add"]);
  assert.deepEqual(remains((x) => t.add(t.mul(x, 2), t.mul(x, 2))), ["constant", "mul", "add"]);
  const slopes = (x: Tensor): Tensor => t.add(t.leakyRelu(x, -Infinity), t.leakyRelu(x, NaN));
  assert.deepEqual(remains(slopes), ["leakyRelu", "leakyRelu", "add"]);
});

Deno.test("simplify() drops repetitions that broadcasting makes needless, and delays others", () => {
  assert.deepEqual(remains((x, s) => t.mul(t.broadcastTo(s, x.shape), x)), ["mul"]);
  assert.deepEqual(remains((x, s) => t.mul(t.square(t.broadcastTo(s, x.shape)), x)), [
    "square",
    "mul",
  ]);
  assert.deepEqual(remains((x, s) => t.exp(t.broadcastTo(s, x.shape))), ["exp", "broadcastTo"]);
  assert.deepEqual(
    remains((_, s) => t.broadcastTo(t.broadcastTo(s, [4]), ["B", 4])),
    ["broadcastTo"],
  );
});

Deno.test("simplify() leaves the repetition of whole matrices to products of stacks", () => {
  const graph = trace({ a: [2, 3], b: ["B", 3, 4], c: [3, 1] }, ({ a, b, c }) => ({
    y: t.batchMatmul(t.broadcastTo(a, ["B", 2, 3]), b),
    z: t.batchMatmul(t.broadcastTo(a, ["B", 2, 3]), t.broadcastTo(c, ["B", 3, 1])),
    rows: t.batchMatmul(t.broadcastTo(c, ["B", 3, 2]), a),
  }));
  const simple = simplify(graph);
  checkGraph(simple);
  assert.match(printGraph(simple), /%0 = batchMatmul\(a, b\): float32\[B, 2, 4\]/);
  assert.match(printGraph(simple), /= batchMatmul\(a, c\): float32\[2, 1\]/);
  assert.equal(simple.nodes.filter(({ op }) => op === "broadcastTo").length, 2, "z and in rows");
});

Deno.test("simplify() drops axes of size 1 that a sum keeps, or an operand gets, for nothing", () => {
  const graph = trace({ a: ["B", 1, 4], b: [3, 4], c: ["B", 4] }, ({ a, b, c }) => ({
    added: t.add(a, t.reshape(b, [1, 3, 4])),
    // The axis decides the shape here: it stays.
    alone: t.relu(t.reshape(b, [1, 3, 4])),
    total: t.reshape(t.sum(c, { axes: [1], keepDims: true }), ["B"]),
    other: t.reshape(t.sum(b, { axes: [1], keepDims: true }), [1, 3]),
  }));
  const simple = simplify(graph);
  checkGraph(simple);
  assert.deepEqual(
    simple.nodes.flatMap(({ op, shape }) => op === "input" ? [] : [`${op} ${shape}`]),
    ["reshape 1,3,4", "add B,3,4", "relu 1,3,4", "sum B", "sum 3,1", "reshape 1,3"],
  );
});

Deno.test("simplify() leaves one pass over the batch in the gradient of a mean", () => {
  // d/dx mean((x - y)^2) = 2 / n (x - y): one subtraction and one product of the batch's shape.
  const graph = trace({ x: ["B", 4], y: ["B", 4] }, ({ x, y }) => ({
    dx: gradients(t.mean(t.square(t.sub(x, y))), [x])[0],
  }));
  const passes = simplify(graph).nodes.filter(({ op, shape }) =>
    op !== "input" && shape.join() === "B,4"
  );
  assert.deepEqual(passes.map(({ op }) => op), ["sub", "mul"]);
});

Deno.test("simplify() keeps unused inputs and the names of outputs, also of equal ones", () => {
  const graph = trace({ x: [], unused: [2] }, ({ x }) => ({ b: t.exp(x), a: t.exp(x), c: x }));
  const simple = simplify(graph);
  assert.deepEqual(simple.inputs.map(({ attributes }) => attributes.name), ["x", "unused"]);
  assert.deepEqual(Object.keys(simple.outputs), ["b", "a", "c"]);
  assert.equal(simple.outputs.a, simple.outputs.b);
  checkGraph(simple);
});

/** Compares two graphs with the inputs of a case in float64. */
function assertSameValues(a: Graph, b: Graph, { inputs, range }: OpCase): void {
  const bindings = CASE_BINDINGS[0];
  const rng = Rng.fromSeed(3);
  const feeds = Object.fromEntries(
    Object.entries(nameInputs(inputs)).map(([name, input]) =>
      [name, drawInput({ input, range, bindings }, rng)] as const
    ),
  );
  const [before, after] = [a, b].map((graph) => interpret(graph, feeds, { dtype: "float64" }));
  for (const [name, { data, shape }] of Object.entries(before)) {
    assert.deepEqual(after[name].shape, shape);
    data.forEach((value, i) => {
      assert.ok(Math.abs(Number(value) - Number(after[name].data[i])) < 1e-12, name);
    });
  }
}

Deno.test("simplify() changes no value and no gradient of any op", () => {
  for (const each of Object.values(OP_CASES).flat()) {
    const graph = trace(nameInputs(each.inputs), (tensors) => {
      const y = each.compute(...Object.values(tensors));
      if (y.dtype !== "float32") return { y };
      const [dx] = gradients(t.mean(t.square(y)), [tensors.a]);
      return { y, dx };
    });
    const simple = simplify(graph);
    checkGraph(simple);
    assertSameValues(graph, simple, each);
  }
});
