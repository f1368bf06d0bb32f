/** ONNX Runtime against the interpreter, op by op, at two batch sizes. */

import assert from "node:assert/strict";
import { gradients } from "../../../lib/autodiff/backward.ts";
import { trace } from "../../../lib/autodiff/graph.ts";
import { interpret, type OutputArray } from "../../../lib/autodiff/interpret.ts";
import type { Graph, OpName, TensorType } from "../../../lib/autodiff/node.ts";
import { OPS } from "../../../lib/autodiff/ops.ts";
import * as t from "../../../lib/autodiff/tensor.ts";
import { exportOnnx } from "../../../lib/onnx/export.ts";
import { createSession, type TensorValue } from "../../../lib/onnx/session.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import type { Shape } from "../../../lib/autodiff/shape.ts";
import { CASE_BINDINGS, drawInput, nameInputs, OP_CASES } from "../autodiff/op_cases.ts";

/** A few units in the last place of float32, for sums and for other implementations of exp. */
const TOLERANCE = 2e-6;

type CaseInput = Shape | TensorType;

/** Puts all cases of an op, and the gradients of what they compute, into one graph. */
function traceCases(op: OpName): { graph: Graph; inputs: Record<string, CaseInput> } {
  const inputs: Record<string, CaseInput> = { sizes: ["B", "K"] };
  OP_CASES[op].forEach((each, i) => {
    for (const [name, input] of Object.entries(nameInputs(each.inputs))) {
      inputs[`${name}${i}`] = input;
    }
  });
  const graph = trace(inputs, (tensors) => {
    const outputs: Record<string, t.Operand> = {};
    OP_CASES[op].forEach((each, i) => {
      const names = Object.keys(nameInputs(each.inputs)).map((name) => `${name}${i}`);
      const y = each.compute(...names.map((name) => tensors[name]));
      outputs[`y${i}`] = y;
      if (y.dtype !== "float32") return;
      const floats = names.filter((name) => tensors[name].dtype === "float32");
      const slopes = gradients(t.sum(t.square(y)), floats.map((name) => tensors[name]));
      floats.forEach((name, k) => outputs[`d${name}`] = slopes[k]);
    });
    return outputs as Record<string, ReturnType<typeof t.neg>>;
  });
  return { graph, inputs };
}

function toTensor({ data, shape }: { data: Float64Array; shape: number[] }, input: CaseInput) {
  const dtype = "dtype" in input ? input.dtype : "float32";
  if (dtype === "int32") return { data: Int32Array.from(data), shape };
  if (dtype === "int64") return { data: BigInt64Array.from(Array.from(data, BigInt)), shape };
  return { data: Float32Array.from(data), shape };
}

function assertClose(actual: Record<string, TensorValue>, expected: Record<string, OutputArray>) {
  for (const [name, { data, shape }] of Object.entries(expected)) {
    assert.deepEqual(actual[name].shape, shape, name);
    assert.equal(actual[name].data.constructor, data.constructor);
    data.forEach((value, i) => {
      const error = Math.abs(Number(value) - Number(actual[name].data[i]));
      const scale = Math.max(1, Math.abs(Number(value)));
      assert.ok(error <= TOLERANCE * scale, `${name}[${i}] is off by ${error}`);
    });
  }
}

for (const op of Object.keys(OPS) as OpName[]) {
  Deno.test(`exportOnnx() computes ${op} and its gradient as the interpreter does`, async () => {
    const { graph, inputs } = traceCases(op);
    const session = await createSession(exportOnnx(graph, { name: op }), { threads: 1 });
    for (const bindings of CASE_BINDINGS) {
      const rng = Rng.fromSeed(7);
      const feeds: Record<string, TensorValue> = {};
      for (const [name, input] of Object.entries(inputs)) {
        const range = OP_CASES[op][Number(name.slice(1))]?.range;
        feeds[name] = toTensor(drawInput({ input, range, bindings }, rng), input);
      }
      const expected = interpret(graph, feeds);
      const actual = await session.run(feeds);
      assertClose(actual, expected);
    }
    await session.release();
  });
}

Deno.test("the parity checker rejects another shape and a number that is off by 1e-5", () => {
  const expected = { y: { data: Float32Array.of(1, 2), shape: [2] } };
  assertClose({ y: { data: Float32Array.of(1.000001, 2), shape: [2] } }, expected);
  assert.throws(() =>
    assertClose({ y: { data: Float32Array.of(1.00001, 2), shape: [2] } }, expected)
  );
  assert.throws(() => assertClose({ y: { data: Float32Array.of(1, 2), shape: [1, 2] } }, expected));
  assert.throws(() => assertClose({ y: { data: Int32Array.of(1, 2), shape: [2] } }, expected));
});
