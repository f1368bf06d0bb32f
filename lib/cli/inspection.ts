/**
 * Explains a file or folder of this program: what it is, where it came from, what it holds, whether it
 * is whole. Whoever knows a format reads it; this module only asks the right one and words the answer.
 */

import { basename } from "node:path";
import { reachableRange } from "../generator/calibration.ts";
import { loadCheckpoint } from "../run/checkpoint/reader.ts";
import { cHeaderHead, readCHeader } from "../generator/c_header.ts";
import { readConfigFile } from "../config/config_file.ts";
import { FileError } from "../system/errors.ts";
import { fileErrorOf } from "../system/file_errors.ts";
import { childPath, hashHex, namesIn, readFileLimited } from "../system/files.ts";
import { CHECKSUM_KEY } from "../formats/checksum.ts";
import { parseJsonLimited } from "../formats/json.ts";
import { readSafetensorsHeader } from "../formats/safetensors.ts";
import { readTfevents } from "../formats/tfevents.ts";
import { loadGenerator, type LoadOptions } from "../generator/generator_file.ts";
import {
  CHECKPOINT_FOLDER_NAME,
  CONFIG_FILE_NAME,
  GENERATOR_FILE_NAME,
  isEventsFile,
  METRICS_FILE_NAME,
} from "../run/layout.ts";
import { readMetrics } from "../run/metrics_reader.ts";
import { readStart, START_MARK } from "../run/start_file.ts";
import { readOnnx } from "../onnx/reader.ts";
import { readPolicy } from "../generator/read_policy.ts";
import { describeProof, readPromise } from "../generator/proof.ts";
import { isSweepFile, readSweepFile } from "../sweep/sweep_file.ts";
import { checkRunFolder } from "./paths.ts";
import { readRunData } from "../report/run_data.ts";
import { resultOf } from "../report/run_result.ts";
import { timesOf } from "../report/run_times.ts";

/** What a file was found to be. */
export interface Explanation {
  /** In a few words, such as "trained generator". */
  readonly kind: string;
  /** What is known of it, by name, in the order in which it reads well. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** What is odd or damaged although the rest can be read. */
  readonly warnings: readonly string[];
}

/** Of policies; what else is read here is never read whole. */
const MAX_BYTES = 2 ** 26;
/** Of a C header with a million numbers. */
const MAX_C_BYTES = 2 ** 25;
/** More kinds of scalars are not listed. */
const MAX_TAGS = 1000;

/**
 * Explains a file or folder.
 * @throws {FileError} when it is missing, damaged, or none of ours.
 */
export function explainFile(path: string, options: LoadOptions): Explanation {
  let isDirectory: boolean;
  try {
    ({ isDirectory } = Deno.statSync(path));
  } catch (error) {
    throw fileErrorOf(error, "read", { path });
  }
  if (isDirectory) return explainFolder(path);
  const name = basename(path);
  const ending = /\.[^.]+$/.exec(name)?.[0].toLowerCase() ?? "";
  if (isEventsFile(name)) return explainEvents(path);
  if (Object.hasOwn(READERS, ending)) return READERS[ending](path, options);
  throw new FileError(
    `Cannot inspect ${JSON.stringify(path)}: it must be a run folder or end in ${
      Object.keys(READERS).join(", ")
    }`,
  );
}

const READERS: Readonly<Record<string, (path: string, options: LoadOptions) => Explanation>> = {
  ".safetensors": explainSafetensors,
  ".onnx": explainPolicy,
  ".json": explainPolicy,
  ".h": explainCHeader,
  ".toml": explainConfig,
  ".jsonl": explainMetrics,
};

function explainSafetensors(path: string, options: LoadOptions): Explanation {
  const { metadata, tensors } = readSafetensorsHeader(path);
  if (metadata.format === "udrlpg-generator") return explainGenerator(path, options);
  if (metadata.format === "udrlpg-policy") return explainPolicy(path, options);
  if (metadata.format === START_MARK) return explainStart(path);
  return {
    kind: "safetensors file of another program, or a part of a checkpoint",
    facts: {
      tensors: [...tensors].map(([name, { dtype, shape }]) => `${name} ${dtype} [${shape}]`),
      metadata: { ...metadata },
    },
    warnings: [],
  };
}

function explainStart(path: string): Explanation {
  const { start: { policies, use, order }, environment, hash } = readStart(path);
  return {
    kind: "policies that a run begins with",
    facts: {
      environment,
      use,
      order,
      numbersInAPolicy: policies[0].parameters.length,
      policies: policies.map(({ name }) => name),
      checksum: "matches",
      start: hash,
    },
    warnings: [],
  };
}

function explainGenerator(path: string, options: LoadOptions): Explanation {
  const generator = loadGenerator(path, options);
  const { config, calibration, shape, weights, provenance } = generator;
  const { min, max } = reachableRange(calibration);
  return {
    kind: "trained generator",
    facts: {
      environment: config.env,
      ...(config.algorithm === "udrlpg" ? {} : { algorithm: config.algorithm }),
      ...provenance,
      seed: config.seed,
      weights: weights.length,
      policy: `${shape.sizes.join("-")}, ${shape.parameterCount} parameters`,
      reachableReturns: [min, max],
      bestReturn: calibration.bestReturn,
      calibratedCommands: calibration.points.length,
      checksum: "matches",
      sha256: generator.hash,
    },
    warnings: [],
  };
}

function explainPolicy(path: string, { models }: LoadOptions): Explanation {
  const { format, metadata } = readPolicy(path, { models });
  const { format: kind, [CHECKSUM_KEY]: checksum, ...rest } = metadata;
  const bytes = readFileLimited(path, { maxBytes: MAX_BYTES, kind: "policy" });
  const facts: Record<string, unknown> = { fileFormat: format, ...rest };
  if (rest.measuredReturn !== undefined) {
    const limits = { name: `${path}, measuredReturn`, kind: "policy" };
    facts.measuredReturn = parseJsonLimited(rest.measuredReturn, limits);
  }
  if (rest.proof !== undefined) {
    facts.proof = parseJsonLimited(rest.proof, { name: `${path}, proof`, kind: "policy" });
    facts.promise = `It ${describeProof(readPromise({ metadata }, { path }))}`;
  }
  if (format === "onnx") Object.assign(facts, onnxFacts(bytes, path));
  if (checksum !== undefined) facts.checksum = "matches";
  facts.sha256 = hashHex(bytes);
  const isOurs = kind === "udrlpg-policy";
  return { kind: isOurs ? "policy" : "ONNX model of another program", facts, warnings: [] };
}

function explainCHeader(path: string): Explanation {
  const checkHead = cHeaderHead(path);
  const bytes = readFileLimited(path, { maxBytes: MAX_C_BYTES, kind: "policy", checkHead });
  const { format: _, ...facts } = readCHeader(bytes, { name: path });
  return {
    kind: "policy",
    facts: { fileFormat: "c", ...facts, sha256: hashHex(bytes) },
    warnings: [],
  };
}

function onnxFacts(bytes: Uint8Array, path: string): Record<string, unknown> {
  const { producer, inputs, outputs, nodes, initializers, features } = readOnnx(bytes, {
    name: path,
  });
  const show = ({ name, elementType, shape }: (typeof inputs)[number]) =>
    `${name} ${elementType} [${shape.map((size) => size ?? "?").join(", ")}]`;
  return {
    producer,
    inputs: inputs.map(show),
    outputs: outputs.map(show),
    operators: [...new Set(nodes.map(({ opType }) => opType))].sort().join(", "),
    numbers: initializers.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
    ...(features.size > 0 ? { features: [...features] } : {}),
  };
}

function explainConfig(path: string): Explanation {
  if (isSweepFile(path)) return explainSweep(path);
  const { options, settings } = readConfigFile(path);
  return {
    kind: "configuration of a training run",
    facts: {
      environment: options.get("env") ?? "not given",
      ...((options.get("algorithm") ?? "udrlpg") === "udrlpg"
        ? {}
        : { algorithm: options.get("algorithm") }),
      ...Object.fromEntries(settings),
      seed: options.get("seed") ?? "not given",
      steps: options.get("steps") ?? "not given",
      optionsGiven: options.size,
    },
    warnings: [],
  };
}

function explainSweep(path: string): Explanation {
  const { name, base, seeds, list, grid, random } = readSweepFile(path);
  const points = [...grid.values()].reduce((product, values) => product * values.length, 1);
  const listed = new Set(list.flatMap((entry) => [...entry.keys()]));
  return {
    kind: "sweep of training runs",
    facts: {
      name,
      environment: base.get("env") ?? "not given, or varied",
      runs: list.length * points * random.draws * seeds.length,
      seeds: seeds.length,
      varied: [...listed, ...grid.keys(), ...random.options.keys()],
    },
    warnings: [],
  };
}

function explainMetrics(path: string): Explanation {
  const { records, skippedLines, tornBytes } = readMetrics(path);
  const counts: Record<string, number> = {};
  for (const { kind } of records) counts[kind] = (counts[kind] ?? 0) + 1;
  const last = records.findLast(({ kind }) => kind === "evaluation");
  return {
    kind: "metrics of a training run",
    facts: {
      records: records.length,
      ...counts,
      lastStep: records.at(-1)?.step ?? 0,
      ...(last ? { lastEvaluation: { step: last.step, mean: last.mean } } : {}),
    },
    warnings: [
      ...(skippedLines > 0 ? [`${skippedLines} lines are no records`] : []),
      ...(tornBytes > 0 ? [`the last line is torn: ${tornBytes} bytes`] : []),
    ],
  };
}

function explainEvents(path: string): Explanation {
  const tags = new Set<string>();
  let [events, lastStep] = [0, 0];
  const { tornBytes } = readTfevents(path, ({ step, scalars }) => {
    events++;
    lastStep = step;
    for (const tag of scalars.keys()) if (tags.size < MAX_TAGS) tags.add(tag);
  });
  return {
    kind: "TensorBoard events of a training run",
    facts: { events, lastStep, scalars: [...tags].sort() },
    warnings: tornBytes > 0 ? [`the last record is torn: ${tornBytes} bytes`] : [],
  };
}

/** A folder of checkpoints or a run folder. */
function explainFolder(path: string): Explanation {
  const names = namesIn(path);
  if (names.some((name) => name.endsWith("-manifest.json"))) return explainCheckpoint(path);
  checkRunFolder(path);
  const config = explainConfig(childPath(path, CONFIG_FILE_NAME));
  const parts = [config];
  const explain = (name: string, explainPart: (path: string) => Explanation) => {
    if (names.includes(name)) parts.push(explainPart(childPath(path, name)));
  };
  explain(METRICS_FILE_NAME, explainMetrics);
  explain(CHECKPOINT_FOLDER_NAME, explainCheckpoint);
  const finished = names.includes(GENERATOR_FILE_NAME);
  const { reachable, obedience, seconds, steps } = resultOf(
    readRunData(path),
    timesOf(path),
  );
  return {
    kind: finished ? "run folder of a finished run" : "run folder of a run that is not finished",
    facts: {
      ...Object.assign({}, ...parts.map(({ facts }) => facts)),
      ...(reachable ? { reachable } : {}),
      ...(obedience ? { obedience } : {}),
      stepsByPurpose: steps,
      ...(seconds ? { secondsByPurpose: seconds } : {}),
      files: names.filter((name) => !name.startsWith(".")),
    },
    warnings: parts.flatMap(({ warnings }) => warnings),
  };
}

function explainCheckpoint(path: string): Explanation {
  const { sequence, parts, rowCount, rowLength, warnings } = loadCheckpoint(path);
  return {
    kind: "checkpoints of a training run",
    facts: {
      checkpoint: sequence,
      storedPolicies: rowCount,
      numbersInAPolicy: rowLength,
      parts: [...parts.keys()],
    },
    warnings,
  };
}
