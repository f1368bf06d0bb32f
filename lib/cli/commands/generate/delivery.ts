/** One request of `udrlpg generate`: the search, the proof of what it found, the file. */

import type { EnvSpec } from "../../../env.ts";
import { reachableRange } from "../../../generator/calibration.ts";
import { type FindOptions, findPolicy, type FoundPolicy } from "../../../generator/find_policy.ts";
import {
  encodePolicy,
  type PolicyContent,
  writePolicy,
  type WrittenFormat,
} from "../../../generator/policy_file.ts";
import {
  countReached,
  labelProof,
  LEVEL,
  provePolicy,
  type ReachedShare,
  type SeededReturn,
} from "../../../generator/proof.ts";
import { fewestTrials } from "../../../numbers/binomial.ts";
import { formatNumber } from "../../../numbers/format.ts";
import { UsageError } from "../../../system/errors.ts";
import { episodesOf, type OpenGenerator } from "../../generator_source.ts";
import type { CommandContext } from "../../program.ts";

/** What one policy must do. */
export interface Request {
  /** The wanted mean return. */
  readonly requested: number;
  /** How far a mean may be from it for the request to be met. */
  readonly tolerance: number;
  /** What is looked for: the calibration's answer, one within the tolerance, or one of at least that. */
  readonly aim: "answer" | "within" | "atLeast";
  /** The share of episodes that must be at least that, 0 to 1; the mean must be without it. */
  readonly share?: number;
}

/** How episodes are spent. */
export interface Effort {
  /** --verify */
  readonly verify: number | undefined;
  /** --budget */
  readonly budget: number | undefined;
  /** --seed */
  readonly seed: number;
}

/** A policy for a request, measured in fresh episodes. */
export interface Delivered {
  /** What was asked for. */
  readonly request: Request;
  /** What the search found. */
  readonly found: FoundPolicy;
  /** What it returned in episodes that no search had seen. */
  readonly proof: SeededReturn;
  /** How many of them reached what was asked for, where a share of them was to. */
  readonly reached?: ReachedShare;
  /** Whether that is what was asked for. */
  readonly met: boolean;
}

/** Of the fewest episodes that could show a share, so that not every single one has to be good. */
const ROOM_FOR_FAILURES = 2;

/** How far a request is: in episodes of a measurement, a search or the proof of what that found. */
export interface DeliveryProgress {
  /** What is being done. */
  readonly phase: "measuring" | "searching" | "proving";
  /** Episodes of the phase so far. */
  readonly done: number;
  /** Episodes of the phase; of a search the most that it may run. */
  readonly total: number;
  /** Mean of the last policy that was measured. */
  readonly last: number | undefined;
}

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

/** Finds a policy for a request and proves it; `onProgress` hears of every episode. */
export async function deliver(
  request: Request,
  { source: { generator, runner }, effort, onProgress }: {
    readonly source: OpenGenerator;
    readonly effort: Effort;
    readonly onProgress: (progress: DeliveryProgress) => void;
  },
): Promise<Delivered> {
  const { requested, tolerance, aim, share } = request;
  const { episodes, episodeBudget } = searchEpisodes(generator.spec, { ...effort, ...request });
  let last: number | undefined;
  const counting = (phase: DeliveryProgress["phase"], total: number) => {
    let done = 0;
    return () => onProgress({ phase, done: ++done, total, last });
  };
  const found = await findPolicy(generator, {
    // The best policy is at least as good as anything most surely.
    requested: aim === "atLeast" ? generator.calibration.bestReturn : requested,
    episodes,
    episodeBudget,
    seed: effort.seed,
    runner,
    ...(aim === "within" ? { tolerance } : {}),
    onCandidate: ({ measured }) => last = measured.mean,
    onEpisode: aim === "within"
      ? counting("searching", episodeBudget)
      : counting("measuring", episodes),
  });
  // As many as the search was sure in: a smaller sample would refuse good policies by luck.
  const proofEpisodes = Math.max(episodes, found.measured.n);
  const proof = aim === "within"
    ? await provePolicy(found.parameters, {
      normaliser: generator.normaliser,
      runner,
      episodes: proofEpisodes,
      seed: effort.seed,
      onEpisode: counting("proving", proofEpisodes),
    })
    : found.measured;
  if (share !== undefined) {
    const reached = countReached(found.returns, { return: requested, wanted: share });
    return { request, found, proof, reached, met: reached.surelyAbove >= share };
  }
  const met = aim === "atLeast"
    ? proof.ci95[0] >= requested
    : found.accepted && Math.abs(proof.mean - requested) <= tolerance;
  return { request, found, proof, met };
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
