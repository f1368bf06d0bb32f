/** Exports a traced graph as an ONNX model that any ONNX runtime can load. */

import { checkGraph, liveNodes } from "../autodiff/graph.ts";
import { simplify } from "../autodiff/simplify.ts";
import type { ConstantArray, Graph, Tensor } from "../autodiff/node.ts";
import { type Emitter, lower, symbolSource } from "./lower.ts";
import { encodeModel, type OnnxNode, type OnnxTensor } from "./writer.ts";

/**
 * The operator set: the least with every op as it is used here (ScatterND's `add` and Pad's and
 * Shape's present forms), for the widest choice of runtimes. IR version 8 goes with it.
 */
const OPSET_VERSION = 18;
const IR_VERSION = 8;

/** Name of the output that `inPlace` adds. */
export const NOTHING = "nothing#";

/** What goes into the file besides the graph. */
export interface ExportOptions {
  /** The graph's name. */
  readonly name: string;
  /** Key and value pairs for the file's metadata. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Text for people who open the file. */
  readonly docString?: string;
  /** Adds `NOTHING`, an empty sequence, before the other outputs: what `Session.runInPlace` needs. */
  readonly inPlace?: boolean;
}

/** Collects nodes and constants; equal small constants are written once. */
class ModelEmitter implements Emitter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  readonly #known = new Map<string, string>();
  readonly #inputs: Graph["inputs"];

  constructor(inputs: Graph["inputs"]) {
    this.#inputs = inputs;
  }

  node(
    opType: string,
    inputs: readonly string[],
    attributes: OnnxNode["attributes"] = {},
  ): string {
    const name = `${opType}#${this.nodes.length}`;
    this.nodes.push({ opType, name, inputs, outputs: [name], attributes });
    return name;
  }

  constant(data: ConstantArray, shape: readonly number[]): string {
    const array = data instanceof Float64Array ? Float32Array.from(data) : data;
    const type = array instanceof Float32Array
      ? "float32"
      : array instanceof Int32Array
      ? "int32"
      : "int64";
    const small = array.length <= 8;
    const key = small ? `${type}${shape.length}[${shape}]${array.join()}` : "";
    const known = this.#known.get(key);
    if (small && known !== undefined) return known;
    const name = `${type}#${this.initializers.length}`;
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    this.initializers.push({ name, type, shape, bytes });
    if (small) this.#known.set(key, name);
    return name;
  }

  symbolSize(symbol: string): string {
    const known = this.#known.get(symbol);
    if (known !== undefined) return known;
    const { input, axis, factor } = symbolSource(this.#inputs, symbol);
    const size = this.node("Shape", [input], { start: axis, end: axis + 1 });
    const letter = factor === 1
      ? size
      : this.node("Div", [size, this.constant(BigInt64Array.of(BigInt(factor)), [1])]);
    this.#known.set(symbol, letter);
    return letter;
  }
}

/**
 * Gives results their public names. The node that makes a result is renamed, since an Identity node
 * would copy; only an input or constant that is itself a result, or a second name, needs one.
 */
function nameOutputs(
  emit: ModelEmitter,
  outputs: Graph["outputs"],
  values: ReadonlyMap<Tensor, string>,
): OnnxNode[] {
  const made = new Set(emit.nodes.flatMap((node) => node.outputs));
  const renamed = new Map<string, string>();
  for (const [name, tensor] of Object.entries(outputs)) {
    const value = values.get(tensor)!;
    if (made.has(value) && !renamed.has(value)) renamed.set(value, name);
    else {emit.nodes.push({
        opType: "Identity",
        name,
        inputs: [value],
        outputs: [name],
        attributes: {},
      });}
  }
  const rename = (value: string): string => renamed.get(value) ?? value;
  return emit.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
  }));
}

/** Keeps public names apart from those of inner values, which hold "#". */
function checkNames({ inputs, outputs }: Graph): void {
  const names = [...inputs.map(({ attributes }) => attributes.name), ...Object.keys(outputs)];
  const bad = names.find((name) => name.includes("#"));
  if (bad === undefined) return;
  throw new TypeError(`Cannot export graph: names must be free of "#", got "${bad}"`);
}

/**
 * Encodes a graph as an ONNX file. Inputs and outputs keep their names, also inputs that nothing
 * uses; symbolic dimensions become named ones. The graph is simplified first.
 * @throws {TypeError} when the graph is broken or a public name holds "#".
 */
export function exportOnnx(
  traced: Graph,
  { name, metadata = {}, docString = "", inPlace = false }: ExportOptions,
): Uint8Array<ArrayBuffer> {
  checkGraph(traced);
  checkNames(traced);
  const graph = simplify(traced);
  const emit = new ModelEmitter(graph.inputs);
  const values = new Map<Tensor, string>();
  for (const node of liveNodes(graph)) {
    values.set(node, lower(node, node.inputs.map((input) => values.get(input)!), emit));
  }
  const nothing = { opType: "SequenceEmpty", name: NOTHING, inputs: [], outputs: [NOTHING] };
  return encodeModel({
    irVersion: IR_VERSION,
    opset: OPSET_VERSION,
    producer: "udrlpg",
    graphName: name,
    docString,
    metadata,
    nodes: [
      ...nameOutputs(emit, graph.outputs, values),
      ...(inPlace ? [{ ...nothing, attributes: {} }] : []),
    ],
    initializers: emit.initializers,
    inputs: graph.inputs.map(({ attributes: { name, type } }) => ({
      name,
      type: type.dtype,
      shape: type.shape,
    })),
    outputs: [
      ...(inPlace ? [{ name: NOTHING, elements: "float32" } as const] : []),
      ...Object.entries(graph.outputs).map(([name, { dtype, shape }]) => ({
        name,
        type: dtype,
        shape,
      })),
    ],
  });
}
