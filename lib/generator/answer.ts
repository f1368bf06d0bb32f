/** The answer to a request: the policy that a search found, and its proof. */

import type { EpisodeRunner } from "../episodes/evaluate.ts";
import {
  type FindOptions,
  findPolicy,
  type FoundPolicy,
  type SearchedGenerator,
} from "./find_policy.ts";
import { countReached, provePolicy, type ReachedShare, type SeededReturn } from "./proof.ts";

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

/** How far a request is: in episodes of a measurement, a search or the proof of what that found. */
export interface AnswerProgress {
  /** What is being done. */
  readonly phase: "measuring" | "searching" | "proving";
  /** Episodes of the phase so far. */
  readonly done: number;
  /** Episodes of the phase; of a search the most that it may run. */
  readonly total: number;
  /** Mean of the last policy that was measured. */
  readonly last: number | undefined;
}

/** How a request is worked on. */
export interface AnswerOptions
  extends Pick<FindOptions, "episodes" | "episodeBudget" | "seed" | "seedOf"> {
  /** Runs the episodes. */
  readonly runner: Pick<EpisodeRunner, "run">;
  /** Hears of every episode. */
  readonly onProgress?: (progress: AnswerProgress) => void;
}

/** Finds a policy for a request and proves it. */
export async function answerRequest(
  generator: SearchedGenerator,
  request: Request,
  { episodes, onProgress, ...options }: AnswerOptions,
): Promise<Delivered> {
  const { requested, tolerance, aim, share } = request;
  let last: number | undefined;
  const counting = (phase: AnswerProgress["phase"], total: number) => {
    let done = 0;
    return onProgress && { onEpisode: () => onProgress({ phase, done: ++done, total, last }) };
  };
  const found = await findPolicy(generator, {
    ...options,
    // The best policy is at least as good as anything most surely.
    requested: aim === "atLeast" ? generator.calibration.bestReturn : requested,
    episodes,
    ...(aim === "within" ? { tolerance } : {}),
    onCandidate: ({ measured }) => void (last = measured.mean),
    ...aim === "within"
      ? counting("searching", options.episodeBudget)
      : counting("measuring", episodes),
  });
  // As many as the search was sure in: a smaller sample would refuse good policies by luck.
  const proofEpisodes = Math.max(episodes, found.measured.n);
  const proof = aim === "within"
    ? await provePolicy(found.parameters, {
      ...options,
      normaliser: generator.normaliser,
      episodes: proofEpisodes,
      ...counting("proving", proofEpisodes),
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
