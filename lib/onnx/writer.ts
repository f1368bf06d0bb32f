/**
 * Writes ONNX files: the protobuf wire format and the messages of onnx.proto that this project uses.
 *
 * No package on npm writes ONNX and is kept up, and the part needed is small. A message is a list of
 * byte chunks, joined once at the end, so that large weights are copied only once. Field numbers are
 * those of onnx.proto 1.16 (IR version 10); they never change between versions.
 */

/** Numbers of onnx.proto's TensorProto.DataType. */
export const ONNX_DATA_TYPE = { float32: 1, int32: 6, int64: 7 } as const;

/** Element types that can be written. */
export type OnnxDataType = keyof typeof ONNX_DATA_TYPE;

/** An attribute: integers and lists of integers are ints, `{ float }` is a float. */
export type OnnxAttribute = number | readonly number[] | string | { readonly float: number };

/** One node of a graph. */
export interface OnnxNode {
  /** Operator of the default operator set, such as "MatMul". */
  readonly opType: string;
  /** Unique in the graph. */
  readonly name: string;
  /** Names of the values that it reads; "" for an optional one left out. */
  readonly inputs: readonly string[];
  /** Names of the values that it makes. */
  readonly outputs: readonly string[];
  /** The operator's settings by name. */
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** A constant; bytes are little-endian. */
export interface OnnxTensor {
  /** Name of the value. */
  readonly name: string;
  /** Type of the elements. */
  readonly type: OnnxDataType;
  /** Sizes of the axes; empty for a scalar. */
  readonly shape: readonly number[];
  /** Row-major elements. */
  readonly bytes: Uint8Array;
}

/** A graph input or output; a string dimension is symbolic. */
export interface OnnxValue {
  /** Name of the value. */
  readonly name: string;
  /** Type of the elements. */
  readonly type: OnnxDataType;
  /** Sizes of the axes. */
  readonly shape: readonly (number | string)[];
}

/** A graph output that is a sequence of tensors, of any number and shapes. */
export interface OnnxSequence {
  /** Name of the value. */
  readonly name: string;
  /** Type of the tensors' elements. */
  readonly elements: OnnxDataType;
}

/** A model with one graph in ONNX's default operator set. */
export interface OnnxModel {
  /** Version of the file format. */
  readonly irVersion: number;
  /** Version of the operator set. */
  readonly opset: number;
  /** Program that made the model. */
  readonly producer: string;
  /** Name of the graph. */
  readonly graphName: string;
  /** Text for people; may be empty. */
  readonly docString: string;
  /** Key and value pairs besides the graph. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The nodes, each after those whose outputs it reads. */
  readonly nodes: readonly OnnxNode[];
  /** The constants. */
  readonly initializers: readonly OnnxTensor[];
  /** What a caller feeds. */
  readonly inputs: readonly OnnxValue[];
  /** What a caller fetches. */
  readonly outputs: readonly (OnnxValue | OnnxSequence)[];
}

type Chunks = readonly Uint8Array[];

// Wire types of protobuf.
const VARINT = 0, LENGTH_DELIMITED = 2, FIXED32 = 5;

const ENCODER = new TextEncoder();

/** The one-byte varints: nearly all keys and lengths, so they are made once. */
const ONE_BYTE = Array.from({ length: 0x80 }, (_, value) => Uint8Array.of(value));

function varint(value: number): Uint8Array {
  // Negative integers are written as their 64-bit two's complement: seven bits a byte, low first.
  if (value >= 0 && value < ONE_BYTE.length) return ONE_BYTE[value];
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

function integer(field: number, value: number): Chunks {
  return [varint(field << 3 | VARINT), varint(value)];
}

function float(field: number, value: number): Chunks {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return [varint(field << 3 | FIXED32), bytes];
}

function message(field: number, chunks: Chunks): Chunks {
  const length = chunks.reduce((total, chunk) => total + chunk.length, 0);
  return [varint(field << 3 | LENGTH_DELIMITED), varint(length), ...chunks];
}

function text(field: number, value: string): Chunks {
  return message(field, [ENCODER.encode(value)]);
}

function attribute(name: string, value: OnnxAttribute): Chunks {
  // AttributeProto: f 2, i 3, s 4, ints 8, type 20 (1 FLOAT, 2 INT, 3 STRING, 7 INTS)
  const [body, type]: [Chunks, number] = typeof value === "number"
    ? [integer(3, value), 2]
    : typeof value === "string"
    ? [text(4, value), 3]
    : "float" in value
    ? [float(2, value.float), 1]
    : [value.flatMap((each) => integer(8, each)), 7];
  return [...text(1, name), ...body, ...integer(20, type)];
}

function node({ opType, name, inputs, outputs, attributes }: OnnxNode): Chunks {
  return [
    ...inputs.flatMap((each) => text(1, each)),
    ...outputs.flatMap((each) => text(2, each)),
    ...text(3, name),
    ...text(4, opType),
    ...Object.entries(attributes).flatMap(([key, value]) => message(5, attribute(key, value))),
  ];
}

function tensor({ name, type, shape, bytes }: OnnxTensor): Chunks {
  return [
    ...shape.flatMap((size) => integer(1, size)),
    ...integer(2, ONNX_DATA_TYPE[type]),
    ...text(8, name),
    ...message(9, [bytes]),
  ];
}

function valueInfo(value: OnnxValue | OnnxSequence): Chunks {
  // TypeProto: tensor_type 1, sequence_type 4, whose elem_type 1 is a TypeProto again
  const type = "elements" in value
    ? message(4, message(1, message(1, integer(1, ONNX_DATA_TYPE[value.elements]))))
    : message(1, tensorType(value));
  return [...text(1, value.name), ...message(2, type)];
}

function tensorType({ type, shape }: OnnxValue): Chunks {
  const dims = shape.flatMap((dim) =>
    message(1, typeof dim === "number" ? integer(1, dim) : text(2, dim))
  );
  return [...integer(1, ONNX_DATA_TYPE[type]), ...message(2, dims)];
}

/** Encodes a model as the bytes of an ONNX file. */
export function encodeModel(model: OnnxModel): Uint8Array<ArrayBuffer> {
  const graph = [
    ...model.nodes.map((each) => message(1, node(each))),
    [text(2, model.graphName)].flat(),
    ...model.initializers.map((each) => message(5, tensor(each))),
    ...model.inputs.map((each) => message(11, valueInfo(each))),
    ...model.outputs.map((each) => message(12, valueInfo(each))),
  ].flat();
  const entries = Object.entries(model.metadata);
  const chunks = [
    ...integer(1, model.irVersion),
    ...text(2, model.producer),
    ...text(6, model.docString),
    ...message(7, graph),
    ...message(8, [...text(1, ""), ...integer(2, model.opset)]),
    ...entries.flatMap(([key, value]) => message(14, [...text(1, key), ...text(2, value)])),
  ];
  const bytes = new Uint8Array(chunks.reduce((total, chunk) => total + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
