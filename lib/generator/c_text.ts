/** The C text that headers of policies and of generators share: names, numbers, the forward of a policy. */

import { type Activation, fanIns, type Skip } from "../kernels/policy_kernel.ts";

const LITERALS_PER_LINE = 6;

/** The network of a policy in C. */
export interface CNetwork {
  /** Widths from the observation to the action, [S, H1, ..., A]. */
  readonly sizes: readonly number[];
  /** What follows each hidden layer. */
  readonly activation: Activation;
  /** What the last layer sees besides the last hidden layer. */
  readonly skip: Skip;
  /** Bounds of a continuous action, [A] each; absent for a discrete one. */
  readonly bounds?: { readonly low: ArrayLike<number>; readonly high: ArrayLike<number> };
}

/**
 * Makes a C identifier of a file's name without its ending.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { identifierOf } from "./c_text.ts";
 * assert.equal(identifierOf("runs/a/policy-150.h"), "policy_150");
 * ```
 */
export function identifierOf(fileName: string): string {
  const words = baseName(fileName).replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9]+/g, "_");
  const name = words.replace(/^_+|_+$/g, "").slice(0, 40);
  return /^[A-Za-z]/.test(name) ? name : `policy${name === "" ? "" : "_"}${name}`;
}

/** Gives the last part of a path. */
export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

/** Makes text of anybody's fit for a comment: one line that cannot end the comment. */
export function plain(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").replaceAll("*/", "* /")
    .replaceAll("/*", "/ *");
}

/** Writes a number as a float constant; nine digits tell any two floats apart. */
export function literal(value: number): string {
  const digits = String(Number(Math.fround(value).toPrecision(9)));
  return /[.e]/.test(digits) ? `${digits}f` : `${digits}.0f`;
}

/** Declares an array of floats. */
export function arrayLines(declaration: string, values: ArrayLike<number>): string[] {
  const literals = Array.from(values, literal);
  const rows: string[] = [];
  for (let at = 0; at < literals.length; at += LITERALS_PER_LINE) {
    rows.push(`  ${literals.slice(at, at + LITERALS_PER_LINE).join(", ")},`);
  }
  return [`static const ${declaration} = {`, ...rows, "};", ""];
}

/** What a hidden layer makes of `sum`. */
const ACTIVATION_TEXTS: { readonly [A in Activation]: string } = {
  tanh: "tanhf(sum)",
  relu: "(sum < 0.0f ? 0.0f : sum)", // a NaN stays one
};

/**
 * Writes `NAME_forward(parameters, observation, output)`, in the order of operations of the program's own
 * policies; it reads NAME_mean and NAME_inverse_deviation.
 */
export function forwardText(name: string, { sizes, activation, skip }: CNetwork): string {
  const inputs = fanIns(sizes, skip);
  const width = Math.max(...inputs, ...sizes);
  const isSkipping = inputs[inputs.length - 1] > sizes[sizes.length - 2];
  return `/* The network's outputs: ${activation} layers over the normalised observation, the last one linear${
    isSkipping ? " and of the observation, too" : ""
  }. */
static inline void ${name}_forward(const float *parameters, const float *observation, float *output) {
  static const int sizes[${sizes.length}] = {${sizes.join(", ")}};
  float first[${width}], second[${width}];
  float *x = first, *y = second, *swap;
  const float *weights = parameters;
  int layer, row, column;
  for (column = 0; column < sizes[0]; column++) {
    x[column] = (observation[column] - ${name}_mean[column]) * ${name}_inverse_deviation[column];
  }
  for (layer = 1; layer < ${sizes.length}; layer++) {
    const int inputs = ${
    isSkipping ? skippingInputs(sizes) : "sizes[layer - 1]"
  }, outputs = sizes[layer];
    const float *biases = weights + inputs * outputs;
    for (row = 0; row < outputs; row++) {
      float sum = biases[row];
      for (column = 0; column < inputs; column++) sum += weights[row * inputs + column] * x[column];
      y[row] = layer < ${sizes.length - 1} ? ${ACTIVATION_TEXTS[activation]} : sum;
    }
    weights = biases + outputs;
    swap = x;
    x = y;
    y = swap;
${isSkipping ? skipText(name, sizes) : ""}  }
  for (row = 0; row < sizes[${sizes.length - 1}]; row++) output[row] = x[row];
}
`;
}

function skippingInputs(sizes: readonly number[]): string {
  return `sizes[layer - 1] + (layer == ${sizes.length - 1} ? sizes[0] : 0)`;
}

/** What the last layer sees besides: the observation again, behind the hidden units. */
function skipText(name: string, sizes: readonly number[]): string {
  const hidden = sizes[sizes.length - 2];
  return `    if (layer == ${sizes.length - 2}) {
      for (column = 0; column < sizes[0]; column++) {
        x[${hidden} + column] = (observation[column] - ${name}_mean[column]) * ${name}_inverse_deviation[column];
      }
    }
`;
}

/** How `NAME_act` gets the policy's parameters: as its first argument, or from NAME_parameters. */
export type CParameters = "argument" | "constant";

/** Declares `NAME_act`. */
export function declareAct(name: string, { sizes, bounds }: CNetwork, from: CParameters): string {
  const parameters = from === "argument" ? "const float *parameters, " : "";
  return bounds
    ? `void ${name}_act(${parameters}const float observation[${sizes[0]}], float action[${
      sizes.at(-1)
    }])`
    : `int ${name}_act(${parameters}const float observation[${sizes[0]}])`;
}

/** Writes `NAME_act`, which calls `NAME_forward`. */
export function actText(name: string, network: CNetwork, from: CParameters): string {
  const { sizes, bounds } = network;
  const count = sizes.at(-1)!;
  const parameters = from === "argument" ? "parameters" : `${name}_parameters`;
  const declaration = `static inline ${declareAct(name, network, from)}`;
  if (bounds === undefined) {
    return `/* Chooses the action: the index of the largest output. */
${declaration} {
  float output[${count}];
  int best = 0, i;
  ${name}_forward(${parameters}, observation, output);
  for (i = 1; i < ${count}; i++) {
    if (output[i] > output[best]) best = i;
  }
  return best;
}
`;
  }
  const { low, high } = bounds;
  const list = (value: (low: number, high: number) => number) =>
    Array.from(low, (bound, i) => literal(value(bound, high[i]))).join(", ");
  return `/* Chooses the action within the environment's bounds. */
${declaration} {
  static const float centre[${count}] = {${list((low, high) => (low + high) / 2)}};
  static const float half_range[${count}] = {${list((low, high) => (high - low) / 2)}};
  static const float low[${count}] = {${list((low) => low)}};
  static const float high[${count}] = {${list((_, high) => high)}};
  int i;
  ${name}_forward(${parameters}, observation, action);
  for (i = 0; i < ${count}; i++) {
    const float value = tanhf(action[i]) * half_range[i] + centre[i];
    action[i] = value < low[i] ? low[i] : value > high[i] ? high[i] : value; /* a NaN stays one */
  }
}
`;
}
