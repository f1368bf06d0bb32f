/**
 * Policy files: one policy with its normaliser and action scaling, in one of several formats.
 *
 * ONNX is the format for other programs: `observation` in, `action` out, everything inside. safetensors
 * and JSON hold the same numbers as arrays; a C header is written and not read. All carry the same
 * metadata, as text values by key: `format`, `environment`, `environmentIdentity` and `environmentCommand`
 * where the environment is the user's own, `layout` (JSON) where it says how its spaces become numbers,
 * `hiddenSizes`, `activation`, `skip`, `requestedReturn`, `command`, `measuredReturn` (JSON), `proof` (JSON),
 * `generator` (SHA-256 of its file), `program` and `sha256`, the checksum of all the rest
 * (lib/formats/checksum.ts).
 * Writing is here, reading in lib/generator/read_policy.ts.
 */

import { renderCHeader } from "./c_header.ts";
import { type EnvSpec } from "../env.ts";
import { UsageError } from "../system/errors.ts";
import { writeFileAtomic, type WriteOptions } from "../system/files.ts";
import { sealMetadata, sealOnnx } from "../formats/checksum.ts";
import { MAX_JSON_VALUES } from "../formats/json.ts";
import { safetensorsChunks, type Tensor } from "../formats/safetensors.ts";
import type { ModelTable, NormaliserState, PolicyNetwork } from "../model.ts";
import { encodePolicyModel } from "../onnx/policy_model.ts";
import type { PolicyParameters } from "../policy_space.ts";
import type { ProofLabel, SeededReturn } from "./proof.ts";
import { skipOf } from "./policy_size.ts";
import { VERSION } from "../system/version.ts";

/** The formats in which a policy can be written and read; each is its files' ending too. */
export const POLICY_FORMATS = ["onnx", "safetensors", "json"] as const;
/** One of the formats. */
export type PolicyFormat = (typeof POLICY_FORMATS)[number];

/** The ending of the files of each format in which a policy can be written. */
export const WRITTEN_ENDINGS = {
  onnx: ".onnx",
  safetensors: ".safetensors",
  json: ".json",
  c: ".h",
} as const satisfies { readonly [F in PolicyFormat]: string } & { readonly c: string };
/** A format in which a policy can be written. */
export type WrittenFormat = keyof typeof WRITTEN_ENDINGS;
/** The names of those formats. */
export const WRITTEN_FORMATS = Object.keys(WRITTEN_ENDINGS) as readonly WrittenFormat[];

/** The mark of this program's policies in their metadata. */
export const POLICY_MARK = "udrlpg-policy";
/** Numbers in a policy that is written as JSON. */
const MAX_JSON_PARAMETERS = MAX_JSON_VALUES - 2 ** 15;

/** A policy's own numbers, and the network that they are of. */
export interface PolicyNumbers extends PolicyNetwork {
  /** For `normaliser`, [P]. */
  readonly parameters: PolicyParameters;
  /** The normaliser of its observations. */
  readonly normaliser: NormaliserState;
}

/** What a file says of its policy. */
export interface PolicyLabel {
  /** Id of the environment. */
  readonly environment: string;
  /** The return that was asked for. */
  readonly requestedReturn: number;
  /** Scaled command that the policy was generated for. */
  readonly command: number;
  /** What it returned when it was measured, and over which seeds. */
  readonly measuredReturn: SeededReturn | null;
  /** What kind of measurement that was. */
  readonly proof?: ProofLabel;
  /** SHA-256 of the generator file. */
  readonly generator: string;
}

/**
 * Guesses the format from a file's name.
 * @throws {RangeError} when the ending is none of the three.
 */
export function formatOf(path: string): PolicyFormat {
  const ending = /\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase();
  const format = POLICY_FORMATS.find((name) => name === ending);
  if (format) return format;
  throw new RangeError(
    `Cannot tell the format of "${path}": the name must end in .onnx, .safetensors or .json`,
  );
}

/**
 * Guesses the format in which a file is to be written from its name.
 * @throws {RangeError} when the ending is none that can be written.
 */
export function writtenFormatOf(path: string): WrittenFormat {
  const ending = /\.[^./\\]+$/.exec(path)?.[0].toLowerCase();
  const format = WRITTEN_FORMATS.find((name) => WRITTEN_ENDINGS[name] === ending);
  if (format) return format;
  throw new RangeError(
    `Cannot tell the format of "${path}": the name must end in one of ${
      Object.values(WRITTEN_ENDINGS).join(", ")
    }`,
  );
}

/** What a policy's file is made from. */
export interface PolicyContent {
  /** Its own numbers. */
  readonly numbers: PolicyNumbers;
  /** What the file says of it. */
  readonly label: PolicyLabel;
  /** How it is written. */
  readonly format: WrittenFormat;
  /** Its environment. */
  readonly spec: EnvSpec;
  /** Makes the networks. */
  readonly models: ModelTable;
}

/** Writes a policy; an old file stays until the new one is whole. @throws {FileError} */
export function writePolicy(
  path: string,
  { followLinks, ...content }: PolicyContent & { followLinks?: WriteOptions["followLinks"] },
): void {
  writeFileAtomic(path, encodePolicy(path, content), { kind: "policy", followLinks });
}

/** The content of a policy's file: text, bytes, or bytes in parts. */
export type EncodedPolicy = string | Uint8Array | readonly Uint8Array[];

/** Makes the content of a policy's file; `path` is for names in it and for errors. */
export function encodePolicy(
  path: string,
  { numbers, label, format, spec, models }: PolicyContent,
): EncodedPolicy {
  return ENCODERS[format](numbers, {
    metadata: policyMetadata(numbers, { label, spec }),
    spec,
    models,
    path,
  });
}

type Encoder = (
  numbers: PolicyNumbers,
  context: { metadata: Record<string, string>; spec: EnvSpec; models: ModelTable; path: string },
) => EncodedPolicy;

const ENCODERS: { readonly [F in WrittenFormat]: Encoder } = {
  onnx: (numbers, context) => sealOnnx(encodePolicyModel(numbers, context)),
  safetensors(numbers, { metadata }) {
    const tensors = tensorsOf(numbers);
    return safetensorsChunks(tensors, sealMetadata({ tensors, metadata }));
  },
  json(given, { metadata, path }) {
    const numbers = withoutMinusZeros(given);
    if (numbers.parameters.length > MAX_JSON_PARAMETERS) {
      throw new UsageError(
        `Cannot write policy "${path}": JSON must hold at most ${MAX_JSON_PARAMETERS} parameters, ` +
          `got ${numbers.parameters.length}: use safetensors`,
      );
    }
    const { parameters, normaliser } = numbers;
    return JSON.stringify({
      metadata: asValues(sealMetadata({ tensors: tensorsOf(numbers), metadata })),
      normaliser: { mean: [...normaliser.mean], deviation: [...normaliser.deviation] },
      parameters: [...parameters],
    }) + "\n";
  },
  c(numbers, { metadata, spec, models, path }) {
    const { parameters, normaliser, activation } = numbers;
    const shape = models.policyShape(spec, numbers);
    const policy = models.createPolicy(spec, shape);
    policy.load(parameters);
    policy.normalise(normaliser);
    const { actionSpace } = spec;
    return renderCHeader({
      fileName: path,
      sizes: shape.sizes,
      activation,
      skip: shape.skip,
      parameters,
      normaliser,
      ...(actionSpace.kind === "box" ? { bounds: actionSpace } : {}),
      metadata,
      policy,
    });
  },
};

/** Metadata that JSON files hold as values, and the others as text of JSON. */
export const VALUES: readonly string[] = [
  "hiddenSizes",
  "requestedReturn",
  "command",
  "measuredReturn",
];

function asValues(metadata: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(metadata).map((
      [key, text],
    ) => [key, VALUES.includes(key) ? JSON.parse(text) : text]),
  );
}

/** How the parameters lie, for whoever reads a file without this program. */
const LAYOUT =
  "W1, b1, W2, b2, ...; W row by row, [out][in]; (observation - mean) / deviation goes in; with a linear skip it " +
  "follows the last hidden layer into the last layer, too";

/** A policy's numbers as the tensors that safetensors files hold and that checksums are of. */
export function tensorsOf(
  { parameters, normaliser: { mean, deviation } }: Pick<PolicyNumbers, "parameters" | "normaliser">,
): Map<string, Tensor> {
  return new Map<string, Tensor>([
    ["parameters", { dtype: "F32", shape: [parameters.length], data: parameters }],
    ["normaliser.mean", { dtype: "F64", shape: [mean.length], data: mean }],
    ["normaliser.deviation", { dtype: "F64", shape: [deviation.length], data: deviation }],
  ]);
}

/** JSON.stringify writes -0 as 0; a policy acts the same with it. */
function withoutMinusZeros(
  { parameters, normaliser: { mean, deviation } }: PolicyNumbers,
): Pick<PolicyNumbers, "parameters" | "normaliser"> {
  return {
    parameters: parameters.map((value) => value + 0) as PolicyParameters,
    normaliser: { mean: mean.map((value) => value + 0), deviation },
  };
}

/** Gives what a policy's file says of it, by key. */
export function policyMetadata(
  numbers: PolicyNetwork,
  { label, spec: { identity, command, layout } }: Pick<PolicyContent, "label" | "spec">,
): Record<string, string> {
  return {
    format: POLICY_MARK,
    program: `udrlpg ${VERSION}`,
    environment: label.environment,
    ...(identity === undefined ? {} : { environmentIdentity: identity }),
    ...(command === undefined ? {} : { environmentCommand: command }),
    ...(layout === undefined ? {} : { layout }),
    hiddenSizes: JSON.stringify(numbers.hiddenSizes),
    activation: numbers.activation,
    skip: skipOf(numbers),
    parameterLayout: LAYOUT,
    requestedReturn: String(label.requestedReturn),
    command: String(label.command),
    measuredReturn: JSON.stringify(label.measuredReturn),
    ...(label.proof ? { proof: JSON.stringify(label.proof) } : {}),
    generator: label.generator,
  };
}
