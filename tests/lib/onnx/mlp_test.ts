/** Perceptrons out of ONNX files, against ONNX Runtime. */

import assert from "node:assert/strict";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { type Mlp, readOnnxMlp } from "../../../lib/onnx/mlp.ts";
import { encodeModel, type OnnxNode, type OnnxTensor } from "../../../lib/onnx/writer.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { assertAllClose } from "../../support/close.ts";

type Step = readonly [
  opType: string,
  ...constants: readonly (readonly [shape: number[], ...values: number[]])[],
];

/** Encodes a chain of operators from "in" to "out", each with its constants behind the value. */
function encodeChain(steps: readonly Step[], sizes: readonly [inputs: number, outputs: number]) {
  const initializers: OnnxTensor[] = [];
  const nodes = steps.map(([opType, ...constants], i): OnnxNode => ({
    opType,
    name: `n${i}`,
    inputs: [
      i === 0 ? "in" : `v${i - 1}`,
      ...constants.map(([shape, ...values]) => {
        const name = `c${initializers.length}`;
        const bytes = new Uint8Array(Float32Array.from(values).buffer);
        initializers.push({ name, type: "float32", shape, bytes });
        return name;
      }),
    ],
    outputs: [i === steps.length - 1 ? "out" : `v${i}`],
    attributes: opType === "Gemm" ? { transB: 1 } : {},
  }));
  return encodeModel({
    irVersion: 8,
    opset: 18,
    producer: "somebody",
    graphName: "policy",
    docString: "",
    metadata: {},
    nodes,
    initializers,
    inputs: [{ name: "in", type: "float32", shape: ["N", sizes[0]] }],
    outputs: [{ name: "out", type: "float32", shape: ["N", sizes[1]] }],
  });
}

function run({ layers, activation, squash }: Mlp, observation: readonly number[]): number[] {
  let x = [...observation];
  layers.forEach(({ weights, biases }, i) => {
    const sums = Array.from(
      biases,
      (bias, row) =>
        x.reduce((sum, value, column) => sum + value * weights[row * x.length + column], bias),
    );
    x = i === layers.length - 1
      ? sums
      : sums.map((sum) => activation === "tanh" ? Math.tanh(sum) : Math.max(0, sum));
  });
  return squash ? x.map((y, i) => Math.tanh(y) * squash.scale[i] + squash.shift[i]) : x;
}

const W1: Step[1] = [[3, 2], 1, 2, -0.5, 0.3, 0.7, -1];
const B1: Step[1] = [[3], 0.1, -0.2, 0.3];
const W2: Step[1] = [[1, 3], 0.5, -1, 2];
const B2: Step[1] = [[1], 0.25];

const CHAINS: Readonly<Record<string, readonly Step[]>> = {
  "Gemm and tanh": [["Gemm", W1, B1], ["Tanh"], ["Gemm", W2, B2]],
  "MatMul and Add, ReLU, tanh and its scaling": [
    ["MatMul", [[2, 3], 1, -0.5, 0.7, 2, 0.3, -1]],
    ["Add", B1],
    ["Relu"],
    ["Gemm", W2, B2],
    ["Tanh"],
    ["Mul", [[1], 2]],
    ["Add", [[], 0.5]],
  ],
  "a normaliser before, steps between": [
    ["Sub", [[2], 0.5, -1]],
    ["Div", [[1, 2], 2, 4]],
    ["Gemm", W1, B1],
    ["Mul", [[3], 2, 1, 0.5]],
    ["Tanh"],
    ["Add", [[3], 0.1, 0.2, 0.3]],
    ["Gemm", W2, B2],
    ["Sub", [[1], 3]],
  ],
  "a linear policy that is clipped": [["Gemm", [[1, 2], 0.1, -0.2], B2], ["Identity"]],
};

for (const [title, steps] of Object.entries(CHAINS)) {
  Deno.test(`readOnnxMlp() reads what ONNX Runtime computes: ${title}`, async () => {
    const bytes = encodeChain(steps, [2, 1]);
    const mlp = readOnnxMlp(bytes, { name: "p.onnx", width: 1 });
    const session = await InferenceSession.create(bytes);
    const rng = Rng.fromSeed(3);
    for (let i = 0; i < 20; i++) {
      const observation = [rng.standardNormal(), rng.standardNormal()];
      const input = new Tensor("float32", Float32Array.from(observation), [1, 2]);
      const { out } = await session.run({ in: input });
      assertAllClose(run(mlp, observation), out.data as Float32Array, { tolerance: 2e-6 });
    }
    await session.release();
  });
}

Deno.test("readOnnxMlp() refuses what is no perceptron, and says why", () => {
  const refused: [steps: readonly Step[], rule: RegExp][] = [
    [
      [["Gemm", W1, B1], ["Sin"], ["Gemm", W2, B2]],
      /operators must be those of a perceptron, got "Sin"/,
    ],
    [[["Gemm", W1, B1], ["Gemm", W2, B2]], /an activation must stand between two products/],
    [[["Tanh"], ["Gemm", [[1, 2], 1, 1], B2]], /a product must come first/],
    [
      [["Gemm", W1, B1], ["Tanh"], ["Gemm", [[3, 3], 1, 0, 0, 0, 1, 0, 0, 0, 1], B1], ["Relu"], [
        "Gemm",
        W2,
        B2,
      ]],
      /hidden layers must have one activation/,
    ],
    [[["Gemm", W1, B1], ["Tanh"], ["Gemm", [[1, 2], 1, 1], B2]], /widths must agree/],
  ];
  for (const [steps, rule] of refused) {
    assert.throws(() => readOnnxMlp(encodeChain(steps, [2, 1]), { name: "p.onnx", width: 1 }), {
      name: "FileError",
      message: rule,
    });
  }
});

Deno.test("readOnnxMlp() refuses branches that meet, and leaves alone what is no action", () => {
  const gemm = (output: string, c: string, width: number): [OnnxNode, OnnxTensor] => [
    {
      opType: "Gemm",
      name: output,
      inputs: ["in", c],
      outputs: [output],
      attributes: { transB: 1 },
    },
    {
      name: c,
      type: "float32",
      shape: [width, 1],
      bytes: new Uint8Array(new Float32Array(width).fill(2).buffer),
    },
  ];
  const [[value, one], [scores, two]] = [gemm("state", "a", 1), gemm("48", "b", 2)];
  const encode = (nodes: readonly OnnxNode[], names: readonly string[]) =>
    encodeModel({
      irVersion: 8,
      opset: 18,
      producer: "somebody",
      graphName: "policy",
      docString: "",
      metadata: {},
      nodes,
      initializers: [one, two],
      inputs: [{ name: "in", type: "float32", shape: ["N", 1] }],
      outputs: names.map((name) => ({ name, type: "float32", shape: ["N", 2] })),
    });
  const both = encode([value, scores], ["state", "48"]);
  assert.deepEqual([...readOnnxMlp(both, { name: "p", width: 2 }).layers[0].weights], [2, 2]);
  assert.equal(readOnnxMlp(both, { name: "p", width: 1 }).layers[0].weights.length, 1);
  const sum: OnnxNode = {
    opType: "Add",
    name: "sum",
    inputs: ["state", "48"],
    outputs: ["out"],
    attributes: {},
  };
  assert.throws(
    () => readOnnxMlp(encode([value, scores, sum], ["out"]), { name: "p", width: 2 }),
    /operators must be those of a perceptron, got "Add" of two values/,
  );
});
