/**
 * A generator as one C header without dependencies: C99, the mathematics of the standard library, no
 * allocation. `NAME_generate` turns a wanted return into a policy's parameters, `NAME_act` acts with them.
 * Defining NAME_INT8 makes the same code read weights of 8 bits.
 */

import { UsageError } from "../../system/errors.ts";
import { formatNumber } from "../../numbers/format.ts";
import {
  actText,
  arrayLines,
  declareAct,
  forwardText,
  identifierOf,
  literal,
  plain,
} from "../c_text.ts";
import type { TrainedGenerator } from "../generator_file.ts";
import { exportMetadata, inverseDeviation, policyLayout, traceParameters } from "./graphs.ts";
import type { Int8Error } from "./int8_error.ts";
import { type Dialect, type LoopConstant, prepareLoops, writeLoops } from "./loops.ts";
import { quantise } from "./quantise.ts";

/** A compiler takes minutes for more. */
const MAX_NUMBERS = 2 ** 21;
const INTEGERS_PER_LINE = 16;

function dialectOf(name: string): Dialect {
  return {
    counter: "int",
    sum: "double",
    index: "const int",
    whole: "(int)",
    functions: { sqrt: "sqrtf", exp: "expf", sin: "sinf", cos: "cosf", tanh: "tanhf" },
    literal,
    array: (array, size) => `float ${array}[${size}];`,
    scale: (matrix, row) => `${name.toUpperCase()}_SCALE(${matrix}, ${row})`,
  };
}

/**
 * Writes the header.
 * @param fileName names everything in it
 * @param int8 what 8 bits do to returns; it stands in the header
 * @throws {UsageError} as `traceParameters`, or when the generator is too large for one.
 */
export function renderCGenerator(
  generator: TrainedGenerator,
  { fileName, int8 }: { readonly fileName: string; readonly int8: Int8Error },
): string {
  const { spec, shape, normaliser, config } = generator;
  const name = identifierOf(fileName);
  const macro = name.toUpperCase();
  const graph = prepareLoops(traceParameters(generator, 1));
  const { constants, lines } = writeLoops(graph, dialectOf(name), `${name}_`);
  const count = constants.reduce((sum, { data }) => sum + data.length, 0);
  if (count > MAX_NUMBERS) {
    throw new UsageError(
      `Cannot export generator: a C header must hold at most ${MAX_NUMBERS} numbers, got ${count}: ` +
        "use .onnx or .js",
    );
  }
  const { actionSpace: space } = spec;
  const network = {
    sizes: shape.sizes,
    activation: config.policy.activation,
    skip: shape.skip,
    ...(space.kind === "box" ? { bounds: space } : {}),
  };
  const size = shape.sizes[0];
  const layout = policyLayout(shape).map((entry) => `${entry.name} at ${entry.offset}`).join(", ");
  return [
    "/* udrlpg generator in C",
    " *",
    ...Object.entries(exportMetadata(generator)).map(([key, value]) =>
      ` * ${plain(key)}: ${plain(value)}`
    ),
    ` * int8Error: ${formatNumber(int8.error, 3)} (${describeInt8(int8)})`,
    " *",
    ` * Use:  void ${name}_generate(float wanted_return, float parameters[${shape.parameterCount}]);`,
    ` *       ${declareAct(name, network, "argument")};`,
    ` * Parameters: ${layout}; matrices row by row, [out][in].`,
    ` * Define ${macro}_INT8 before the include for weights of 8 bits.`,
    " */",
    `#ifndef ${macro}_H`,
    `#define ${macro}_H`,
    "",
    "#include <math.h>",
    "",
    `#define ${macro}_PARAMETERS ${shape.parameterCount}`,
    `#define ${macro}_OBSERVATION_SIZE ${size}`,
    `#define ${macro}_ACTION_SIZE ${network.bounds ? shape.sizes.at(-1) : 1}`,
    "",
    ...arrayLines(`float ${name}_mean[${size}]`, normaliser.mean),
    ...arrayLines(`float ${name}_inverse_deviation[${size}]`, inverseDeviation(normaliser)),
    ...constants.filter(({ columns }) => columns === undefined).flatMap(floatLines),
    `#ifdef ${macro}_INT8`,
    `#define ${macro}_SCALE(matrix, row) matrix##_scale[row]`,
    ...constants.flatMap(int8Lines),
    "#else",
    `#define ${macro}_SCALE(matrix, row) 1.0f`,
    ...constants.filter(({ columns }) => columns !== undefined).flatMap(floatLines),
    "#endif",
    "",
    "/* Makes the policy for a wanted return. */",
    `static inline void ${name}_generate(float wanted_return, float parameters[${shape.parameterCount}]) {`,
    "  const float wantedReturn[1] = {wanted_return};",
    ...lines.map((line) => `  ${line}`),
    "}",
    "",
    forwardText(name, network),
    actText(name, network, "argument"),
    `#endif /* ${macro}_H */`,
    "",
  ].join("\n");
}

/** "the greatest difference of a mean return over 20 episodes, of 9 returns". */
export function describeInt8({ returns, episodes }: Int8Error): string {
  return `the greatest difference between mean returns over ${episodes} episodes, at ${returns} returns`;
}

function floatLines({ name, data }: LoopConstant): string[] {
  return arrayLines(`float ${name}[${data.length}]`, data);
}

function int8Lines({ name, data, columns }: LoopConstant): string[] {
  if (columns === undefined) return [];
  const { values, scales } = quantise(data, columns);
  const rows: string[] = [];
  for (let at = 0; at < values.length; at += INTEGERS_PER_LINE) {
    rows.push(`  ${values.subarray(at, at + INTEGERS_PER_LINE).join(", ")},`);
  }
  return [
    ...arrayLines(`float ${name}_scale[${scales.length}]`, scales),
    `static const signed char ${name}[${values.length}] = {`,
    ...rows,
    "};",
    "",
  ];
}
