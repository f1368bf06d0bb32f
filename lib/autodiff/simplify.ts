/**
 * Simplifies a graph without changing what it computes, beyond float rounding.
 *
 * The live nodes are built anew, in order; each passes through local rules that look at operands
 * which are simple already, and equal nodes are built once. What the rules are for: the backward pass
 * of a mean starts from one number repeated to the batch's shape, and without them several passes
 * over that shape would multiply equal numbers. A repetition is moved behind elementwise operations
 * until broadcasting makes it needless, and what happens to single numbers is computed here.
 */

import { sameShape } from "./shape.ts";
import { createBuilder, inferType, isOp, liveNodes } from "./graph.ts";
import type { Attributes, Builder, ConstantArray, Graph, OpName, Tensor } from "./node.ts";
import { OPS } from "./ops.ts";

/** Builds nodes of the new graph: simplified, and equal ones once. */
type Build = <N extends OpName>(
  op: N,
  inputs: readonly Tensor[],
  attributes: Attributes[N],
) => Tensor;

/** Gives the one number that a tensor holds everywhere, if that is known. */
function constantValue(tensor: Tensor): number | null {
  if (!isOp(tensor, "constant")) return null;
  const { data } = tensor.attributes;
  return data.length === 1 && tensor.dtype === "float32" ? Number(data[0]) : null;
}

/** Computes an operation on single known numbers. */
function fold(node: Tensor, build: Build): Tensor | null {
  const { elementwise, forward } = OPS[node.op];
  const values = node.inputs.map(constantValue);
  if (!elementwise || values.some((value) => value === null)) return null;
  const data = new Float64Array(1);
  const inputs = values.map((value) => ({ data: Float64Array.of(value!), shape: [1] }));
  // Rule<N> for a union of N: the attributes are those of the node's own op.
  const context = { attributes: node.attributes as never, bindings: new Map() };
  forward(inputs, { data, shape: [1] }, context);
  const { shape, dtype } = node;
  return build("constant", [], { data, type: { shape, dtype } });
}

/** x + 0, x - 0, x * 1, x / 1 are x where the shape stays; -(-x) is x. */
function dropNeutral({ op, inputs, shape }: Tensor): Tensor | null {
  const [a, b] = inputs;
  if (op === "neg" && a.op === "neg") return a.inputs[0];
  const neutral = op === "add" || op === "sub" ? 0 : op === "mul" || op === "div" ? 1 : null;
  if (neutral === null) return null;
  if (constantValue(b) === neutral && sameShape(a.shape, shape)) return a;
  const commutes = op === "add" || op === "mul";
  return commutes && constantValue(a) === neutral && sameShape(b.shape, shape) ? b : null;
}

/** Moves repetitions of operands behind an elementwise operation, or drops them. */
function delayBroadcast(node: Tensor, build: Build): Tensor | null {
  const { op, inputs, attributes, shape } = node;
  if (!OPS[op].elementwise || !inputs.some((input) => input.op === "broadcastTo")) return null;
  const bare = inputs.map((input) => input.op === "broadcastTo" ? input.inputs[0] : input);
  const small = build(op, bare, attributes);
  return sameShape(small.shape, shape) ? small : build("broadcastTo", [small], { shape });
}

/** Joins two movements in a row, and drops those that move nothing. */
function joinMovements(node: Tensor, build: Build): Tensor | null {
  const [x] = node.inputs;
  if (isOp(node, "reshape") || isOp(node, "broadcastTo")) {
    if (sameShape(x.shape, node.shape)) return x;
    if (x.op === node.op) return build(node.op, x.inputs, node.attributes);
    const value = constantValue(x);
    if (isOp(node, "reshape") && value !== null) {
      const { shape, dtype } = node;
      return build("constant", [], { data: Float64Array.of(value), type: { shape, dtype } });
    }
  }
  if (isOp(node, "sum") && node.attributes.axes.every((axis) => x.shape[axis] === 1)) {
    return build("reshape", [x], { shape: node.shape });
  }
  return null;
}

/** A sum that keeps its axes and loses them next is one that does not keep them. */
function dropKeptAxes(node: Tensor, build: Build): Tensor | null {
  if (!isOp(node, "reshape")) return null;
  const [sum] = node.inputs;
  if (!isOp(sum, "sum") || !sum.attributes.keepDims) return null;
  const { axes } = sum.attributes;
  const short = sum.shape.filter((_, axis) => !axes.includes(axis));
  return sameShape(short, node.shape) ? build("sum", sum.inputs, { axes, keepDims: false }) : null;
}

/** Drops leading axes of size 1 that an operand was given for an operation that broadcasts anyway. */
function dropLeadingAxes(node: Tensor, build: Build): Tensor | null {
  if (!OPS[node.op].elementwise) return null;
  const bare = node.inputs.map((input) => {
    const [source] = input.op === "reshape" ? input.inputs : [input];
    const added = input.shape.length - source.shape.length;
    const isLonger = added > 0 && input.shape.slice(0, added).every((dim) => dim === 1);
    return isLonger && sameShape(input.shape.slice(added), source.shape) ? source : input;
  });
  if (bare.every((input, i) => input === node.inputs[i])) return null;
  const small = build(node.op, bare, node.attributes);
  return sameShape(small.shape, node.shape) ? small : null;
}

/** Drops repetitions of whole matrices, which a product of stacks makes by itself. */
function absorbRepetition(node: Tensor, build: Build): Tensor | null {
  if (!isOp(node, "batchMatmul")) return null;
  const bare = node.inputs.map((input) => {
    const [source] = input.op === "broadcastTo" ? input.inputs : [input];
    return sameShape(source.shape.slice(-2), input.shape.slice(-2)) ? source : input;
  });
  if (bare.every((input, i) => input === node.inputs[i])) return null;
  const small = build("batchMatmul", bare, node.attributes);
  return sameShape(small.shape, node.shape)
    ? small
    : build("broadcastTo", [small], { shape: node.shape });
}

const RULES = [
  fold,
  dropNeutral,
  delayBroadcast,
  joinMovements,
  dropKeptAxes,
  dropLeadingAxes,
  absorbRepetition,
];

function createBuild(builder: Builder): Build {
  const ids = new Map<Tensor | ConstantArray, number>();
  const idOf = (item: Tensor | ConstantArray): number => {
    if (!ids.has(item)) ids.set(item, ids.size);
    return ids.get(item)!;
  };
  const built = new Map<string, Tensor>();
  const build: Build = (op, inputs, attributes) => {
    // Arrays of more than one number are compared by identity; JSON has no infinities.
    const text = JSON.stringify(attributes, (key, value) => {
      if (key === "data") return value.length === 1 ? String(value[0]) : { id: idOf(value) };
      return typeof value === "number" ? String(value) : value;
    });
    const key = `${op}(${inputs.map(idOf)})${text}`;
    const known = built.get(key);
    if (known !== undefined) return known;
    const node = { op, inputs, attributes, ...inferType(op, inputs, attributes), builder };
    let result: Tensor | null = null;
    for (const rule of RULES) result ??= rule(node, build);
    result ??= builder.append(op, inputs, attributes);
    built.set(key, result);
    return result;
  };
  return build;
}

/**
 * Gives an equivalent graph with fewer and smaller operations. Inputs stay, also unused ones, and so
 * do the names, types and order of outputs.
 */
export function simplify(graph: Graph): Graph {
  const builder = createBuilder();
  const build = createBuild(builder);
  const images = new Map<Tensor, Tensor>();
  const inputs = graph.inputs.map((input) => {
    const copy = builder.append("input", [], input.attributes);
    images.set(input, copy);
    return copy;
  });
  for (const node of liveNodes(graph)) {
    if (isOp(node, "input")) continue;
    images.set(node, build(node.op, node.inputs.map((each) => images.get(each)!), node.attributes));
  }
  const outputs = Object.entries(graph.outputs).map(([name, tensor]) =>
    [name, images.get(tensor)!] as const
  );
  const whole = { inputs, nodes: builder.nodes, outputs: Object.fromEntries(outputs) };
  const live = new Set<Tensor>([...inputs, ...liveNodes(whole)]);
  return { ...whole, nodes: whole.nodes.filter((node) => live.has(node)) };
}
