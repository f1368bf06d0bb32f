/**
 * Reading policy files of any format (lib/generator/policy_file.ts). What a file may ask for is bounded before
 * anything of that size is made, and its checksum is compared before anybody acts by it.
 */

import { actionSize, type EnvSpec, observationSize } from "../env.ts";
import { FileError } from "../system/errors.ts";
import { quoteName } from "../system/words.ts";
import { readFileLimited, type ReadOptions } from "../system/files.ts";
import { assertSealed, assertSealedOnnx, CHECKSUM_KEY } from "../formats/checksum.ts";
import { isJsonObject, type JsonValue, parseJsonLimited } from "../formats/json.ts";
import { decodeSafetensors, requireTensor, safetensorsHead } from "../formats/safetensors.ts";
import { ACTIVATIONS, SKIPS } from "../kernels/policy_kernel.ts";
import type { ModelTable, Policy, PolicyNetwork } from "../model.ts";
import { createOnnxPolicy } from "../onnx/policy.ts";
import { type Mlp, readOnnxMlp } from "../onnx/mlp.ts";
import { onnxHead, readOnnx } from "../onnx/reader.ts";
import { countPolicyParameters, MAX_POLICY_PARAMETERS } from "./policy_size.ts";
import type { PolicyParameters } from "../policy_space.ts";
import {
  formatOf,
  POLICY_MARK,
  type PolicyFormat,
  type PolicyNumbers,
  tensorsOf,
  VALUES,
} from "./policy_file.ts";

/** The largest policy as float32 numbers, and room for the rest of its file. */
const MAX_BYTES = 4 * MAX_POLICY_PARAMETERS + 2 ** 22;

/** A policy file that was read: its metadata and a way to act. */
export interface LoadedPolicy {
  /** What kind of file it was. */
  readonly format: PolicyFormat;
  /** Key and value pairs as the file gives them. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Environment id from the metadata, undefined in a file of another program. */
  readonly environment: string | undefined;
  /**
   * Makes the policy ready to act in an environment; `onNote` is told what is assumed of a file of another
   * program. @throws {FileError} when it does not fit.
   */
  open(spec: EnvSpec, onNote?: (text: string) => void): Promise<Policy>;
}

/**
 * Reads a policy file of any format.
 * @throws {FileError} when it is missing, damaged or no policy.
 */
export function readPolicy(
  path: string,
  { models, trust = false }: { models: ModelTable; trust?: boolean },
): LoadedPolicy {
  const format = formatOf(path);
  const checkHead = HEADS[format](path);
  const bytes = readFileLimited(path, { maxBytes: MAX_BYTES, kind: "policy", checkHead });
  if (format === "onnx") {
    const summary = readOnnx(bytes, { name: path });
    const metadata = { ...summary.metadata };
    // Another program's model has none, and one that another program changed has a wrong one.
    const isSealed = metadata.format === POLICY_MARK || CHECKSUM_KEY in metadata;
    if (isSealed && !trust) assertSealedOnnx(bytes, { metadata, name: path });
    return {
      format,
      metadata,
      environment: metadata.environment,
      open: (spec, onNote = () => {}) =>
        createOnnxPolicy(bytes, { summary, spec, name: path, trust, onNote }),
    };
  }
  const { metadata, numbers } = format === "json"
    ? readJson(bytes, path)
    : readSafetensors(bytes, path);
  assertSealed({ tensors: tensorsOf(numbers), metadata }, { name: path, kind: "policy" });
  return {
    format,
    metadata,
    environment: metadata.environment,
    open: (spec) => Promise.resolve(openNumbers(numbers, { spec, models, path })),
  };
}

/**
 * Reads the numbers of a policy file: of ours in safetensors or JSON, or of a perceptron without a skip
 * connection in ONNX by any library, whose observations are raw. Its continuous actions are tanh of the last
 * layer between the environment's bounds; one without that tanh is made to agree with it where actions are
 * small.
 * @throws {FileError} when it is missing, damaged, or no perceptron that fits the environment.
 */
export function readPolicyNumbers(path: string, spec: EnvSpec): PolicyNumbers {
  const format = formatOf(path);
  const checkHead = HEADS[format](path);
  const bytes = readFileLimited(path, { maxBytes: MAX_BYTES, kind: "policy", checkHead });
  if (format === "onnx") {
    if (readOnnx(bytes, { name: path }).metadata.skip === "linear") {
      fail(path, "numbers of a policy with a skip connection must come as safetensors or JSON");
    }
    const mlp = readOnnxMlp(bytes, { name: path, width: actionSize(spec) });
    return numbersOfMlp(mlp, { spec, path });
  }
  const { metadata, numbers } = format === "json"
    ? readJson(bytes, path)
    : readSafetensors(bytes, path);
  assertSealed({ tensors: tensorsOf(numbers), metadata }, { name: path, kind: "policy" });
  if (numbers.parameters.length === parameterCountOf(numbers, { spec, path })) return numbers;
  return fail(path, `it must fit ${JSON.stringify(spec.id)}`);
}

function numbersOfMlp(
  { layers, activation, squash }: Mlp,
  { spec, path }: { spec: EnvSpec; path: string },
): PolicyNumbers {
  const [size, width] = [observationSize(spec), actionSize(spec)];
  const widths = layers.map(({ biases }) => biases.length);
  const [inputs, outputs] = [layers[0].weights.length / widths[0], widths[widths.length - 1]];
  if (inputs !== size || outputs !== width) {
    fail(path, `it must turn ${size} numbers into ${width}, got ${inputs} into ${outputs}`);
  }
  const last = layers[layers.length - 1];
  const space = spec.actionSpace;
  if (space.kind === "box") {
    for (let row = 0; row < width; row++) {
      const centre = (space.low[row] + space.high[row]) / 2;
      const half = (space.high[row] - space.low[row]) / 2;
      if (squash !== undefined) {
        const { scale: { [row]: scale }, shift: { [row]: shift } } = squash;
        // As it is: whoever acts by it scales -1..1 to the bounds (lib/onnx/foreign_policy.ts).
        const isPlain = scale === 1 && shift === 0;
        const isSame = Math.abs(scale - half) <= 1e-4 * half &&
          Math.abs(shift - centre) <= 1e-4 * half;
        if (!isSame && !isPlain) fail(path, "its tanh must reach the bounds of the actions");
        continue;
      }
      const columns = last.weights.length / width;
      for (let i = row * columns; i < (row + 1) * columns; i++) last.weights[i] /= half;
      last.biases[row] = (last.biases[row] - centre) / half;
    }
  }
  const parameters = Float32Array.from(
    layers.flatMap(({ weights, biases }) => [...weights, ...biases]),
  ) as PolicyParameters;
  const normaliser = { mean: new Float64Array(size), deviation: new Float64Array(size).fill(1) };
  return checkNumbers(
    { hiddenSizes: widths.slice(0, -1), activation, skip: "none", parameters, normaliser },
    path,
  );
}

/** What the first bytes of a file of each format must be. */
const HEADS: {
  readonly [F in PolicyFormat]: (path: string) => NonNullable<ReadOptions["checkHead"]>;
} = {
  onnx: onnxHead,
  safetensors: safetensorsHead,
  json: (path) => ([first = 0]) => {
    if (!/[\s{]/.test(String.fromCharCode(first))) fail(path, "it must begin as JSON does");
  },
};

function openNumbers(
  numbers: PolicyNumbers,
  { spec, models, path }: { spec: EnvSpec; models: ModelTable; path: string },
): Policy {
  const size = observationSize(spec);
  const count = parameterCountOf(numbers, { spec, path });
  if (numbers.parameters.length !== count || numbers.normaliser.mean.length !== size) {
    throw new FileError(
      `Cannot use policy "${path}" in "${spec.id}": it must have ${count} parameters ` +
        `for ${size} inputs, got ${numbers.parameters.length} for ${numbers.normaliser.mean.length}`,
    );
  }
  const shape = models.policyShape(spec, numbers);
  const policy = models.createPolicy(spec, shape);
  policy.load(numbers.parameters);
  policy.normalise(numbers.normaliser);
  return policy;
}

/** Counts what the widths in a file ask for, before anything of that size is made. */
function parameterCountOf(
  { hiddenSizes, skip }: PolicyNumbers,
  { spec, path }: { spec: EnvSpec; path: string },
): number {
  try {
    return countPolicyParameters(spec, hiddenSizes, skip);
  } catch (error) {
    if (error instanceof RangeError) throw new FileError(`${error.message}, in policy "${path}"`);
    throw error;
  }
}

interface ReadNumbers {
  readonly metadata: Record<string, string>;
  readonly numbers: PolicyNumbers;
}

function readSafetensors(bytes: Uint8Array, path: string): ReadNumbers {
  const file = decodeSafetensors(bytes, { name: path });
  const parameters = requireTensor(file, "parameters", { dtype: "F32", name: path }).data;
  const vector = (key: string) =>
    requireTensor(file, `normaliser.${key}`, { dtype: "F64", name: path }).data;
  const metadata = { ...file.metadata };
  return {
    metadata,
    numbers: checkNumbers(
      {
        ...readNetwork(metadata, path),
        parameters: parameters as PolicyParameters,
        normaliser: { mean: vector("mean"), deviation: vector("deviation") },
      },
      path,
    ),
  };
}

function readJson(bytes: Uint8Array, path: string): ReadNumbers {
  const json = parseJsonLimited(bytes, { name: path, kind: "policy" });
  const object = (value: JsonValue | undefined, key: string) =>
    isJsonObject(value) ? value : fail(path, `${key} must be an object`);
  const numbersOf = (value: JsonValue | undefined, key: string): number[] =>
    Array.isArray(value) && value.every((item) => typeof item === "number")
      ? value as number[]
      : fail(path, `${key} must be a list of numbers`);
  const root = object(json, "the file");
  const normaliser = object(root.normaliser, "normaliser");
  const metadata = Object.fromEntries(
    Object.entries(object(root.metadata, "metadata")).map(([key, value]) => [
      key,
      typeof value === "string"
        ? value
        : VALUES.includes(key)
        ? JSON.stringify(value)
        : fail(path, `metadata ${quoteName(key)} must be text`),
    ]),
  );
  return {
    metadata,
    numbers: checkNumbers(
      {
        ...readNetwork(metadata, path),
        parameters: Float32Array.from(
          numbersOf(root.parameters, "parameters"),
        ) as PolicyParameters,
        normaliser: {
          mean: Float64Array.from(numbersOf(normaliser.mean, "normaliser.mean")),
          deviation: Float64Array.from(numbersOf(normaliser.deviation, "normaliser.deviation")),
        },
      },
      path,
    ),
  };
}

function readNetwork(metadata: Record<string, string>, path: string): PolicyNetwork {
  if (metadata.format !== POLICY_MARK) fail(path, `format must be "${POLICY_MARK}"`);
  const value = parseJsonLimited(metadata.hiddenSizes ?? "null", { name: `${path}, hiddenSizes` });
  const valid = Array.isArray(value) &&
    value.every((size) =>
      typeof size === "number" && Number.isSafeInteger(size) && size > 0 && size <= 65536
    );
  if (!valid) fail(path, "hiddenSizes must be a list of widths");
  const activation = ACTIVATIONS.find((name) => name === metadata.activation) ??
    fail(path, `activation must be one of ${ACTIVATIONS.join(", ")}`);
  const skip = SKIPS.find((name) => name === metadata.skip) ??
    fail(path, `skip must be one of ${SKIPS.join(", ")}`);
  return { hiddenSizes: value as number[], activation, skip };
}

function checkNumbers(numbers: PolicyNumbers, path: string): PolicyNumbers {
  const { parameters, normaliser: { mean, deviation } } = numbers;
  if (mean.length !== deviation.length) {
    fail(path, "normaliser mean and deviation must be equally long");
  }
  if (![parameters, mean, deviation].every((values) => values.every(Number.isFinite))) {
    fail(path, "every number must be finite");
  }
  if (!deviation.every((value) => value > 0)) fail(path, "deviations must be positive");
  return numbers;
}

function fail(path: string, rule: string): never {
  throw new FileError(`Cannot read policy "${path}": ${rule}`);
}
