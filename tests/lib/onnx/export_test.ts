/** ONNX files, read back with onnx.proto's own schema. */

import assert from "node:assert/strict";
import proto from "onnx-proto";
import { trace } from "../../../lib/autodiff/graph.ts";
import type { Graph } from "../../../lib/autodiff/node.ts";
import * as t from "../../../lib/autodiff/tensor.ts";
import { exportOnnx } from "../../../lib/onnx/export.ts";
import { encodeModel } from "../../../lib/onnx/writer.ts";
import { createSession } from "../../../lib/onnx/session.ts";

const { ModelProto, AttributeProto, TensorProto } = proto.onnx;

function decode(bytes: Uint8Array) {
  // verify() rejects fields of the wrong type; toObject() turns 64-bit integers into numbers.
  const message = ModelProto.decode(bytes);
  assert.equal(ModelProto.verify(message), null);
  return ModelProto.toObject(message, { longs: Number, defaults: true });
}

function traceExample(): Graph {
  const inputs = { x: ["B", 3], unused: ["K*2"], row: { shape: ["B"], dtype: "int32" } } as const;
  return trace(inputs, ({ x, row }) => ({
    y: t.linear(x, t.constant([1, 2, 3, 4, 5, 6], [2, 3]), t.constant([0.1, 0.2])),
    best: t.argMax(t.leakyRelu(x, 0.25), 1),
    picked: t.gather(x, row),
  }));
}

Deno.test("exportOnnx() writes what onnx.proto describes", () => {
  const bytes = exportOnnx(traceExample(), {
    name: "example",
    metadata: { env: "Hopper-v5", "requested return": "3000 ± 5" },
    docString: "A policy",
  });
  const model = decode(bytes);
  assert.equal(model.irVersion, 8);
  assert.equal(model.producerName, "udrlpg");
  assert.equal(model.docString, "A policy");
  assert.deepEqual(model.opsetImport, [{ domain: "", version: 18 }]);
  assert.deepEqual(model.metadataProps, [
    { key: "env", value: "Hopper-v5" },
    { key: "requested return", value: "3000 ± 5" },
  ]);
  const { graph } = model;
  assert.equal(graph.name, "example");
  const values = (list: typeof graph.input) =>
    list.map(({ name, type: { tensorType: { elemType, shape } } }: typeof list[0]) => [
      name,
      elemType,
      shape.dim.map((dim: { dimParam?: string; dimValue?: number }) =>
        dim.dimParam ? dim.dimParam : dim.dimValue
      ),
    ]);
  assert.deepEqual(values(graph.input), [
    ["x", TensorProto.DataType.FLOAT, ["B", 3]],
    ["unused", TensorProto.DataType.FLOAT, ["K*2"]],
    ["row", TensorProto.DataType.INT32, ["B"]],
  ]);
  assert.deepEqual(values(graph.output), [
    ["y", TensorProto.DataType.FLOAT, ["B", 2]],
    ["best", TensorProto.DataType.INT64, ["B"]],
    ["picked", TensorProto.DataType.FLOAT, ["B", 3]],
  ]);
  assert.deepEqual(graph.node.map(({ opType }: { opType: string }) => opType), [
    "Gemm",
    "LeakyRelu",
    "ArgMax",
    "Gather",
  ]);
  const [gemm, leaky] = graph.node;
  assert.deepEqual(gemm.output, ["y"]);
  const types = AttributeProto.AttributeType;
  assert.deepEqual(
    gemm.attribute.map(({ name, type, i }: typeof gemm.attribute[0]) => [name, type, i]),
    [["transA", types.INT, 0], ["transB", types.INT, 1]],
  );
  assert.equal(leaky.attribute[0].type, types.FLOAT);
  assert.equal(leaky.attribute[0].f, 0.25);
  const [weight, bias] = graph.initializer;
  assert.deepEqual([weight.dims, weight.dataType], [[2, 3], TensorProto.DataType.FLOAT]);
  assert.deepEqual([...new Float32Array(weight.rawData.slice().buffer)], [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(bias.dims, [2]);
});

Deno.test("encodeModel() writes every kind of attribute and negative integers", () => {
  const model = decode(encodeModel({
    irVersion: 8,
    opset: 18,
    producer: "",
    graphName: "g",
    docString: "",
    metadata: {},
    nodes: [{
      opType: "T",
      name: "n",
      inputs: ["a"],
      outputs: ["b"],
      attributes: { axis: -1, axes: [-2, 300, 0], mode: "edge", alpha: { float: 0.5 } },
    }],
    initializers: [],
    inputs: [],
    outputs: [],
  }));
  const [axis, axes, mode, alpha] = model.graph.node[0].attribute;
  assert.equal(axis.i, -1);
  assert.deepEqual(axes.ints, [-2, 300, 0]);
  assert.equal(new TextDecoder().decode(mode.s), "edge");
  assert.equal(alpha.f, 0.5);
  const types = AttributeProto.AttributeType;
  assert.deepEqual(
    [axis, axes, mode, alpha].map(({ type }) => type),
    [types.INT, types.INTS, types.STRING, types.FLOAT],
  );
});

Deno.test("exportOnnx() gives results their names without copies", () => {
  const graph = trace({ x: [2] }, ({ x }) => {
    const y = t.exp(x);
    return { y, same: y, z: t.neg(y), x2: x, half: t.constant([0.5]) };
  });
  const { node } = decode(exportOnnx(graph, { name: "g" })).graph;
  assert.deepEqual(
    node.map(({ opType, input, output }: typeof node[0]) => [opType, ...input, ...output]),
    [
      ["Exp", "x", "y"],
      ["Neg", "y", "z"],
      ["Identity", "y", "same"],
      ["Identity", "x", "x2"],
      ["Identity", "float32#0", "half"],
    ],
  );
});

Deno.test("exportOnnx() writes a large constant once and as it is", async () => {
  const weights = Float32Array.from({ length: 200_000 }, (_, i) => i);
  const graph = trace({ x: [1] }, ({ x }) => {
    const w = t.constant(weights.subarray(50_000, 150_000), [100_000]);
    const y = t.mul(x, w);
    return { y: t.sum(t.mul(y, w)), z: t.slice(y, { axis: 0, start: 0, end: 2 }) };
  });
  const bytes = exportOnnx(graph, { name: "g" });
  assert.ok(bytes.length > 400_000 && bytes.length < 402_000, `${bytes.length} bytes`);
  const session = await createSession(bytes, { threads: 1 });
  const { z } = await session.run({ x: { data: Float32Array.of(1), shape: [1] } });
  assert.deepEqual([...z.data], [50_000, 50_001]);
});

Deno.test("exportOnnx() rejects broken graphs and names that could clash with its own", () => {
  const free = trace({ x: [] }, ({ x }) => ({ y: t.broadcastTo(x, ["B"]) }));
  assert.throws(() => exportOnnx(free, { name: "g" }), /^TypeError: Cannot accept graph/);
  for (
    const graph of [
      trace({ "Exp#0": [] }, (inputs) => ({ y: t.exp(inputs["Exp#0"]) })),
      trace({ x: [] }, ({ x }) => ({ "Exp#0": t.exp(x) })),
    ]
  ) {
    assert.throws(() => exportOnnx(graph, { name: "g" }), {
      name: "TypeError",
      message: 'Cannot export graph: names must be free of "#", got "Exp#0"',
    });
  }
});
