import assert from "node:assert/strict";
import { joinBytes } from "../../../lib/system/bytes.ts";
import { FileError } from "../../../lib/system/errors.ts";
import {
  protoBytesField,
  protoFields,
  protoIntField,
  type ProtoPieces,
} from "../../../lib/formats/protobuf.ts";
import { assertTrustedOps, readOnnx } from "../../../lib/onnx/reader.ts";

// Source: Python onnx 1.23.2, helper.make_model of the graph asserted below, as base64.
const GOLDEN =
  "CAoSC29ubnguaGVscGVyOrsBCisKC29ic2VydmF0aW9uCgF3CgFiEgF5IgRHZW1tKg0KBnRyYW5zQhgBoAECChEKAXkSBmFjdGlvbiIEVGFuaBIGcG9saWN5KiMIAggDEAFCAXdKGAAAAAAAAIA/AAAAQAAAQEAAAIBAAACgQCoRCAIQAUIBYkoIAAAAAAAAAABaHgoLb2JzZXJ2YXRpb24SDwoNCAESCQoDEgFOCgIIA2IZCgZhY3Rpb24SDwoNCAESCQoDEgFOCgIIAkIECgAQFXIQCgNlbnYSCUhvcHBlci12NXIQCgZyZXR1cm4SBjE1MDAuNQ==";

const x = { name: "x" };

function golden(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(GOLDEN), (c) => c.charCodeAt(0));
}

/** A model of one node whose fields are given, after an IR version. */
function modelOf(node: readonly ProtoPieces[], extra: readonly ProtoPieces[] = []): Uint8Array {
  return joinBytes([
    ...protoIntField(1, 10),
    ...protoBytesField(7, protoBytesField(1, node.flat())),
    ...extra.flat(),
  ]);
}

const tanh = protoBytesField(4, "Tanh");
const attribute = (content: ProtoPieces | Uint8Array) => protoBytesField(5, content);

function refuses(run: () => unknown, message: RegExp): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof FileError, String(error));
    assert.match(error.message, message);
    return true;
  });
}

Deno.test("readOnnx() reads a model made by Python's onnx", () => {
  const summary = readOnnx(golden(), { name: "golden" });
  assert.equal(summary.irVersion, 10);
  assert.equal(summary.producer, "onnx.helper");
  assert.deepEqual([...summary.opsets], [["", 21]]);
  assert.deepEqual({ ...summary.metadata }, { env: "Hopper-v5", return: "1500.5" });
  assert.equal(Object.getPrototypeOf(summary.metadata), null);
  assert.deepEqual(summary.inputs, [{
    name: "observation",
    elementType: "float32",
    shape: ["N", 3],
  }]);
  assert.deepEqual(summary.outputs, [{ name: "action", elementType: "float32", shape: ["N", 2] }]);
  assert.deepEqual(summary.nodes.map(({ attributes, ...node }) => ({ ...node, ...attributes })), [
    { opType: "Gemm", domain: "", inputs: ["observation", "w", "b"], outputs: ["y"], transB: 1 },
    { opType: "Tanh", domain: "", inputs: ["y"], outputs: ["action"] },
  ]);
  assert.deepEqual(summary.initializers, [
    { name: "w", elementType: "float32", shape: [2, 3] },
    { name: "b", elementType: "float32", shape: [2] },
  ]);
  assert.deepEqual([...summary.features], []);
});

Deno.test("readOnnx() refuses every cut that is not between two fields, and never anything unclear", () => {
  const bytes = golden();
  const starts = new Set([0]);
  for (const field of protoFields(bytes, "model")) {
    starts.add(field.bytes.byteOffset - bytes.byteOffset + field.bytes.length);
  }
  let accepted = 0;
  for (let cut = 0; cut <= bytes.length; cut++) {
    try {
      readOnnx(bytes.subarray(0, cut), x);
      assert.ok(starts.has(cut), `cut at ${cut}`);
      accepted++;
    } catch (error) {
      assert.ok(error instanceof FileError, String(error));
      assert.match(error.message, /^Cannot read ONNX model "x": /);
    }
  }
  assert.equal(accepted, 4); // after the graph, the operator set, and each of two metadata entries
});

Deno.test("readOnnx() sees all of a graph that is given in several pieces", () => {
  const second = protoBytesField(7, protoBytesField(1, protoBytesField(4, "Loop")));
  const summary = readOnnx(modelOf([tanh], [second]), x);
  assert.deepEqual(summary.nodes.map(({ opType }) => opType), ["Tanh", "Loop"]);
});

Deno.test("readOnnx() refuses what is no model", () => {
  refuses(
    () => readOnnx(new Uint8Array(0), x),
    /^Cannot read ONNX model "x": it must have an IR version$/,
  );
  refuses(() => readOnnx(joinBytes(protoIntField(1, 10)), x), /: it must have a graph$/);
  refuses(() => readOnnx(new TextEncoder().encode("a letter"), x), /^Cannot read ONNX model "x": /);
  const entry = protoBytesField(14, protoBytesField(1, "env"));
  refuses(
    () => readOnnx(modelOf([tanh], [entry, entry]), x),
    /: metadata "env" must be given once$/,
  );
  const tensor = (dims: ProtoPieces | Uint8Array) =>
    modelOf([tanh, attribute(protoBytesField(5, dims))]);
  refuses(
    () => readOnnx(tensor(protoBytesField(1, new Uint8Array(65))), x),
    /too many dimensions$/,
  );
  refuses(
    () => readOnnx(tensor(protoBytesField(1, new Uint8Array(20).fill(0x80, 0, 19))), x),
    /: a packed number has no end$/,
  );
  const minusOne = Uint8Array.of(8, ...Array(9).fill(0xff), 1);
  refuses(() => readOnnx(tensor(minusOne), x), /: sizes must not be negative, got -1$/);
  const large = [protoIntField(1, 1e6), protoIntField(1, 1e6), protoIntField(2, 1)].flat();
  refuses(
    () => readOnnx(tensor(large), x),
    /tensors up to "" must fit the file, got shape \[1000000, 1000000\]$/,
  );
  // Each of them fits, but not all.
  const fits = (name: string) =>
    protoBytesField(5, [
      ...protoIntField(1, 20),
      ...protoIntField(2, 1),
      ...protoBytesField(8, name),
    ]);
  refuses(
    () =>
      readOnnx(
        modelOf([tanh], [protoBytesField(7, [...fits("a"), ...fits("b"), ...fits("c")])]),
        x,
      ),
    /tensors up to "c" must fit the file, got shape \[20\]$/,
  );
  const many = Array(20_001).fill(protoBytesField(1, new Uint8Array(0))).flat();
  const crowd = joinBytes([...protoIntField(1, 10), ...protoBytesField(7, many)]);
  refuses(() => readOnnx(crowd, x), /: it must have at most 20000 nodes or values$/);
});

Deno.test("readOnnx() is not led into recursion by graphs inside graphs", () => {
  let graph = protoBytesField(2, "inner");
  for (let depth = 0; depth < 2000; depth++) {
    graph = protoBytesField(1, attribute(protoBytesField(6, graph)));
  }
  const summary = readOnnx(joinBytes([...protoIntField(1, 10), ...protoBytesField(7, graph)]), x);
  assert.equal(summary.nodes.length, 1);
  assert.deepEqual([...summary.features], ["a graph inside a node"]);
});

Deno.test("assertTrustedOps() accepts the allowed operators and names the first other one", () => {
  const allowed = new Set(["Gemm", "Tanh", "com.example.Relu"]);
  assertTrustedOps(readOnnx(golden(), x), allowed);
  assertTrustedOps(
    readOnnx(modelOf([protoBytesField(4, "Relu"), protoBytesField(7, "com.example")]), x),
    allowed,
  );
  assertTrustedOps(readOnnx(modelOf([tanh, protoBytesField(7, "ai.onnx")]), x), allowed);
  refuses(
    () => assertTrustedOps(readOnnx(golden(), x), new Set(["Gemm"])),
    /^Cannot trust ONNX model "x": operators must be those that this program writes, got "Tanh": say --trust to run it anyway$/,
  );
  const foreign = modelOf([tanh, protoBytesField(7, "com.example")]);
  refuses(() => assertTrustedOps(readOnnx(foreign, x), allowed), /got "com.example.Tanh": say/);
  refuses(() => assertTrustedOps(readOnnx(modelOf([]), x), allowed), /got "": say/);
  const twice = modelOf([tanh, protoBytesField(4, "Loop")]); // the last one counts
  refuses(() => assertTrustedOps(readOnnx(twice, x), allowed), /got "Loop": say/);
});

Deno.test("assertTrustedOps() refuses every feature that could hide something", () => {
  const empty = new Uint8Array(0);
  const location = protoBytesField(13, protoBytesField(1, "location"));
  const cases: [Uint8Array, RegExp][] = [
    [modelOf([tanh, attribute(protoBytesField(6, empty))]), /got a graph inside a node: say/],
    [modelOf([tanh, attribute(protoBytesField(11, empty))]), /got a graph inside a node: say/],
    [modelOf([tanh, attribute(protoBytesField(22, empty))]), /got a sparse tensor: say/],
    [modelOf([tanh, attribute(protoBytesField(5, location))]), /got external data: say/],
    [
      modelOf([tanh, attribute(protoBytesField(10, protoIntField(14, 1)))]),
      /got external data: say/,
    ],
    [modelOf([tanh], [protoBytesField(25, empty)]), /got a function: say/],
    [modelOf([tanh], [protoBytesField(20, empty)]), /got training information: say/],
    [modelOf([tanh], [protoBytesField(7, protoBytesField(5, location))]), /got external data: say/],
    [modelOf([tanh], [protoBytesField(7, protoBytesField(15, empty))]), /got a sparse tensor: say/],
  ];
  for (const [bytes, message] of cases) {
    refuses(() => assertTrustedOps(readOnnx(bytes, x), new Set(["Tanh"])), message);
  }
});
