/** Computes now what a graph would compute from constants alone each time. */

import { createBuilder, isOp, liveNodes } from "./graph.ts";
import type { Graph, Tensor } from "./node.ts";
import type { NDArray } from "./kernels.ts";
import { OPS } from "./ops.ts";
import { sizeOf } from "./shape.ts";
import { constant } from "./tensor.ts";

/**
 * Gives an equivalent graph in which every node depends on an input. Numbers are rounded to float32 as
 * the interpreter rounds them. Symbolic sizes do not fold.
 */
export function foldConstants(graph: Graph): Graph {
  const builder = createBuilder();
  const images = new Map<Tensor, Tensor>();
  const known = new Map<Tensor, NDArray>();
  const inputs = graph.inputs.map((input) => {
    const copy = builder.append("input", [], input.attributes);
    images.set(input, copy);
    return copy;
  });
  const imageOf = (node: Tensor): Tensor => {
    const value = known.get(node);
    if (value === undefined || images.has(node)) return images.get(node)!;
    const data = node.dtype === "float32"
      ? value.data
      : BigInt64Array.from(Array.from(value.data, BigInt));
    const image = builder.adopt(constant(data, value.shape));
    images.set(node, image);
    return image;
  };
  for (const node of liveNodes(graph)) {
    if (isOp(node, "input")) continue;
    const isFixed = node.shape.every((dim) => typeof dim === "number");
    if (isFixed && node.inputs.every((input) => known.has(input))) {
      const shape = node.shape.map(Number);
      const y = { data: new Float32Array(sizeOf(shape)), shape };
      // The attributes are those of the node's own op.
      const context = { attributes: node.attributes as never, bindings: new Map() };
      OPS[node.op].forward(node.inputs.map((input) => known.get(input)!), y, context);
      known.set(node, y);
    } else {
      images.set(node, builder.append(node.op, node.inputs.map(imageOf), node.attributes));
    }
  }
  const outputs = Object.entries(graph.outputs).map(([name, tensor]) =>
    [name, imageOf(tensor)] as const
  );
  return { inputs, nodes: builder.nodes, outputs: Object.fromEntries(outputs) };
}
