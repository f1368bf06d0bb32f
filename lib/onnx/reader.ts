/**
 * Reads what an ONNX model file says about itself, without running it and without trusting it: metadata,
 * inputs and outputs, operators, names and shapes of the stored numbers. ONNX Runtime is a large parser
 * and a machine that runs whatever a graph asks for; `assertTrustedOps` is the door in front of it.
 *
 * Nothing is entered recursively: a graph inside a node, a function, a tensor kept in another file are
 * named as features, which a trusted model does not have. Fields that occur several times are all read,
 * as the protobuf rule that repeated messages merge demands, so that no part of a graph can hide.
 * Stored numbers are not read.
 *
 * One file, though a long one: every method is one message of the format, in its own words.
 *
 * Source: onnx 1.23.2, onnx.proto (field numbers and element types).
 */

import { FileError } from "../system/errors.ts";
import { quoteName } from "../system/words.ts";
import {
  type ProtoField,
  protoFields,
  protoInt,
  protoMessage,
  protoNumber,
  protoText,
} from "../formats/protobuf.ts";

/**
 * Checks the first byte of a file, before the rest is read: for `readFileLimited`.
 * @throws {FileError} when no field of a model begins with it.
 */
export function onnxHead(name: string): (head: Uint8Array) => void {
  return ([first]) => {
    const [field, wire] = [first >> 3, first & 7];
    if (MODEL_FIELDS.has(field) && (wire === 0 || wire === 2)) return;
    throw new FileError(
      `Cannot read ONNX model ${JSON.stringify(name)}: it must begin as one does`,
    );
  };
}

/** Fields of onnx.proto's ModelProto whose number fits the first byte. */
const MODEL_FIELDS: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 7, 8, 14]);

/** An input or output of the graph. */
export interface OnnxValue {
  /** What nodes call it. */
  readonly name: string;
  /** Such as "float32"; "unknown" for what is no tensor or of another type. */
  readonly elementType: string;
  /** A size, the name of a size that is free, or null for one that is free and has no name. */
  readonly shape: readonly (number | string | null)[];
}

/** A named constant of the graph. */
export interface OnnxInitializer {
  /** What nodes call it. */
  readonly name: string;
  /** Such as "float32". */
  readonly elementType: string;
  /** As stored. */
  readonly shape: readonly number[];
}

/** One operator of the graph. */
export interface OnnxNode {
  /** Such as "Gemm". */
  readonly opType: string;
  /** "" is ONNX's own set of operators. */
  readonly domain: string;
  /** Names of the values that it reads; "" for an optional one left out. */
  readonly inputs: readonly string[];
  /** Names of the values that it makes. */
  readonly outputs: readonly string[];
  /** Its settings that are whole numbers, by name. */
  readonly attributes: Readonly<Record<string, number>>;
}

/** What a model file says about itself. */
export interface OnnxSummary {
  /** What the file is called in errors. */
  readonly name: string;
  /** The version of the file format. */
  readonly irVersion: number;
  /** The program that wrote it. */
  readonly producer: string;
  /** Versions of the operator sets by domain. */
  readonly opsets: ReadonlyMap<string, number>;
  /** Without a prototype. */
  readonly metadata: Readonly<Record<string, string>>;
  /** In order. */
  readonly inputs: readonly OnnxValue[];
  /** In order. */
  readonly outputs: readonly OnnxValue[];
  /** In the order in which they run. */
  readonly nodes: readonly OnnxNode[];
  /** Without their numbers. */
  readonly initializers: readonly OnnxInitializer[];
  /** What the model uses that this reader does not look into, such as "external data". */
  readonly features: ReadonlySet<string>;
}

const ELEMENT_TYPES: ReadonlyMap<number, string> = new Map([
  [1, "float32"],
  [2, "uint8"],
  [3, "int8"],
  [4, "uint16"],
  [5, "int16"],
  [6, "int32"],
  [7, "int64"],
  [8, "string"],
  [9, "bool"],
  [10, "float16"],
  [11, "float64"],
  [12, "uint32"],
  [13, "uint64"],
  [16, "bfloat16"],
]);

/** More than any file of ours, and few enough to fit in a few dozen megabytes. */
const MAX_ITEMS = 20_000;
const MAX_DIMENSIONS = 64;
const MAX_NODE_NAMES = 64;
const MAX_METADATA_BYTES = 2 ** 20;
const DEFAULT_DOMAINS: ReadonlySet<string> = new Set(["", "ai.onnx"]);

/**
 * Reads the description of a model.
 * @throws {FileError} when the bytes are no ONNX model: `Cannot read ONNX model "x": ...`.
 */
export function readOnnx(bytes: Uint8Array, { name }: { readonly name: string }): OnnxSummary {
  const reader = new ModelReader(name);
  reader.model(bytes);
  return reader.summary();
}

/**
 * Checks that a model uses nothing but the allowed operators: their names, with the domain and a dot in
 * front where it is not ONNX's own.
 * @throws {FileError} naming the first thing that is not allowed.
 */
export function assertTrustedOps(summary: OnnxSummary, allowed: ReadonlySet<string>): void {
  const fail = (rule: string): never => {
    throw new FileError(
      `Cannot trust ONNX model ${
        JSON.stringify(summary.name)
      }: ${rule}: say --trust to run it anyway`,
    );
  };
  for (const feature of summary.features) {
    fail(`it must not use what this program never writes, got ${feature}`);
  }
  for (const { opType, domain } of summary.nodes) {
    const operator = DEFAULT_DOMAINS.has(domain) ? opType : `${domain}.${opType}`;
    if (!allowed.has(operator)) {
      fail(`operators must be those that this program writes, got ${quoteName(operator)}`);
    }
  }
}

class ModelReader {
  readonly #name: string;
  readonly #what: string;
  #byteCount = 0;
  /** Numbers in all tensors so far. */
  #numbers = 0;
  #irVersion: number | undefined;
  #producer = "";
  #hasGraph = false;
  readonly #opsets = new Map<string, number>();
  readonly #metadata: Record<string, string> = Object.create(null);
  #metadataCount = 0;
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: OnnxValue[] = [];
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers: OnnxInitializer[] = [];
  readonly #features = new Set<string>();

  constructor(name: string) {
    this.#name = name;
    this.#what = `ONNX model ${JSON.stringify(name)}`;
  }

  summary(): OnnxSummary {
    if (this.#irVersion === undefined) this.#fail("it must have an IR version");
    if (!this.#hasGraph) this.#fail("it must have a graph");
    return {
      name: this.#name,
      irVersion: this.#irVersion!,
      producer: this.#producer,
      opsets: this.#opsets,
      metadata: this.#metadata,
      inputs: this.#inputs,
      outputs: this.#outputs,
      nodes: this.#nodes,
      initializers: this.#initializers,
      features: this.#features,
    };
  }

  /** Reads a ModelProto. */
  model(bytes: Uint8Array): void {
    this.#byteCount = bytes.length;
    for (const field of this.#fields(bytes)) {
      if (field.number === 1) this.#irVersion = protoNumber(field, this.#what);
      if (field.number === 2) this.#producer = this.#text(field);
      if (field.number === 7) this.#graph(this.#message(field));
      if (field.number === 8) this.#opset(this.#message(field));
      if (field.number === 14) this.#metadataEntry(this.#message(field));
      if (field.number === 20) this.#features.add("training information");
      if (field.number === 25) this.#features.add("a function");
    }
  }

  /** Reads a GraphProto. */
  #graph(bytes: Uint8Array): void {
    this.#hasGraph = true;
    for (const field of this.#fields(bytes)) {
      if (field.number === 1) this.#push(this.#nodes, this.#node(this.#message(field)));
      if (field.number === 5) this.#push(this.#initializers, this.#tensor(this.#message(field)));
      if (field.number === 11) this.#push(this.#inputs, this.#value(this.#message(field)));
      if (field.number === 12) this.#push(this.#outputs, this.#value(this.#message(field)));
      if (field.number === 15) this.#features.add("a sparse tensor");
    }
  }

  /** Reads a NodeProto. */
  #node(bytes: Uint8Array): OnnxNode {
    let opType = "";
    let domain = "";
    const inputs: string[] = [];
    const outputs: string[] = [];
    const attributes: Record<string, number> = Object.create(null);
    const addName = (names: string[], field: ProtoField) => {
      if (names.push(this.#text(field)) > MAX_NODE_NAMES) this.#fail("a node has too many values");
    };
    for (const field of this.#fields(bytes)) {
      if (field.number === 1) addName(inputs, field);
      if (field.number === 2) addName(outputs, field);
      if (field.number === 4) opType = this.#text(field);
      if (field.number === 5) this.#attribute(this.#message(field), attributes);
      if (field.number === 7) domain = this.#text(field);
    }
    return { opType, domain, inputs, outputs, attributes };
  }

  /** Reads an AttributeProto that is a whole number, and looks for what none must hold. */
  #attribute(bytes: Uint8Array, attributes: Record<string, number>): void {
    let name = "";
    let value: number | undefined;
    for (const field of this.#fields(bytes)) {
      if (field.number === 1) name = this.#text(field);
      if (field.number === 3) value = protoNumber(field, this.#what);
      if (field.number === 5 || field.number === 10) this.#tensor(this.#message(field));
      if (field.number === 6 || field.number === 11) this.#features.add("a graph inside a node");
      if (field.number === 22 || field.number === 23) this.#features.add("a sparse tensor");
    }
    if (value !== undefined) attributes[name] = value;
  }

  /** Reads a TensorProto except its numbers. */
  #tensor(bytes: Uint8Array): OnnxInitializer {
    let name = "";
    let elementType = "unknown";
    const shape: number[] = [];
    for (const field of this.#fields(bytes)) {
      if (field.number === 1) this.#dimensions(field, shape);
      if (field.number === 2) elementType = this.#elementType(field);
      if (field.number === 8) name = this.#text(field);
      if (field.number === 13) this.#features.add("external data");
      if (field.number === 14 && protoInt(field, this.#what) !== 0n) {
        this.#features.add("external data");
      }
    }
    // ONNX Runtime takes memory for the shape; every number takes at least a byte of the file.
    if (elementType !== "unknown") {
      this.#numbers += shape.reduce((product, size) => product * size, 1);
    }
    if (this.#numbers > this.#byteCount) {
      this.#fail(
        `tensors up to ${quoteName(name)} must fit the file, got shape [${shape.join(", ")}]`,
      );
    }
    return { name, elementType, shape };
  }

  /** Reads dims, which are stored one by one or packed into one field. */
  #dimensions(field: ProtoField, shape: number[]): void {
    const sizes = field.wire === "bytes" ? this.#packed(field) : [protoNumber(field, this.#what)];
    for (const size of sizes) {
      if (size < 0) this.#fail(`sizes must not be negative, got ${size}`);
      if (shape.push(size) > MAX_DIMENSIONS) this.#fail("a tensor has too many dimensions");
    }
  }

  #packed(field: ProtoField): number[] {
    const sizes: number[] = [];
    const varint = { number: field.number, wire: "varint" } as const;
    let start = 0;
    for (let at = 0; at < field.bytes.length && sizes.length <= MAX_DIMENSIONS; at++) {
      if (field.bytes[at] >= 0x80) continue;
      const bytes = field.bytes.subarray(start, at + 1);
      if (bytes.length > 10) this.#fail("a packed number has no end");
      sizes.push(protoNumber({ ...varint, bytes }, this.#what));
      start = at + 1;
    }
    return sizes;
  }

  /** Reads a ValueInfoProto. */
  #value(bytes: Uint8Array): OnnxValue {
    let name = "";
    let elementType = "unknown";
    const shape: (number | string | null)[] = [];
    for (const field of this.#fields(bytes)) {
      if (field.number === 1) name = this.#text(field);
      if (field.number !== 2) continue;
      for (const type of this.#fields(this.#message(field))) {
        if (type.number !== 1) continue; // not a tensor
        for (const part of this.#fields(this.#message(type))) {
          if (part.number === 1) elementType = this.#elementType(part);
          if (part.number === 2) this.#shape(this.#message(part), shape);
        }
      }
    }
    return { name, elementType, shape };
  }

  /** Reads a TensorShapeProto. */
  #shape(bytes: Uint8Array, shape: (number | string | null)[]): void {
    for (const field of this.#fields(bytes)) {
      if (field.number !== 1) continue;
      let size: number | string | null = null;
      for (const part of this.#fields(this.#message(field))) {
        if (part.number === 1) size = protoNumber(part, this.#what);
        if (part.number === 2) size = this.#text(part);
      }
      if (shape.push(size) > MAX_DIMENSIONS) this.#fail("a value has too many dimensions");
    }
  }

  /** Reads an OperatorSetIdProto. */
  #opset(bytes: Uint8Array): void {
    let domain = "";
    let version = 0;
    for (const field of this.#fields(bytes)) {
      if (field.number === 1) domain = this.#text(field);
      if (field.number === 2) version = protoNumber(field, this.#what);
    }
    this.#opsets.set(domain, version);
    if (this.#opsets.size > MAX_ITEMS) this.#fail("it has too many operator sets");
  }

  /** Reads a StringStringEntryProto. */
  #metadataEntry(bytes: Uint8Array): void {
    let key = "";
    let value = "";
    for (const field of this.#fields(bytes)) {
      if (field.number === 1) key = this.#text(field);
      if (field.number === 2) value = protoText(field, this.#what, MAX_METADATA_BYTES);
    }
    if (key in this.#metadata) this.#fail(`metadata ${quoteName(key)} must be given once`);
    this.#metadata[key] = value;
    if (++this.#metadataCount > MAX_ITEMS) this.#fail("it has too much metadata");
  }

  #elementType(field: ProtoField): string {
    return ELEMENT_TYPES.get(protoNumber(field, this.#what)) ?? "unknown";
  }

  #push<T>(list: T[], item: T): void {
    if (list.push(item) > MAX_ITEMS) {
      this.#fail(`it must have at most ${MAX_ITEMS} nodes or values`);
    }
  }

  #fields(bytes: Uint8Array): Generator<ProtoField> {
    return protoFields(bytes, this.#what);
  }

  #message(field: ProtoField): Uint8Array {
    return protoMessage(field, this.#what);
  }

  #text(field: ProtoField): string {
    return protoText(field, this.#what);
  }

  #fail(rule: string): never {
    throw new FileError(`Cannot read ${this.#what}: ${rule}`);
  }
}
