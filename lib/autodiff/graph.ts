/**
 * Tracing: running a function once on stand-ins records what it computes as a graph.
 *
 * A graph is a plain list of nodes in an order in which they can run. It can be printed, checked,
 * simplified, interpreted and exported. Nothing here depends on what a node means beyond its row of
 * the op table.
 */

import { countElements, formatShape, parseDim, sameShape, type Shape } from "./shape.ts";
import type {
  Attributes,
  Builder,
  ConstantArray,
  Graph,
  OpName,
  Tensor,
  TensorType,
} from "./node.ts";
import { OPS } from "./ops.ts";

/**
 * Infers the type of an op's result.
 * @throws {TypeError} when the operands do not fit the op.
 */
export function inferType<N extends OpName>(
  op: N,
  inputs: readonly TensorType[],
  attributes: Attributes[N],
): TensorType {
  const { arity: [least, most] } = OPS[op];
  try {
    if (inputs.length < least || inputs.length > most) {
      const range = least === most ? least : `${least} to ${most}`;
      throw new TypeError(`it must have ${range} operands, got ${inputs.length}`);
    }
    return OPS[op].infer(inputs, attributes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const rule = error.message.replace(/^Cannot [^:]*: /, "");
    throw new TypeError(`Cannot apply ${op}: ${rule}`, { cause: error });
  }
}

/** Makes an empty graph to append to. */
export function createBuilder(): Builder {
  const nodes: Tensor[] = [];
  const adopted = new Map<Tensor, Tensor>();
  const builder: Builder = {
    nodes,
    append(op, inputs, attributes) {
      const own = inputs.map((input) => builder.adopt(input));
      const node = { op, inputs: own, attributes, ...inferType(op, own, attributes), builder };
      nodes.push(node);
      return node;
    },
    adopt(tensor) {
      if (tensor.builder === builder) return tensor;
      if (tensor.builder !== null) {
        throw new TypeError(
          `Cannot use tensor: it must belong to the graph being traced, got ${tensor.op} of another`,
        );
      }
      const known = adopted.get(tensor) ?? builder.append(tensor.op, [], tensor.attributes);
      adopted.set(tensor, known);
      return known;
    },
  };
  return builder;
}

/**
 * Records what `fn` computes. Inputs are float32 unless they are given as `{ shape, dtype }`; a
 * letter in a shape ("B") is a size that is known only when the graph runs.
 * @throws {TypeError} when an operation's operands do not fit.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { interpret } from "./interpret.ts";
 * import { add, square } from "./tensor.ts";
 *
 * const graph = trace({ x: ["B"] }, ({ x }) => ({ y: add(square(x), 1) }));
 * const { y } = interpret(graph, { x: { data: [2, 3], shape: [2] } });
 * assert.deepEqual([...y.data], [5, 10]);
 * ```
 */
export function trace<K extends string>(
  inputs: Readonly<Record<K, Shape | TensorType>>,
  fn: (inputs: Readonly<Record<K, Tensor>>) => Readonly<Record<string, Tensor>>,
): Graph {
  const builder = createBuilder();
  const tensors: Partial<Record<K, Tensor<"input">>> = {};
  for (const name in inputs) {
    const given = inputs[name];
    const type: TensorType = "dtype" in given ? given : { shape: given, dtype: "float32" };
    type.shape.forEach(parseDim);
    tensors[name] = builder.append("input", [], { name, type });
  }
  const outputs = Object.entries(fn(tensors as Record<K, Tensor>));
  const adopted = outputs.map(([name, tensor]) => [name, builder.adopt(tensor)] as const);
  return {
    inputs: Object.values(tensors),
    nodes: builder.nodes,
    outputs: Object.fromEntries(adopted),
  };
}

/** Gives the nodes that the outputs depend on, in order. */
export function liveNodes(graph: Graph): Tensor[] {
  const live = new Set<Tensor>(Object.values(graph.outputs));
  for (const node of [...graph.nodes].reverse()) {
    if (live.has(node)) { for (const input of node.inputs) live.add(input); }
  }
  return graph.nodes.filter((node) => live.has(node));
}

/** Tells whether a tensor was made by the given op, so that its attributes are known. */
export function isOp<N extends OpName>(tensor: Tensor, op: N): tensor is Tensor<N> {
  return tensor.op as OpName === op;
}

function formatType({ dtype, shape }: TensorType): string {
  return dtype + formatShape(shape);
}

const PRINTED_CONSTANT_LENGTH = 4;

function formatAttributes(node: Tensor): string {
  const entries = Object.entries(node.attributes).filter(([key, value]) =>
    key !== "type" && value !== false
  );
  const texts = entries.map(([key, value]) => {
    if (key === "data") {
      const data = value as ConstantArray;
      const head = Array.from(data.subarray(0, PRINTED_CONSTANT_LENGTH), String);
      return data.length > head.length ? `${head.join(", ")}, ...` : head.join(", ");
    }
    if (value === true) return key;
    return `${key}=${Array.isArray(value) ? formatShape(value) : value}`;
  });
  return texts.join(" ");
}

/** Writes a graph as text: one line per node with its operands, attributes and type. */
export function printGraph(graph: Graph): string {
  const names = new Map<Tensor, string>();
  for (const input of graph.inputs) names.set(input, input.attributes.name);
  const lines = graph.inputs.map((input) => `  ${names.get(input)}: ${formatType(input)}`);
  lines.unshift("inputs");
  lines.push("nodes");
  for (const node of graph.nodes) {
    if (node.op === "input") continue;
    const name = `%${names.size - graph.inputs.length}`;
    names.set(node, name);
    const operands = node.inputs.map((input) => names.get(input) ?? "?").join(", ");
    const details = [operands, formatAttributes(node)].filter((text) => text !== "").join("; ");
    lines.push(`  ${name} = ${node.op}(${details}): ${formatType(node)}`);
  }
  lines.push("outputs");
  for (const [name, tensor] of Object.entries(graph.outputs)) {
    lines.push(`  ${name} = ${names.get(tensor) ?? "?"}`);
  }
  return lines.join("\n") + "\n";
}

/**
 * Checks everything that running a graph relies on: names, order, types, constants and letters.
 * @throws {TypeError} that names the first node at fault.
 */
export function checkGraph(graph: Graph): void {
  const fail = (rule: string, got: string): never => {
    throw new TypeError(`Cannot accept graph: ${rule}, got ${got}`);
  };
  const names = new Set<string>();
  const symbols = new Set<string>();
  for (const input of graph.inputs) {
    const { name } = input.attributes;
    if (name === "" || names.has(name)) fail("input names must be unique", JSON.stringify(name));
    names.add(name);
    for (const symbol of countElements(input.shape).symbols) symbols.add(symbol);
  }
  const known = new Set<Tensor>();
  for (const [index, node] of graph.nodes.entries()) {
    const here = `${node.op} at node ${index}`;
    if (!Object.hasOwn(OPS, node.op)) fail("every op must be in the op table", here);
    if (isOp(node, "input") && !graph.inputs.includes(node)) {
      fail("every input must be listed", here);
    }
    if (node.inputs.some((input) => !known.has(input))) fail("operands must come first", here);
    const type = inferType(node.op, node.inputs, node.attributes);
    if (type.dtype !== node.dtype || !sameShape(type.shape, node.shape)) {
      fail(`its type must be ${formatType(type)}`, `${formatType(node)} of ${here}`);
    }
    const { factor, symbols: used } = countElements(node.shape);
    const unbound = used.find((symbol) => !symbols.has(symbol));
    if (unbound !== undefined) {
      fail("every letter must be in an input's shape", `${unbound} of ${here}`);
    }
    if (isOp(node, "constant") && node.attributes.data.length !== factor) {
      fail(`a constant must hold ${factor} numbers`, `${node.attributes.data.length} in ${here}`);
    }
    known.add(node);
  }
  for (const input of graph.inputs) {
    if (!known.has(input)) fail("every input must be a node", input.attributes.name);
  }
  for (const [name, tensor] of Object.entries(graph.outputs)) {
    if (!known.has(tensor)) fail("outputs must be nodes of the graph", name);
    if (names.has(name)) fail("outputs and inputs must have different names", name);
  }
}
