/**
 * Multilayer perceptrons out of ONNX files of any library: the weights of a chain of matrix products, tanh or
 * ReLU, and affine steps before, between and after them, which are put into the products.
 *
 * The chain is followed from the action back to the observation, so that whatever else a graph gives (the value
 * and the log probability of an actor and critic) is left alone. What a chain cannot say (branches that meet,
 * other operators) is refused; nothing is run.
 */

import { FileError } from "../system/errors.ts";
import { quoteName } from "../system/words.ts";
import {
  type ProtoField,
  protoFields,
  protoFloat,
  protoMessage,
  protoNumber,
  protoText,
} from "../formats/protobuf.ts";
import type { Activation } from "../kernels/policy_kernel.ts";
import { likelyActions } from "./foreign_policy.ts";
import { type OnnxNode, readOnnx } from "./reader.ts";

/** One product: y = W x + b. */
export interface MlpLayer {
  /** [out, in], row-major. */
  readonly weights: Float64Array;
  /** [out] */
  readonly biases: Float64Array;
}

/** A perceptron. */
export interface Mlp {
  /** From the observation to the outputs. */
  readonly layers: readonly MlpLayer[];
  /** What follows each hidden layer; tanh where there is none. */
  readonly activation: Activation;
  /** Whether a tanh follows the last layer, and the affine step behind it, [out] each. */
  readonly squash: { readonly scale: Float64Array; readonly shift: Float64Array } | undefined;
}

/** A constant of the file. */
interface Constant {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

const FLOAT = 1;
/** Operators that leave the order and the largest of numbers as they are. */
const PASSED: ReadonlySet<string> = new Set([
  "ArgMax",
  "Cast",
  "Clip",
  "Expand",
  "Flatten",
  "Identity",
  "Max",
  "Min",
  "Reshape",
  "Softmax",
  "Squeeze",
  "Unsqueeze",
]);
/** Operators whose outputs depend on how many numbers they get, not on which. */
const OF_SIZES: ReadonlySet<string> = new Set(["Shape", "Size", "ConstantOfShape"]);
const ACTIVATION_OF: Readonly<Record<string, Activation>> = { Tanh: "tanh", Relu: "relu" };

/**
 * Reads the perceptron whose output is the action.
 * @param width numbers in an action, or choices; the first output of so many counts
 * @throws {FileError} when the file is no ONNX model, or holds anything else.
 */
export function readOnnxMlp(
  bytes: Uint8Array,
  { name, width }: { readonly name: string; readonly width: number },
): Mlp {
  const fail = (rule: string): never => {
    throw new FileError(`Cannot read policy ${JSON.stringify(name)}: ${rule}`);
  };
  const { nodes, inputs, outputs } = readOnnx(bytes, { name });
  const constants = readConstants(bytes, name);
  const starts = inputs.filter((input) => !constants.has(input.name));
  if (starts.length !== 1) fail(`it must have one input, got ${starts.length}`);
  const ends = likelyActions(outputs.map((output) => output.name));
  if (ends.length === 0) fail("it must have an output");
  const graph = { nodes, input: starts[0].name, constants };
  let first: unknown;
  let other: Mlp | undefined;
  for (const end of ends) {
    try {
      const mlp = readChain(end, graph, fail);
      if (mlp.layers[mlp.layers.length - 1].biases.length === width) return mlp;
      other ??= mlp;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      first ??= error;
    }
  }
  // Whoever asked says what is wrong with its widths.
  if (other !== undefined) return other;
  throw first;
}

/** A graph whose chains are read. */
interface Chained {
  readonly nodes: readonly OnnxNode[];
  /** Name of the observation. */
  readonly input: string;
  readonly constants: ReadonlyMap<string, Constant>;
}

/** Reads the chain that ends in an output. */
function readChain(
  output: string,
  { nodes, input, constants }: Chained,
  fail: (rule: string) => never,
): Mlp {
  const moved = new Set([input]); // values that the observation changes
  const makers = new Map<string, OnnxNode>();
  for (const node of nodes) {
    for (const made of node.outputs) makers.set(made, node);
    if (OF_SIZES.has(node.opType) || !node.inputs.some((each) => moved.has(each))) continue;
    for (const made of node.outputs) moved.add(made);
  }
  const way: { node: OnnxNode; value: string }[] = [];
  let value = output;
  for (let left = nodes.length; value !== input && left > 0; left--) {
    const node = makers.get(value);
    if (node === undefined) return fail("its output must follow from its input");
    const read = new Set(node.inputs.filter((each) => moved.has(each)));
    if (isLogSoftmax(node, makers)) read.delete(node.inputs[1]);
    if (read.size !== 1) {
      fail(`operators must be those of a perceptron, got ${quoteName(node.opType)} of two values`);
    }
    [value] = read;
    way.push({ node, value });
  }
  const chain = new Chain(fail);
  for (const step of way.reverse()) {
    if (isLogSoftmax(step.node, makers)) continue;
    chain.add(step.node, { value: step.value, constants });
  }
  return chain.finish();
}

/** Tells whether a node takes the same number from all scores: x - log(sum(exp(x))). */
function isLogSoftmax({ opType, inputs }: OnnxNode, makers: ReadonlyMap<string, OnnxNode>) {
  const taken = makers.get(inputs[1]);
  return opType === "Sub" && taken?.opType === "ReduceLogSumExp" && taken.inputs[0] === inputs[0];
}

/** Elementwise steps that wait for the next product: x -> scale x + shift. */
interface Affine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

class Chain {
  readonly #fail: (rule: string) => never;
  readonly #layers: { weights: Float64Array; biases: Float64Array }[] = [];
  readonly #activations: Activation[] = [];
  /** Steps since the last product or activation. */
  #pending: ((size: number) => Affine)[] = [];

  constructor(fail: (rule: string) => never) {
    this.#fail = fail;
  }

  add(
    { opType, domain, inputs, attributes }: OnnxNode,
    { value, constants }: { value: string; constants: ReadonlyMap<string, Constant> },
  ): void {
    const other = inputs.filter((input) => input !== value && input !== "");
    const find = (input: string): Constant =>
      constants.get(input) ?? this.#fail(`${quoteName(input)} must be a constant`);
    if (domain !== "" && domain !== "ai.onnx") this.#fail(`operators must be ONNX's own`);
    if (opType === "Gemm" || opType === "MatMul") {
      if (inputs[0] !== value || attributes.transA) this.#fail("products must be of the value");
      this.#product(find(inputs[1]), {
        isTransposed: attributes.transB === 1,
        bias: inputs[2] ? find(inputs[2]) : undefined,
      });
    } else if (Object.hasOwn(ACTIVATION_OF, opType)) {
      this.#flush();
      if (this.#layers.length === 0) this.#fail("a product must come first");
      if (this.#activations.length >= this.#layers.length) this.#fail("activations must alternate");
      this.#activations.push(ACTIVATION_OF[opType]);
    } else if (["Add", "Sub", "Mul", "Div"].includes(opType)) {
      if (other.length !== 1) this.#fail(`${opType} must have one constant`);
      this.#affine(opType, find(other[0]), { isFirst: inputs[0] === value });
    } else if (!PASSED.has(opType)) {
      this.#fail(`operators must be those of a perceptron, got ${quoteName(opType)}`);
    }
  }

  finish(): Mlp {
    const layers = this.#layers;
    if (layers.length === 0) this.#fail("it must hold a product");
    const isSquashed = this.#activations.length === layers.length;
    const out = layers[layers.length - 1].biases.length;
    if (!isSquashed) this.#flush();
    else if (this.#activations.at(-1) !== "tanh") this.#fail("the last layer must be no ReLU");
    const hidden = this.#activations.slice(0, layers.length - 1);
    if (hidden.length < layers.length - 1) this.#fail("every hidden layer must have an activation");
    if (new Set(hidden).size > 1) this.#fail("hidden layers must have one activation");
    return {
      layers,
      activation: hidden[0] ?? "tanh",
      squash: isSquashed ? this.#joined(out) : undefined,
    };
  }

  #product(
    { shape, data }: Constant,
    { isTransposed, bias }: { isTransposed: boolean; bias: Constant | undefined },
  ): void {
    if (shape.length !== 2) this.#fail("weights must be matrices");
    const [out, inputs] = isTransposed ? shape : [shape[1], shape[0]];
    const last = this.#layers.at(-1);
    if (last !== undefined && last.biases.length !== inputs) this.#fail("widths must agree");
    const { scale, shift } = this.#joined(inputs);
    const weights = new Float64Array(out * inputs);
    const biases = new Float64Array(out);
    for (let row = 0; row < out; row++) {
      if (bias) biases[row] = Number(bias.data[bias.data.length === 1 ? 0 : row]);
      for (let column = 0; column < inputs; column++) {
        const weight = data[isTransposed ? row * inputs + column : column * out + row];
        weights[row * inputs + column] = weight * scale[column];
        biases[row] += weight * shift[column];
      }
    }
    if (this.#layers.length > this.#activations.length) {
      this.#fail("an activation must stand between two products");
    }
    this.#layers.push({ weights, biases });
  }

  #affine(opType: string, { data }: Constant, { isFirst }: { isFirst: boolean }): void {
    this.#pending.push((size) => {
      if (data.length !== 1 && data.length !== size) this.#fail(`${opType} must fit its value`);
      const scale = new Float64Array(size).fill(1);
      const shift = new Float64Array(size);
      for (let i = 0; i < size; i++) {
        const number = Number(data[data.length === 1 ? 0 : i]);
        if (opType === "Mul") scale[i] = number;
        else if (opType === "Div" && isFirst) scale[i] = 1 / number;
        else if (opType === "Add") shift[i] = number;
        else if (opType === "Sub") [scale[i], shift[i]] = isFirst ? [1, -number] : [-1, number];
        else this.#fail("nothing may be divided by the value");
      }
      return { scale, shift };
    });
  }

  /** Joins the waiting steps to one, for a value of `size` numbers. */
  #joined(size: number): Affine {
    const scale = new Float64Array(size).fill(1);
    const shift = new Float64Array(size);
    for (const step of this.#pending.splice(0).map((make) => make(size))) {
      for (let i = 0; i < size; i++) {
        scale[i] *= step.scale[i];
        shift[i] = shift[i] * step.scale[i] + step.shift[i];
      }
    }
    return { scale, shift };
  }

  /** Puts the steps behind a product into it. */
  #flush(): void {
    const last = this.#layers.at(-1);
    if (last === undefined || this.#pending.length === 0) return;
    const inputs = last.weights.length / last.biases.length;
    const { scale, shift } = this.#joined(last.biases.length);
    last.biases.forEach((bias, row) => last.biases[row] = bias * scale[row] + shift[row]);
    last.weights.forEach((weight, i) => last.weights[i] = weight * scale[Math.floor(i / inputs)]);
  }
}

/** Reads the float32 constants of a model: initializers, nodes that are constants, and other names of either. */
function readConstants(bytes: Uint8Array, name: string): Map<string, Constant> {
  const what = `ONNX model ${JSON.stringify(name)}`;
  const constants = new Map<string, Constant>();
  const each = (message: Uint8Array, number: number) =>
    [...protoFields(message, what)].filter((field) => field.number === number)
      .map((field) => protoMessage(field, what));
  for (const graph of each(bytes, 7)) {
    for (const tensor of each(graph, 5)) {
      const read = readTensor(tensor, what);
      if (read !== undefined) constants.set(read.name, read);
    }
    for (const node of each(graph, 1)) {
      const fields = [...protoFields(node, what)];
      const texts = (number: number) =>
        fields.filter((field) => field.number === number).map((field) => protoText(field, what));
      const [alias, from] = [texts(2)[0], constants.get(texts(1)[0])];
      if (texts(4)[0] === "Identity" && from !== undefined) constants.set(alias, from);
      if (texts(4)[0] !== "Constant") continue;
      for (const attribute of each(node, 5)) {
        for (const tensor of each(attribute, 5)) {
          const read = readTensor(tensor, what);
          if (read !== undefined) constants.set(texts(2)[0], read);
        }
      }
    }
  }
  return constants;
}

/** Reads a TensorProto of float32 numbers; its size was checked against the file's by the reader. */
function readTensor(
  bytes: Uint8Array,
  what: string,
): Constant & { readonly name: string } | undefined {
  let name = "";
  let type = 0;
  const shape: number[] = [];
  let data: Float32Array | undefined;
  const floats: number[] = [];
  for (const field of protoFields(bytes, what)) {
    if (field.number === 1) shape.push(...dimensionsOf(field, what));
    if (field.number === 2) type = protoNumber(field, what);
    if (field.number === 4) floats.push(...floatsOf(field, what));
    if (field.number === 8) name = protoText(field, what);
    if (field.number === 9) data = toFloats(protoMessage(field, what));
  }
  if (type !== FLOAT) return undefined;
  const numbers = data ?? Float32Array.from(floats);
  const size = shape.reduce((product, dim) => product * dim, 1);
  if (numbers.length !== size) {
    throw new FileError(
      `Cannot read ${what}: tensor ${
        quoteName(name)
      } must hold ${size} numbers, got ${numbers.length}`,
    );
  }
  return { name, shape, data: numbers };
}

function dimensionsOf(field: ProtoField, what: string): number[] {
  if (field.wire === "varint") return [protoNumber(field, what)];
  const sizes: number[] = [];
  let [value, factor] = [0, 1]; // packed varints
  for (const byte of field.bytes) {
    value += (byte & 0x7f) * factor;
    factor *= 128;
    if (byte < 128) {
      sizes.push(value);
      [value, factor] = [0, 1];
    }
  }
  return sizes;
}

function floatsOf(field: ProtoField, what: string): ArrayLike<number> & Iterable<number> {
  return field.wire === "bytes" ? toFloats(field.bytes) : [protoFloat(field, what)];
}

function toFloats(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.slice().buffer, 0, Math.floor(bytes.length / 4));
}
