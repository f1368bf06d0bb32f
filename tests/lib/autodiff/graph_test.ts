/** Tracing, the printed form, and the checks on finished graphs. */

import assert from "node:assert/strict";
import { gradients } from "../../../lib/autodiff/backward.ts";
import {
  checkGraph,
  inferType,
  liveNodes,
  printGraph,
  trace,
} from "../../../lib/autodiff/graph.ts";
import type { Graph, OpName, Tensor } from "../../../lib/autodiff/node.ts";
import * as t from "../../../lib/autodiff/tensor.ts";

/** One layer, its loss, and the gradient of its weight. */
function traceLayer(): Graph {
  return trace({ x: ["B", 3], w: [4, 3], b: [4] }, ({ x, w, b }) => {
    const loss = t.mean(t.square(t.relu(t.linear(x, w, b))));
    return { loss, dw: gradients(loss, [w])[0] };
  });
}

Deno.test("printGraph() writes one line per node", () => {
  assert.equal(
    printGraph(traceLayer()),
    `inputs
  x: float32[B, 3]
  w: float32[4, 3]
  b: float32[4]
nodes
  %0 = matmul(x, w, b; transposeB): float32[B, 4]
  %1 = relu(%0): float32[B, 4]
  %2 = square(%1): float32[B, 4]
  %3 = sum(%2; axes=[0, 1]): float32[]
  %4 = count(dims=[B, 4]): float32[]
  %5 = div(%3, %4): float32[]
  %6 = constant(1): float32[]
  %7 = div(%6, %4): float32[]
  %8 = reshape(%7; shape=[1, 1]): float32[1, 1]
  %9 = broadcastTo(%8; shape=[B, 4]): float32[B, 4]
  %10 = constant(2): float32[]
  %11 = mul(%9, %10): float32[B, 4]
  %12 = mul(%11, %1): float32[B, 4]
  %13 = heaviside(%1): float32[B, 4]
  %14 = mul(%12, %13): float32[B, 4]
  %15 = matmul(%14, x; transposeA): float32[4, 3]
outputs
  loss = %5
  dw = %15
`,
  );
});

Deno.test("printGraph() shortens constants and shows other attributes", () => {
  const graph = trace({ x: [5] }, ({ x }) => ({
    y: t.leakyRelu(t.add(x, t.constant(Float32Array.of(1, 2, 3, 4, 5))), 0.5),
  }));
  assert.match(printGraph(graph), /constant\(1, 2, 3, 4, \.\.\.\): float32\[5\]/);
  assert.match(printGraph(graph), /leakyRelu\(%1; slope=0.5\)/);
});

Deno.test("trace() makes a free constant part of the graph once", () => {
  const half = t.constant(0.5);
  const graph = trace({ x: [] }, ({ x }) => ({ y: t.mul(t.mul(x, half), half), half }));
  assert.equal(graph.nodes.filter(({ op }) => op === "constant").length, 1);
  checkGraph(graph);
});

Deno.test("trace() rejects shapes that are none", () => {
  assert.throws(
    () => trace({ x: ["B+1"] }, ({ x }) => ({ x })),
    /^TypeError: Cannot read dimension/,
  );
});

Deno.test("liveNodes() leaves out what no output needs", () => {
  const graph = trace({ x: [], z: [] }, ({ x }) => {
    t.exp(x);
    return { y: t.neg(x) };
  });
  assert.deepEqual(liveNodes(graph).map(({ op }) => op), ["input", "neg"]);
});

Deno.test("inferType() rejects a wrong number of operands", () => {
  const x = { shape: [], dtype: "float32" } as const;
  assert.throws(() => inferType("add", [x], {}), {
    name: "TypeError",
    message: "Cannot apply add: it must have 2 operands, got 1",
  });
  assert.throws(() => inferType("matmul", [x], { transposeA: false, transposeB: false }), {
    name: "TypeError",
    message: "Cannot apply matmul: it must have 2 to 3 operands, got 1",
  });
});

Deno.test("checkGraph() accepts what trace() makes", () => {
  checkGraph(traceLayer());
});

/** Replaces the i-th node, or several, leaving everything else as it is. */
function broken(change: (node: Tensor, index: number) => Tensor): Graph {
  const graph = traceLayer();
  return { ...graph, nodes: graph.nodes.map(change) };
}

Deno.test("checkGraph() rejects broken graphs", () => {
  const graph = traceLayer();
  const { inputs, nodes, outputs } = graph;
  const rejects = (wrong: Graph, message: string): void =>
    assert.throws(() => checkGraph(wrong), { name: "TypeError", message });
  rejects(
    { ...graph, nodes: [...nodes].reverse() },
    "Cannot accept graph: operands must come first, got matmul at node 0",
  );
  rejects(
    { ...graph, nodes: nodes.slice(1) },
    "Cannot accept graph: operands must come first, got matmul at node 2",
  );
  rejects(
    { ...graph, inputs: inputs.slice(1) },
    "Cannot accept graph: every input must be listed, got input at node 0",
  );
  rejects(
    { ...graph, inputs: [...inputs, inputs[0]] },
    'Cannot accept graph: input names must be unique, got "x"',
  );
  rejects(
    { inputs, nodes: [], outputs: {} },
    "Cannot accept graph: every input must be a node, got x",
  );
  rejects(
    { ...graph, outputs: { x: outputs.loss } },
    "Cannot accept graph: outputs and inputs must have different names, got x",
  );
  rejects(
    { ...graph, nodes: nodes.slice(0, 4) },
    "Cannot accept graph: outputs must be nodes of the graph, got loss",
  );
  rejects(
    broken((node, i) => i === 3 ? { ...node, op: "gelu" as OpName } : node),
    "Cannot accept graph: every op must be in the op table, got gelu at node 3",
  );
  rejects(
    broken((node, i) => i === 3 ? { ...node, shape: ["B", 5] } : node),
    "Cannot accept graph: its type must be float32[B, 4], got float32[B, 5] of matmul at node 3",
  );
  rejects(
    broken((node, i) =>
      i === 3 ? { ...node, attributes: { transposeA: true, transposeB: true } } : node
    ),
    "Cannot apply matmul: inner sizes must be equal, got [3, B] @ [3, 4]",
  );
});

Deno.test("checkGraph() rejects letters that no input binds and constants of the wrong length", () => {
  const free = trace({ x: [] }, ({ x }) => ({ y: t.broadcastTo(x, ["B"]) }));
  assert.throws(() => checkGraph(free), {
    name: "TypeError",
    message:
      "Cannot accept graph: every letter must be in an input's shape, got B of broadcastTo at node 1",
  });
  const type = { shape: [3], dtype: "float32" } as const;
  const short = { ...t.constant([1, 2]), attributes: { data: Float32Array.of(1), type }, ...type };
  const graph = trace({ x: [] }, ({ x }) => ({ y: t.add(x, short) }));
  assert.throws(() => checkGraph(graph), {
    name: "TypeError",
    message: "Cannot accept graph: a constant must hold 3 numbers, got 1 in constant at node 1",
  });
});
