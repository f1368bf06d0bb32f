/**
 * generator.safetensors: all that is needed to generate policies, in one file.
 *
 * Tensors: `weights.NAME` (float32) for every weight of the generator; `normaliser.mean` and
 * `normaliser.deviation` (float64, [S]); `calibration.command`, `.mean`, `.std` and `.n` (float64), one
 * number for each measured command; `seen.returns` (float64), one for each training episode.
 * Metadata: `format`, `formatVersion`, `program`, `environment`, the `environmentCommand` that plays it
 * where one does, the resolved `config`, the chosen
 * `best` command and its return, and `provenance`, the last three as JSON; `sha256`, the checksum of
 * all the rest (lib/formats/checksum.ts).
 */

import type { Calibration, CalibrationPoint } from "./calibration.ts";
import { type Config, flattenConfig, resolveConfig } from "../config/config.ts";
import type { EnvSpec } from "../env.ts";
import { joinFloats } from "../system/bytes.ts";
import { DivergedError, FileError } from "../system/errors.ts";
import { hashHex, readFileLimited, writeFileAtomic } from "../system/files.ts";
import { assertSealed, sealMetadata } from "../formats/checksum.ts";
import { isJsonObject, type JsonObject, parseJsonLimited } from "../formats/json.ts";
import {
  decodeSafetensors,
  readSafetensorsHeader,
  requireTensor,
  safetensorsChunks,
  type SafetensorsFile,
  type Tensor,
} from "../formats/safetensors.ts";
import { GenerationPass, nameWeights, type WeightValues } from "../learner/generation_pass.ts";
import type { GeneratorModel, ModelTable, NormaliserState, PolicyShape } from "../model.ts";
import type { SessionOptions } from "../onnx/session.ts";
import { assertLayers, countPolicyParameters, MAX_GENERATOR_WEIGHTS } from "./policy_size.ts";
import { VERSION } from "../system/version.ts";

const FORMAT = "udrlpg-generator";
const FORMAT_VERSION = "2";
/** The largest generator and the returns of millions of episodes. */
const MAX_BYTES = 4 * MAX_GENERATOR_WEIGHTS + 2 ** 25;

/** What a generator file says. */
export interface GeneratorContent {
  /** The configuration that it was trained with. */
  readonly config: Config;
  /** The command that plays its environment, where one does. */
  readonly command?: string | undefined;
  /** Weights in the order of the model's specs, flat, [W]. */
  readonly weights: Float32Array;
  /** The normaliser of its policies' observations. */
  readonly normaliser: NormaliserState;
  /** Which command earns which return. */
  readonly calibration: Calibration;
  /** The return of every training episode, survival bonus included: what the buffer ever held. */
  readonly seenReturns: Float64Array;
  /** Where it came from: steps, episodes, updates and whatever else the run knows. */
  readonly provenance: Readonly<Record<string, number | string>>;
}

/** A generator that is ready to use. */
export interface TrainedGenerator extends GeneratorContent {
  /** The environment that it was trained in. */
  readonly spec: EnvSpec;
  /** What its policies look like. */
  readonly shape: PolicyShape;
  /** The network that the weights belong to. */
  readonly model: GeneratorModel;
  /** Generates policies from commands. */
  readonly pass: GenerationPass;
  /** The weights as `pass` takes them. */
  readonly values: WeightValues;
  /** SHA-256 of the file. */
  readonly hash: string;
}

/**
 * Writes a generator file; an old one stays until the new one is whole.
 * @throws {FileError} when it cannot be written.
 * @throws {DivergedError} when it holds a number that no reader would take.
 */
export function saveGenerator(
  path: string,
  { content, model }: { content: GeneratorContent; model: GeneratorModel },
): void {
  const bad = findBadNumber(content);
  if (bad !== undefined) throw new DivergedError(`Cannot write generator "${path}": ${bad}`);
  const tensors = new Map<string, Tensor>();
  const named = nameWeights(model.weights, { flat: content.weights, prefix: "weights" });
  for (const [name, { data, shape }] of Object.entries(named)) {
    tensors.set(name, { dtype: "F32", shape, data: data as Float32Array });
  }
  const vectors = new Map<string, ArrayLike<number>>([
    ["normaliser.mean", content.normaliser.mean],
    ["normaliser.deviation", content.normaliser.deviation],
  ]);
  for (const key of CALIBRATION_KEYS) {
    vectors.set(`calibration.${key}`, content.calibration.points.map((point) => point[key]));
  }
  for (const [name, values] of vectors) {
    tensors.set(name, { dtype: "F64", shape: [values.length], data: Float64Array.from(values) });
  }
  const { seenReturns } = content;
  tensors.set("seen.returns", { dtype: "F64", shape: [seenReturns.length], data: seenReturns });
  const { bestCommand, bestReturn } = content.calibration;
  const metadata = {
    format: FORMAT,
    formatVersion: FORMAT_VERSION,
    program: `udrlpg ${VERSION}`,
    environment: content.config.env,
    ...(content.command === undefined ? {} : { environmentCommand: content.command }),
    config: JSON.stringify(content.config),
    best: JSON.stringify({ command: bestCommand, return: bestReturn }),
    provenance: JSON.stringify(content.provenance),
  };
  const chunks = safetensorsChunks(tensors, sealMetadata({ tensors, metadata }));
  writeFileAtomic(path, chunks, { kind: "generator" });
}

/** Says which number a generator must not hold, so that the writer refuses what the reader would. */
function findBadNumber(
  { weights, normaliser, calibration, seenReturns }: Omit<
    GeneratorContent,
    "config" | "provenance"
  >,
): string | undefined {
  const { points, bestCommand, bestReturn } = calibration;
  const numbers: Readonly<Record<string, ArrayLike<number>>> = {
    weights,
    "normaliser.mean": normaliser.mean,
    "normaliser.deviation": normaliser.deviation,
    ...Object.fromEntries(
      CALIBRATION_KEYS.map((key) => [`calibration.${key}`, points.map((point) => point[key])]),
    ),
    "seen.returns": seenReturns,
    best: [bestCommand, bestReturn],
  };
  for (const [name, values] of Object.entries(numbers)) {
    for (let i = 0; i < values.length; i++) {
      if (Number.isFinite(values[i])) continue;
      return `every number must be finite, got ${values[i]} in ${name}[${i}]`;
    }
  }
  const flat = normaliser.deviation.find((value) => value <= 0);
  return flat === undefined ? undefined : `deviations must be positive, got ${flat}`;
}

const CALIBRATION_KEYS = [
  "command",
  "mean",
  "std",
  "n",
] as const satisfies readonly (keyof CalibrationPoint)[];

/**
 * Reads which environment a generator file says it is for, and what plays it, before that is made; whoever
 * loads the file checks the rest.
 * @throws {FileError} when the file is missing, or no file of tensors.
 */
export function readGeneratorEnvironment(path: string): { id?: string; command?: string } {
  const { environment, environmentCommand } = readSafetensorsHeader(path, "generator").metadata;
  return {
    ...(environment === undefined ? {} : { id: environment }),
    ...(environmentCommand === undefined ? {} : { command: environmentCommand }),
  };
}

/** What a file says of the environment that it was made in. */
export interface MadeIn {
  /** The command that plays it, where one does. */
  readonly command: string | undefined;
  /** What it was (lib/episodes/identity.ts); "" for one of this program. */
  readonly identity: string;
}

/** What it takes to make a read generator usable. */
export interface LoadOptions {
  /** Finds the environment that the generator was trained in. */
  readonly specOf: (id: string, made: MadeIn) => EnvSpec;
  /** Makes the networks. */
  readonly models: ModelTable;
  /** Device and threads of the generation. */
  readonly session: SessionOptions;
}

/**
 * Reads a generator file.
 * @throws {FileError} when it is missing, damaged, of another version, or does not fit its own
 * description.
 */
export function loadGenerator(
  path: string,
  { specOf, models, session }: LoadOptions,
): TrainedGenerator {
  const { file, hash } = readSealed(path);
  const fail = failOf(path);
  const object = (key: string): JsonObject => {
    const value = parseJsonLimited(file.metadata[key] ?? "null", { name: `${path}, ${key}` });
    return isJsonObject(value) ? value : fail(`${key} must be a JSON object`, value) as never;
  };
  try {
    const config = readConfig(object("config"), path);
    const spec = specOf(config.env, {
      command: file.metadata.environmentCommand,
      identity: config.environment,
    });
    countPolicyParameters(spec, config.policy.hiddenSizes, config.policy.skip);
    assertLayers([...config.generator.hiddenSizes], "generator");
    const shape = models.policyShape(spec, config.policy);
    const model = models.createGenerator(config, shape);
    const best = object("best");
    const number = (value: unknown, what: string): number =>
      typeof value === "number" && Number.isFinite(value)
        ? value
        : fail(`${what} must be a number`, value);
    const weights = readWeights(file, { model, path });
    const vector = (name: string, size?: number): Float64Array =>
      requireTensor(file, name, {
        dtype: "F64",
        name: path,
        ...(size === undefined ? {} : { shape: [size] }),
      })
        .data;
    const [command, mean, std, n] = CALIBRATION_KEYS.map((key) => vector(`calibration.${key}`));
    if (
      mean.length !== command.length || std.length !== command.length || n.length !== command.length
    ) {
      fail(
        "calibration columns must be equally long",
        [command, mean, std, n].map((c) => c.length),
      );
    }
    const calibration: Calibration = {
      points: [...command].map((value, i) => ({
        command: value,
        mean: mean[i],
        std: std[i],
        n: n[i],
      })),
      bestCommand: number(best.command, "the best command"),
      bestReturn: number(best.return, "the best return"),
    };
    const size = shape.sizes[0];
    const normaliser: NormaliserState = {
      mean: vector("normaliser.mean", size),
      deviation: vector("normaliser.deviation", size),
    };
    const seenReturns = requireTensor(file, "seen.returns", { dtype: "F64", name: path }).data;
    const bad = findBadNumber({ weights, normaliser, calibration, seenReturns });
    if (bad !== undefined) throw new RangeError(bad);
    return {
      config,
      command: file.metadata.environmentCommand,
      spec,
      shape,
      model,
      weights,
      values: nameWeights(model.weights, { flat: weights, prefix: "weights" }),
      normaliser,
      calibration,
      seenReturns,
      provenance: object("provenance") as Record<string, number | string>,
      pass: new GenerationPass(model, session),
      hash,
    };
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) {
      throw new FileError(`Cannot read generator "${path}": ${error.message}`);
    }
    throw error;
  }
}

/**
 * Checks that a generator file is of this version and what its checksum says, and no more.
 * @throws {FileError} when it is not.
 */
export function assertWholeGenerator(path: string): void {
  readSealed(path);
}

function readSealed(path: string): { readonly file: SafetensorsFile; readonly hash: string } {
  const fail = failOf(path);
  const { format, formatVersion } = readSafetensorsHeader(path, "generator").metadata;
  if (format !== FORMAT) fail(`format must be "${FORMAT}"`, format ?? "none");
  if (formatVersion !== FORMAT_VERSION) {
    fail(`format version must be ${FORMAT_VERSION}`, formatVersion);
  }
  const bytes = readFileLimited(path, { maxBytes: MAX_BYTES, kind: "generator" });
  const file = decodeSafetensors(bytes, { name: path });
  assertSealed(file, { name: path, kind: "generator" });
  return { file, hash: hashHex(bytes) };
}

function failOf(path: string) {
  return (rule: string, got: unknown): never => {
    throw new FileError(`Cannot read generator "${path}": ${rule}, got ${JSON.stringify(got)}`);
  };
}

function readConfig(json: JsonObject, path: string): Config {
  return resolveConfig([
    { source: `file "${path}"`, values: flattenConfig(json), isWhole: true },
  ]).config;
}

/**
 * Puts the file's weights into one flat vector in the model's order, [W]. Every tensor is found in the
 * file before the vector is made, so that it is never larger than the file.
 */
function readWeights(
  file: SafetensorsFile,
  { model, path }: { model: GeneratorModel; path: string },
): Float32Array {
  return joinFloats(
    model.weights.map(({ name, shape }) =>
      requireTensor(file, `weights.${name}`, { dtype: "F32", shape, name: path }).data
    ),
  );
}
