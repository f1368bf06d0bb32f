/**
 * Writes ONNX files: the messages of onnx.proto that this project uses.
 *
 * No package on npm writes ONNX and is kept up, and the part needed is small. Field numbers are those
 * of onnx.proto 1.16 (IR version 10); they never change between versions.
 */

import {
  protoBytesField as field,
  protoFloatField,
  protoIntField as integer,
  type ProtoPieces,
} from "../formats/protobuf.ts";
import { joinBytes } from "../system/bytes.ts";

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

function attribute(name: string, value: OnnxAttribute): ProtoPieces {
  // AttributeProto: f 2, i 3, s 4, ints 8, type 20 (1 FLOAT, 2 INT, 3 STRING, 7 INTS)
  const [body, type]: [ProtoPieces, number] = typeof value === "number"
    ? [integer(3, value), 2]
    : typeof value === "string"
    ? [field(4, value), 3]
    : "float" in value
    ? [protoFloatField(2, value.float), 1]
    : [value.flatMap((each) => integer(8, each)), 7];
  return [...field(1, name), ...body, ...integer(20, type)];
}

function node({ opType, name, inputs, outputs, attributes }: OnnxNode): ProtoPieces {
  return [
    ...inputs.flatMap((each) => field(1, each)),
    ...outputs.flatMap((each) => field(2, each)),
    ...field(3, name),
    ...field(4, opType),
    ...Object.entries(attributes).flatMap(([key, value]) => field(5, attribute(key, value))),
  ];
}

function tensor({ name, type, shape, bytes }: OnnxTensor): ProtoPieces {
  return [
    ...shape.flatMap((size) => integer(1, size)),
    ...integer(2, ONNX_DATA_TYPE[type]),
    ...field(8, name),
    ...field(9, bytes),
  ];
}

function valueInfo(value: OnnxValue | OnnxSequence): ProtoPieces {
  // TypeProto: tensor_type 1, sequence_type 4, whose elem_type 1 is a TypeProto again
  const type = "elements" in value
    ? field(4, field(1, field(1, integer(1, ONNX_DATA_TYPE[value.elements]))))
    : field(1, tensorType(value));
  return [...field(1, value.name), ...field(2, type)];
}

function tensorType({ type, shape }: OnnxValue): ProtoPieces {
  const dims = shape.flatMap((dim) =>
    field(1, typeof dim === "number" ? integer(1, dim) : field(2, dim))
  );
  return [...integer(1, ONNX_DATA_TYPE[type]), ...field(2, dims)];
}

/** Encodes a model as the bytes of an ONNX file. */
export function encodeModel(model: OnnxModel): Uint8Array<ArrayBuffer> {
  const graph = [
    ...model.nodes.map((each) => field(1, node(each))),
    field(2, model.graphName),
    ...model.initializers.map((each) => field(5, tensor(each))),
    ...model.inputs.map((each) => field(11, valueInfo(each))),
    ...model.outputs.map((each) => field(12, valueInfo(each))),
  ].flat();
  const entries = Object.entries(model.metadata);
  return joinBytes([
    ...integer(1, model.irVersion),
    ...field(2, model.producer),
    ...field(6, model.docString),
    ...field(7, graph),
    ...field(8, [...field(1, ""), ...integer(2, model.opset)]),
    ...entries.flatMap(([key, value]) => field(14, [...field(1, key), ...field(2, value)])),
  ]);
}
