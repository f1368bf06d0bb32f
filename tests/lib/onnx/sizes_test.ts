import assert from "node:assert/strict";
import type { OnnxNode } from "../../../lib/onnx/reader.ts";
import {
  assertBoundedSizes,
  elementwise,
  matrixProduct,
  withoutAxis,
} from "../../../lib/onnx/sizes.ts";

const RULES = { Add: elementwise, Mul: elementwise, Gemm: matrixProduct, ArgMax: withoutAxis };

function node(opType: string, inputs: readonly string[], attributes = {}): OnnxNode {
  return { opType, domain: "", inputs, outputs: [`${opType}(${inputs})`], attributes };
}

function check(nodes: readonly OnnxNode[], constants: Record<string, readonly number[]>): void {
  const initializers = Object.entries(constants).map(([name, shape]) => ({
    name,
    shape,
    elementType: "float32",
  }));
  const inputs = { observation: [1, 4] };
  assertBoundedSizes({ name: "x", nodes, initializers }, { inputs, rules: RULES });
}

Deno.test("the shape rules give the shapes that NumPy does", () => {
  assert.deepEqual(elementwise([[3, 1], [4]]), [3, 4]);
  assert.deepEqual(elementwise([[], [2]]), [2]);
  assert.deepEqual(matrixProduct([[3, 4], [5, 4]], { transB: 1 }), [3, 5]);
  assert.deepEqual(matrixProduct([[4, 3], [4, 5]], { transA: 1 }), [3, 5]);
  assert.equal(matrixProduct([[4], [4, 5]], {}), undefined);
  assert.deepEqual(withoutAxis([[3, 4]], { axis: -1, keepdims: 0 }), [3]);
  assert.deepEqual(withoutAxis([[3, 4]], { axis: 0 }), [1, 4]);
  assert.equal(withoutAxis([], {}), undefined);
});

Deno.test("assertBoundedSizes() accepts a policy and refuses what small vectors multiply to", () => {
  const layer = node("Gemm", ["observation", "w", "b"], { transB: 1 });
  check([layer, node("ArgMax", [layer.outputs[0]], { axis: 1 })], { w: [8, 4], b: [8] });
  const message = (rule: string) => new RegExp(`^FileError: Cannot use ONNX model "x": ${rule}`);
  const tall = { a: [20_000, 1], b: [1, 20_000] };
  for (const opType of ["Add", "Gemm"]) {
    assert.throws(
      () => check([node(opType, ["a", "b"])], tall),
      message(`at most 1048576 numbers must be the result of node 0 \\(${opType}\\)$`),
    );
  }
  // Each result is small: their sum is not, nor is the work of a product.
  const many = Array.from({ length: 6 }, (_, i) => ({ ...node("Add", ["c"]), outputs: [`${i}`] }));
  assert.throws(() => check(many, { c: [1000, 1000] }), message("less must be computed up to"));
  assert.throws(
    () => check([node("Gemm", ["d", "e"])], { d: [900, 900], e: [900, 900] }),
    message("less must be computed up to the result of node 0 \\(Gemm\\)$"),
  );
  assert.throws(() => check([node("Add", ["nowhere"])], {}), message("inputs must be known"));
  assert.throws(() => check([node("Gemm", ["c", "c"])], { c: [3] }), message("inputs must fit it"));
  const long = Array.from({ length: 1001 }, () => node("Add", ["observation"]));
  assert.throws(() => check(long, {}), message("it must have at most 1000 nodes, got 1001$"));
  assert.throws(() => check([node("Loop", ["c"])], { c: [3] }), message("inputs must fit it"));
});
