/** Policies that somebody has trained, as the command line names them: files, folders of them, and runs. */

import type { GivenPolicy } from "../algorithm/given.ts";
import type { PartialConfig } from "../config/config.ts";
import type { EnvSpec } from "../env.ts";
import { type Calibration, commandFor } from "../generator/calibration.ts";
import {
  loadGenerator,
  readGeneratorEnvironment,
  type TrainedGenerator,
} from "../generator/generator_file.ts";
import type { PolicyNumbers } from "../generator/policy_file.ts";
import { readPolicy, readPolicyNumbers } from "../generator/read_policy.ts";
import { spreadReturns } from "../generator/wanted.ts";
import type { ModelTable, PolicyNetwork, PolicyShape } from "../model.ts";
import { Rng } from "../numbers/rng.ts";
import { createObservationFrame, toGeneratorOrder, toPolicyOrder } from "../policy_space.ts";
import { CONFIG_FILE_NAME } from "../run/layout.ts";
import { FileError } from "../system/errors.ts";
import { isThere } from "../system/files.ts";
import { checkIdentity } from "./env_command.ts";
import { generatorFileOf, isFolder, policiesIn } from "./paths.ts";
import type { CommandContext } from "./program.ts";

/** Policies of one network, and that. */
export interface GivenPolicies {
  /** In the order in which they were named; those of a run by rising return. */
  readonly policies: readonly GivenPolicy[];
  /** What all are of. */
  readonly network: PolicyNetwork;
}

/** A path that a user named, and what it turned out to be. */
interface Source {
  readonly path: string;
  readonly kind: "generator" | "policy";
}

/** Lists the files that paths mean: policies, those in folders, and the generators of runs. */
function sourcesOf(paths: readonly string[]): Source[] {
  return paths.flatMap((path): Source[] => {
    const isRun = isFolder(path) && isThere(`${path}/${CONFIG_FILE_NAME}`);
    if (isRun) return [{ path: generatorFileOf(path), kind: "generator" }];
    if (path.endsWith("generator.safetensors")) return [{ path, kind: "generator" }];
    return policiesIn(path).map((file) => ({ path: file, kind: "policy" }));
  });
}

/**
 * Reads which environment the first of some paths is for; undefined where it does not say.
 * @throws {FileError} when it cannot be read.
 */
export function environmentOf(paths: readonly string[], models: ModelTable): string | undefined {
  const [{ path, kind }] = sourcesOf(paths);
  return kind === "generator"
    ? readGeneratorEnvironment(path).id
    : readPolicy(path, { models }).environment;
}

/**
 * Reads policies for an environment.
 * @param does What the command does, for the error: "distil policies".
 * @throws {FileError} when a file is not good, of another network than the first, or made in another environment.
 */
export async function readGivenPolicies(
  paths: readonly string[],
  { spec, models, does, output }: {
    readonly spec: EnvSpec;
    readonly models: ModelTable;
    readonly does: string;
    readonly output: CommandContext["output"];
  },
): Promise<GivenPolicies> {
  const read: { name: string; numbers: PolicyNumbers }[] = [];
  for (const { path, kind } of sourcesOf(paths)) {
    const check = (made: string) => checkIdentity(made, spec, { does, name: path, output });
    if (kind === "generator") {
      const generator = loadGenerator(path, {
        specOf(id, { identity }) {
          if (id === spec.id) check(identity);
          return spec;
        },
        models,
        session: { device: "cpu" },
      });
      read.push(...await ladderOf(generator, path));
      continue;
    }
    const { environment, metadata } = readMetadata(path, models);
    if (environment === spec.id) check(metadata.environmentIdentity ?? "");
    read.push({ name: path, numbers: readPolicyNumbers(path, spec) });
  }
  assertOneNetwork(read, does);
  const { hiddenSizes, activation, skip } = read[0].numbers;
  const network = { hiddenSizes, activation, skip };
  const shape = models.policyShape(spec, network);
  return { policies: read.map((each) => rawPolicy(each, shape)), network };
}

/** An ONNX file that is read and not run needs no leave to be run. */
function readMetadata(path: string, models: ModelTable) {
  return readPolicy(path, { models, trust: true });
}

/** Tiles that neither waste a product nor make one too wide. */
const WIDEST_TILE = 32;

/** Gives the options of a run whose policies are of a network; tiles are the widest that divide every layer. */
export function networkOptions(
  { hiddenSizes, activation, skip }: PolicyNetwork,
): PartialConfig {
  if (hiddenSizes.length === 0) return { policy: { hiddenSizes } };
  let tileSize = WIDEST_TILE;
  while (hiddenSizes.some((width) => width % tileSize !== 0)) tileSize--;
  return { policy: { hiddenSizes, activation, skip }, generator: { tileSize } };
}

/** Of a generator so many policies are taken, over all that it reaches. */
const LADDER = 8;

/** Generates policies evenly over what a generator reaches, each command once. */
async function ladderOf(generator: TrainedGenerator, path: string) {
  const { calibration, config: { policy }, model, pass, values, normaliser } = generator;
  try {
    const commands = ladderCommands(calibration);
    const rows = await pass.run(values, { commands, rng: Rng.fromSeed(0) });
    return rows.map((row, i) => ({
      name: `${path}, command ${commands[i]}`,
      numbers: { ...policy, parameters: toPolicyOrder(model, row), normaliser },
    }));
  } finally {
    await pass.close();
  }
}

function ladderCommands(calibration: Calibration): number[] {
  const commands = spreadReturns(LADDER, calibration)
    .map((wanted) => commandFor(calibration, wanted).command);
  return [...new Set([...commands, calibration.bestCommand])].sort((a, b) => a - b);
}

/** @throws {FileError} naming the first file that differs. */
function assertOneNetwork(
  files: readonly { readonly name: string; readonly numbers: PolicyNumbers }[],
  does: string,
): void {
  const networkOf = ({ numbers: { hiddenSizes, activation, skip } }: (typeof files)[number]) =>
    hiddenSizes.length === 0
      ? "no hidden layers"
      : `layers [${hiddenSizes}] with ${activation}${skip === "none" ? "" : ` and a ${skip} skip`}`;
  const expected = networkOf(files[0]);
  const other = files.find((file) => networkOf(file) !== expected);
  if (other === undefined) return;
  throw new FileError(
    `Cannot ${does}: all must have one architecture, got ${expected} in ${
      JSON.stringify(files[0].name)
    } and ${networkOf(other)} in ${JSON.stringify(other.name)}`,
  );
}

/** Gives a file's policy for raw observations. */
function rawPolicy(
  { name, numbers: { parameters, normaliser } }: {
    readonly name: string;
    readonly numbers: PolicyNumbers;
  },
  shape: PolicyShape,
): GivenPolicy {
  // A generator that puts policies out in their own order.
  const order = Int32Array.from(parameters.keys());
  const frame = createObservationFrame({ order }, shape);
  const raw = frame.toRaw(toGeneratorOrder({ order }, parameters), normaliser);
  return { name, parameters: toPolicyOrder({ order }, raw) };
}
