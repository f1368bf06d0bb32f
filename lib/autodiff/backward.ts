/** The backward pass: a function from graph to graph. */

import { formatShape } from "./shape.ts";
import type { Builder, OpName, Tensor } from "./node.ts";
import { OPS } from "./ops.ts";
import { add, broadcastTo, constant } from "./tensor.ts";

function applyVjp<N extends OpName>(node: Tensor<N>, cotangent: Tensor, input: number): Tensor {
  const { vjp } = OPS[node.op];
  if (vjp === null) throw new Error(`Internal error: no gradient flows through ${node.op}`);
  return vjp(node, cotangent, input);
}

/** Gives the nodes whose value depends on `wrt` in a differentiable way, `wrt` included. */
function dependents(builder: Builder, wrt: ReadonlySet<Tensor>): Set<Tensor> {
  const found = new Set(wrt);
  for (const node of builder.nodes) {
    if (OPS[node.op].vjp !== null && node.inputs.some((input) => found.has(input))) found.add(node);
  }
  return found;
}

/**
 * Appends the gradients of a scalar with respect to any tensors of the same graph. `wrt` are treated
 * as leaves: what lies before them is constant. They may be intermediate results, so update steps
 * can be unrolled in one trace; and as gradients are ordinary tensors, they have gradients too.
 * A tensor that the loss does not depend on gets zeros. Each result has the shape of its tensor.
 * @throws {TypeError} when the loss is not one float32 number, or a tensor is of another graph.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { trace } from "./graph.ts";
 * import { interpret } from "./interpret.ts";
 * import { square, sum } from "./tensor.ts";
 *
 * const graph = trace({ x: [2] }, ({ x }) => ({ dx: gradients(sum(square(x)), [x])[0] }));
 * assert.deepEqual([...interpret(graph, { x: { data: [3, -1], shape: [2] } }).dx.data], [6, -2]);
 * ```
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  const { builder } = loss;
  if (builder === null || loss.dtype !== "float32" || loss.shape.some((dim) => dim !== 1)) {
    throw new TypeError(
      `Cannot take gradients: the loss must be one traced float32 number, got ${loss.dtype}${
        formatShape(loss.shape)
      }`,
    );
  }
  const leaves = new Set(wrt.map((tensor) => builder.adopt(tensor)));
  const relevant = dependents(builder, leaves);
  const one = builder.adopt(constant([1], loss.shape.map(Number)));
  const cotangents = new Map<Tensor, Tensor>([[loss, one]]);
  for (const node of [...builder.nodes].reverse()) {
    const cotangent = cotangents.get(node);
    if (cotangent === undefined || leaves.has(node) || !relevant.has(node)) continue;
    node.inputs.forEach((input, index) => {
      if (!relevant.has(input) || input.dtype !== "float32") return;
      const share = applyVjp(node, cotangent, index);
      const others = cotangents.get(input);
      cotangents.set(input, others === undefined ? share : add(others, share));
    });
  }
  return wrt.map((tensor) => {
    const leaf = builder.adopt(tensor);
    return cotangents.get(leaf) ?? broadcastTo(builder.adopt(constant(0)), leaf.shape);
  });
}
