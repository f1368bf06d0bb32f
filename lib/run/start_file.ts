/**
 * The file in a run folder that holds the policies which the run begins with (lib/algorithm/start.ts), so that it
 * can be started again, repeated and verified without the files that they came from.
 *
 *     policies  F32 [N, P], for raw observations, in policy order
 *     metadata  format, formatVersion, environment, names (JSON), use, order, sha256
 *
 * The configuration names the file by its checksum: `start`.
 */

import type { GivenPolicy, Start } from "../algorithm/given.ts";
import { assertSealed, CHECKSUM_KEY, sealMetadata } from "../formats/checksum.ts";
import { parseJsonLimited } from "../formats/json.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensorsHeader,
  requireTensor,
  type Tensor,
} from "../formats/safetensors.ts";
import type { RawParameters } from "../policy_space.ts";
import { FileError } from "../system/errors.ts";
import { childPath, readFileLimited, writeFileAtomic } from "../system/files.ts";
import { START_FILE_NAME } from "./layout.ts";

/** The mark of these files. */
export const START_MARK = "udrlpg-start";
const FORMAT_VERSION = "1";
/** Of as many policies as a run may begin with, of a million numbers each, no more than this is read. */
const MAX_BYTES = 2 ** 28;

/** A file's content, and the checksum by which a configuration names it. */
export interface SealedStart {
  /** What the run begins with. */
  readonly start: Start;
  /** The environment that the policies are for. */
  readonly environment: string;
  /** The checksum. */
  readonly hash: string;
  /** The whole file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Encodes what a run begins with. */
export function sealStart(
  { measured: _, ...start }: Start,
  { environment }: Pick<SealedStart, "environment">,
): SealedStart {
  const { policies, use, order } = start;
  const size = policies[0].parameters.length;
  const data = new Float32Array(policies.length * size);
  policies.forEach(({ parameters }, i) => data.set(parameters, i * size));
  const shape = [policies.length, size];
  const tensors = new Map<string, Tensor>([["policies", { dtype: "F32", shape, data }]]);
  const metadata = sealMetadata({
    tensors,
    metadata: {
      format: START_MARK,
      formatVersion: FORMAT_VERSION,
      environment,
      names: JSON.stringify(policies.map(({ name }) => name)),
      use,
      order,
    },
  });
  const bytes = encodeSafetensors(tensors, metadata);
  return { start, environment, hash: metadata[CHECKSUM_KEY], bytes };
}

/** Writes the file. @throws {FileError} when it cannot be written. */
export function writeStart(path: string, { bytes }: Pick<SealedStart, "bytes">): void {
  writeFileAtomic(path, bytes, { kind: "start" });
}

/**
 * Reads the file.
 * @throws {FileError} when it is missing or damaged.
 */
export function readStart(path: string): SealedStart {
  const fail = (rule: string): never => {
    throw new FileError(`Cannot read start ${JSON.stringify(path)}: ${rule}`);
  };
  const { format, formatVersion } = readSafetensorsHeader(path, "start").metadata;
  if (format !== START_MARK) fail(`format must be "${START_MARK}"`);
  if (formatVersion !== FORMAT_VERSION) fail(`format version must be ${FORMAT_VERSION}`);
  const bytes = readFileLimited(path, { maxBytes: MAX_BYTES, kind: "start" });
  const file = decodeSafetensors(bytes, { name: path });
  assertSealed(file, { name: path, kind: "start" });
  const { metadata: { use, order, environment, names: words, [CHECKSUM_KEY]: hash } } = file;
  const names = parseJsonLimited(words ?? "null", { name: `${path}, names`, kind: "start" });
  const { data, shape } = requireTensor(file, "policies", { dtype: "F32", name: path });
  const [count, size] = shape;
  if (shape.length !== 2 || !Array.isArray(names) || names.length !== count || count < 1) {
    return fail("it must hold a policy for each name");
  }
  if (use !== "archive" && use !== "training") return fail("use must be archive or training");
  if (order !== "given" && order !== "byReturn") return fail("order must be given or byReturn");
  if (!data.every(Number.isFinite)) return fail("every number must be finite");
  const policies = names.map((name, i): GivenPolicy => ({
    name: String(name),
    parameters: data.slice(i * size, (i + 1) * size) as RawParameters,
  }));
  return { start: { policies, use, order }, environment: environment ?? "", hash, bytes };
}

/**
 * Reads the file that a configuration of a folder names, if it does.
 * @throws {FileError} when it is missing, damaged, or another one.
 */
export function startIn(
  folder: string,
  { start }: { readonly start: string },
): SealedStart | undefined {
  if (start === "") return undefined;
  const path = childPath(folder, START_FILE_NAME);
  const sealed = readStart(path);
  if (sealed.hash === start) return sealed;
  throw new FileError(
    `Cannot read start ${JSON.stringify(path)}: it must be the one that the configuration names, ` +
      `${start}, got ${sealed.hash}`,
  );
}
