/** One request of `udrlpg generate`: the search, the proof of what it found, the file. */

import type { EnvSpec } from "../../../env.ts";
import { reachableRange } from "../../../generator/calibration.ts";
import {
  type AnswerProgress,
  answerRequest,
  type Delivered,
  type Request,
} from "../../../generator/answer.ts";
import { expectAnswer, type Expectation } from "../../../generator/expectation.ts";
import type { FindOptions } from "../../../generator/find_policy.ts";
import {
  encodePolicy,
  type PolicyContent,
  writePolicy,
  type WrittenFormat,
} from "../../../generator/policy_file.ts";
import { labelProof, LEVEL } from "../../../generator/proof.ts";
import { fewestTrials } from "../../../numbers/binomial.ts";
import { formatNumber } from "../../../numbers/format.ts";
import { UsageError } from "../../../system/errors.ts";
import { episodesOf, type OpenGenerator } from "../../generator_source.ts";
import type { CommandContext } from "../../program.ts";

/** How episodes are spent. */
export interface Effort {
  /** --verify */
  readonly verify: number | undefined;
  /** --budget */
  readonly budget: number | undefined;
  /** --seed */
  readonly seed: number;
}

/** Of the fewest episodes that could show a share, so that not every single one has to be good. */
const ROOM_FOR_FAILURES = 2;

/** A search with --tolerance may run this many times the episodes of one measurement. */
const SEARCH_CANDIDATES = 100;

/**
 * Gives how many episodes measure a policy, and how many a search may run.
 * @param share of episodes that is to be shown to reach a return
 * @throws {UsageError} when the search could not measure one policy, or nothing could show the share.
 */
export function searchEpisodes(
  spec: EnvSpec,
  { verify, budget, share }: Pick<Effort, "verify" | "budget"> & Pick<Request, "share">,
): Pick<FindOptions, "episodes" | "episodeBudget"> {
  const fewest = share === undefined ? 0 : fewestTrials({ share, level: LEVEL });
  if (verify !== undefined && verify < fewest) {
    throw new UsageError(
      `Cannot generate a policy: --verify must be at least ${fewest}, the fewest episodes that can ` +
        `show --in ${formatNumber(100 * share!)}%, got ${verify}`,
    );
  }
  const episodes = verify ?? Math.max(episodesOf(spec, verify), ROOM_FOR_FAILURES * fewest);
  const episodeBudget = budget ?? SEARCH_CANDIDATES * episodes;
  if (episodeBudget >= episodes) return { episodes, episodeBudget };
  throw new UsageError(
    `Cannot generate a policy: --budget must be at least the ${episodes} episodes that measure a ` +
      `policy, got ${episodeBudget}: use --verify N`,
  );
}

/** A policy for a request, and what had been expected of it. */
export interface Worked extends Delivered {
  /** Before the first episode. */
  readonly expected: Expectation;
}

/** Works out what a request may expect. */
export function expect(
  request: Request,
  { source: { generator }, effort }: {
    readonly source: OpenGenerator;
    readonly effort: Effort;
  },
): Promise<Expectation> {
  return expectAnswer(generator, request, optionsOf(request, { generator, effort }));
}

/** Finds a policy for a request and proves it; `onProgress` hears of every episode. */
export function deliver(
  request: Request,
  { source: { generator, runner }, effort, onProgress }: {
    readonly source: OpenGenerator;
    readonly effort: Effort;
    readonly onProgress: (progress: AnswerProgress) => void;
  },
): Promise<Delivered> {
  const options = optionsOf(request, { generator, effort });
  return answerRequest(generator, request, { ...options, runner, onProgress });
}

function optionsOf(
  request: Request,
  { generator, effort }: Pick<OpenGenerator, "generator"> & { readonly effort: Effort },
) {
  return { ...searchEpisodes(generator.spec, { ...effort, ...request }), seed: effort.seed };
}

/** Says in a line what requests may expect. */
export function describeExpected(expected: readonly Expectation[]): string {
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
  const episodes = sum(expected.map((each) => each.episodes));
  const likely = sum(expected.map(({ probability }) => probability));
  const [{ range: [low, high], reachable }] = expected;
  const width = expected.length > 1 || low === high ? "" : `, mostly ${low} to ${high}`;
  const far = expected.filter((each) => !each.reachable).length;
  return expected.length > 1
    ? `Expected: about ${
      formatNumber(likely, 2)
    } of ${expected.length} met, ${far} out of reach, ` +
      `in about ${episodes} episodes`
    : `Expected: ${reachable ? "within" : "out of"} reach, met in ${
      Math.round(100 * likely)
    } of 100 cases, about ${episodes} episodes${width}`;
}

/** What a progress line says besides. */
export function factsOf(last: number | undefined): [label: string, value: string][] {
  return last === undefined ? [] : [["last", formatNumber(last)]];
}

/** Says what to try where a request was not met. */
export function adviceFor(
  { request: { requested, aim, share }, proof, reached }: Delivered,
  { generator }: OpenGenerator,
): string {
  if (generator.model.answers === "one") {
    return `${generator.config.algorithm} has learnt one policy: train with --algorithm udrlpg for any return`;
  }
  const { min, max } = reachableRange(generator.calibration);
  const range = `${formatNumber(min)} to ${formatNumber(max)}`;
  if (requested < min || requested > max) return `ask for a return from ${range}, or train on`;
  if (aim === "answer") return "search for a closer one with --tolerance X";
  if (share !== undefined) {
    return reached!.episodes > share * proof.n
      ? "more episodes may show it: measure more with --verify N"
      : "ask for less, or for fewer episodes with --in";
  }
  const isShort = aim === "atLeast" && proof.mean >= requested;
  if (isShort) {
    return "its mean is there and the interval is too wide: measure more with --verify N";
  }
  if (aim === "atLeast") return "ask for less, or train on";
  return "use a larger --tolerance, more episodes with --budget N, or another --seed";
}

/** Gives what the policy's file is made from. */
export async function contentOf(
  { request: { requested, tolerance }, found, proof, met, ...more }: Delivered,
  { source: { generator }, format, context }: {
    readonly source: OpenGenerator;
    readonly format: WrittenFormat;
    readonly context: CommandContext;
  },
): Promise<PolicyContent> {
  return {
    format,
    spec: generator.spec,
    models: await context.program.models(),
    numbers: {
      ...generator.config.policy,
      parameters: found.parameters,
      normaliser: generator.normaliser,
    },
    label: {
      environment: generator.spec.id,
      requestedReturn: requested,
      command: found.command,
      measuredReturn: proof,
      proof: labelProof(proof, { tolerance, met, ...more }),
      generator: generator.hash,
    },
  };
}

/** The path that stands for the output stream. */
export const STREAM = "-";

/** Writes a policy to its file, or to the output stream. */
export function writeTo(
  path: string,
  { content, context, followLinks }: {
    readonly content: PolicyContent;
    readonly context: CommandContext;
    readonly followLinks: boolean;
  },
): void {
  if (path !== STREAM) return writePolicy(path, { ...content, followLinks });
  const encoded = encodePolicy("policy", content);
  const { stdout } = context.program;
  if (typeof encoded === "string") return stdout.write(encoded);
  for (const part of encoded instanceof Uint8Array ? [encoded] : encoded) stdout.writeBytes(part);
}
