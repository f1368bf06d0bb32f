/** A generator as one JavaScript module without dependencies, for pages, Node, Deno and the like. */

import type { Activation } from "../../kernels/policy_kernel.ts";
import type { TrainedGenerator } from "../generator_file.ts";
import { exportMetadata, inverseDeviation, policyLayout, traceParameters } from "./graphs.ts";
import { type Dialect, type LoopConstant, prepareLoops, writeLoops } from "./loops.ts";

/** How JavaScript writes the loops. @internal */
export const JS_DIALECT: Dialect = {
  counter: "let",
  sum: "let",
  index: "const",
  whole: "",
  functions: {
    sqrt: "Math.sqrt",
    exp: "Math.exp",
    sin: "Math.sin",
    cos: "Math.cos",
    tanh: "Math.tanh",
  },
  literal: (value) => String(Number(Math.fround(value).toPrecision(9))),
  array: (name, size) => `const ${name} = new Float32Array(${size});`,
};

const ACTIVATION_TEXTS: { readonly [A in Activation]: string } = {
  tanh: "Math.tanh(sum)",
  relu: "sum < 0 ? 0 : sum",
};

/** Writes the module. @throws {UsageError} as `traceParameters`. */
export function renderJsGenerator(generator: TrainedGenerator): string {
  const { spec, shape, normaliser, config } = generator;
  const { constants, lines } = writeLoops(prepareLoops(traceParameters(generator, 1)), JS_DIALECT);
  const metadata = exportMetadata(generator);
  const { actionSpace: space } = spec;
  const isSkipping = shape.skip === "linear";
  return [
    "// udrlpg generator in JavaScript: wanted return -> policy -> action. No dependencies.",
    "//",
    '//   import { act, generate } from "./generator.js";',
    "//   const parameters = generate(wantedReturn);",
    "//   const action = act(parameters, observation); // at every step",
    "",
    "/** Where it comes from. */",
    `export const metadata = ${quote(metadata)};`,
    "/** The returns between which requests are answered. */",
    `export const reachable = ${metadata.reachable};`,
    "/** How a policy's parameters lie: matrices row by row, [out, in]. */",
    `export const layout = ${quote(policyLayout(shape))};`,
    "",
    "function floats(base64) {",
    "  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));",
    "  return new Float32Array(bytes.buffer);",
    "}",
    "",
    `const sizes = ${JSON.stringify(shape.sizes)};`,
    constantLine({ name: "mean", data: Float32Array.from(normaliser.mean) }),
    constantLine({ name: "inverseDeviation", data: inverseDeviation(normaliser) }),
    ...constants.map(constantLine),
    "",
    `/** Makes the policy for a wanted return: float32 [${shape.parameterCount}]. */`,
    "export function generate(wanted) {",
    "  const wantedReturn = Float32Array.of(wanted);",
    `  const parameters = new Float32Array(${shape.parameterCount});`,
    ...lines.map((line) => `  ${line}`),
    "  return parameters;",
    "}",
    "",
    space.kind === "box"
      ? `/** Acts on an observation as the environment gives it, [${
        shape.sizes[0]
      }]: an action within its bounds, [${shape.sizes.at(-1)}]. */`
      : `/** Acts on an observation as the environment gives it, [${
        shape.sizes[0]
      }]: the index of an action. */`,
    "export function act(parameters, observation) {",
    "  let x = Float32Array.from(observation);",
    "  for (let i = 0; i < x.length; i++) x[i] = (x[i] - mean[i]) * inverseDeviation[i];",
    ...(isSkipping ? ["  const seen = x;"] : []),
    "  let weights = 0;",
    "  for (let layer = 1; layer < sizes.length; layer++) {",
    ...(isSkipping
      ? ["    if (layer === sizes.length - 1) x = Float32Array.of(...x, ...seen);"]
      : []),
    "    const [inputs, outputs] = [x.length, sizes[layer]];",
    "    const y = new Float32Array(outputs);",
    "    for (let row = 0; row < outputs; row++) {",
    "      let sum = parameters[weights + inputs * outputs + row];",
    "      for (let column = 0; column < inputs; column++) {",
    "        sum += parameters[weights + row * inputs + column] * x[column];",
    "      }",
    `      y[row] = layer < sizes.length - 1 ? ${
      ACTIVATION_TEXTS[config.policy.activation]
    } : sum;`,
    "    }",
    "    weights += (inputs + 1) * outputs;",
    "    x = y;",
    "  }",
    ...(space.kind === "box"
      ? [
        `  const low = ${list(space.low)};`,
        `  const high = ${list(space.high)};`,
        "  return x.map((value, i) => {",
        "    const scaled = Math.tanh(value) * (high[i] - low[i]) / 2 + (low[i] + high[i]) / 2;",
        "    return Math.max(low[i], Math.min(high[i], scaled));",
        "  });",
      ]
      : ["  return x.indexOf(x.reduce((most, value) => value > most ? value : most));"]),
    "}",
    "",
  ].join("\n");
}

function constantLine({ name, data }: LoopConstant): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return `const ${name} = floats("${bytes.toBase64()}");`;
}

/** As JSON that may stand in a script element, too. */
function quote(value: unknown): string {
  return JSON.stringify(value, null, 2).replaceAll("<", "\\u003c").replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");
}

function list(values: ArrayLike<number>): string {
  return JSON.stringify(Array.from(values, Math.fround));
}
