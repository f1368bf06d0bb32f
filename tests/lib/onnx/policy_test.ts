/** ONNX policies that are none: each refused with one line and exit code 3. */

import assert from "node:assert/strict";
import type { EnvSpec } from "../../../lib/env.ts";
import { createOnnxPolicy } from "../../../lib/onnx/policy.ts";
import { onnxHead, readOnnx } from "../../../lib/onnx/reader.ts";
import { encodeModel, type OnnxModel, type OnnxTensor } from "../../../lib/onnx/writer.ts";
import { FileError } from "../../../lib/system/errors.ts";
import { registry } from "../../../envs/registry.ts";

const CART_POLE = registry.spec("CartPole-v1");
const PENDULUM = registry.spec("Pendulum-v1");

function constant(name: string, shape: number[], values: number[]): OnnxTensor {
  const { buffer } = Float32Array.from(values);
  return { name, type: "float32", shape, bytes: new Uint8Array(buffer) };
}

/** One node from the observation (and constants) to the action. */
function model(
  [opType, ...others]: readonly string[],
  changes: Partial<OnnxModel> & { readonly width: number; readonly type?: "float32" | "int64" },
): Uint8Array {
  const { width, type = "float32", ...rest } = changes;
  return encodeModel({
    irVersion: 10,
    opset: 21,
    producer: "",
    graphName: "g",
    docString: "",
    metadata: {},
    nodes: [{
      opType,
      name: opType,
      inputs: ["observation", ...others],
      outputs: ["action"],
      attributes: opType === "ArgMax" ? { axis: 1, keepdims: 0 } : {},
    }],
    initializers: [],
    inputs: [{ name: "observation", type: "float32", shape: ["N", width] }],
    outputs: [{ name: "action", type, shape: ["N", "A"] }],
    ...rest,
  });
}

async function act(bytes: Uint8Array, spec: EnvSpec, trust = false): Promise<number[]> {
  const summary = readOnnx(bytes, { name: "x" });
  const policy = await createOnnxPolicy(bytes, { summary, spec, name: "x", trust });
  const observation = new Float64Array(spec.observationSpace.low.length).fill(0.5);
  const action = new Float64Array(1);
  await policy.act(observation, action);
  return [...action];
}

async function refuses(bytes: Uint8Array, spec: EnvSpec, message: RegExp): Promise<void> {
  await assert.rejects(act(bytes, spec), (error: Error) => {
    assert.ok(error instanceof FileError, `${error.stack}`);
    assert.match(error.message, message);
    assert.ok(!error.message.includes("\n") && error.message.length < 500);
    return true;
  });
}

Deno.test("createOnnxPolicy() refuses inputs that nobody feeds", async () => {
  const observation = { name: "observation", type: "float32", shape: ["N", 4] } as const;
  const other = { name: "other", type: "float32", shape: [3] } as const;
  const bytes = model(["ArgMax"], { width: 4, type: "int64", inputs: [observation, other] });
  await refuses(bytes, CART_POLE, /it must have one input, got "observation" and "other"$/);
  // An input that is also a constant has a value.
  const given = { initializers: [constant("other", [3], [1, 2, 3])] };
  const known = model(["ArgMax"], {
    width: 4,
    type: "int64",
    inputs: [observation, other],
    ...given,
  });
  assert.deepEqual(await act(known, CART_POLE), [0]);
});

Deno.test("createOnnxPolicy() refuses actions that are none of the environment's", async () => {
  const four = model(["ArgMax"], {
    width: 4,
    nodes: [
      { opType: "Add", name: "a", inputs: ["observation", "b"], outputs: ["c"], attributes: {} },
      {
        opType: "ArgMax",
        name: "d",
        inputs: ["c"],
        outputs: ["action"],
        attributes: { axis: 1, keepdims: 0 },
      },
    ],
    initializers: [constant("b", [4], [0, 0, 0, 9])],
    outputs: [{ name: "action", type: "int64", shape: ["N"] }],
  });
  await refuses(four, CART_POLE, /actions must be ones of it, got 3$/);
  const weights = (value: number) => ({ initializers: [constant("w", [3, 1], [value, 1, 1])] });
  const nan = model(["Gemm", "w"], { width: 3, ...weights(NaN) });
  await refuses(nan, PENDULUM, /actions must be ones of it, got NaN$/);
  const wide = model(["Add", "w"], { width: 3, initializers: [constant("w", [1], [1])] });
  await refuses(wide, PENDULUM, /actions must have 1 numbers, got 3$/);
  assert.deepEqual(await act(model(["Gemm", "w"], { width: 3, ...weights(1) }), PENDULUM), [1.5]);
});

Deno.test("createOnnxPolicy() refuses what ONNX Runtime refuses, when it loads and when it runs", async () => {
  const narrow = model(["Add", "w"], { width: 3, initializers: [constant("w", [1, 2], [1, 1])] });
  await refuses(narrow, PENDULUM, /^Cannot use policy "x" in ".*": ONNX Runtime refuses it: /);
  const free = model(["Add", "w"], {
    width: 3,
    inputs: [{ name: "observation", type: "float32", shape: ["N", "M"] }],
    initializers: [constant("w", [1, 2], [1, 1])],
  });
  await refuses(free, PENDULUM, /^Cannot use policy "x" in ".*": ONNX Runtime refuses it: /);
});

Deno.test("onnxHead() refuses what no model begins with", () => {
  onnxHead("x")(model(["Tanh"], { width: 1 }));
  for (const first of [0, 0x0b, 0x0d, 0x50, 0x7b, 0xff]) {
    assert.throws(() => onnxHead("x")(Uint8Array.of(first)), {
      name: "FileError",
      message: 'Cannot read ONNX model "x": it must begin as one does',
    });
  }
});
